"""What who asked is told of a request that did not fit."""

from typing import Literal

from processors.ledger.decide import amount, least
from processors.ledger.ledger import Ledger
from schemas.responses import Error, ExceededLimit
from schemas.usage import Bound, Charge, Reserved

_SECOND = 1_000_000
_SOON_S = 1.0
"""It would fit but for holds of others: when they end nobody can say."""
_OF_UNIT = {
    "tokens": "tokens",
    "nanousd": "billionths of a US dollar",
    "requests": "requests",
    "concurrent": "requests at once",
}


def refusal(ledger: Ledger, asked: Reserved, short: Charge, now: int) -> Error:
    """Why `asked` is refused by `short`, and when to try again."""
    standing = ledger.standing(short, now)
    fits_at = ledger.fits_at(asked, now)
    reset_s = None if fits_at is None else max(_SOON_S, (fits_at - now) / _SECOND)
    limit = ExceededLimit(
        name=short.budget,
        kind=kind(short),
        unit=short.unit,
        limit=short.limit,
        remaining=standing.remaining,
        reset_s=reset_s,
    )
    needed = amount(short, least(asked), asked.price)
    return Error(
        type="quota_exceeded",
        message=f"{short.budget}: {standing.remaining} of {_said(short)} are left, "
        f"and it takes {needed}",
        retry_after_s=reset_s,
        limit=limit,
    )


def kind(bound: Bound) -> Literal["rate", "quota"]:
    """Whether waiting helps soon (`rate`), or a budget is used up (`quota`)."""
    soon = bound.unit == "concurrent" or bound.window in ("minute", "hour")
    return "rate" if soon else "quota"


def _said(bound: Bound) -> str:
    window = "" if bound.unit == "concurrent" else f" a {bound.window}"
    return f"{bound.limit} {_OF_UNIT[bound.unit]}{window}"
