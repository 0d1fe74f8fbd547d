"""Document events on their way into the log, and back when the index shows them."""

import asyncio
from collections.abc import Awaitable

import msgspec
import pytest

from schemas.codec import decode, encode
from schemas.documents import Document
from schemas.envelope import Envelope
from schemas.index import IndexProgress
from streams.clients.kafka import Headers, Position
from streams.sources.event import DocumentEvent, Found, Skipped
from streams.writes import WINDOW, NotShown, Outcome, ShownFrom, Written, prepare, send_all
from tests.doubles.log import MemoryLog

NOW = 1_700_000_000_000_000


def upsert(doc_id: str, text: str = "text", **more: object) -> DocumentEvent:
    """An event of a new text."""
    return DocumentEvent(
        doc_id,
        Document(doc_id=doc_id, text=text, content_type="text/plain"),
        **more,  # type: ignore[arg-type]
    )


async def sent(log: MemoryLog, found: list[Found]) -> list[Outcome]:
    """What became of each."""
    return [outcome async for outcome in send_all(log, found, "/test", lambda: NOW)]


def progress(partition: int, index_time: int, applied: int, version: str = "v1") -> bytes:
    """A report of the writer."""
    return encode(
        IndexProgress(
            partition=partition,
            index_version=version,
            index_time=index_time,
            applied=applied,
            changes_offset=0,
        )
    )


async def test_a_document_arrives_whole_in_its_envelope() -> None:
    """The value reads back as the document, under its id."""
    log = MemoryLog()
    event = upsert("docs/a.md", updated_at=NOW - 5, event_id="commit/1")

    await sent(log, [event])

    (record,) = log.all("documents")
    envelope = Envelope.from_headers(record.headers)
    assert record.key == b"docs/a.md"
    assert decode("documents", record.value, envelope) == event.document
    assert envelope == Envelope("/test", "commit/1", "dev.freshet.document.changed.v1", NOW - 5)


async def test_a_deletion_is_a_null_value_under_the_id() -> None:
    """As the topic's contract has it."""
    log = MemoryLog()

    (outcome,) = await sent(log, [DocumentEvent("a", None)])

    (record,) = log.all("documents")
    envelope = Envelope.from_headers(record.headers)
    assert (record.key, record.value) == (b"a", None)
    assert envelope is not None
    assert envelope.type == "dev.freshet.document.deleted.v1"
    assert outcome == Written("a", True, Position("documents", record.partition, 0))


async def test_two_writes_of_one_text_are_two_events() -> None:
    """A document that goes back to an earlier text must not pass for a repetition."""
    log = MemoryLog()

    await sent(log, [upsert("a", "old"), upsert("a", "new"), upsert("a", "old")])

    ids = {dict(record.headers)["ce_id"] for record in log.all("documents")}
    assert len(ids) == 3


async def test_what_no_reader_would_take_is_skipped_and_the_rest_is_sent() -> None:
    """In order, each with its reason."""
    log = MemoryLog()
    found: list[Found] = [
        upsert("a"),
        Skipped("b.png", "binary"),
        upsert("bad\nid"),
        DocumentEvent("", None),
        upsert("c", "\ud800"),
        upsert("d", "\x01" * (4 * 1024 * 1024)),
        upsert("e"),
    ]

    outcomes = await sent(log, found)

    assert [o.doc_id for o in outcomes if isinstance(o, Written)] == ["a", "e"]
    reasons = [outcome.why for outcome in outcomes if isinstance(outcome, Skipped)]
    for reason, expected in zip(
        reasons, ["binary", "$.doc_id", "$.doc_id", "surrogate", "too large"], strict=True
    ):
        assert expected in reason


def test_a_text_that_just_fits_into_a_message_is_sent() -> None:
    """The room left for the envelope is small."""
    message = prepare(upsert("a", "a" + "é" * (8 * 1024 * 1024 - 16 * 1024)), "/test", NOW)

    assert not isinstance(message, Skipped)


class SlowLog(MemoryLog):
    """Acknowledges nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged = asyncio.Event()

    async def submit(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Awaitable[Position]:
        """In the log at once, acknowledged later."""
        position = self.append(topic, key, value, headers, partition)

        async def landed() -> Position:
            await self.acknowledged.wait()
            return position

        return landed()


async def test_many_are_under_way_at_once_but_not_without_bound() -> None:
    """A folder larger than memory can be sent."""
    log = SlowLog()
    sending = asyncio.create_task(sent(log, [upsert(str(n)) for n in range(3 * WINDOW)]))
    for _ in range(10 * WINDOW):
        await asyncio.sleep(0)

    under_way = len(log.all("documents"))
    log.acknowledged.set()
    outcomes = await sending

    assert under_way == WINDOW + 1
    assert [o.doc_id for o in outcomes if isinstance(o, Written)] == list(
        map(str, range(3 * WINDOW))
    )


async def test_a_log_that_fails_ends_the_sending() -> None:
    """Nothing counts as written that was not acknowledged."""
    log = MemoryLog()

    def outage(_: object) -> None:
        raise ConnectionError("gone")

    log.before_append = outage
    with pytest.raises(ConnectionError):
        await sent(log, [upsert("a")])


async def test_a_write_shows_once_every_new_read_is_late_enough() -> None:
    """Its own partition having it is not enough: a read is made at the least of all."""
    log = MemoryLog(partitions=2)
    shown_from = await ShownFrom.at_now(log, "v1")
    write = Position("documents", 0, 7)
    waiting = asyncio.create_task(shown_from.wait([write], 60))

    for value in (
        progress(1, 90, applied=3),
        progress(0, 95, applied=6),
        progress(0, 100, applied=7, version="v2"),
        progress(0, 101, applied=7),
    ):
        log.append("index.progress", "p", value, partition=msgspec.json.decode(value)["partition"])
        for _ in range(20):
            await asyncio.sleep(0)
    assert not waiting.done()
    log.append("index.progress", "1", progress(1, 101, applied=3), partition=1)

    assert await waiting == [101]


async def test_a_write_that_does_not_show_in_time_is_said_to_be_in_the_log() -> None:
    """So nobody sends it twice for that."""
    log = MemoryLog(partitions=1)
    shown_from = await ShownFrom.at_now(log, "v1")

    with pytest.raises(NotShown, match="1 of 1 writes do not show after 0 s; they are in the log"):
        await shown_from.wait([Position("documents", 0, 0)], 0)
