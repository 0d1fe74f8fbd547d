"""`feedback`: thumbs, corrections and reviewers' labels for an answer."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import Id, Principal


class Feedback(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody said of an answer."""

    query_id: Id
    tenant: Principal
    rating: Literal[-1, 0, 1]
    labels: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=32)] | None = None
    comment: Annotated[str, Meta(max_length=8192)] | None = None
    correction: Annotated[str, Meta(max_length=16384)] | None = None
    reviewer: Id | None = None
