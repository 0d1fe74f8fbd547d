"""How all the bounds in force stand."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, get_args

from msgspec.structs import replace

from processors.control import Control
from processors.ledger.accounts import Key, key_of
from processors.ledger.bounds import every
from processors.ledger.ledger import Ledger
from processors.ledger.refusal import kind
from schemas.control import Budget
from schemas.usage import Charge

Kind = Literal["rate", "quota"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NEARLY = 0.9
"""From this share of a limit on, a budget is nearly used up."""


class Fullness(NamedTuple):
    """Of all bounds of a kind that refuse anybody."""

    greatest: float
    """The share of its limit that is used or held of the fullest."""
    nearly_used_up: int
    """How many are."""


def in_force(control: Control, accounts: Iterable[Key]) -> Iterator[Charge]:
    """Every bound; of a budget that is apart for each of many, those that have an account, or the
    one without a bucket if none has."""
    buckets: defaultdict[Key, list[str]] = defaultdict(list)
    for key in accounts:
        buckets[key._replace(bucket="")].append(key.bucket)
    budgets = control.of(Budget)
    for charge in every(control):
        budget = budgets.get(charge.budget)
        if budget is None or budget.each is None:
            yield charge
        else:
            for bucket in sorted(buckets[key_of(charge)]) or [""]:
                yield replace(charge, bucket=bucket)


def fullness(control: Control, ledger: Ledger, of: Kind, now: int) -> Fullness:
    """How full the bounds of a kind are at a moment (µs)."""
    shares = [
        (standing.used + standing.held) / charge.usable
        for charge in in_force(control, ledger.accounts)
        if kind(charge) == of and charge.usable and not charge.shadow
        for standing in [ledger.standing(charge, now)]
    ]
    return Fullness(max(shares, default=0.0), sum(share >= NEARLY for share in shares))
