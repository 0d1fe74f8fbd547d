"""What a change of `control` changes."""

import msgspec
import pytest

from processors.differences import Difference, differences, same
from schemas.control import ApiKey, ControlEvent, Tenant, TenantLimits
from schemas.examples import EXAMPLES

CHANGES = [event for event in EXAMPLES.values() if isinstance(event, ControlEvent)]


def test_fields_are_compared_one_by_one_within_limits_too() -> None:
    """Also those that are at their default on one side."""
    before = EXAMPLES[Tenant]
    assert isinstance(before, Tenant)
    after = msgspec.structs.replace(
        before, revision=2, by="ben", suspended=True, limits=TenantLimits(top_k=3, documents=9)
    )
    assert differences(before, after) == [
        Difference("suspended", None, True),
        Difference("limits.top_k", 10, 3),
        Difference("limits.documents", None, 9),
        Difference("limits.in_hand", 32, None),
    ]


@pytest.mark.parametrize("event", CHANGES, ids=lambda event: type(event).__name__)
def test_who_when_and_why_are_no_differences(event: ControlEvent) -> None:
    """Whatever kind it is."""
    again = msgspec.structs.replace(event, revision=9, by="ben", why="again", at=1)
    assert same(event, again)
    assert not same(event, msgspec.structs.replace(event, removed=True))
    assert not same(None, event)


def test_of_the_first_event_all_that_it_says_is_new() -> None:
    """But never a key's hash."""
    key = EXAMPLES[ApiKey]
    assert isinstance(key, ApiKey)
    found = differences(None, key)
    assert ("tenant", None, "acme") in [(one.field, one.before, one.after) for one in found]
    assert key.hash not in msgspec.json.encode(found).decode()
    other = msgspec.structs.replace(key, hash="0" * 64)
    assert differences(key, other) == []
