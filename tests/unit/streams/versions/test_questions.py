"""Which questions versions are compared by."""

from pathlib import Path

import pytest

from schemas.codec import encode
from schemas.envelope import headers
from schemas.queries import AdmittedQuery, Cancellation, Plan, Query, Reservation
from schemas.topics import type_of
from streams.errors import FreshetError
from streams.versions.questions import asked_last, in_file
from tests.doubles.log import MemoryLog
from tests.doubles.plans import CONTROL, PLAN


def admitted(log: MemoryLog, text: str, at: int, plan: Plan | None = PLAN) -> None:
    """A question that passed admission."""
    event = AdmittedQuery(
        query=Query(query_id=f"q{at}", text=text, tenant="acme", as_of=7, top_k=3),
        reservation=Reservation(tokens=1),
        admitted_at=at,
        deadline=at,
        plan=plan,
    )
    name = headers(type_of(event), source="test", time=at)
    log.append("queries.admitted", f"q{at}", encode(event), name)


def test_a_file_has_a_question_a_line(tmp_path: Path) -> None:
    """Empty lines and repetitions are none."""
    file = tmp_path / "questions.txt"
    file.write_text("Who?\n\n Why? \nWho?\n")
    asked = in_file(file, "acme", CONTROL)
    assert [one.query.text for one in asked] == ["Who?", "Why?"]
    assert [one.plan for one in asked] == [PLAN, PLAN]
    file.write_text("\n")
    with pytest.raises(FreshetError, match="no question"):
        in_file(file, "acme", CONTROL)
    with pytest.raises(FreshetError, match="cannot be read"):
        in_file(tmp_path / "none", "acme", CONTROL)


async def test_the_newest_questions_are_asked_anew_as_of_now() -> None:
    """Each once, for who asked it; shadows, cancellations and rubbish are left out."""
    log = MemoryLog()
    for at, text in enumerate(["old", "twice", "twice", "new"]):
        admitted(log, text, at)
    admitted(log, "a shadow", 9, Plan(**{**_fields(PLAN), "shadow_of": "q3"}))
    gone = Cancellation(query_id="q1", tenant="acme")
    name = headers(type_of(gone), source="test", time=1)
    log.append("queries.admitted", "q1", encode(gone), name)
    log.append("queries.admitted", "q1", b"{")
    asked = await asked_last(log, 2, CONTROL)
    assert [one.query.text for one in asked] == ["new", "twice"]
    assert [(one.query.as_of, one.query.top_k) for one in asked] == [(None, 3)] * 2


async def test_where_nobody_asked_a_file_is_asked_for() -> None:
    """The message says so."""
    with pytest.raises(FreshetError, match="--questions"):
        await asked_last(MemoryLog(), 5, CONTROL)


def _fields(plan: Plan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in plan.__struct_fields__}
