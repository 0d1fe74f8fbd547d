"""Which questions are admitted, and under which bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.admission import AdmissionSpec, admit
from processors.refusal import Refused
from schemas.queries import Query
from tests.doubles.plans import PLAN

SPEC = AdmissionSpec(deadline_us=30_000_000)


def query(text: str = "why?", **fields: object) -> Query:
    """A question."""
    return Query(query_id="q", text=text, tenant="acme", **fields)  # type: ignore[arg-type]


@given(st.text(min_size=1), st.integers(1, 50), st.integers(1, 4096), st.integers(0, 2**60))
def test_an_admitted_question_is_the_question_with_its_bounds(
    text: str, top_k: int, max_tokens: int, now: int
) -> None:
    """What it may use is the ledger's to say."""
    asked = query(text, top_k=top_k, max_tokens=max_tokens)
    if not text.strip():
        with pytest.raises(Refused):
            admit(asked, PLAN, SPEC, now)
        return
    admitted = admit(asked, PLAN, SPEC, now)
    assert admitted.query == asked
    assert admitted.plan == PLAN
    assert admitted.deadline - admitted.admitted_at == SPEC.deadline_us


def test_a_day_that_is_none_is_refused() -> None:
    """It has the shape of a time, and no meaning."""
    with pytest.raises(Refused):
        admit(query(as_of="2024-02-31T00:00:00Z"), PLAN, SPEC, 0)
    assert admit(query(as_of="2024-02-29T00:00:00Z"), PLAN, SPEC, 0).query.as_of is not None
