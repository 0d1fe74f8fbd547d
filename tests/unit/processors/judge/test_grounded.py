"""Which passages a claim may rest on, and what becomes of what the judge finds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.judge.claims import Claim as Statement
from processors.judge.findings import Finding, Judged
from processors.judge.grounded import Evidence, groundedness, groundedness_raw, made
from processors.judge.scores import Passage
from schemas.codec import decode_as, encode
from schemas.evaluations import Claim

KEPT = [Passage("p@1", "The Oder rises.", {}), Passage("q@2", "The Elbe flows.", {})]
GONE = Passage("r@3", None, {})


def states(*markers: int, checkable: bool = True) -> Statement:
    return Statement(0, 10, "The Oder rises", checkable, markers)


def unheard(passages: list[Passage], *markers: int) -> tuple[str, str]:
    """Verdict and reason of a claim that the judge is not asked about."""
    evidence = Evidence.of(passages, [states(*markers)])
    assert evidence.heard == []
    return evidence.reasons[0]


def judged(*findings: Finding, passages: list[Passage] | None = None) -> list[Claim]:
    """The claims that findings make."""
    statements = [states() for _ in findings]
    evidence = Evidence.of(KEPT if passages is None else passages, statements)
    return made(statements, evidence, Judged(list(findings), "j@1"))


def finding(verdict: str = "supported", supported: float = 0.9, against: float = 0.05, **more: Any):
    known: dict[str, Any] = {"support": None, "fault": ""} | more
    return Finding(supported, against, verdict, known["support"], known["fault"])  # type: ignore[arg-type]


def test_a_claim_may_rest_on_what_it_cites_and_else_on_all():
    """By the numbers of its markers, from 1."""
    evidence = Evidence.of(KEPT, [states(2), states(), states(1, 2), states(9, 1)])
    assert [one.allowed for one in evidence.heard] == [
        [False, True],
        [True, True],
        [True, True],
        [True, False],
    ]


@pytest.mark.parametrize("marker", [0, 3, 999])
def test_a_marker_that_the_prompt_did_not_have_supports_nothing(marker: int):
    """Below the first, too: that is an error of the answer, not a passage that is gone."""
    assert unheard(KEPT, marker) == (
        "unsupported",
        f"cites [{marker}], which the prompt did not have",
    )


def test_a_passage_that_is_gone_can_support_nothing_and_refute_nothing():
    """Alone, or beside a marker that means nothing."""
    for markers in ((3,), (3, 9), ()):
        passages = [GONE] if not markers else [*KEPT, GONE]
        verdict, why = unheard(passages, *markers)
        assert verdict == "uncheckable"
        assert "no longer in the index" in why


def test_a_claim_of_an_answer_without_passages_is_unsupported():
    """Nothing was retrieved: it is made up."""
    for markers in ((), (1,)):
        verdict, why = unheard([], *markers)
        assert (verdict, "nothing was retrieved" in why) == ("unsupported", True)


def test_what_states_nothing_is_not_asked_about():
    """A heading, say, even with passages behind it."""
    evidence = Evidence.of(KEPT, [states(1, checkable=False)])
    assert evidence.heard == []
    assert evidence.reasons[0][0] == "uncheckable"


def test_passages_that_are_gone_are_not_shown_and_the_places_stay_right():
    """The judge's first text is the prompt's second passage."""
    evidence = Evidence.of([GONE, *KEPT], [states(3)])
    assert evidence.names == ["p@1", "q@2"]
    assert evidence.heard[0].allowed == [False, True]


def test_more_passages_than_a_call_takes_are_left_off_at_the_end():
    """The best stand first."""
    many = [Passage(f"p{n}@1", "x" * 100_000, {}) for n in range(9)]
    evidence = Evidence.of(many, [states(1), states(9)])
    assert evidence.names == ["p0@1", "p1@1", "p2@1", "p3@1"]
    assert [one.place for one in evidence.heard] == [0]


def test_a_claims_score_is_the_probability_of_its_verdict():
    """Of "unsupported" it is what neither of the other two have."""
    claims = judged(
        finding("supported", 0.9, 0.05),
        finding("contradicted", 0.2, 0.7),
        finding("not_in_sources", 0.2, 0.1),
    )
    assert [one.verdict for one in claims] == ["supported", "contradicted", "unsupported"]
    assert [one.score for one in claims] == [0.9, 0.7, 0.7]


def test_a_supported_claim_names_the_passage_and_its_version():
    """With the characters that speak of it: what a recall will go by."""
    (claim,) = judged(finding(support=(1, 4, 8)))
    assert [(one.passage, one.start, one.end) for one in claim.support] == [("q@2", 4, 8)]
    assert claim.explanation is None


def test_the_word_at_fault_is_told_and_a_long_one_cut():
    """An event has bounds, whatever another judge calls a word."""
    short, long = judged(
        finding("contradicted", 0.1, 0.8, fault="west"),
        finding("not_in_sources", 0.1, 0.2, fault="\U000e0001" * 9000),
    )
    assert short.explanation == "'west' speaks against it"
    assert len(long.explanation or "") < 4096
    assert decode_as(Claim, encode(long)) == long


@pytest.mark.parametrize(
    ("verdicts", "label"),
    [
        (["supported", "supported"], "grounded"),
        (["supported", "unsupported"], "partly"),
        (["unsupported", "unsupported"], "ungrounded"),
        (["supported", "contradicted"], "contradicted"),
        (["uncheckable", "supported"], "grounded"),
        (["uncheckable"], "not_checkable"),
        ([], "no_claims"),
    ],
)
def test_an_answer_is_called_by_its_worst_claims(verdicts: list, label: str):
    """One contradiction is enough; what cannot be checked counts on no side."""
    claims = [Claim(start=0, end=1, verdict=verdict) for verdict in verdicts]
    assert groundedness(claims, None).label == label


def test_groundedness_is_the_mean_over_claims_that_could_be_wrong():
    """A claim that rests on nothing counts as 0, one that states nothing not at all."""
    statements = [states(1), states(9), states(checkable=False)]
    evidence = Evidence.of(KEPT, statements)
    said = Judged([finding()], "j@1")
    claims = made(statements, evidence, said)
    score = groundedness(claims, said)
    assert score.score == pytest.approx(0.45)
    assert score.explanation == "1 of 2 claims supported; cites [9], which the prompt did not have"
    assert groundedness_raw(claims, said).score == score.score


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=20), st.data())
def test_groundedness_is_a_probability_and_its_event_can_be_read(pairs: list, data: st.DataObject):
    """Also where the two do not add up."""
    kinds = st.sampled_from(["supported", "contradicted", "not_in_sources"])
    said = Judged([finding(data.draw(kinds), *pair, fault="x" * 999) for pair in pairs], "j@1")
    claims = judged(*said.findings)
    score = groundedness(claims, said)
    assert score.score is None if not pairs else 0 <= (score.score or 0) <= 1
    for claim in claims:
        assert decode_as(Claim, encode(claim)) == claim
