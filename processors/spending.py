"""What was used, by whom and of which budgets: a fold of `usage` that forgets nothing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from msgspec import Struct

from processors.forecast import Spent
from processors.ledger.accounts import Key, key_of
from processors.ledger.ledger import Hold, Ledger, Verdict
from schemas.usage import Reserved, Settled, Unit, UsageEvent

Part = Literal["tenant", "key", "user", "model", "route"]
PARTS: tuple[Part, ...] = get_args(Part)
_FIELDS: Mapping[Part, str] = {**{part: part for part in PARTS}, "key": "key_id"}


class Use(NamedTuple):
    """A request that was settled."""

    at: int
    """When (µs), by the broker's clock."""
    asked: Reserved
    input_tokens: int
    output_tokens: int
    nanousd: int


class Total(Struct, kw_only=True):
    """What some requests came to."""

    of: dict[str, str]
    """Whose they are, by what they were told apart by; "" where there was none."""
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    nanousd: int = 0


class Spending:
    """Feed it every record, in order, by `observe`; `ledger` is then as of the last."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.uses: list[Use] = []
        self.spent: defaultdict[Key, list[Spent]] = defaultdict(list)
        """What was used of each account, in its unit."""
        self.began: int | None = None
        """When (µs) the first record was written."""
        self._asked: dict[str, Reserved] = {}

    def observe(self, event: UsageEvent, at: int) -> Verdict | None:
        """Take a record that the broker got at `at` (µs); gives the verdict on a reservation."""
        self.began = at if self.began is None else self.began
        hold = self.ledger.holds.get(event.request_id)
        verdict = self.ledger.observe(event, at)
        if isinstance(event, Reserved):
            if verdict is not None and verdict.granted is not None and not verdict.known:
                self._asked[event.request_id] = event
            return verdict
        asked = self._asked.pop(event.request_id, None)
        if isinstance(event, Settled) and asked is not None and hold is not None:
            self._use(event, asked, hold)
        return None

    def _use(self, event: Settled, asked: Reserved, hold: Hold) -> None:
        at = self.ledger.now
        self.uses.append(Use(at, asked, event.input_tokens, event.output_tokens, event.nanousd))
        came_to: Mapping[Unit, int] = {
            "tokens": event.input_tokens + event.output_tokens,
            "nanousd": event.nanousd,
            "requests": 1,
            "concurrent": 0,
        }
        for account, _ in hold.lines:
            bound = account.bound
            self.spent[key_of(bound)].append(Spent(at, came_to[bound.unit]))


def totals(uses: Iterable[Use], by: Sequence[Part]) -> list[Total]:
    """What requests came to, told apart by these; the most tokens first."""
    found: dict[tuple[str, ...], Total] = {}
    for use in uses:
        values = tuple(getattr(use.asked, _FIELDS[part]) or "" for part in by)
        total = found.setdefault(values, Total(of=dict(zip(by, values, strict=True))))
        total.requests += 1
        total.input_tokens += use.input_tokens
        total.output_tokens += use.output_tokens
        total.nanousd += use.nanousd
    return sorted(found.values(), key=lambda one: -(one.input_tokens + one.output_tokens))
