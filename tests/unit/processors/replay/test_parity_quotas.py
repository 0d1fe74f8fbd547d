"""What the ledger grants and charges in a replay, beside what was let through and answered."""

import pytest

from processors.replay.parity import Parity
from processors.replay.parity_quotas import QuotaParity
from schemas.responses import Error, Response, Status, Usage
from schemas.usage import Charge, Released, Reserved, Settled

SECOND = 1_000_000


def reserved(request: str, tokens: int = 100, limit: int = 1000) -> Reserved:
    charge = Charge(budget="acme:tokens_per_day", unit="tokens", limit=limit, usable=limit)
    return Reserved(
        request_id=request,
        tenant="acme",
        tokens=tokens,
        least=tokens,
        at=1,
        expires_at=10**15,
        charges=[charge],
    )


def settled(request: str, used: tuple[int, int] = (20, 10)) -> Settled:
    one, other = used
    return Settled(request_id=request, tenant="acme", input_tokens=one, output_tokens=other, at=2)


def response(
    query_id: str, used: tuple[int, int] = (20, 10), status: Status = "answered"
) -> Response:
    return Response(
        query_id=query_id,
        tenant="acme",
        status=status,
        answer="",
        citations=[],
        usage=Usage(input_tokens=used[0], output_tokens=used[1]),
        receipt=None,
        timings_ms={},
        error=None if status == "answered" else Error(type="quota_exceeded", message="no"),
    )


def compared(quotas: QuotaParity) -> list[str]:
    """Where it differs."""
    parity = Parity()
    quotas.compare(parity)
    return [one.where for one in parity.found]


def test_what_was_granted_charged_and_answered_agrees() -> None:
    """One that was answered, one that was refused, one that came to nothing."""
    quotas = QuotaParity()
    quotas.add_admitted("a", 100, SECOND)
    quotas.add_admitted("c", 100, SECOND)
    quotas.add_response(response("a"), SECOND)
    quotas.add_response(response("b", (0, 0), "quota_exceeded"), SECOND)
    quotas.add_response(response("c", (0, 0), "failed"), SECOND)
    for event in (
        reserved("a", limit=210),
        reserved("b", 500, limit=210),
        reserved("c", limit=210),
        Released(request_id="c", tenant="acme", reason="failed", at=2),
        settled("a"),
    ):
        quotas.add(event, SECOND)
    assert compared(quotas) == []


def test_a_grant_that_the_fold_would_not_give_is_told() -> None:
    """Somebody let it through all the same."""
    quotas = QuotaParity()
    quotas.add_admitted("a", 100, SECOND)
    quotas.add(reserved("a", limit=50), SECOND)
    assert compared(quotas) == ["a"]


@pytest.mark.parametrize("used", [(0, 0), (20, 11)])
def test_a_charge_that_the_answer_does_not_say_is_told(used: tuple[int, int]) -> None:
    """Of the question, and of its tenant's sum."""
    quotas = QuotaParity()
    quotas.add_response(response("a", used), SECOND)
    quotas.add(reserved("a"), SECOND)
    quotas.add(settled("a"), SECOND)
    assert compared(quotas) == ["a", "tenant acme"]


def test_what_lies_outside_the_range_is_folded_and_not_compared() -> None:
    """A bound counts what was used before."""
    quotas = QuotaParity(since=10 * SECOND, until=20 * SECOND)
    quotas.add_admitted("a", 7, SECOND)
    quotas.add_response(response("a", (1, 1)), SECOND)
    quotas.add_admitted("b", 100, 11 * SECOND)
    quotas.add(reserved("a", limit=150), SECOND)
    quotas.add(settled("a"), 2 * SECOND)
    quotas.add(reserved("b", limit=120), 11 * SECOND)
    assert compared(quotas) == ["b"]
