"""`usage`: the token ledger. Tokens are set aside before a call and settled or released after.

A request has one reservation and one end. An entry is recognised by its kind and `request_id`:
of two the first counts, so that retries and replays charge nothing twice.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import MAX_INT, Id, IndexTime, Principal, Versioned

Tokens = Annotated[int, Meta(ge=0, le=MAX_INT)]

ReleaseReason = Literal["refused", "failed", "cancelled", "expired"]


class Reserved(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="reserved"
):
    """Tokens set aside: the most that the request can come to."""

    request_id: Id
    tenant: Principal
    tokens: Tokens
    at: IndexTime
    expires_at: IndexTime
    """From here on whoever keeps the ledger releases it, should nobody have ended it."""
    model: Versioned | None = None


class Settled(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="settled"
):
    """What the request came to, as the model server counted; the rest is free again."""

    request_id: Id
    tenant: Principal
    input_tokens: Tokens
    output_tokens: Tokens
    at: IndexTime


class Released(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="released"
):
    """All of the reservation is free again: no model was called, or nothing is charged."""

    request_id: Id
    tenant: Principal
    reason: ReleaseReason
    at: IndexTime
