"""The whole topology without a broker: events piped in, time advanced by hand, topics read out.

The idea is Kafka Streams' TopologyTestDriver. The handlers are the real ones, as are the log's
offsets and the index's rows; Kafka, Milvus and Triton are doubles. Nothing moves unless the test
says so, and a crash is one more call.
"""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import msgspec
from msgspec import Struct

from processors.answer import Answerer
from processors.builtin import built_in
from processors.feedback.versions import Calibrations
from processors.index import OPEN, Access
from processors.judge.evaluate import Evaluator
from processors.judge.recalibrate import recalibrated
from processors.lexical import LexicalSpec
from processors.rows import Record as Row
from processors.rows import TableName, document_key, passage_key, unit_key
from processors.tokens import WordTokenizer
from processors.verify.report import Report
from processors.version import IndexSpec
from schemas.codec import decode_as, encode
from schemas.deadletters import DeadLetter
from schemas.documents import Document
from schemas.envelope import headers
from schemas.evaluations import Evaluation
from schemas.index import IndexChange, IndexEvent, IndexProgress, IndexTick
from schemas.queries import Cancellation, Query
from schemas.responses import Response, ResponseDelta
from schemas.topics import TOPICS, type_of
from streams.clients.kafka import Headers, Position, Record
from streams.config import Kafka, Limits, Settings
from streams.index.rowindex import RowIndex
from streams.verify import rows_of, verify
from streams.views.control import ControlView
from streams.views.progress import IndexFollower
from streams.workers.admission import AdmissionHandler
from streams.workers.answerer import AnswererHandler
from streams.workers.indexer import IndexerHandler
from streams.workers.judge import JudgeHandler
from streams.workers.lanes import Lane, Lanes
from streams.workers.shell import Handler
from streams.workers.writer import WriterHandler
from tests.doubles.embedder import HashEmbedder
from tests.doubles.index import MemoryTable
from tests.doubles.judge import WordJudge
from tests.doubles.log import MemoryLog
from tests.doubles.reader import ScriptedReader
from tests.topology.roles import SECOND, Group, ManualClock, Role

_Event = TypeVar("_Event", bound=Struct)


class Seen(NamedTuple):
    """A passage as a read has it."""

    start: int
    text: str
    units: tuple[tuple[int, int, str], ...]
    """Start and end in `text`, and the embed key."""


View = dict[str, list[Seen]]


class BrittleTable(MemoryTable):
    """A table of the index that a test can make fail in the middle of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.before_insert: Callable[[], None] | None = None
        self.before_delete: Callable[[], None] | None = None

    async def insert(self, records: Sequence[Row]) -> None:
        """Add rows."""
        if self.before_insert is not None:
            self.before_insert()
        await super().insert(records)

    async def delete(self, pks: Sequence[str]) -> None:
        """Delete rows."""
        if self.before_delete is not None:
            self.before_delete()
        await super().delete(pks)


class Topology:
    """Use it as an async context manager: the roles are started and thrown away with it."""

    def __init__(
        self, path: Path, *, partitions: int = 2, answers: bool = True, **limits: Any
    ) -> None:
        self.clock = ManualClock()
        self.log = MemoryLog(partitions, self.clock)
        self.embedder = HashEmbedder()
        self.reader = ScriptedReader()
        self.readers: dict[str, ScriptedReader] = {}
        """Models that are another than `reader`, by name and version."""
        self.spec = IndexSpec()
        self.units, self.texts = BrittleTable(), BrittleTable()
        self.index = RowIndex(self.units, self.texts, LexicalSpec())
        self.indexes = {self.spec.name: self.index}
        """By version: a test may add others."""
        self.settings = Settings(
            state_dir=path,
            kafka=Kafka(partitions=partitions),
            limits=Limits(**{"after_timeout_s": 0.05, **limits}),
        )
        self.indexer = self._role("documents", self.another_indexer)
        self.writer = self._role("index.changes", self.another_writer)
        self.admission = self._role("queries", self._new_admission)
        self.answerer = self._role("queries.admitted", self._new_answerer)
        self.judge_model = WordJudge()
        self.judge = self._role("responses", self._new_judge)
        self.roles = [self.indexer, self.writer]
        if answers:
            self.roles += [self.admission, self.answerer, self.judge]

    async def __aenter__(self) -> Self:
        for role in self.roles:
            await role.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.heal()
        for role in self.roles:
            await role.crash()

    def another_indexer(self, path: Path | None = None) -> IndexerHandler:
        """An indexer on the same log, with the first one's view unless `path` is given."""
        settings = (
            self.settings if path is None else self.settings.model_copy(update={"state_dir": path})
        )
        return IndexerHandler(
            settings, self.log, self.embedder, self.spec, self.control(), self.clock
        )

    def another_admission(self) -> Role:
        """An admission worker on the same log, with a place in it of its own."""
        return self._role("queries", self._new_admission)

    def another_judge(self) -> Role:
        """A judge on the same log, with a place in it of its own."""
        return self._role("responses", self._new_judge)

    def heal(self) -> None:
        """Take away every fault that a test put in."""
        self.log.before_append = self.log.after_append = None
        for table in (self.units, self.texts):
            table.before_insert = table.before_delete = None
        for role in self.roles:
            role.group.before_ack = None

    def lose_view(self) -> None:
        """Delete the indexer's file; only while it is not running."""
        shutil.rmtree(self.settings.state_dir / "indexer", ignore_errors=True)

    # In

    def put(
        self, doc_id: str, text: str, *, id: str | None = None, headers: Headers = (), **more: Any
    ) -> Position:
        """A document event; with `id` it is a CloudEvent."""
        fields = {"doc_id": doc_id, "text": text, "content_type": "text/markdown", **more}
        value = encode(msgspec.convert(fields, Document))
        return self.raw(doc_id, value, [*headers, *self._name("documents", id)])

    def delete(self, doc_id: str, *, id: str | None = None) -> Position:
        """A deletion."""
        return self.raw(doc_id, None, self._name("documents", id))

    def raw(
        self,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Position:
        """Any record of `documents`."""
        return self.log.append("documents", key, value, headers, partition)

    def ask(self, text: str, query_id: str = "q1", **more: Any) -> str:
        """A question."""
        fields = {"query_id": query_id, "text": text, "tenant": "acme", **more}
        query = msgspec.convert(fields, Query)
        self.log.append("queries", query.tenant, encode(query))
        return query_id

    def hang_up(self, query_id: str, tenant: str = "acme") -> None:
        """The caller of a question is gone."""
        event = Cancellation(query_id=query_id, tenant=tenant)
        name = headers(type_of(event), source="test", time=self.clock())
        self.log.append("queries", tenant, encode(event), name)

    def _name(self, topic: str, id: str | None) -> Headers:
        if id is None:
            return []
        return headers(next(iter(TOPICS[topic].types)), source="test", id=id, time=self.clock())

    # On

    async def run(self) -> None:
        """Let everything come to where nothing moves any more."""
        await self.index_all()
        await self.run_questions()

    async def run_questions(self) -> None:
        """Let every question come as far as it can."""
        for role in self.roles[2:]:
            await role.drain()

    async def index_all(self) -> None:
        """Let every event of `documents` come to the index, and the index time pass it."""
        await self.indexer.drain()
        self.clock.advance(20 * SECOND)
        await self.indexer.idle()
        await self.writer.drain()

    # Out

    def events(self, partition: int | None = None) -> list[IndexEvent]:
        """Everything in `index.changes`."""
        return [_read(record) for record in self.log.all("index.changes", partition)]

    def changes(self, doc_id: str | None = None) -> list[IndexChange]:
        """Every change in the log, parts as they are."""
        changes = [event for event in self.events() if isinstance(event, IndexChange)]
        return [c for c in changes if doc_id is None or c.doc_id == doc_id]

    def statuses(self, doc_id: str | None = None) -> list[str]:
        """What became of the events, in order."""
        return [str(change.status) for change in self.changes(doc_id) if change.part == 0]

    def ticks(self) -> list[tuple[int, IndexTick]]:
        """Every tick in the log, with its partition."""
        events = [(record.partition, _read(record)) for record in self.log.all("index.changes")]
        return [(partition, event) for partition, event in events if isinstance(event, IndexTick)]

    def dead_letters(self) -> list[DeadLetter]:
        """What was put aside."""
        return self._all("dead-letters", DeadLetter)

    def responses(self, query_id: str | None = None) -> list[Response]:
        """Final responses."""
        found = self._all("responses", Response)
        return [one for one in found if query_id is None or one.query_id == query_id]

    def response(self, query_id: str = "q1") -> Response:
        """The only response to a question."""
        (only,) = self.responses(query_id)
        return only

    def evaluations(self, query_id: str | None = None) -> list[Evaluation]:
        """What the judge found."""
        found = self._all("evaluations", Evaluation)
        return [one for one in found if query_id is None or one.query_id == query_id]

    def evaluation(self, query_id: str = "q1") -> Evaluation:
        """The only evaluation of an answer."""
        (only,) = self.evaluations(query_id)
        return only

    def deltas(self, query_id: str = "q1") -> list[str]:
        """The pieces that were streamed."""
        found = self._all("response.deltas", ResponseDelta)
        return [delta.text for delta in found if delta.query_id == query_id]

    def progress(self) -> dict[int, IndexProgress]:
        """The newest progress by partition."""
        return {one.partition: one for one in self.all_progress()}

    def all_progress(self) -> list[IndexProgress]:
        """Every progress that was published."""
        return self._all("index.progress", IndexProgress)

    def read_time(self) -> int | None:
        """The latest index time that every partition can be read at."""
        progress = self.progress()
        if len(progress) < self.log.partitions:
            return None
        return min(one.index_time for one in progress.values())

    async def visible(self, at: int) -> "View":
        """What a read at `at` has of each document.

        Raises AssertionError where rows are doubled, missing or left over.
        """
        seen = [row for row in await self.rows() if row.valid_from <= at < row.valid_to]
        # Of a row that is being closed later than `at` there may be two copies for a while.
        copies = {(row.key, row.part): row for row in seen}
        versions = {(row.key, row.part, row.valid_from) for row in seen}
        assert len(copies) == len(versions), "two versions of one row are visible at once"
        units = {row.id: row.body for row in copies.values() if row.key == unit_key(row.id)}
        doc_ids = {row.id for row in copies.values() if row.key == document_key(row.id)}
        passage_ids = {row.id for row in copies.values() if row.key == passage_key(row.id)}
        documents = await self.index.documents(sorted(doc_ids), at)
        passages = await self.index.passages(sorted(passage_ids), at, Access())
        laid_out = [name for document in documents.values() for name in document.layout]
        assert sorted(laid_out) == sorted(passage_ids), "passages are not those of the layouts"
        inside = [name for passage in passages.values() for name, _, _ in passage.units]
        assert sorted(inside) == sorted(units), "units are not those of the passages"
        return {
            document.doc_id: [
                Seen(
                    start,
                    passages[name].text,
                    tuple((first, last, units[unit]) for unit, first, last in passages[name].units),
                )
                for name, (start, _) in document.layout.items()
            ]
            for document in documents.values()
        }

    async def rows(self) -> list[Row]:
        """Every physical row."""
        tables: tuple[TableName, ...] = ("units", "texts")
        return [row for table in tables async for row in self.index.rows(table)]

    async def open_rows(self) -> list[Row]:
        """Every row that nothing has closed."""
        return [row for row in await self.rows() if row.valid_to == OPEN]

    async def verify(self) -> Report:
        """What `freshet verify` says."""
        rows: Any = rows_of(self.index)  # type: ignore[arg-type]
        return await verify(
            self.log,
            rows,
            self.spec,
            as_of=None,
            horizon=0,
            now=self.clock(),
            say=lambda _: None,
        )

    def _all(self, topic: str, kind: type[_Event]) -> list[_Event]:
        return [decode_as(kind, r.value) for r in self.log.all(topic) if r.value is not None]

    # The parts

    def _role(self, topic: str, make: Callable[[], Handler]) -> Role:
        return Role(make, Group(self.log, topic), self.log.partitions)

    def another_writer(self) -> Handler:
        """A writer on the same log and index."""
        return WriterHandler(self.settings, self.log, self.index, self.spec.name, self.clock)

    def _new_admission(self) -> Handler:
        return AdmissionHandler(
            self.settings, self.log, self.control(), WordTokenizer(), self.clock
        )

    def _new_judge(self) -> Handler:
        view = ControlView(self.log)
        evaluator = Evaluator(
            indexes=self.indexes.__getitem__,
            judge=self.judge_model,
            clock=self.clock,
            recalibrate=partial(recalibrated, Calibrations(view.control)),
        )
        return JudgeHandler(self.log, evaluator, view, self.clock)

    def _new_answerer(self) -> Handler:
        view = self.control()
        lanes = Lanes(self._lane, view, linger_s=0.05)
        return AnswererHandler(self.settings, self.log, view, lanes, self._reader, self.clock)

    async def _reader(self, model: str) -> ScriptedReader:
        return self.readers.get(model, self.reader)

    def _lane(self, spec: IndexSpec) -> Lane:
        follower = IndexFollower(self.log, spec.name)
        answerer = Answerer(
            spec=spec,
            index=self.indexes[spec.name],
            embedder=self.embedder,
            statistics=follower.statistics,
            clock=self.clock,
        )
        return Lane(follower, answerer, _nothing)

    def control(self) -> ControlView:
        """What is in force, followed by one more."""
        return ControlView(self.log, built_in("scripted"))


async def _nothing() -> None:
    """A double has nothing to close."""


def _read(record: Record) -> IndexEvent:
    event: IndexEvent = _decode(record.value or b"")
    return event


_decode = msgspec.json.Decoder(IndexEvent).decode
