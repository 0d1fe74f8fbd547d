"""The fold: which reservation fits, and what is used and held of each bound at every moment.

It is a replicated state machine (Schneider, "Implementing fault-tolerant services using the state
machine approach", ACM Computing Surveys 22, 1990) over partition 0 of `usage`: whoever feeds it
the same records comes to the same verdicts, so that any number of workers need no leader and no
lock.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from processors.ledger.accounts import Account, Key, key_of
from processors.ledger.decide import NOTHING, Also, Decision, Room, amount, least
from schemas.usage import Bound, Charge, Price, Released, Reserved, Settled, UsageEvent

REMEMBERED = 3600 * 1_000_000
"""For so long (µs) a settled request is known: reserved again, it is charged nothing."""
_SWEEP = 10_000
"""After so many records, accounts that say nothing any more are forgotten."""


class Verdict(NamedTuple):
    """What became of a reservation."""

    granted: int | None
    """Tokens; None where it was refused."""
    short: Charge | None = None
    """The bound that left the least room, if one left less than was asked for."""
    known: bool = False
    """It had been granted before, and is charged nothing."""


class Hold(NamedTuple):
    """A reservation that nobody has ended."""

    tenant: str
    granted: int
    expires_at: int
    price: Price | None
    lines: list[tuple[Account, int]]
    """What is held of each account."""


class Standing(NamedTuple):
    """How a bound stands at a moment, in its unit."""

    used: int
    held: int
    remaining: int
    """Of what the asker's priority may fill; not below 0."""
    empty_at: int
    """When nothing that was used counts any more."""


class Ledger:
    """Feed it every record of the partition, in order, by `observe`. Asking changes nothing."""

    def __init__(self) -> None:
        self.now = 0
        """The latest of the records' times."""
        self.would_refuse: Counter[str] = Counter()
        """By budget in shadow mode: requests that it would have refused."""
        self._holds: dict[str, Hold] = {}
        self._settled: OrderedDict[str, tuple[int, int]] = OrderedDict()
        """Request id to when it was settled and what it had been granted."""
        self._accounts: dict[Key, Account] = {}
        self._until_sweep = _SWEEP

    @property
    def holds(self) -> Mapping[str, Hold]:
        """What is held, by request id."""
        return MappingProxyType(self._holds)

    @property
    def accounts(self) -> Mapping[Key, Account]:
        """Every account of which anything is used or held, and perhaps empty ones."""
        return MappingProxyType(self._accounts)

    def observe(self, event: UsageEvent, at: int) -> Verdict | None:
        """Take a record that the broker got at `at` (µs); gives the verdict on a reservation."""
        self.now = max(self.now, at)
        self._forget()
        match event:
            case Reserved():
                return self._reserve(event)
            case Settled():
                self._settle(event)
            case Released():
                hold = self._holds.pop(event.request_id, None)
                if hold is not None:
                    _release(hold)
        return None

    def known(self, request_id: str) -> int | None:
        """What a request was granted that is held or settled; None for any other."""
        if (hold := self._holds.get(request_id)) is not None:
            return hold.granted
        settled = self._settled.get(request_id)
        return None if settled is None else settled[1]

    def preview(
        self, asked: Reserved, now: int, also: Also = NOTHING, *, holds: bool = True
    ) -> Decision:
        """What a reservation that is not known yet would come to at a moment."""
        return Room(self._accounts, now, also, holds).decide(asked)

    def fits_at(self, asked: Reserved, now: int) -> int | None:
        """The first moment from `now` on at which the least of a request fits, if every hold comes
        to nothing and nobody uses anything else; None for never."""
        latest = now
        for charge in asked.charges:
            if charge.shadow:
                continue
            places = [charge, charge.pool] if charge.pool is not None else [charge]
            times = [self._frees(bound, asked, now) for bound in places]
            known = [time for time in times if time is not None]
            if not known:
                return None
            latest = max(latest, min(known))
        return latest

    def standing(self, bound: Bound, now: int) -> Standing:
        """How a bound stands at a moment."""
        account = self._accounts.get(key_of(bound))
        if account is None:
            return Standing(0, 0, bound.usable, now)
        used, empty_at = account.used(now), account.falls_to(0, now)
        left = max(0, bound.usable - used - account.held)
        return Standing(used, account.held, left, now if empty_at is None else empty_at)

    def overdue(self, now: int) -> list[tuple[str, Hold]]:
        """Holds whose time is up at a moment, with their request ids."""
        return [(name, hold) for name, hold in self._holds.items() if hold.expires_at <= now]

    def _reserve(self, asked: Reserved) -> Verdict:
        granted = self.known(asked.request_id)
        if granted is not None:
            return Verdict(granted, known=True)
        found = self.preview(asked, self.now)
        if found.granted is not None:
            self._holds[asked.request_id] = self._hold(asked, found.granted, found.charged)
            self.would_refuse.update(charge.budget for charge in found.would_refuse)
        return Verdict(found.granted, found.short)

    def _hold(self, asked: Reserved, granted: int, charged: Mapping[Key, Bound]) -> Hold:
        lines = []
        for key, bound in charged.items():
            account = self._accounts.get(key)
            if account is None:
                account = self._accounts[key] = Account(bound)
            held = amount(bound, granted, asked.price)
            account.hold(bound, self.now, held)
            lines.append((account, held))
        return Hold(asked.tenant, granted, asked.expires_at, asked.price, lines)

    def _settle(self, event: Settled) -> None:
        hold = self._holds.pop(event.request_id, None)
        if hold is None:
            return
        _release(hold)
        came_to = {
            "tokens": event.input_tokens + event.output_tokens,
            "nanousd": event.nanousd,
            "requests": 1,
            "concurrent": 0,
        }
        for account, _ in hold.lines:
            account.use(self.now, came_to[account.bound.unit])
        self._settled[event.request_id] = self.now, hold.granted

    def _frees(self, bound: Bound, asked: Reserved, now: int) -> int | None:
        needed = amount(bound, least(asked), asked.price)
        account = self._accounts.get(key_of(bound))
        if account is None:
            return now if needed <= bound.usable else None
        return account.falls_to(bound.usable - needed, now)

    def _forget(self) -> None:
        settled = self._settled
        while settled and next(iter(settled.values()))[0] + REMEMBERED <= self.now:
            settled.popitem(last=False)
        self._until_sweep -= 1
        if not self._until_sweep:
            self._until_sweep = _SWEEP
            idle = [key for key, one in self._accounts.items() if one.idle(self.now)]
            for key in idle:
                del self._accounts[key]


def _release(hold: Hold) -> None:
    for account, held in hold.lines:
        account.release(held)
