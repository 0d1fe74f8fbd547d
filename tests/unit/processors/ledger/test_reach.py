from typing import Any

import pytest

from processors.ledger.ledger import REMEMBERED
from processors.ledger.reach import LONGEST_HOLD, Reach
from processors.ledger.windows import LENGTH
from schemas.control import Budget, Quota

WHO: dict[str, Any] = {"revision": 1, "by": "ana", "why": "first", "at": 1}
LEAST = LONGEST_HOLD + REMEMBERED
DAY = LENGTH["day"]


def budget(**more: Any) -> Budget:
    return Budget(**{"name": "b", "unit": "tokens", "limit": 10, **WHO, **more})


def test_without_budgets_only_requests_under_way_count():
    """And those that may be tried again."""
    assert Reach().length == LEAST


@pytest.mark.parametrize(
    ("event", "window"),
    [
        (budget(window="hour"), LENGTH["hour"]),
        (budget(window="month"), 31 * DAY - 1),
        (budget(window="month", calendar=True), 31 * DAY - 1),
        (budget(window="minute", burst=600), 60 * LENGTH["minute"] - 1),
        (budget(window="day", removed=True), DAY),
        (Quota(tenant="acme", tokens_per_day=5, **WHO), DAY - 1),
    ],
)
def test_the_longest_window_that_there_ever_was_is_reached(event: Budget | Quota, window: int):
    """A budget that was changed or removed may come back, and what was used counts again."""
    reach = Reach()
    reach.note(event)
    reach.note(budget(window="minute"))
    assert reach.length > LEAST + window


def test_a_bucket_that_never_drains_does_not_reach_back_for_ever():
    """Longer than the log is kept nothing can be read."""
    reach = Reach()
    reach.note(budget(limit=0, burst=5))
    assert reach.length < 366 * DAY
