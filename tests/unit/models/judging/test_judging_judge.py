import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.judging.judge import NOTHING, Finding
from tests.doubles.judging import judge

JUDGE = judge()
SOURCE = "The library was released in 1998 by Ada Byron. It is ideal for building web services."
OTHER = "The company was founded in the city of Turin. It is not large."


def one(claim: str, *evidence: str) -> Finding:
    return JUDGE.judge([claim], evidence, [[True] * len(evidence)])[0]


def test_what_the_evidence_says_is_supported():
    assert (
        one("The library was released in 1998 by Ada Byron.", OTHER, SOURCE).verdict == "supported"
    )


def test_the_place_is_the_sentence_that_says_it():
    place = one("It is ideal for building web services.", OTHER, SOURCE).place
    assert place is not None
    assert place.evidence == 1
    assert SOURCE[place.start : place.end] == "It is ideal for building web services."


def test_what_the_evidence_does_not_speak_of_is_not_in_the_sources():
    found = one("Penguins swim around Antarctica.", SOURCE)
    assert (found.verdict, found.place, found.contradicted) == ("not_in_sources", None, 0)


@pytest.mark.parametrize(
    "claim",
    [
        "The library was released in 1999 by Ada Byron.",
        "The library was released in 1998 by Grace Hopper.",
        "The library was never released in 1998 by Ada Byron.",
    ],
)
def test_a_changed_number_name_or_sense_lowers_the_score(claim: str):
    copied = one("The library was released in 1998 by Ada Byron.", SOURCE)
    assert one(claim, SOURCE).supported < copied.supported


def test_only_allowed_evidence_supports():
    claim = "It is ideal for building web services."
    found = JUDGE.judge([claim, claim], [OTHER, SOURCE], [[True, True], [True, False]])
    assert found[0].supported > found[1].supported
    assert found[1].place is None or found[1].place.evidence == 0


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [("", [SOURCE]), ("...", [SOURCE]), ("It is so, Ada.", []), ("It is so, Ada.", ["", " "])],
)
def test_nothing_to_compare_is_not_in_the_sources(claim: str, evidence: list[str]):
    assert one(claim, *evidence) == NOTHING


def test_no_claims_no_findings():
    assert JUDGE.judge([], [SOURCE], []) == []


def test_a_claim_is_judged_alike_alone_and_among_others():
    claims = ["The library is old.", "", "It was released in 1998."]
    together = JUDGE.judge(claims, [SOURCE], [[True]] * 3)
    assert [one(claim, SOURCE).verdict for claim in claims] == [found.verdict for found in together]
    assert math.isclose(one(claims[0], SOURCE).supported, together[0].supported, rel_tol=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=3))
def test_any_text_has_probabilities_and_places_in_the_evidence(claim: str, evidence: list[str]):
    found = one(claim, *evidence)
    assert 0 <= found.supported <= 1
    assert 0 <= found.contradicted <= 1 - found.supported + 1e-9
    if found.place:
        text = evidence[found.place.evidence]
        assert 0 <= found.place.start < found.place.end <= len(text)
