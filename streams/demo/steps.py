"""The demo's steps. Each says what it does, shows what came of it, and notes whether it held."""

import asyncio
import time
from collections.abc import AsyncIterator

from msgspec import json, structs
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from processors.readtime import Progress as IndexProgressFold
from processors.version import IndexSpec
from schemas.codec import encode
from schemas.documents import Document
from schemas.envelope import headers
from schemas.index import IndexChange, IndexEvent, IndexProgress
from schemas.queries import WriteReceipt
from schemas.responses import Response
from schemas.topics import TOPICS, type_of
from streams.clients.kafka import Position
from streams.clients.milvus import MilvusIndex
from streams.demo.questions import DELETED, EDIT, OFF_TOPIC, QUESTIONS
from streams.demo.stage import Stage
from streams.sources.event import Common, DocumentEvent
from streams.sources.packages import installed, read_all
from streams.verify import rows_of, verify
from streams.writes import Written, send_all

SOURCE = "freshet/demo"


class Spine:
    """Documents flow in, questions are answered, and both follow every change."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._documents: dict[str, Document] = {}

    async def run(self) -> None:
        """All steps in order."""
        for step in (self._load, self._ask, self._edit, self._delete):
            await step()

    async def verify(self) -> None:
        """The last step: the index beside the log."""
        self._stage.title("11. The index is compared with what the log says it should hold")
        spec = IndexSpec(name=self._stage.settings.index_version)
        index = MilvusIndex(self._stage.settings.milvus, spec.name)
        try:
            report = await verify(
                self._stage.log,
                rows_of(index),
                spec,
                as_of=None,
                horizon=_now() - self._stage.settings.limits.horizon_ms * 1000,
                now=_now(),
                say=_silent,
            )
        finally:
            await index.close()
        for fault in report.faults[:5]:
            self._stage.console.print(f"  {fault.kind}: {fault.what} {fault.message}", markup=False)
        self._stage.held(
            f"{report.total} faults in {report.rows} rows, {report.documents} documents, "
            f"{report.events} events",
            report.total == 0,
        )

    async def _load(self) -> None:
        """Every installed package's documentation, as document events."""
        self._stage.title(
            "1. The documentation of the installed packages flows in as document events"
        )
        events = [e for e in read_all(installed(), Common()) if isinstance(e, DocumentEvent)]
        self._documents = {e.doc_id: e.document for e in events if e.document is not None}
        size = sum(len(document.text) for document in self._documents.values())
        before = await self._stage.log.ends("index.changes")
        began = time.monotonic()
        outcomes = send_all(self._stage.log, events, SOURCE, _now)
        sent = [one.position async for one in outcomes if isinstance(one, Written)]
        first = asyncio.create_task(self._first_answer())
        await self._until_shown(sent)
        took = time.monotonic() - began
        units, words = await self._embedded(before)
        self._stage.console.print(
            f"  {len(sent)} documents, {size / 1e6:.1f} MB: {units} units embedded "
            f"({words} words) in {took:.1f} s"
        )
        took_s = self._stage.first_answer_s = await first
        self._stage.held(
            f"the first answer came {took_s:.1f} s after the first document was sent",
            took_s <= 60,
        )

    async def _first_answer(self) -> float:
        began = time.monotonic()
        async for shown in self._shown():
            if shown is not None:
                break
        await self._stage.answer_to(QUESTIONS[0].text)
        return time.monotonic() - began

    async def _send(self, document: Document) -> Position:
        name = headers(type_of(document), source=SOURCE, time=_now())
        return await self._stage.log.send("documents", document.doc_id, encode(document), name)

    async def _shown(self) -> AsyncIterator[IndexProgressFold | None]:
        """How far the index is, at each step; None until every partition can be read."""
        partitions = len(await self._stage.log.ends("index.changes"))
        fold = IndexProgressFold(self._stage.settings.index_version, partitions)
        async for record in self._stage.log.follow(["index.progress"], start="beginning"):
            if record.value is not None:
                fold.observe(_progress(record.value))
                yield fold if fold.read_time() is not None else None

    async def _until_shown(self, sent: list[Position]) -> None:
        columns = (
            TextColumn("  documents searchable"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._stage.console) as bar:
            task = bar.add_task("", total=len(sent))
            async for fold in self._shown():
                if fold is None:
                    continue
                applied = fold.applied()
                done = [p.offset <= applied.get(f"documents/{p.partition}", -1) for p in sent]
                bar.update(task, completed=sum(done))
                if all(done):
                    return

    async def _embedded(self, before: dict[int, int]) -> tuple[int, int]:
        units = words = 0
        async for change in self._changes(before):
            if change.part == 0:
                units += change.units_embedded
                words += change.words_embedded
        return units, words

    async def _changes(self, before: dict[int, int]) -> AsyncIterator[IndexChange]:
        async for record in self._stage.log.read("index.changes", start=before):
            event = _event(record.value or b"")
            if isinstance(event, IndexChange):
                yield event

    def _is_exact(self, response: Response) -> bool:
        """Whether every quote is exactly the source's text where the citation says it stands."""
        return all(
            self._documents[cited.doc_id].text[cited.start : cited.end] == cited.quote
            for cited in response.citations
            if cited.doc_id in self._documents
        )

    async def _ask(self) -> None:
        """Questions with answers in the documents, and one without."""
        self._stage.title("2. Questions are answered with citations and receipts")
        for question in QUESTIONS:
            response = await self._stage.answer_to(question.text)
            self._stage.show(question.text, response)
            cited = {citation.doc_id for citation in response.citations}
            right = f"packages/{question.package}" in cited and self._is_exact(response)
            self._stage.held(f"answered from {question.package}, quotes exact", right)
        response = await self._stage.answer_to(OFF_TOPIC)
        self._stage.show(OFF_TOPIC, response)
        self._stage.held("what the documents do not say is not answered", not response.answer)

    async def _edit(self) -> None:
        """One sentence of one document changes."""
        self._stage.title(f"3. One sentence of {EDIT.package}'s documentation is edited")
        doc_id = f"packages/{EDIT.package}"
        old = self._documents[doc_id]
        first = await self._stage.answer_to(EDIT.question)
        self._stage.show(EDIT.question, first)
        ends = await self._stage.log.ends("index.changes")
        text = old.text.replace(EDIT.before, EDIT.after, 1)
        began = time.monotonic()
        sent = await self._send(structs.replace(old, text=text))
        receipt = WriteReceipt(topic="documents", partition=sent.partition, offset=sent.offset)
        second = await self._stage.answer_to(EDIT.question, after=receipt)
        took_ms = (time.monotonic() - began) * 1000
        self._stage.show(EDIT.question, second)
        async for change in self._changes(ends):
            if change.doc_id == doc_id:
                self._stage.console.print(
                    f"  edit to answer in {took_ms:.0f} ms; {change.units_embedded} unit embedded "
                    f"({change.words_embedded} words of {len(old.text.split())}), "
                    f"{change.units_kept} kept"
                )
                # None, when an earlier run of the demo has made this very edit.
                held = change.units_embedded <= 1
                self._stage.held("an edit of one sentence embeds one unit at most", held)
        new = EDIT.after.strip("[]")
        self._stage.held("the answer changed", new in second.answer and new not in first.answer)
        as_of = first.receipt.as_of if first.receipt is not None else None
        earlier = await self._stage.answer_to(EDIT.question, as_of=as_of)
        self._stage.show(f"{EDIT.question} (as of {as_of}, before the edit)", earlier)
        self._stage.held(
            "asked as of before the edit, the old answer", earlier.answer == first.answer
        )

    async def _delete(self) -> None:
        """A document is deleted, and its deletion acknowledged."""
        self._stage.title(f"4. {DELETED.package}'s documentation is deleted")
        doc_id = f"packages/{DELETED.package}"
        before = await self._stage.answer_to(DELETED.text)
        self._stage.show(DELETED.text, before)
        kind = TOPICS["documents"].tombstone or ""
        sent = await self._stage.log.send(
            "documents", doc_id, None, headers(kind, source=SOURCE, time=_now())
        )
        receipt = WriteReceipt(topic="documents", partition=sent.partition, offset=sent.offset)
        after = await self._stage.answer_to(DELETED.text, after=receipt)
        self._stage.show(DELETED.text, after)
        as_of = after.receipt.as_of if after.receipt is not None else 0
        self._stage.console.print(
            f"  acknowledged: no read at or after {as_of} sees what "
            f"documents/{sent.partition}@{sent.offset} deleted"
        )
        gone = all(cited.doc_id != doc_id for cited in after.citations)
        held = any(cited.doc_id == doc_id for cited in before.citations)
        self._stage.held("it was found before the deletion and not after it", held and gone)


def _silent(_: str) -> None:
    """The demo says itself what it does."""


def _now() -> int:
    return time.time_ns() // 1000


_event = json.Decoder(IndexEvent).decode
_progress = json.Decoder(IndexProgress).decode
