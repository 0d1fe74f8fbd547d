"""What `freshet verify` says of evaluations and alarms in a log; of the index, other tests say."""

from msgspec import structs

from schemas.codec import decode_as, encode
from schemas.envelope import headers
from schemas.evaluations import Evaluation, Support
from schemas.monitoring import Drift, Window
from schemas.topics import type_of
from tests.topology.driver import Topology

QUESTION = "Where does the river Oder rise?"


async def judged(topology: Topology, count: int = 4) -> None:
    """Answers that are all evaluated."""
    topology.put("oder.md", "The river Oder rises in the Czech Republic.", title="Oder")
    await topology.run()
    topology.reader.script = lambda _prompt: ["The river Oder rises in the Czech Republic. [1]"]
    for number in range(count):
        topology.ask(QUESTION, f"q{number}")
    await topology.run()


async def faults(topology: Topology) -> list[tuple[str, str]]:
    report = await topology.verify()
    return [(one.kind, one.message) for one in report.faults]


async def test_answers_that_are_judged_are_well(topology: Topology) -> None:
    """All are counted, with claims that rest on passages as the log has them."""
    await judged(topology)
    report = await topology.verify()
    assert (report.total, report.evaluations, report.waiting) == (0, 4, 0)
    assert all(one.claims[0].support for one in topology.evaluations())


async def test_answers_that_wait_for_the_judge_are_no_fault(topology: Topology) -> None:
    """They are counted."""
    await topology.judge.crash()
    await judged_by_nobody(topology)
    report = await topology.verify()
    assert (report.total, report.evaluations, report.waiting) == (0, 0, 1)
    await topology.judge.start()
    await topology.run()


async def judged_by_nobody(topology: Topology) -> None:
    topology.roles.remove(topology.judge)
    topology.ask(QUESTION, "q")
    await topology.run()
    topology.roles.append(topology.judge)


async def test_an_evaluation_that_is_there_again_is_a_fault(topology: Topology) -> None:
    """With the same name; another judge's opinion is none."""
    await judged(topology)
    record = topology.log.all("evaluations")[0]
    again = (record.key, record.value)
    topology.log.append("evaluations", *again, record.headers, record.partition)
    other = headers("dev.freshet.evaluation.made.v1", source="other/judge", time=topology.clock())
    topology.log.append("evaluations", *again, other, record.partition)
    assert await faults(topology) == [("doubled", "2 evaluations")]


async def test_support_beyond_its_passage_is_a_fault(topology: Topology) -> None:
    """The passage's text is known from the changes of the index."""
    await judged(topology, 1)
    (record,) = topology.log.all("evaluations")
    topology.log.trim("evaluations", record.partition, record.offset + 1)
    evaluation = decode_as(Evaluation, record.value or b"")
    (support,) = evaluation.claims[0].support
    beyond = Support(passage=support.passage, start=0, end=support.end + 500)
    claims = [structs.replace(evaluation.claims[0], support=[beyond])]
    value = encode(structs.replace(evaluation, claims=claims))
    topology.log.append("evaluations", record.key, value, record.headers, record.partition)
    assert await faults(topology) == [("different", f"[0, {beyond.end}) of {beyond.passage}")]


async def test_an_alarm_told_twice_is_a_fault(topology: Topology) -> None:
    """Alarms are told apart by the names of their events."""
    await judged(topology, 1)
    window = Window(start=1, end=2, count=1)
    event = Drift(
        metric="groundedness",
        method="page_hinkley",
        value=2.0,
        threshold=1.0,
        drifted=True,
        current=window,
        reference=window,
        at=1,
    )
    for name in ("a", "b", "b"):
        named = headers(type_of(event), source="freshet/monitor", time=1, id=name)
        topology.log.append("drift", event.metric, encode(event), named)
    assert await faults(topology) == [("doubled", "2 events")]
