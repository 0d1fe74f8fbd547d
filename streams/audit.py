"""Who changed what, when and why: every change in `control`, those that do not count included."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from processors.control import Control
from processors.differences import Difference, differences
from schemas.codec import InvalidEvent, decode_as
from schemas.control import ApiKey, ControlEvent, Tenant
from schemas.deadletters import DeadLetter
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.times import format_time
from streams.clients.kafka import LogClient, Record
from streams.control import TOPIC, take

Outcome = Literal["made", "changed", "removed", "refused"]

_SHOWN = 60


class Entry(NamedTuple):
    """One attempt to change something."""

    at: int
    """When the broker took it, microseconds since the epoch; no producer's clock."""
    by: str
    key: str
    outcome: Outcome
    revision: int
    changes: list[Difference]
    why: str
    reason: str
    """Why it was refused; of one that counts, nothing."""
    place: str
    """`control/PARTITION@OFFSET`."""
    source: str
    """The program that wrote it, as it says itself."""
    tenant: str | None
    """Whose key it is, or which tenant."""


class Chosen(NamedTuple):
    """Which entries are wanted."""

    since: int = 0
    who: str | None = None
    prefix: str = ""

    def takes(self, entry: Entry) -> bool:
        """Whether this is one."""
        by = self.who in (None, entry.by)
        return by and entry.at >= self.since and entry.key.startswith(self.prefix)


class Auditor:
    """Folds `control`, record by record."""

    def __init__(self, built_in: Iterable[ControlEvent] = ()) -> None:
        self._control = Control(built_in)
        self.refused: set[str] = set()
        """Places of the changes that it has refused itself."""

    def take(self, record: Record) -> Entry | None:
        """The next record; None where it says again what is in force."""
        key = (record.key or b"").decode(errors="replace")
        before = self._control.get(key)
        seen = take(self._control, record)
        if seen.refused is not None:
            entry = _refused(record, before, seen.refused.args[0])
            self.refused.add(entry.place)
            return entry
        if seen.event is None:
            return None
        return _entry(record, before, seen.event, _outcome(before, seen.event), "")


async def trail(log: LogClient, built_in: Iterable[ControlEvent] = ()) -> list[Entry]:
    """Every attempt there was, in the order of the log's time, as far as the log goes back.

    What was refused so long ago that `control` has it no more is taken from `dead-letters`.
    """
    return await _until(log, Auditor(built_in), await log.ends(TOPIC))


async def following(
    log: LogClient, built_in: Iterable[ControlEvent], begun: Callable[[list[Entry]], None]
) -> AsyncIterator[Entry]:
    """Attempts as they come, for ever; `begun` is given those that there were before."""
    auditor, ends = Auditor(built_in), await log.ends(TOPIC)
    begun(await _until(log, auditor, ends))
    async for record in log.follow([TOPIC], start={TOPIC: ends}):
        if entry := auditor.take(record):
            yield entry


async def of_tenant(log: LogClient, name: str) -> list[Entry]:
    """What concerns one tenant: itself, its quota, its keys."""
    keys = (f"tenant/{name}", f"quota/{name}")
    return [entry for entry in await trail(log) if entry.key in keys or entry.tenant == name]


def shown(entry: Entry, *, as_json: bool) -> str:
    """One line."""
    if as_json:
        changes = [msgspec.to_builtins(change) for change in entry.changes]
        return json.dumps({**entry._asdict(), "at": format_time(entry.at), "changes": changes})
    outcome = f"refused ({entry.reason})" if entry.outcome == "refused" else entry.outcome
    cells = (format_time(entry.at), entry.by, entry.key, outcome, told(entry.changes), entry.why)
    return "\t".join(map(_clean, cells))


async def _until(log: LogClient, auditor: Auditor, ends: Mapping[int, int]) -> list[Entry]:
    records = [record async for record in log.read(TOPIC) if record.offset < ends[record.partition]]
    found = [entry for record in records if (entry := auditor.take(record))]
    async for record in log.read("dead-letters"):
        letter = _letter(record)
        if letter is not None and (old := _of_letter(letter)).place not in auditor.refused:
            found.append(old)
    return sorted(found, key=lambda entry: (entry.at, entry.place))


def _clean(text: str) -> str:
    """On one line, and without what would give a terminal orders: anybody may write to the log."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def told(changes: Iterable[Difference]) -> str:
    """Differences on one line, long values cut."""
    said = (f"{one.field}: {_short(one.before)} -> {_short(one.after)}" for one in changes)
    return _clean("; ".join(said)) or "-"


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _outcome(before: ControlEvent | None, event: ControlEvent) -> Outcome:
    if event.removed:
        return "removed"
    return "made" if before is None or before.removed else "changed"


def _refused(record: Record, before: ControlEvent | None, reason: str) -> Entry:
    """What can be said of a change that does not count, whatever its record holds."""
    try:
        event: ControlEvent = msgspec.json.decode(record.value or b"", type=ControlEvent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Entry(
            at=record.timestamp_ms * 1000,
            by="?",
            key=(record.key or b"").decode(errors="replace"),
            outcome="refused",
            revision=0,
            changes=[],
            why="",
            reason=reason,
            place=_place(record),
            source=_source(record),
            tenant=None,
        )
    return _entry(record, before, event, "refused", reason)


def _entry(
    record: Record,
    before: ControlEvent | None,
    event: ControlEvent,
    outcome: Outcome,
    reason: str,
) -> Entry:
    whose = event.tenant if isinstance(event, ApiKey) else None
    return Entry(
        at=record.timestamp_ms * 1000,
        by=event.by,
        key=(record.key or b"").decode(errors="replace"),
        outcome=outcome,
        revision=event.revision,
        changes=differences(before, event),
        why=event.why,
        reason=reason,
        place=_place(record),
        source=_source(record),
        tenant=event.name if isinstance(event, Tenant) else whose,
    )


def _letter(record: Record) -> DeadLetter | None:
    try:
        letter = decode_as(DeadLetter, record.value or b"")
    except InvalidEvent:
        return None
    return letter if letter.topic == TOPIC else None


def _of_letter(letter: DeadLetter) -> Entry:
    record = Record(
        TOPIC,
        letter.partition,
        letter.offset,
        letter.key,
        letter.value,
        letter.headers,
        letter.at // 1000,
    )
    return _refused(record, None, letter.message)


def _place(record: Record) -> str:
    return f"{TOPIC}/{record.partition}@{record.offset}"


def _source(record: Record) -> str:
    try:
        envelope = Envelope.from_headers(record.headers)
    except InvalidEnvelope:
        return ""
    return envelope.source if envelope else ""
