"""The questions of a range of time, out of the log and into the parts of a run.

Records are first sorted into files by part, then each part is joined for itself: so what is in
memory at once is a part's worth.
"""

import heapq
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import ExitStack, aclosing
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from processors.control import Control
from processors.replay.question import Heard, Question, joined
from schemas.codec import InvalidEvent, decode, encode
from schemas.control import ControlEvent
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.queries import AdmittedQuery, Query
from schemas.responses import Response
from streams.clients.kafka import Record
from streams.control import take
from streams.errors import FreshetError
from streams.replay.runfiles import PARTS, digest_of, part_of, write_whole
from streams.replay.source import Source

Say = Callable[[str], None]
_MEANWHILE_US = 60 * 60 * 1_000_000
"""How long after a question the records that tell of it are looked for: far longer than any
waits for its answer."""
_PLACES = 2**64
_REMEMBERED = 8


class NothingToReplay(FreshetError):
    """No question was asked in the range, or none that is still held."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which questions."""

    since: int
    """Microseconds since the epoch, by the broker's clock: from then on."""
    until: int
    """And before then."""
    limit: int | None = None
    """The first so many of them."""
    share: float | None = None
    """Of the questions: those with the smallest hashes of their ids, whatever the range."""

    def takes(self, query_id: str) -> bool:
        """Whether a question is in the sample."""
        if self.share is None:
            return True
        digest = blake2b(query_id.encode(), digest_size=8, person=b"sample").digest()
        return int.from_bytes(digest, "big") < self.share * _PLACES


class Gathered(Struct, kw_only=True):
    """What there was; nothing in it depends on when the run was made."""

    questions: int = 0
    parts: dict[str, str] = {}
    """Digests of the parts that hold any, by number."""
    read: dict[str, dict[str, list[int]]] = {}
    """Of each topic and partition the first and the last offset that was used."""
    bad: dict[str, int] = {}
    """Records that are no events of their topic, which were passed over."""
    newest: int = 0
    """The latest index time that one of them is read at."""
    removed: list[str] = []
    """Partitions whose first records retention had removed."""

    def use(self, topic: str, partition: int, offset: int) -> None:
        """Take note of a record that was used."""
        span = self.read.setdefault(topic, {}).setdefault(str(partition), [offset, offset])
        span[0], span[1] = min(span[0], offset), max(span[1], offset)

    def pass_over(self, topic: str) -> None:
        """Take note of a record that cannot be read."""
        self.bad[topic] = self.bad.get(topic, 0) + 1


class ControlHistory:
    """What was in force, now and at any time within the horizon."""

    def __init__(self, built_in: Iterable[ControlEvent]) -> None:
        self._built_in = list(built_in)
        self._changes: list[tuple[int, Record]] = []
        self.now = Control(self._built_in)
        self.events: list[ControlEvent] = []
        """Those that count, in their order: folded anew, they come to `now`."""
        self.at = lru_cache(_REMEMBERED)(self._at_count)

    async def load(self, source: Source) -> None:
        """Read all of `control`."""
        async for record in source.read("control"):
            seen = take(self.now, record)
            if seen.event is not None:
                self.events.append(seen.event)
                self._changes.append((record.timestamp_ms * 1000, record))
        self._changes.sort(key=lambda change: change[0])

    def of(self, time: int) -> Control:
        """What was in force at a time (microseconds), by the broker's clock."""
        return self.at(bisect_right(self._changes, time, key=lambda change: change[0]))

    def _at_count(self, count: int) -> Control:
        control = Control(self._built_in)
        for _, record in self._changes[:count]:
            take(control, record)
        return control


async def gather(
    source: Source, wanted: Wanted, history: ControlHistory, folder: Path, say: Say
) -> Gathered:
    """Write the questions into `folder`, by part, and tell what there was.

    Raises:
        NothingToReplay: there is none.
    """
    found = Gathered()
    await _note_removed(source, wanted, found, say)
    say("reading queries")
    chosen = await _chosen(source, wanted, found)
    spill = folder / "heard"
    with ExitStack() as stack:
        spill.mkdir(parents=True, exist_ok=True)
        files = [stack.enter_context(_heard(spill, part).open("wb")) for part in range(PARTS)]
        for topic in ("queries", "queries.admitted", "responses"):
            say(f"reading {topic}")
            async for heard in _lines(source, topic, wanted, found):
                query_id = heard.query_id
                if query_id in chosen if chosen is not None else wanted.takes(query_id):
                    files[part_of(query_id)].write(encode(heard) + b"\n")
    say("joining questions and answers")
    for part in range(PARTS):
        _join(spill, folder, part, history, found)
        _heard(spill, part).unlink()
    spill.rmdir()
    if not found.questions:
        raise NothingToReplay(_why_nothing(found))
    return found


def questions(folder: Path, part: int) -> list[Question]:
    """The questions of a part, by the time of their asking and their id."""
    return [_read_question(line) for line in _question_file(folder, part).open("rb")]


async def _chosen(source: Source, wanted: Wanted, found: Gathered) -> set[str] | None:
    """The first questions, where only so many are wanted; None where all are."""
    if wanted.limit is None:
        return None
    first: dict[str, int] = {}
    async for heard in _lines(source, "queries", wanted, Gathered()):
        if wanted.takes(heard.query_id):
            first.setdefault(heard.query_id, heard.logged_at)
            if len(first) > 4 * wanted.limit:
                first = dict(_earliest(first, wanted.limit))
    return {query_id for query_id, _ in _earliest(first, wanted.limit)}


def _earliest(asked: Mapping[str, int], count: int) -> list[tuple[str, int]]:
    return heapq.nsmallest(count, asked.items(), key=lambda one: (one[1], one[0]))


async def _lines(
    source: Source, topic: str, wanted: Wanted, found: Gathered
) -> AsyncIterator[Heard]:
    """The records of a topic that may tell of the questions of a range."""
    until = wanted.until if topic == "queries" else wanted.until + _MEANWHILE_US
    since_ms, until_ms = wanted.since // 1000, -(-until // 1000)
    async for record in source.read(topic, since_ms=since_ms, until_ms=until_ms):
        time = record.timestamp_ms * 1000
        if not wanted.since <= time < until:
            continue
        try:
            event = decode(topic, record.value, Envelope.from_headers(record.headers))
        except (InvalidEvent, InvalidEnvelope):
            if time < wanted.until:
                found.pass_over(topic)
            continue
        if (heard := _of(event)) is not None:
            yield replace(heard, logged_at=time, partition=record.partition, offset=record.offset)


def _of(event: Struct) -> Heard | None:
    """What an event tells of a question; what nobody was shown is no part of the past."""
    match event:
        case Query():
            return Heard(query=event)
        case AdmittedQuery() if event.plan is None or event.plan.shadow_of is None:
            return Heard(admitted=event)
        case Response() if event.shadow_of is None:
            return Heard(response=event)
    return None


def _join(spill: Path, folder: Path, part: int, history: ControlHistory, found: Gathered) -> None:
    with _heard(spill, part).open("rb") as lines:
        heard = [_read_heard(line) for line in lines]
    rows = list(joined(heard, history.of))
    if not rows:
        return
    body = b"".join(encode(row) + b"\n" for row in rows)
    write_whole(_question_file(folder, part), body)
    found.parts[str(part)] = digest_of(body)
    found.questions += len(rows)
    found.newest = max(found.newest, *(row.at for row in rows))
    theirs = {row.query.query_id for row in rows}
    for one in heard:
        if one.query_id in theirs:
            found.use(_topic_of(one), one.partition, one.offset)


def _topic_of(heard: Heard) -> str:
    if heard.query is not None:
        return "queries"
    return "responses" if heard.admitted is None else "queries.admitted"


async def _note_removed(source: Source, wanted: Wanted, found: Gathered, say: Say) -> None:
    for partition, span in sorted((await source.spans("queries")).items()):
        if span.first > 0 and await _begins_within(source, partition, wanted):
            found.removed.append(f"queries/{partition} before {span.first}")
            say(f"retention has removed queries/{partition} before offset {span.first}")


async def _begins_within(source: Source, partition: int, wanted: Wanted) -> bool:
    """Whether the range may have begun before the first record that is held."""
    async with aclosing(source.read("queries", partitions=[partition])) as reading:
        async for record in reading:
            return record.timestamp_ms * 1000 > wanted.since
    return True


def _why_nothing(found: Gathered) -> str:
    bad = sum(found.bad.values())
    told = f"; {bad} records could not be read" if bad else ""
    if found.removed:
        return (
            f"no question of this range is held any more ({', '.join(found.removed)} is removed)"
            f"{told}; `--archive DIR` reads an archive that has them"
        )
    return f"no question was asked in this range{told}; `freshet tail queries` shows some"


def _heard(spill: Path, part: int) -> Path:
    return spill / f"part-{part:05d}.jsonl"


def _question_file(folder: Path, part: int) -> Path:
    return folder / f"part-{part:05d}.jsonl"


_read_heard = msgspec.json.Decoder(Heard).decode
_read_question = msgspec.json.Decoder(Question).decode
