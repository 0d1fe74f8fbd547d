"""How full the budgets are, of those in force."""

import pytest

from processors.control import Control
from processors.ledger.ledger import Ledger
from processors.ledger.standings import Fullness, fullness, in_force
from schemas.control import Budget, Quota
from tests.doubles.spending import BEGIN, bound, reserved, settled

SAID = {"revision": 1, "by": "ana", "why": "", "at": 1}


@pytest.fixture
def control() -> Control:
    """A tenant's quota; a budget in money for each user; one that is only watched."""
    return Control(
        [
            Quota(tenant="acme", tokens_per_minute=1000, tokens_per_day=1000, **SAID),
            Budget(name="each", each="user", unit="usd", limit=1, window="week", **SAID),
            Budget(name="watched", unit="requests", limit=1, shadow=True, **SAID),
            Budget(name="nothing", unit="requests", limit=0, **SAID),
        ]
    )


@pytest.fixture
def ledger() -> Ledger:
    """900 of 1000 tokens are gone; one user has used half a dollar."""
    made = Ledger()
    charges = (
        bound(1000),
        bound(1000, "acme:tokens_per_day", window="day"),
        bound(10**9, "each", bucket="acme ana", unit="nanousd", window="week"),
        bound(1, "watched", unit="requests", window="day", shadow=True),
        bound(1, "gone", unit="requests", window="day"),
    )
    made.observe(reserved("a", 500, *charges), BEGIN)
    made.observe(settled("a", 500, nanousd=5 * 10**8), BEGIN)
    made.observe(reserved("b", 400, *charges[:2]), BEGIN)
    return made


def test_every_bound_in_force_is_there(control: Control, ledger: Ledger) -> None:
    """Apart for whoever has used of it; not one that was taken away."""
    found = [(one.budget, one.bucket) for one in in_force(control, ledger.accounts)]
    assert found == [
        ("acme:tokens_per_minute", ""),
        ("acme:tokens_per_day", ""),
        ("each", "acme ana"),
        ("nothing", ""),
        ("watched", ""),
    ]
    assert ("each", "") in [(one.budget, one.bucket) for one in in_force(control, [])]


def test_the_fullest_is_told_and_how_many_are_nearly_full(control: Control, ledger: Ledger) -> None:
    """Held and used together; what refuses nobody, and what gives nothing, does not count."""
    assert fullness(control, ledger, "quota", BEGIN) == Fullness(0.9, 1)
    assert fullness(control, ledger, "rate", BEGIN) == Fullness(0.9, 1)
    later = BEGIN + 61_000_000
    assert fullness(control, ledger, "rate", later) == Fullness(0.4, 0)
    assert fullness(control, Ledger(), "quota", BEGIN) == Fullness(0.0, 0)
