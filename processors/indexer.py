"""From document events to index changes: decide, diff, and say what is left to embed.

Every event of `documents` that names a document becomes exactly one change at its own index
time, also when it changes nothing, so that the log of changes accounts for each offset. State
is a fold of those changes (`IndexState`); this class adds what is decided but not yet there.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from processors.clock import IndexClock
from processors.cut import Cut, cut_document, with_keys
from processors.deadletters import dead_letter
from processors.documents import Rejected, doc_id_of, document_of, text_hash_of
from processors.manifest import (
    Delta,
    Manifest,
    access_key,
    deleted,
    diff,
    digest,
    fold,
    row_key,
)
from processors.parts import Draft, parts
from processors.version import IndexSpec
from schemas.codec import InvalidEvent
from schemas.deadletters import DeadLetter, Reason
from schemas.documents import Document
from schemas.envelope import Envelope, InvalidEnvelope, headers
from schemas.index import ChangeStatus, IndexChange, IndexTick, Source
from schemas.times import parse_time
from schemas.topics import TOPICS

SOURCE = "freshet/indexer"


class Incoming(NamedTuple):
    """One record of `documents`, as received."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class IndexState(Protocol):
    """The fold of `index.changes` that an indexer decides by."""

    def manifest(self, doc_id: str) -> Manifest | None:
        """What the index holds of a document."""
        ...

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of these embed keys have a vector already, in any document and version."""
        ...

    def seen(self, event_id: str) -> bool:
        """Whether an event of this id was handled before."""
        ...

    def applied(self, partition: int) -> int:
        """The last offset of `documents` that a change accounts for; -1 before the first."""
        ...


class Plan(msgspec.Struct, kw_only=True):
    """What a batch of events comes to."""

    drafts: list[Draft]
    dead: list[DeadLetter]
    rekey: list[Incoming]
    to_embed: dict[str, str]
    """`embed_key` to the text behind it, none of which has ever been embedded."""
    taken: Counter[int]
    """How many events of each partition the plan accounts for, those without a change too."""

    @property
    def needed(self) -> set[str]:
        """The embed keys of every vector that the changes carry."""
        deltas = (draft.delta for draft in self.drafts if draft.delta is not None)
        return {key for delta in deltas for _, _, key in delta.units_gained}


class _Item(msgspec.Struct, kw_only=True):
    """An event that names a document, and what becomes of it; `document` None is a deletion."""

    source: Source
    doc_id: str
    status: ChangeStatus = "indexed"
    document: Document | None = None
    cut: Cut | None = None
    """None where the text is the one that is indexed already."""
    beats: "_Item | None" = None
    """The event of the same document and batch that counts should this one turn out bad."""
    newest: str | None = None
    """The latest `updated_at` of the document up to this event; conflated ones count."""
    incoming: Incoming


class Indexer:
    """Plans batches in order; a plan counts from when it is made. One call at a time."""

    def __init__(
        self,
        spec: IndexSpec,
        state: IndexState,
        clock: IndexClock,
        partition_of: Callable[[bytes], int],
    ) -> None:
        self._spec = spec
        self._state = state
        self._clock = clock
        self._partition_of = partition_of
        self._pending: dict[str, tuple[int, Manifest]] = {}
        """Manifests that plans came to and the state does not show yet, with their index time."""
        self._pending_ids: set[str] = set()
        self._pending_keys: set[str] = set()
        self._unwritten: Counter[int] = Counter()
        self._planned: dict[int, int] = {}

    def plan(self, events: Sequence[Incoming], now: int) -> Plan:
        """Decide what each event does; `now` in microseconds since the epoch.

        Of several events for one document the last that counts is indexed, the others become
        `conflated`. A bad event becomes a dead letter and a `rejected` change.
        """
        plan = Plan(drafts=[], dead=[], rekey=[], to_embed={}, taken=Counter())
        items: list[_Item] = []
        for incoming in events:
            if incoming.offset <= self.handled(incoming.partition):
                continue
            self._planned[incoming.partition] = incoming.offset
            plan.taken[incoming.partition] += 1
            if (item := self._read(incoming, plan, now)) is not None:
                items.append(item)
        self._decide(items)
        self._cut_all(items, plan, now)
        for item in items:
            plan.drafts.append(self._draft(item, plan, now))
        self._pending_keys.update(plan.to_embed)
        self._unwritten.update(plan.taken)
        return plan

    def forget(self, plan: Plan) -> None:
        """The plan's changes are in the state now."""
        for draft in plan.drafts:
            change = draft.change
            pending = self._pending.get(change.doc_id)
            if pending is not None and pending[0] == change.index_time:
                del self._pending[change.doc_id]
            self._pending_ids.discard(change.source.event_id or "")
        self._pending_keys.difference_update(plan.to_embed)
        self._unwritten.subtract(plan.taken)

    def busy(self, but: Plan | None = None) -> frozenset[int]:
        """Partitions of which something is planned and not written yet: no tick may pass it.

        Leave out the plan `but`, whose changes are written just before the tick.
        """
        taken = Counter(but.taken) if but is not None else Counter[int]()
        return frozenset(self._unwritten - taken)

    def tick(self, partition: int, now: int) -> IndexTick:
        """A promise that nothing at or before its time is still to come from `partition`.

        It is no earlier than any change of any partition: should the clock have been turned
        back, or another machine's be ahead, reads come to see every change all the same.
        """
        return IndexTick(
            index_version=self._spec.name,
            index_time=self._clock.next(partition, max(now, self._clock.latest())),
            applied=self.handled(partition),
        )

    def handled(self, partition: int) -> int:
        """The last offset of `documents` that is planned or done; -1 before the first."""
        return max(self._planned.get(partition, -1), self._state.applied(partition))

    def _manifest(self, doc_id: str) -> Manifest | None:
        pending = self._pending.get(doc_id)
        return pending[1] if pending is not None else self._state.manifest(doc_id)

    def _read(self, incoming: Incoming, plan: Plan, now: int) -> _Item | None:
        """Decode one event; None where it names no document."""
        source = Source(partition=incoming.partition, offset=incoming.offset)
        doc_id: str | None = None
        try:
            doc_id = doc_id_of(incoming.key)
            envelope = Envelope.from_headers(incoming.headers)
            item = _Item(source=source, doc_id=doc_id, incoming=incoming)
            if self._partition_of(incoming.key or b"") != incoming.partition:
                plan.rekey.append(_named(incoming, now) if envelope is None else incoming)
                item.status = "rekeyed"
                return item
            if envelope is not None:
                item.source = msgspec.structs.replace(source, event_id=digest(envelope.dedupe_key))
            item.document = document_of(doc_id, incoming.value, envelope)
            return item
        except (InvalidEvent, InvalidEnvelope, Rejected) as error:
            reason: Reason = getattr(error, "reason", "invalid")
            plan.dead.append(_dead(incoming, reason, str(error), now))
            if doc_id is None:
                return None
            return _Item(source=source, doc_id=doc_id, status="rejected", incoming=incoming)

    def _decide(self, items: Sequence[_Item]) -> None:
        """Settle, per document and in order, which event counts; mark the others."""
        newest: dict[str, str | None] = {}
        winner: dict[str, _Item] = {}
        for item in items:
            if item.status != "indexed":
                continue
            if item.doc_id not in newest:
                held = self._manifest(item.doc_id)
                newest[item.doc_id] = held.updated_at if held else None
            item.status = self._judged(item, newest[item.doc_id])
            if item.status == "indexed":
                if (beaten := winner.get(item.doc_id)) is not None:
                    beaten.status, item.beats = "conflated", beaten
                winner[item.doc_id] = item
                item.newest = newest[item.doc_id] = _updated_at(item) or newest[item.doc_id]

    def _judged(self, item: _Item, newest: str | None) -> ChangeStatus:
        event_id = item.source.event_id
        if event_id is not None:
            if event_id in self._pending_ids or self._state.seen(event_id):
                return "duplicate"
            self._pending_ids.add(event_id)
        mine = _updated_at(item)
        if mine is not None and newest is not None and parse_time(mine) < parse_time(newest):
            return "late"
        return "indexed"

    def _cut_all(self, items: Sequence[_Item], plan: Plan, now: int) -> None:
        """Cut what counts of each document; where that fails, what it had beaten counts."""
        for item in reversed(items):
            if item.status != "indexed" or item.document is None:
                continue
            try:
                item.cut = self._cut(item.document)
            except Exception as error:  # a text that breaks the splitter must not stop the stream
                plan.dead.append(_dead(item.incoming, "internal", _told(error), now))
                item.status = "rejected"
                if item.beats is not None:
                    item.beats.status = "indexed"

    def _cut(self, document: Document) -> Cut | None:
        held = self._manifest(document.doc_id)
        if held is not None and held.text_hash == text_hash_of(document):
            return None
        cut = cut_document(document, self._spec)
        row = row_key(cut.title, document.acl, document.metadata)
        return with_keys(cut, self._spec.embedder, row, held)

    def _draft(self, item: _Item, plan: Plan, now: int) -> Draft:
        held = self._manifest(item.doc_id)
        time = self._clock.next(item.source.partition, now, above=held.valid_from if held else 0)
        if item.status == "indexed":
            return self._indexed(item, held, time, plan)
        if item.status == "conflated":
            change = self._change(item, time, updated_at=item.newest)
            return self._remember(Draft(change=change), held)
        return Draft(change=self._change(item, time))

    def _change(self, item: _Item, time: int, **more: Any) -> IndexChange:
        return IndexChange(
            doc_id=item.doc_id,
            index_version=self._spec.name,
            index_time=time,
            source=item.source,
            status=more.pop("status", item.status),
            **more,
        )

    def _indexed(self, item: _Item, held: Manifest | None, time: int, plan: Plan) -> Draft:
        if (document := item.document) is None:
            return self._deleted(item, held, time)
        if (cut := item.cut) is None:
            change = self._change(item, time, status="unchanged", updated_at=item.newest)
            return self._remember(Draft(change=change), held)
        row = row_key(cut.title, document.acl, document.metadata)
        access = access_key(document.acl, document.metadata)
        delta = diff(
            held,
            cut.passages,
            row=row,
            rewrite=held is not None and held.access != access,
            seed=f"{document.doc_id}\0{item.source.partition}\0{item.source.offset}",
            index_time=time,
        )
        fresh = self._fresh(delta, plan)
        plan.to_embed.update((key, cut.texts[key]) for key in fresh)
        change = self._change(
            item,
            time,
            title=cut.title,
            uri=document.uri,
            content_type=document.content_type,
            updated_at=item.newest,
            acl=document.acl,
            metadata=document.metadata,
            text_hash=text_hash_of(document),
            document_lost=_open_row(held),
            units_kept=delta.units_kept,
            units_embedded=len(fresh),
            words_embedded=sum(len(cut.texts[key].split()) for key in fresh),
            df=delta.df,
            passages_delta=delta.passages_delta,
        )
        return self._remember(Draft(change=change, delta=delta), held)

    def _deleted(self, item: _Item, held: Manifest | None, time: int) -> Draft:
        delta = deleted(held, time)
        change = self._change(
            item,
            time,
            status="deleted",
            updated_at=item.newest,
            document_lost=_open_row(held),
            df=delta.df,
            passages_delta=delta.passages_delta,
        )
        return self._remember(Draft(change=change, delta=delta), held)

    def _remember(self, draft: Draft, held: Manifest | None) -> Draft:
        manifest = fold(held, list(parts(draft)))
        if manifest is not None:
            self._pending[draft.change.doc_id] = (draft.change.index_time, manifest)
        return draft

    def _fresh(self, delta: Delta, plan: Plan) -> list[str]:
        keys = dict.fromkeys(key for _, _, key in delta.units_gained)
        known = self._state.known(keys)
        elsewhere = (known, self._pending_keys, plan.to_embed)
        return [key for key in keys if not any(key in there for there in elsewhere)]


def _updated_at(item: _Item) -> str | None:
    return item.document.updated_at if item.document else None


def _open_row(held: Manifest | None) -> int | None:
    return None if held is None or held.deleted else held.valid_from


def _told(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"[:500]
    return said.encode(errors="replace").decode()


def _named(incoming: Incoming, now: int) -> Incoming:
    """The event with an id, so that a second copy of it, after a crash, is no other event."""
    topic = TOPICS["documents"]
    kind = topic.tombstone if incoming.value is None else next(iter(topic.types))
    assert kind is not None
    place = f"documents/{incoming.partition}@{incoming.offset}"
    name = headers(kind, source=SOURCE, id=place, time=now)
    kept = [header for header in incoming.headers if header[0] != "content-type"]
    return incoming._replace(headers=[*name, *kept])


def _dead(incoming: Incoming, reason: Reason, message: str, now: int) -> DeadLetter:
    return dead_letter("documents", incoming, reason, message, "indexer", now)
