"""`usage`: the token ledger. Tokens are set aside before a call and settled or released after.

All of it lies in partition 0, whatever the key, so that all spending has one order. A reservation
is decided by its place in that order: it carries the bounds in force, and whoever reads the
partition up to it comes to the same verdict. The ledger's time is the time that the broker gave a
record, made to grow; no worker's clock decides.

Of a request's entries the first reservation that fits counts, and after it the first end. What is
settled stays so: a later reservation of the same request charges nothing. After a release the
request may be reserved anew.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import MAX_ID, MAX_INT, Id, IndexTime, KeyId, Name, Principal, Versioned

Tokens = Annotated[int, Meta(ge=0, le=MAX_INT)]
Amount = Annotated[int, Meta(ge=0, le=MAX_INT)]
"""So many of a bound's unit."""

Unit = Literal["tokens", "nanousd", "requests", "concurrent"]
"""`concurrent` counts the requests under way, the others what was used within the window."""
WindowName = Literal["minute", "hour", "day", "week", "month"]
Priority = Literal["low", "normal", "high"]
ReleaseReason = Literal["refused", "failed", "cancelled", "expired"]


class Price(Struct, frozen=True, kw_only=True):
    """What a token costs, in billionths of a US dollar."""

    input: Amount
    output: Amount


class Bound(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """At most `limit` of a unit within a window: what is used and what is held, together."""

    budget: Annotated[str, Meta(min_length=1, max_length=192)]
    """The budget's name; of a tenant's quota `TENANT:tokens_per_minute` and the like."""
    bucket: Annotated[str, Meta(max_length=2 * MAX_ID)] = ""
    """Whose part it is, where a budget is apart for every tenant, key or user."""
    unit: Unit
    limit: Amount
    window: WindowName = "day"
    """A month that rolls has 30 days. `concurrent` has no window."""
    calendar: bool = False
    """The window begins with the minute, hour, day, Monday or month (UTC); else it rolls."""
    burst: Amount | None = None
    """A bucket of so many, refilled by `limit` a window continuously, in place of the window."""
    usable: Amount
    """As much of the limit, or of the bucket, as a request of this priority may fill."""


class Charge(Bound, frozen=True, kw_only=True, omit_defaults=True):
    """A bound that a request is under."""

    shadow: bool = False
    """Never refuses: what it would have refused is only counted."""
    pool: Bound | None = None
    """What is charged in its place, as a whole, where that leaves the request more."""


class Reserved(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="reserved"
):
    """Tokens asked for: granted are as many as fit every bound, or none if fewer than `least`."""

    request_id: Id
    tenant: Principal
    tokens: Tokens
    """The most that the request can come to."""
    least: Tokens = 0
    """The least that is of use."""
    at: IndexTime
    expires_at: IndexTime
    """From here on whoever keeps the ledger releases it, should nobody have ended it."""
    model: Versioned | None = None
    route: Name | None = None
    key_id: KeyId | None = None
    user: Id | None = None
    priority: Priority = "normal"
    price: Price | None = None
    """Absent: the model costs nothing. Held is the dearer of the two for each token."""
    charges: Annotated[list[Charge], Meta(max_length=256)] = []
    """Every bound in force for it."""


class Settled(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="settled"
):
    """What the request came to, as the model server counted; the rest is free again."""

    request_id: Id
    tenant: Principal
    input_tokens: Tokens
    output_tokens: Tokens
    nanousd: Amount = 0
    """At the price of its reservation."""
    at: IndexTime


class Released(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="released"
):
    """All of the reservation is free again: no model was called, or nothing is charged."""

    request_id: Id
    tenant: Principal
    reason: ReleaseReason
    at: IndexTime


UsageEvent = Reserved | Settled | Released
