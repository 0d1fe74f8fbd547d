"""Past questions asked again: as they were, and by variants, of the documents as they stood."""

import errno
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from processors.replay.variant import LIVE, Variant, read
from schemas.responses import Response
from streams.replay.cost import cost_of
from streams.replay.gather import NothingToReplay, Wanted
from streams.replay.prepare import choose
from streams.replay.run import OtherRun
from streams.replay.runfiles import NoRoom, latencies, read_run
from streams.replay.variantfile import BadVariant
from tests.doubles.replaying import EVER, Replaying, by_question, contents, request_for
from tests.topology.driver import Topology

RIVERS = {
    "oder.md": "The river Oder rises in the Czech Republic. It flows into the Baltic Sea at last.",
    "elbe.md": "The Elbe rises in the Giant Mountains. It flows through Hamburg to the North Sea.",
    "main.md": "The river Main has two sources. Both of them are in Upper Franconia, in the north.",
}
QUESTION = "Where does the river Oder rise?"
LIVE_RUN = Variant(name=LIVE)
SHORT = read({"name": "short", "chunk": {"unit_max": 45, "unit_min": 10}})


async def story(topology: Topology) -> list[str]:
    """Questions between edits, a deletion and events that count for nothing."""
    asked = []

    async def ask(text: str = QUESTION, **more: object) -> None:
        asked.append(topology.ask(text, f"q{len(asked)}", **more))
        await topology.run()

    for doc_id, text in RIVERS.items():
        topology.put(doc_id, text, title=doc_id[:4])
    await topology.run()
    await ask()
    topology.put("oder.md", "Nothing is known of it, and nobody ever asked.", title="Oder")
    topology.put("oder.md", RIVERS["oder.md"].replace("Czech Republic", "mountains"), title="Oder")
    topology.raw(None, b"{}")
    topology.raw("odd.md", b"{", partition=topology.log.partitions - 1)
    await topology.run()
    await ask()
    await ask("Which sea has Hamburg?", top_k=4)
    topology.delete("oder.md")
    topology.put("main.md", RIVERS["main.md"], title="main")
    await topology.run()
    await ask()
    await ask("What rises in Franconia?", session_id="s")
    return asked


@pytest.fixture
def replaying(topology: Topology, tmp_path: Path) -> Replaying:
    return Replaying(topology.log, topology.settings, tmp_path / "runs")


def timeless(response: Response) -> Response:
    return replace(response, timings_ms={})


async def test_what_was_asked_as_it_was_comes_to_what_it_was(
    topology: Topology, replaying: Replaying
) -> None:
    """Answer, citations, usage and receipt; and what the judge said of it."""
    asked = await story(topology)
    run = await replaying.run("live", LIVE_RUN)
    found = by_question(run, LIVE)
    assert sorted(found) == sorted(asked)
    for query_id in asked:
        assert timeless(topology.response(query_id)) == found[query_id].response
        evaluation, was = found[query_id].evaluation, topology.evaluation(query_id)
        assert evaluation is not None
        assert evaluation.claims == was.claims
        scores = {one.name: one for one in was.scores if one.name != "latency_ms"}
        assert {one.name: one for one in evaluation.scores} == scores
        assert found[query_id].unreplayed is None
    assert {step for _, taken in latencies(run, LIVE) for step in taken} >= {"search", "judge"}


async def test_what_was_admitted_need_not_be_held_any_more(
    topology: Topology, replaying: Replaying
) -> None:
    """Questions, receipts and what was in force then tell the rest."""
    asked = await story(topology)
    for partition, end in (await topology.log.ends("queries.admitted")).items():
        topology.log.trim("queries.admitted", partition, end)
    found = by_question(await replaying.run("live", LIVE_RUN), LIVE)
    for query_id in asked:
        assert timeless(topology.response(query_id)) == found[query_id].response


async def test_an_index_that_is_made_anew_shows_what_it_showed_then(
    topology: Topology, replaying: Replaying
) -> None:
    """Other units, and the same versions of the documents at each question's time."""
    asked = await story(topology)
    run = await replaying.run("both", LIVE_RUN, SHORT)
    live, short = by_question(run, LIVE), by_question(run, "short")
    for query_id in asked:
        was, then = live[query_id], short[query_id]
        assert {one.doc_id: one.text for one in was.passages} == {
            one.doc_id: one.text for one in then.passages
        }
        assert then.response.receipt is not None
        assert then.response.receipt.index_version not in ("v1", "")
        assert then.as_of == was.as_of
    (index,) = read_run(run)["variants"][1]["indexes"]
    assert index["rebuilt"]
    assert index["settings"]["chunk.unit_max"] == 45


async def test_only_units_that_nobody_has_embedded_are_embedded(
    topology: Topology, replaying: Replaying
) -> None:
    """A dry run counts them, the run pays for them, and no run pays again."""
    await story(topology)
    asked = request_for([LIVE_RUN, SHORT])
    cost = await cost_of(replaying.means(), asked, EVER)
    assert replaying.embedder.texts == []
    assert (cost.questions, cost.questions_to_embed) == (5, 3)
    live, short = cost.variants
    assert (live.units_to_embed, live.indexes) == (0, [])
    await replaying.run("first", LIVE_RUN, SHORT)
    assert len(replaying.embedder.texts) == short.units_to_embed + cost.questions_to_embed
    assert short.units_to_embed > 0
    before = len(replaying.embedder.texts)
    await replaying.run("second", SHORT)
    assert len(replaying.embedder.texts) == before
    again = await cost_of(replaying.means(), asked, EVER)
    assert again.variants[1].units_to_embed == again.questions_to_embed == 0


async def test_equal_runs_are_equal_to_the_byte(topology: Topology, replaying: Replaying) -> None:
    """Whatever the order of the tasks, and whatever has come into the log since."""
    await story(topology)
    wanted = Wanted(since=0, until=topology.clock())
    first = await replaying.run("first", LIVE_RUN, SHORT, wanted=wanted)
    topology.put("oder.md", "The Oder is back, and nobody has asked for it since then.")
    topology.ask(QUESTION, "later")
    await topology.run()
    second = await replaying.run("second", LIVE_RUN, SHORT, wanted=wanted, backwards=True)
    assert contents(first) == contents(second)
    assert len(contents(first)) > 2


@pytest.mark.parametrize("done", [0, 1, 3])
async def test_a_run_that_was_cut_off_goes_on(
    topology: Topology, replaying: Replaying, done: int
) -> None:
    """It does what is left, and comes to the same bytes."""
    await story(topology)
    whole = await replaying.run("whole", LIVE_RUN, SHORT)
    cut = await replaying.run("cut", LIVE_RUN, SHORT, tasks=done)
    kept = {path: path.stat().st_mtime_ns for path in (cut / "outcomes").rglob("part-*")}
    assert len(kept) == done
    await replaying.run("cut", LIVE_RUN, SHORT)
    assert contents(cut) == contents(whole)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


async def test_a_folder_of_another_run_is_left_alone(
    topology: Topology, replaying: Replaying
) -> None:
    """Begun or finished, or no run at all."""
    await story(topology)
    await replaying.run("begun", LIVE_RUN, tasks=1)
    with pytest.raises(OtherRun, match="asks for something else"):
        await replaying.run("begun", SHORT)
    done = await replaying.run("done", LIVE_RUN)
    with pytest.raises(OtherRun, match="asks for something else"):
        await replaying.run("done", LIVE_RUN, judge=False)
    shutil.copytree(done / "outcomes", replaying.folder / "own" / "notes")
    with pytest.raises(OtherRun, match="notes"):
        await replaying.run("own", LIVE_RUN)
    assert [path.name for path in (replaying.folder / "own").iterdir()] == ["notes"]


async def test_a_full_disk_stops_the_run_and_keeps_what_is_done(
    topology: Topology, replaying: Replaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room made, the same command goes on."""
    await story(topology)

    def none_left(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("streams.replay.gather.encode", none_left)
        with pytest.raises(NoRoom, match="same command"):
            await replaying.run("run", LIVE_RUN)
    with monkeypatch.context() as broken:
        broken.setattr("streams.replay.runfiles._sync", none_left)
        with pytest.raises(NoRoom, match="same command"):
            await replaying.run("run", LIVE_RUN)
    run = await replaying.run("run", LIVE_RUN)
    assert len(by_question(run, LIVE)) == 5


async def test_bad_records_are_counted_and_passed_over(
    topology: Topology, replaying: Replaying
) -> None:
    """In every topic that is read."""
    await story(topology)
    for topic in ("queries", "queries.admitted", "responses"):
        topology.log.append(topic, "x", b"\xff{")
    topology.log.append("index.changes", "x", b"nonsense")
    topology.log.append("control", "x", b"[]")
    run = await replaying.run("live", LIVE_RUN)
    assert read_run(run)["bad_records"] == {"queries": 1, "queries.admitted": 1, "responses": 1}
    assert len(by_question(run, LIVE)) == 5


async def test_a_range_without_questions_says_why(topology: Topology, replaying: Replaying) -> None:
    """Nobody asked; or retention has removed what was asked."""
    await story(topology)
    with pytest.raises(NothingToReplay, match="no question was asked"):
        await replaying.run("none", LIVE_RUN, wanted=Wanted(since=0, until=1))
    for partition, end in (await topology.log.ends("queries")).items():
        topology.log.trim("queries", partition, end)
    with pytest.raises(NothingToReplay, match="removed"):
        await replaying.run("gone", LIVE_RUN)


async def test_what_is_gone_is_said_of_each_question(
    topology: Topology, replaying: Replaying
) -> None:
    """Versions of documents that compaction has removed; what is there still is replayed."""
    asked = await story(topology)
    topology.log.compact("documents")
    run = await replaying.run("short", SHORT, answers=False, judge=False)
    found = by_question(run, "short")
    early = [one for one in found.values() if one.unreplayed is not None]
    assert {one.query_id for one in early} >= {"q0", "q1"}
    assert {one.unreplayed.type for one in early if one.unreplayed} == {"as_of_beyond_horizon"}
    assert found[asked[-1]].unreplayed is None


async def test_samples_and_limits_take_whole_questions(
    topology: Topology, replaying: Replaying
) -> None:
    """The first so many, or a share that is the same each time."""
    await story(topology)
    first = await replaying.run("first", LIVE_RUN, wanted=replace(EVER, limit=2), limit=2)
    assert sorted(by_question(first, LIVE)) == ["q0", "q1"]
    all_of_them = set(await _ids(replaying, 1.0))
    some = set(await _ids(replaying, 0.5))
    assert all_of_them == {f"q{number}" for number in range(5)}
    assert some < all_of_them


async def _ids(replaying: Replaying, share: float) -> list[str]:
    run = await replaying.run(f"share{share}", LIVE_RUN, wanted=replace(EVER, share=share))
    return sorted(by_question(run, LIVE))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"base": "v9"}, "there are v1"),
        ({"prompt": "answer@9"}, "answer@1"),
        ({"prompt": "answer@nobody"}, "answer@production"),
        ({"route": "canary"}, "there are default"),
        ({"route": "default/b"}, "it has default"),
        ({"chunk": {"unit_min": 500}}, "unit_max"),
    ],
)
async def test_a_variant_that_names_what_there_is_not_is_refused(
    topology: Topology, replaying: Replaying, fields: dict[str, object], told: str
) -> None:
    """Before anything is done, with the names of what there is."""
    await story(topology)
    request = request_for([read({"name": "odd", **fields})])
    with pytest.raises(BadVariant, match=told):
        await choose(replaying.means(), request, EVER, replaying.folder / "questions")


async def test_variants_change_what_they_name_and_nothing_else(
    topology: Topology, replaying: Replaying
) -> None:
    """How many passages, how they are weighed, which prompt."""
    await story(topology)
    few = read({"name": "few", "top_k": 1})
    words = read({"name": "words", "dense_weight": 0.0})
    terse = read({"name": "terse", "template": "{{passages}}\n\nQuestion: {{question}}\n\nAnswer:"})
    fused = read({"name": "fused", "fusion": {"dense_weight": 0.0, "lexical_weight": 1.0}})
    run = await replaying.run("variants", LIVE_RUN, few, words, terse, fused)
    live = by_question(run, LIVE)["q0"]
    one = by_question(run, "few")["q0"]
    assert [passage.name for passage in one.passages] == [live.passages[0].name]
    other = by_question(run, "words")["q0"]
    assert other.response.receipt is not None
    assert other.response.receipt.dense_weight == 0.0
    ranked = by_question(run, "fused")["q0"]
    assert [each.name for each in ranked.passages] == [each.name for each in other.passages]
    own = by_question(run, "terse")["q0"]
    assert own.response.receipt is not None
    assert own.response.receipt.prompt == "replay/terse@1"
    assert own.prompt_sha256 != live.prompt_sha256
    assert [each.name for each in own.passages] == [each.name for each in live.passages]


async def test_a_run_without_answers_asks_no_model(
    topology: Topology, replaying: Replaying
) -> None:
    """It finds what a run with answers finds."""
    await story(topology)
    silent = await replaying.run("silent", LIVE_RUN, answers=False, judge=False)
    loud = await replaying.run("loud", LIVE_RUN)
    for query_id, outcome in by_question(silent, LIVE).items():
        assert outcome.passages == by_question(loud, LIVE)[query_id].passages
        assert outcome.response.usage.input_tokens == 0
