"""`/v1/documents` over a log in memory, with the index's part played by the test."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

from schemas.codec import decode, encode
from schemas.documents import Document
from schemas.envelope import Envelope, headers
from schemas.index import ChangeStatus, IndexChange, IndexProgress, PassageSpan, Source
from schemas.topics import type_of
from streams.clients.kafka import Record
from tests.doubles.front import NOW, Front, Run, settled
from tests.doubles.log import MemoryLog

URL = "/v1/documents/notes/pools.md"
TEXT = {"text": "# Pools", "content_type": "text/markdown"}


class Index:
    """The indexer and the writer, a step at a time."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.now = NOW

    async def handles(self, record: Record, status: ChangeStatus, **more: Any) -> None:
        """The indexer has decided on an event."""
        self.now += 1
        change = IndexChange(
            doc_id=record.key.decode(),
            index_version="v1",
            index_time=self.now,
            source=Source(partition=record.partition, offset=record.offset),
            status=status,
            **more,
        )
        await self._append("index.changes", change, record.partition)

    async def handles_all(self, **more: Any) -> None:
        """Every event of `documents` so far is indexed, or deleted."""
        for record in self._log.all("documents"):
            if record.value is None:
                await self.handles(record, "deleted")
            else:
                event = decode("documents", record.value)
                await self.handles(record, "indexed", acl=event.acl, **more)

    async def shows(self, records: list[Record]) -> None:
        """The writer has applied these events; every partition has come to the same time."""
        self.now += 1
        for partition in range(self._log.partitions):
            applied = max((r.offset for r in records if r.partition == partition), default=-1)
            progress = IndexProgress(
                partition=partition,
                index_version="v1",
                index_time=self.now,
                applied=applied,
                changes_offset=0,
            )
            await self._append("index.progress", progress, partition)

    async def _append(self, topic: str, event: Any, partition: int) -> None:
        name = headers(type_of(event), source="/test", time=NOW)
        self._log.append(topic, None, encode(event), name, partition)
        await settled()


@pytest.fixture
def index(front: Front) -> Index:
    """The index behind the gateway."""
    return Index(front.log)


def written(front: Front) -> list[Record]:
    """What came to `documents`."""
    return front.log.all("documents")


async def test_a_document_put_is_in_the_log_at_its_receipt(front: Front) -> None:
    """Under its id, with an envelope, for its tenant alone."""
    response = await front.client.put(URL, json=TEXT | {"title": "Pools"})
    (record,) = written(front)
    envelope = Envelope.from_headers(record.headers)
    assert response.status_code == 202
    assert response.json()["receipt"] == {
        "topic": "documents",
        "partition": record.partition,
        "offset": record.offset,
    }
    assert decode("documents", record.value, envelope) == Document(
        doc_id="notes/pools.md",
        text="# Pools",
        content_type="text/markdown",
        title="Pools",
        acl=["acme"],
    )


async def test_a_text_can_be_sent_as_it_is(front: Front) -> None:
    """With its own content type."""
    response = await front.client.put(
        f"{URL}?title=Pools",
        content="\ufeff# Pööls".encode(),
        headers={"content-type": "text/markdown; charset=UTF-8"},
    )
    document = decode("documents", written(front)[0].value)
    assert response.status_code == 202
    assert (document.text, document.title) == ("# Pööls", "Pools")


async def test_an_id_may_hold_anything_that_can_be_escaped(front: Front) -> None:
    """Slashes, spaces, other scripts, a question mark."""
    await front.client.put("/v1/documents/a%2Fb%20%C3%A4%3Fc", json=TEXT)
    assert written(front)[0].key.decode() == "a/b ä?c"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (URL, {"text": "x"}, 400),
        (URL, {"text": 1, "content_type": "text/plain"}, 400),
        (URL, {"text": "x", "content_type": "application/pdf"}, 400),
        (URL, TEXT | {"updated_at": "2025-02-30T00:00:00Z"}, 400),
        (URL, TEXT | {"updated_at": "yesterday"}, 400),
        (URL, TEXT | {"metadata": {"nested": {"a": 1}}}, 400),
        (URL, TEXT | {"metadata": [1]}, 400),
        (URL, TEXT | {"acl": ["acme", "*"]}, 400),
        (URL, TEXT | {"acl": "acme"}, 400),
        (URL, TEXT | {"acl": ["other"]}, 403),
        (URL, TEXT | {"acl": []}, 403),
        (URL, TEXT | {"acl": None}, 403),
        (f"{URL}?wait=perhaps", TEXT, 400),
        ("/v1/documents/a%0Ab", TEXT, 404),
        ("/v1/documents/a%FFb", TEXT, 400),
        ("/v1/documents/" + "x" * 600, TEXT, 400),
        (URL, TEXT | {"text": "x" * (8 * 1024 * 1024 + 1)}, 413),
        (URL, TEXT | {"text": "x" * (10 * 1024 * 1024)}, 413),
    ],
)
async def test_what_cannot_be_a_document_is_refused(
    front: Front, path: str, body: dict[str, Any], status: int
) -> None:
    """And nothing is written."""
    response = await front.client.put(path, json=body)
    assert response.status_code == status
    assert written(front) == []


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"\xff\xfe", "text/plain", 400),
        (b"text", "text/plain; charset=latin-1", 415),
        (b"%PDF", "application/pdf", 415),
        (b"text", "", 415),
        (b'{"text": "\xff"}', "application/json", 400),
        (b'{"text": "\\ud800", "content_type": "text/plain"}', "application/json", 400),
        (b"\x01" * 8_000_000, "text/plain", 400),
    ],
)
async def test_bytes_that_are_no_text_are_refused(
    front: Front, content: bytes, content_type: str, status: int
) -> None:
    """Also those that are no text of JSON's, or too much for the log once they are."""
    response = await front.client.put(URL, content=content, headers={"content-type": content_type})
    assert response.status_code == status
    assert written(front) == []


async def test_a_write_is_pending_until_the_indexer_has_handled_it(
    front: Front, index: Index
) -> None:
    """Then it is indexed, and applied once every read shows it."""
    await front.client.put(URL, json=TEXT)
    pending = (await front.client.get(URL)).json()
    await index.handles_all(title="Pools", units_kept=1, layout=[PassageSpan("p", 0, 7, NOW)])
    indexed = (await front.client.get(URL)).json()
    await index.shows(written(front))
    shown = (await front.client.get(URL)).json()
    assert (pending["status"], pending["applied"]) == ("pending", False)
    assert (indexed["status"], indexed["applied"]) == ("indexed", False)
    assert (shown["status"], shown["applied"]) == ("indexed", True)
    assert (shown["title"], shown["units"], shown["passages"]) == ("Pools", 1, 1)
    assert shown["receipt"] == pending["receipt"]
    assert shown["index_time"] == NOW + 1


async def test_waiting_for_a_write_ends_when_every_read_shows_it(
    front: Front, index: Index
) -> None:
    """Then the status comes in place of the receipt."""
    waiting = asyncio.create_task(front.client.put(f"{URL}?wait=true", json=TEXT))
    await settled()
    await index.handles_all()
    assert not waiting.done()
    await index.shows(written(front))
    response = await waiting
    assert response.status_code == 200
    assert (response.json()["status"], response.json()["applied"]) == ("indexed", True)


async def test_waiting_is_bounded(front: Front) -> None:
    """Then the receipt comes after all."""
    front.gateway.documents.wait_s = 0.05
    response = await front.client.put(f"{URL}?wait=true", json=TEXT)
    assert (response.status_code, response.json()["status"]) == (202, "pending")


async def test_a_deletion_is_acknowledged_with_where_no_read_finds_it_any_more(
    front: Front, index: Index
) -> None:
    """The receipt in the log, the index time, and the change."""
    await front.client.put(URL, json=TEXT)
    await index.handles_all()
    waiting = asyncio.create_task(front.client.delete(f"{URL}?wait=true"))
    await settled()
    tombstone = written(front)[-1]
    await index.handles(tombstone, "deleted")
    time = index.now
    await index.shows(written(front))
    acknowledged = (await waiting).json()
    assert tombstone.value is None
    assert Envelope.from_headers(tombstone.headers).type == "dev.freshet.document.deleted.v1"
    assert (acknowledged["status"], acknowledged["applied"]) == ("deleted", True)
    assert acknowledged["receipt"]["offset"] == tombstone.offset
    assert acknowledged["index_time"] == time
    assert acknowledged["change"]["offset"] == 1


async def test_a_document_that_there_is_not_cannot_be_deleted(front: Front) -> None:
    """404, and no tombstone."""
    assert (await front.client.delete(URL)).status_code == 404
    assert written(front) == []


async def test_another_tenant_neither_sees_nor_writes_a_document(
    front: Front, index: Index
) -> None:
    """From the moment on that it is written, and once it is indexed."""
    other = await front.speaking_for("other", "documents:admin")
    await front.client.put(URL, json=TEXT)
    for _ in range(2):
        seen = await front.client.get(URL, headers=other)
        put = await front.client.put(URL, json=TEXT, headers=other)
        deleted = await front.client.delete(URL, headers=other)
        assert (seen.status_code, put.status_code, deleted.status_code) == (404, 403, 404)
        await index.handles_all()
        await index.shows(written(front))
    assert len(written(front)) == 1


async def test_of_two_tenants_who_put_a_new_document_at_once_one_has_it(front: Front) -> None:
    """However the requests meet."""
    other = await front.speaking_for("other")
    responses = await asyncio.gather(
        front.client.put(URL, json=TEXT), front.client.put(URL, json=TEXT, headers=other)
    )
    assert sorted(response.status_code for response in responses) == [202, 403]
    assert len(written(front)) == 1


async def test_a_shared_document_is_seen_and_written_by_all_whose_it_is(
    front: Front, index: Index
) -> None:
    """Who is left out of a new `acl` no longer finds it."""
    other = await front.speaking_for("other")
    await front.client.put(URL, json=TEXT | {"acl": ["acme", "other"]})
    await index.handles_all()
    assert (await front.client.get(URL, headers=other)).status_code == 200
    shared = TEXT | {"text": "new", "acl": ["other", "acme"]}
    assert (await front.client.put(URL, json=shared, headers=other)).status_code == 202
    assert (await front.client.put(URL, json=TEXT)).status_code == 202
    assert (await front.client.get(URL, headers=other)).status_code == 404


async def test_a_public_document_is_everybody_s_to_find_and_the_admins_to_write(
    front: Front, index: Index
) -> None:
    """A key says by its scope whether it may."""
    admin = await front.speaking_for("house", "documents:admin")
    public = TEXT | {"acl": None}
    assert (await front.client.put(URL, json=public, headers=admin)).status_code == 202
    await index.handles_all()
    assert (await front.client.get(URL)).json()["acl"] is None
    assert (await front.client.put(URL, json=TEXT)).status_code == 403
    assert (await front.client.delete(URL)).status_code == 403
    assert (await front.client.delete(URL, headers=admin)).status_code == 202


async def test_a_deleted_document_is_nobody_s(front: Front, index: Index) -> None:
    """Its id is free; until then only who had it sees that it is gone."""
    other = await front.speaking_for("other")
    await front.client.put(URL, json=TEXT)
    await front.client.delete(URL)
    assert (await front.client.put(URL, json=TEXT, headers=other)).status_code == 403
    await index.handles_all()
    assert (await front.client.get(URL)).json()["status"] == "deleted"
    assert (await front.client.get(URL, headers=other)).status_code == 404
    assert (await front.client.put(URL, json=TEXT, headers=other)).status_code == 202
    assert (await front.client.get(URL)).status_code == 404


async def test_a_late_event_leaves_what_stands(front: Front, index: Index) -> None:
    """The newest event's outcome is told beside it."""
    await front.client.put(URL, json=TEXT)
    await index.handles_all(title="Pools")
    await front.client.put(URL, json=TEXT)
    await index.handles(written(front)[-1], "late")
    found = (await front.client.get(URL)).json()
    assert (found["status"], found["outcome"], found["title"]) == ("indexed", "late", "Pools")


async def test_who_waits_for_a_document_that_is_rejected_is_told(
    front: Front, index: Index
) -> None:
    """422; its status is there for who asks later, and for nobody else."""
    other = await front.speaking_for("other")
    waiting = asyncio.create_task(front.client.put(f"{URL}?wait=true", json=TEXT))
    await settled()
    await index.handles(written(front)[0], "rejected")
    await index.shows(written(front))
    response = await waiting
    assert (response.status_code, response.json()["error"]["code"]) == (422, "rejected")
    assert (await front.client.get(URL)).json()["status"] == "rejected"
    assert (await front.client.get(URL, headers=other)).status_code == 404


async def test_a_retry_with_the_same_idempotency_key_is_the_same_event(front: Front) -> None:
    """So that the indexer knows it for a duplicate; for another document it is another."""
    key = {"Idempotency-Key": "k-1"}
    await front.client.put(URL, json=TEXT, headers=key)
    await front.client.put(URL, json=TEXT, headers=key)
    await front.client.put(f"{URL}x", json=TEXT, headers=key)
    ids = [Envelope.from_headers(record.headers).id for record in written(front)]
    assert len(ids) == 3
    assert len(set(ids)) == 2


async def test_status_survives_a_restart(run: Run) -> None:
    """What was pending, too; what came meanwhile is caught up with."""
    log = MemoryLog(clock=lambda: NOW)
    async with run(log=log) as front:
        await front.client.put(URL, json=TEXT)
        await front.client.put(f"{URL}x", json=TEXT)
        await Index(log).handles(front.log.all("documents")[0], "indexed", acl=["acme"])
    later = Index(log)
    later.now += 10
    await later.shows(log.all("documents"))
    async with run(log=log) as front:
        statuses = [(await front.client.get(url)).json()["status"] for url in (URL, f"{URL}x")]
    assert sorted(statuses) == ["indexed", "pending"]


async def test_the_status_of_another_log_is_forgotten(run: Run) -> None:
    """A broker that begins anew begins at offset 0."""
    async with run() as front:
        await front.client.put(URL, json=TEXT)
        await Index(front.log).handles_all()
        assert (await front.client.get(URL)).status_code == 200
    async with run(log=MemoryLog(clock=lambda: NOW)) as front:
        assert (await front.client.get(URL)).status_code == 404


async def test_a_log_that_takes_nothing_is_an_outage_and_no_write(front: Front) -> None:
    """503, to be tried again."""

    def fail(_record: Record) -> None:
        raise KafkaTimeoutError

    front.log.before_append = fail
    response = await front.client.put(URL, json=TEXT)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "log_unavailable")
    assert (await front.client.get(URL)).status_code == 404
