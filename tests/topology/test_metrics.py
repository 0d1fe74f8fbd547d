"""What the workers count is what happened."""

import math

import pytest
from prometheus_client import REGISTRY

from schemas.codec import encode
from schemas.control import Quota, key_of
from tests.topology.driver import Topology
from tests.topology.roles import SECOND, turns

UNITS = ("embedded_units", "embedded_words", "kept_units")
TEXT = """The lighthouse of Arkona stands on a white cliff, high above the Baltic Sea.

In clear nights its lamp can be seen from far away, and it turns twice a minute.
"""


def value(name: str, **labels: str) -> float:
    """A metric of this process; 0 before it is first set."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_events_are_counted_by_what_became_of_them(topology: Topology) -> None:
    """Of the indexer, with the units and words that were embedded and those that were kept."""
    names = [("freshet_worker_events_total", {"role": "indexer", "status": "indexed"})]
    names += [(f"freshet_indexer_{what}_total", {}) for what in UNITS]
    before = [value(name, **labels) for name, labels in names]
    topology.put("arkona.md", TEXT, title="Arkona")
    await topology.run()
    topology.put("arkona.md", TEXT.replace("twice", "once"), title="Arkona")
    await topology.run()
    after = [value(name, **labels) for name, labels in names]
    changes = topology.changes("arkona.md")
    grown = [new - old for new, old in zip(after, before, strict=True)]
    assert grown == [
        2,
        sum(change.units_embedded for change in changes),
        sum(change.words_embedded for change in changes),
        sum(change.units_kept for change in changes),
    ]
    assert min(grown) > 0


async def test_dead_letters_are_counted_by_why(topology: Topology) -> None:
    """With the role that put them aside."""
    labels = {"role": "indexer", "reason": "not_json"}
    before = value("freshet_worker_dead_letters_total", **labels)
    topology.raw("bad.md", b"{")
    await topology.run()
    assert value("freshet_worker_dead_letters_total", **labels) == before + 1


@pytest.mark.parametrize("role", ["admission", "answerer"])
async def test_a_question_is_counted_at_each_worker(topology: Topology, role: str) -> None:
    """By the status that it leaves with."""
    status = {"admission": "admitted", "answerer": "unanswerable"}[role]
    before = value("freshet_worker_events_total", role=role, status=status)
    await topology.run()
    topology.ask("Who keeps the lighthouse?")
    await topology.run()
    assert topology.response().status == "unanswerable"
    assert value("freshet_worker_events_total", role=role, status=status) == before + 1


async def test_an_answer_is_timed_whole_and_step_by_step(topology: Topology) -> None:
    """Its steps are those of its timings."""
    whole = ("freshet_answerer_duration_seconds_count", {"status": "unanswerable"})
    steps = "freshet_worker_stage_duration_seconds_count"
    before = value(whole[0], **whole[1]), value(steps, role="answerer", stage="search")
    await topology.run()
    topology.ask("Who keeps the lighthouse?")
    await topology.run()
    after = value(whole[0], **whole[1]), value(steps, role="answerer", stage="search")
    assert after == (before[0] + 1, before[1] + 1)


async def test_the_index_is_as_stale_as_what_can_be_read(topology: Topology) -> None:
    """In seconds from its read time to now, and of no age before there is a read time."""
    name = "freshet_answerer_index_staleness_seconds"
    assert math.isnan(value(name))
    await topology.run()
    topology.clock.advance(7 * SECOND)
    read_time = topology.read_time()
    assert read_time is not None
    assert value(name) == (topology.clock() - read_time) / 1e6
    assert value(name) >= 7


async def test_freshness_is_told_of_each_document_that_comes_to_show(topology: Topology) -> None:
    """From its event in the log to the progress that shows it; once, and not where nothing did."""
    name = "freshet_writer_freshness_seconds"
    before = value(f"{name}_count"), value(f"{name}_sum")
    topology.put("arkona.md", TEXT, title="Arkona")
    topology.put("hiddensee.md", TEXT, title="Hiddensee")
    topology.clock.advance(3 * SECOND)
    await topology.run()
    topology.put("arkona.md", TEXT, title="Arkona")
    await topology.run()
    after = value(f"{name}_count"), value(f"{name}_sum")
    assert after[0] - before[0] == 2
    assert after[1] - before[1] >= 6


async def test_tokens_are_counted_as_the_model_counted_them(topology: Topology) -> None:
    """Those that it read and those that it wrote."""
    name = "freshet_answerer_tokens_total"
    topology.put("arkona.md", TEXT, title="Arkona")
    await topology.run()
    before = [value(name, kind=kind) for kind in ("input", "output")]
    topology.ask("Where does the lighthouse of Arkona stand?")
    await topology.run()
    usage = topology.response().usage
    after = [value(name, kind=kind) for kind in ("input", "output")]
    grown = [new - old for new, old in zip(after, before, strict=True)]
    assert grown == [usage.input_tokens, usage.output_tokens]
    assert usage.input_tokens > 0


async def test_refusals_by_a_quota_are_counted_by_kind_and_unit(topology: Topology) -> None:
    """And the time of every decision, whatever it was."""
    labels = {"kind": "rate", "unit": "requests"}
    names = [
        ("freshet_admission_quota_refusals_total", labels),
        ("freshet_admission_decision_seconds_count", {}),
    ]
    before = [value(name, **labels) for name, labels in names]
    await topology.run()
    quota = Quota(tenant="acme", requests_per_minute=1, revision=1, by="a", why="b", at=1)
    topology.log.append("control", key_of(quota), encode(quota))
    await turns()
    for number in range(3):
        topology.ask("Who keeps the lighthouse?", f"q{number}")
        await topology.run_questions()
    after = [value(name, **labels) for name, labels in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 3]


async def test_tokens_that_the_server_counts_otherwise_are_counted(topology: Topology) -> None:
    """The scripted reader counts pieces, the tokenizer words: budgets go by the server's."""
    name = "freshet_answerer_miscounted_tokens_total"
    topology.put("arkona.md", TEXT, title="Arkona")
    await topology.run()
    before = [value(name, kind=kind) for kind in ("input", "output")]
    topology.reader.script = lambda _: ["A lamp that", " turns."]
    topology.ask("What turns on the cliff?")
    await topology.run_questions()
    assert topology.response().usage.output_tokens == 2
    after = [value(name, kind=kind) for kind in ("input", "output")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [0, 3]
