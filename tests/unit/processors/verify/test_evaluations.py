"""One evaluation a response: what is missing, doubled or beside the point is told."""

from collections.abc import Iterable

from processors.assemble import Assembled
from processors.verify.evaluations import (
    PartitionOfEvaluations,
    PassageLengths,
    Span,
    told_once,
)
from schemas.evaluations import Claim, Evaluation, Support
from schemas.index import IndexChange, PassageGained, Source
from schemas.responses import Receipt, Response, Usage

ANSWER = "The Oder rises in the Czech Republic."
PASSAGE = "a/0@7"
LENGTH = 40


def lengths() -> PassageLengths:
    """One passage is known."""
    gained = PassageGained(passage_id="a/0", heading=[], text="x" * LENGTH, terms={}, units=[])
    change = IndexChange(
        doc_id="a",
        index_version="v1",
        index_time=7,
        source=Source(partition=0, offset=0),
        status="indexed",
        passages_gained=[gained],
    )
    known = PassageLengths()
    known.add(Assembled(index_time=7, applied=0, parts=[change]))
    return known


def partition(
    responses: Iterable[int] = range(4),
    *,
    first: int = 0,
    evaluations_from: int = 0,
    done: int = -1,
) -> PartitionOfEvaluations:
    """A partition that holds these responses and has not been asked for evaluations yet."""
    offsets = list(responses)
    span, held = Span(first, max(offsets) + 1), Span(evaluations_from, evaluations_from + 100)
    made = PartitionOfEvaluations(2, span, held, done, lengths())
    receipt = Receipt(
        index_version="v1",
        as_of=9,
        applied={},
        staleness_ms=0.0,
        prompt="p@1",
        model="m@1",
        embedder="e@1",
        route="default",
        lexical={},
        passages=[PASSAGE, "gone/0@3"],
    )
    for offset in offsets:
        made.add_response(
            offset,
            Response(
                query_id=f"q{offset}",
                tenant="acme",
                status="answered",
                answer=ANSWER,
                citations=[],
                usage=Usage(),
                receipt=receipt,
                timings_ms={},
            ),
        )
    return made


def evaluated(number: int, *claims: Claim) -> Evaluation:
    """What the judge found in the response at an offset."""
    return Evaluation(
        query_id=f"q{number}", tenant="acme", judge="j@1", at=9, scores=[], claims=list(claims)
    )


def found(checked: PartitionOfEvaluations, *offsets: int, base: int = 0) -> list[tuple[str, str]]:
    """Faults after evaluations of these responses, in this order."""
    for place, offset in enumerate(offsets, base):
        checked.add_evaluation(place, f"responses/2@{offset}", evaluated(offset))
    return [(fault.kind, fault.what) for fault in checked.compare()]


def said(claim: Claim) -> list[str]:
    """What is found to be wrong about a claim."""
    checked = partition([0])
    checked.add_evaluation(0, "responses/2@0", evaluated(0, claim))
    return [fault.message for fault in checked.compare()]


def claim(end: int = len(ANSWER), support: Support | None = None) -> Claim:
    return Claim(
        start=0, end=end, verdict="supported", support=[] if support is None else [support]
    )


def test_one_evaluation_each_is_well() -> None:
    """And nothing waits."""
    checked = partition()
    assert found(checked, 0, 1, 2, 3) == []
    assert checked.waiting == 0


def test_what_the_judge_has_not_come_to_waits() -> None:
    """Behind the last that it evaluated, or has said to be done."""
    checked = partition()
    assert found(checked, 0, 1) == []
    assert checked.waiting == 2
    idle = partition()
    assert (found(idle), idle.waiting) == ([], 4)


def test_what_it_passed_over_is_missing() -> None:
    """Before an evaluation, or before the offset that its group has committed."""
    assert found(partition(), 0, 2, 3) == [("missing", "responses/2@1")]
    assert found(partition(done=3), 0, 1, 2) == [("missing", "responses/2@3")]


def test_a_second_evaluation_of_ours_is_doubled() -> None:
    """Whatever it says."""
    assert found(partition(), 0, 1, 1, 2, 3) == [("doubled", "responses/2@1")]


def test_a_response_that_cannot_be_read_has_none() -> None:
    """It is no answer; an evaluation of it is one too many."""
    assert found(partition([0, 2]), 0, 2) == []
    assert found(partition([0, 2]), 0, 1, 2) == [("left_over", "evaluations/2@1")]


def test_what_retention_has_removed_is_no_fault() -> None:
    """Of either topic, whichever loses a record first."""
    assert found(partition([5, 6], first=5), 3, 4, 5, 6) == []
    assert found(partition(range(4), evaluations_from=8), 2, 3, base=8) == []
    assert found(partition(range(4), evaluations_from=8), 1, 3, base=8) == [
        ("missing", "responses/2@2")
    ]


def test_an_evaluation_names_a_response_of_its_partition() -> None:
    """By place and by question."""
    checked = partition([0])
    checked.add_evaluation(0, "responses/1@0", evaluated(0))
    checked.add_evaluation(1, "responses/2@0", evaluated(9))
    checked.add_evaluation(2, "responses/2@x", evaluated(0))
    checked.add_evaluation(3, "responses/2@0", None)
    different = [one.what for one in checked.compare() if one.kind == "different"]
    assert different == [f"evaluations/2@{at}" for at in range(4)]


def test_a_claim_lies_in_its_answer() -> None:
    """It has a length, and ends no later than the answer."""
    assert said(claim()) == []
    assert said(claim(end=len(ANSWER) + 1)) == ["[0, 38) is not in its answer"]
    assert said(claim(end=0)) == ["[0, 0) is not in its answer"]


def test_support_lies_in_a_passage_of_the_receipt() -> None:
    """As far as its text is known; one that the log has no more is taken at its word."""
    assert said(claim(support=Support(passage=PASSAGE, start=0, end=LENGTH))) == []
    assert said(claim(support=Support(passage="gone/0@3", start=0, end=999))) == []
    assert said(claim(support=Support(passage="a/0@8", start=0, end=1))) == [
        "a/0@8 is not in the receipt"
    ]
    for start, end in ((0, LENGTH + 1), (5, 5)):
        support = Support(passage=PASSAGE, start=start, end=end)
        assert said(claim(support=support)) == [f"[{start}, {end}) of {PASSAGE}"]


def test_what_is_told_twice_is_doubled() -> None:
    """By its name."""
    (fault,) = told_once("drift", {"freshet/monitor a": 1, "freshet/monitor b": 2})
    assert (fault.kind, fault.what) == ("doubled", "drift freshet/monitor b")
