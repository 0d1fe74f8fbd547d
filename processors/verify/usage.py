"""`usage` beside what was let through and what was answered: every token, and every bound.

Worked out from what `schemas.usage` says and by other means than the fold that the workers follow.
A reservation is decided anew, at its place in the log; each one that fitted has one end; who was
let through had as much as was decided, and no more; what was charged is what the response says.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from processors.verify.books import Book, Name, name_of
from processors.verify.report import Fault, FaultKind
from schemas.responses import Response
from schemas.usage import Bound, Charge, Released, Reserved, Settled, UsageEvent

PARTITION = 0
_KNOWN = 3600 * 1_000_000
"""For so long (µs) after its end a settled request that is reserved again is charged nothing."""
_LONGEST = 31 * 86_400 * 1_000_000
"""Of all windows: for so long a log whose beginning is gone decides nothing."""


class Decided(NamedTuple):
    """What a reservation comes to, and the bounds that it is charged to."""

    granted: int | None
    charged: Mapping[Name, Bound]


class _Open(NamedTuple):
    """A reservation that has no end yet."""

    offset: int
    at: int
    event: Reserved
    granted: int
    charged: Mapping[Name, Bound]


class _End(NamedTuple):
    """How a request ended last."""

    offset: int
    at: int
    reserved_at: int
    event: Settled | Released


class Scope(NamedTuple):
    """What can be told from the records that there are."""

    now: int
    """The moment of the check (µs)."""
    grace: int
    """A reservation that has no end so long (µs) after its time is up never will."""
    is_cut: bool = False
    """Retention has removed the beginning of `usage`."""
    admitted_since: int = 0
    """From then on (µs) everything that was let through is known .."""
    admitted_until: int | None = None
    """.. as far as it ended before this offset of `usage`; None: all of it."""


class UsageCheck:
    """First what was let through and answered; then every record of `usage`; then `compare`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._first: int | None = None
        self._at = 0
        self._books: dict[Name, Book] = {}
        self._open: dict[str, _Open] = {}
        self._ended: dict[str, _End] = {}
        self._granted: defaultdict[str, list[int]] = defaultdict(list)
        self._let_through: defaultdict[str, list[int]] = defaultdict(list)
        self._answered: dict[str, tuple[int, int]] = {}
        """Tokens in and out, as the response of a request has them."""
        self._served: set[str] = set()
        """Requests that are charged before their response is given; others end after it."""
        self.faults: list[Fault] = []
        self.reservations = 0
        """That fitted."""
        self.ends = 0
        self.bounds = 0
        """How often a bound was held against what counts under it."""

    def add_admitted(self, query_id: str, tokens: int) -> None:
        """Take a question that was let through."""
        self._let_through[query_id].append(tokens)

    def add_response(self, response: Response) -> None:
        """Take a response; of two for one question the first counts."""
        sums = response.usage.input_tokens, response.usage.output_tokens
        if response.query_id not in self._answered:
            self._answered[response.query_id] = sums
            if response.status in ("answered", "unanswerable") or any(sums):
                self._served.add(response.query_id)

    def add(self, offset: int, at: int, event: UsageEvent) -> int | None:
        """Take the next record, which the log got at `at` (µs); gives what it granted afresh."""
        self._at = max(self._at, at)
        self._first = self._at if self._first is None else self._first
        if isinstance(event, Reserved):
            return self._reserve(offset, event)
        standing = self._open.pop(event.request_id, None)
        if standing is None:
            self._again(offset, event)
        else:
            self._end(offset, event, standing)
        return None

    def used(self) -> dict[Name, tuple[int, int]]:
        """What is used within its window and what is held, of each bound, as the log ends."""
        return {
            name: (book.used(self._at), sum(book.held.values()))
            for name, book in self._books.items()
        }

    @property
    def open(self) -> int:
        """Reservations whose end is still to come."""
        return len(self._open)

    @property
    def is_certain(self) -> bool:
        """Whether nothing that counts can lie before the log's beginning."""
        return not self._scope.is_cut or self._at - (self._first or 0) > _LONGEST

    def compare(self) -> Iterator[Fault]:
        """All faults."""
        yield from self.faults
        for request, standing in self._open.items():
            place = f"usage/{PARTITION}@{standing.offset}"
            if request in self._served:
                yield Fault("missing", place, f"{request} has its response, and was never charged")
            elif standing.event.expires_at + self._scope.grace < self._scope.now:
                yield Fault("missing", place, f"{request} never ended, and its time is up")
        for request, end in self._ended.items():
            yield from self._compare_answered(request, end)
        if self.is_certain:
            for request, tokens in self._let_through.items():
                yield from self._compare_admitted(request, tokens)

    def _reserve(self, offset: int, event: Reserved) -> int | None:
        request = event.request_id
        if request in self._open or self._is_settled(request):
            return None
        granted, charged = self._decide(event)
        if granted is None:
            return None
        for name, bound in charged.items():
            book = self._books.setdefault(name, Book(bound))
            book.hold(request, _held(bound, granted, event), bound, self._at)
        self._open[request] = _Open(offset, self._at, event, granted, charged)
        self._granted[request].append(granted)
        self.reservations += 1
        self._check_bounds(offset, event, charged)
        return granted

    def _is_settled(self, request: str) -> bool:
        end = self._ended.get(request)
        return end is not None and isinstance(end.event, Settled) and self._at - end.at < _KNOWN

    def _decide(self, event: Reserved) -> Decided:
        granted, charged = event.tokens, {}
        for charge in event.charges:
            room, bound = self._place(charge, event)
            charged[name_of(bound)] = bound
            if not charge.shadow:
                granted = min(granted, room)
        fits = granted >= min(event.least, event.tokens)
        return Decided(granted if fits else None, charged)

    def _place(self, charge: Charge, event: Reserved) -> tuple[int, Bound]:
        """Room in tokens, in a bound's own book or, where it is short and has less, its pool's."""
        own = self._room(charge, event)
        if charge.pool is not None and own < event.tokens and not charge.shadow:
            pooled = self._room(charge.pool, event)
            if pooled > own:
                return pooled, charge.pool
        return own, charge

    def _room(self, bound: Bound, event: Reserved) -> int:
        book = self._books.get(name_of(bound))
        left = bound.usable - (0 if book is None else book.counts(self._at))
        if bound.unit == "tokens":
            return left
        if bound.unit == "nanousd":
            dearest = _dearest(event)
            return left // dearest if dearest else event.tokens
        return event.tokens if left >= 1 else -1

    def _end(self, offset: int, event: Settled | Released, standing: _Open) -> None:
        self.ends += 1
        self._ended[event.request_id] = _End(offset, self._at, standing.at, event)
        for name, bound in standing.charged.items():
            book = self._books[name]
            del book.held[event.request_id]
            if isinstance(event, Settled):
                book.use(_came_to(bound, event), self._at)
        if isinstance(event, Settled):
            self._check_settled(offset, event, standing)
            self._check_bounds(offset, standing.event, standing.charged)

    def _again(self, offset: int, event: Settled | Released) -> None:
        """An end of what had none coming: to charge the same again, or nothing, is no fault."""
        if isinstance(event, Released):
            return
        before = self._ended.get(event.request_id)
        if before is None:
            if not self._scope.is_cut:
                self._fault("left_over", offset, f"{event.request_id} was never reserved")
        elif _sums(event) != _sums(before.event):
            self._fault("doubled", offset, f"{event.request_id} ended before, otherwise")

    def _check_settled(self, offset: int, event: Settled, standing: _Open) -> None:
        request, price = event.request_id, standing.event.price
        if _tokens(event) > standing.granted:
            came = f"{request} came to {_tokens(event)} tokens of {standing.granted}"
            self._fault("overspent", offset, came)
        cost = event.input_tokens * (price.input if price else 0)
        cost += event.output_tokens * (price.output if price else 0)
        if event.nanousd != cost:
            self._fault("different", offset, f"{request} costs {cost}, not {event.nanousd}")

    def _check_bounds(self, offset: int, event: Reserved, charged: Mapping[Name, Bound]) -> None:
        shadows = {name_of(charge) for charge in event.charges if charge.shadow}
        for name in charged:
            if name in shadows or not self.is_certain:
                continue
            self.bounds += 1
            book = self._books[name]
            if (counts := book.counts(self._at)) > book.most:
                self._fault("overspent", offset, f"{name}: {counts} of {book.most}")

    def _compare_answered(self, request: str, end: _End) -> Iterator[Fault]:
        place = f"usage/{PARTITION}@{end.offset}"
        charged = _sums(end.event)
        said = self._answered.get(request, charged)
        if charged != said:
            yield Fault("different", place, f"{request}: charged {charged}, answered with {said}")
        until = self._scope.admitted_until
        known = end.reserved_at > self._scope.admitted_since and (
            until is None or end.offset < until
        )
        if isinstance(end.event, Settled) and known and request not in self._let_through:
            yield Fault("left_over", place, f"{request} was charged, and never let through")

    def _compare_admitted(self, request: str, tokens: list[int]) -> Iterator[Fault]:
        granted = self._granted[request]
        what = f"queries.admitted {request}"
        if not granted:
            yield Fault("missing", what, "it was let through without a reservation")
            return
        for one in tokens:
            if one not in granted:
                kind: FaultKind = "overspent" if one > max(granted) else "different"
                yield Fault(kind, what, f"let through with {one} tokens, reserved were {granted}")

    def _fault(self, kind: FaultKind, offset: int, message: str) -> None:
        self.faults.append(Fault(kind, f"usage/{PARTITION}@{offset}", message))


def _dearest(event: Reserved) -> int:
    return 0 if event.price is None else max(event.price.input, event.price.output)


def _held(bound: Bound, granted: int, event: Reserved) -> int:
    if bound.unit == "tokens":
        return granted
    return granted * _dearest(event) if bound.unit == "nanousd" else 1


def _came_to(bound: Bound, event: Settled) -> int:
    if bound.unit == "tokens":
        return _tokens(event)
    return event.nanousd if bound.unit == "nanousd" else 1


def _tokens(event: Settled) -> int:
    return event.input_tokens + event.output_tokens


def _sums(event: Settled | Released) -> tuple[int, int]:
    """Tokens in and out that an end charges."""
    return (event.input_tokens, event.output_tokens) if isinstance(event, Settled) else (0, 0)
