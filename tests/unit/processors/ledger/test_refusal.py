from typing import Any

import pytest

from processors.ledger.ledger import Ledger
from processors.ledger.refusal import refusal
from schemas.usage import Charge
from tests.unit.processors.ledger.entries import NOW, charge, reserved, settled


def refused(bound: Charge, tokens: int = 50) -> Any:
    """What is said where 60 of the bound are used."""
    ledger = Ledger()
    ledger.observe(reserved("q1", 60, bound), NOW)
    ledger.observe(settled("q1", 60), NOW)
    return refusal(ledger, reserved("q2", tokens, bound), bound, NOW)


def test_a_refusal_says_which_bound_and_when_to_try_again():
    """In fields for a program, and in a sentence."""
    error = refused(charge("acme:tokens_per_minute", window="minute"))
    assert error.type == "quota_exceeded"
    assert error.limit.name == "acme:tokens_per_minute"
    assert (error.limit.unit, error.limit.limit, error.limit.remaining) == ("tokens", 100, 40)
    assert 60 <= error.limit.reset_s <= 60.1
    assert error.retry_after_s == error.limit.reset_s
    assert "acme:tokens_per_minute" in error.message


@pytest.mark.parametrize(
    ("bound", "kind"),
    [
        (charge(window="minute"), "rate"),
        (charge(window="hour", calendar=True), "rate"),
        (charge(unit="concurrent", limit=1), "rate"),
        (charge(window="day"), "quota"),
        (charge(window="month", calendar=True), "quota"),
    ],
)
def test_what_waiting_helps_soon_is_a_rate(bound: Charge, kind: str):
    """A budget of a day and more is used up."""
    assert refused(bound).limit.kind == kind


def test_what_asks_for_more_than_there_ever_is_has_no_time():
    """Waiting does not help."""
    error = refused(charge(limit=100), tokens=101)
    assert (error.retry_after_s, error.limit.reset_s) == (None, None)


def test_what_waits_for_holds_only_is_to_be_tried_soon():
    """When they end nobody knows."""
    ledger = Ledger()
    bound = charge(limit=100)
    ledger.observe(reserved("q1", 60, bound), NOW)
    error = refusal(ledger, reserved("q2", 60, bound), bound, NOW)
    assert error.retry_after_s == 1.0
