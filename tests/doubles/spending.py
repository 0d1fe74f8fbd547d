"""A log of `usage` that is written down by hand."""

from typing import Any

from schemas.responses import Response, Usage
from schemas.usage import Bound, Charge, Price, Released, Reserved, Settled, UsageEvent

SECOND = 1_000_000
MINUTE = 60 * SECOND
BEGIN = 1_760_000_000 * SECOND
PRICE = Price(input=150, output=600)


def bound(limit: int = 1000, budget: str = "acme:tokens_per_minute", **fields: Any) -> Charge:
    """A bound of tokens a minute that rolls, unless `fields` say otherwise."""
    usual = {"unit": "tokens", "window": "minute", "usable": fields.get("burst", limit)}
    return Charge(**{"budget": budget, "limit": limit, **usual, **fields})


def pool(limit: int = 1000, budget: str = "everybody", **fields: Any) -> Bound:
    """A bound that others are charged to."""
    usual = {"unit": "tokens", "window": "minute", "usable": limit}
    return Bound(**{"budget": budget, "limit": limit, **usual, **fields})


def reserved(request: str, tokens: int, *charges: Charge, **fields: Any) -> Reserved:
    """A reservation of exactly so many tokens."""
    usual = {"tenant": "acme", "least": tokens, "at": BEGIN, "expires_at": BEGIN + MINUTE}
    return Reserved(
        **{"request_id": request, "tokens": tokens, "charges": list(charges), **usual, **fields}
    )


def settled(request: str, read: int, written: int = 0, nanousd: int = 0) -> Settled:
    """What a request came to."""
    return Settled(
        request_id=request,
        tenant="acme",
        input_tokens=read,
        output_tokens=written,
        nanousd=nanousd,
        at=BEGIN,
    )


def released(request: str, reason: Any = "failed") -> Released:
    """A reservation given back."""
    return Released(request_id=request, tenant="acme", reason=reason, at=BEGIN)


def answered(request: str, read: int, written: int = 0, **fields: Any) -> Response:
    """A response with its tokens."""
    usage = Usage(input_tokens=read, output_tokens=written)
    usual = {"status": "answered", "answer": "Yes.", "citations": [], "receipt": None}
    return Response(
        **{
            "query_id": request,
            "tenant": "acme",
            "timings_ms": {},
            "usage": usage,
            **usual,
            **fields,
        }
    )


Written = tuple[int, UsageEvent]
"""Seconds since `BEGIN`, and what was written then."""
