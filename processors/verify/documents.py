"""What each document should have come to, by reading `documents` one event after the other."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

import msgspec

from processors.assemble import Assembled
from processors.cut import cut_document
from processors.documents import Rejected, doc_id_of, document_of, text_hash_of
from processors.embedding import embed_key
from processors.indexer import Incoming
from processors.manifest import Manifest, fold
from processors.verify.report import Fault, FaultKind
from processors.version import IndexSpec
from schemas.codec import InvalidEvent
from schemas.documents import Document
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.times import parse_time


class ManifestFold:
    """Every document's manifest at an index time, and which offsets were accounted for."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.manifests: dict[str, Manifest] = {}
        self.accounted: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.rejected: set[tuple[int, int]] = set()
        self.applied: dict[int, int] = {}

    def add(self, partition: int, step: Assembled) -> None:
        """Take the next step of one partition."""
        if step.index_time > self._at:
            return
        self.applied[partition] = max(self.applied.get(partition, -1), step.applied)
        if not step.parts:
            return
        change = step.parts[0]
        source = change.source
        self.accounted[source.partition][source.offset] += 1
        if change.status in ("rejected", "rekeyed"):
            self.rejected.add((source.partition, source.offset))
        manifest = fold(self.manifests.get(change.doc_id), step.parts)
        if manifest is not None:
            self.manifests[change.doc_id] = manifest


class _State(msgspec.Struct):
    """A document after an event; `offset` is where its text stands."""

    partition: int
    offset: int
    text_hash: str | None
    updated_at: int | None


class PlainReading:
    """The newest valid version of every document, without batches, diffs or caches."""

    def __init__(self, folded: ManifestFold, partition_of: Callable[[bytes], int]) -> None:
        self._folded = folded
        self._partition_of = partition_of
        self._states: dict[str, _State] = {}
        self._seen: set[str] = set()
        self.events = 0
        self.faults: list[Fault] = []

    def add(self, record: Incoming) -> None:
        """Take the next record of `documents`; one that the index has not applied is left out."""
        if record.offset > self._folded.applied.get(record.partition, -1):
            return
        self.events += 1
        place = f"documents/{record.partition}@{record.offset}"
        accounted = self._folded.accounted[record.partition][record.offset]
        rejected = (record.partition, record.offset) in self._folded.rejected
        try:
            doc_id = doc_id_of(record.key)
        except Rejected:
            return  # it names no document, so there is none that could account for it
        if accounted != 1:
            kind: FaultKind = "doubled" if accounted else "missing"
            self.faults.append(Fault(kind, place, f"{accounted} changes account for it"))
        valid = self._partition_of(record.key or b"") == record.partition
        try:
            envelope = Envelope.from_headers(record.headers)
            document = document_of(doc_id, record.value, envelope)
        except (Rejected, InvalidEvent, InvalidEnvelope):
            valid = False
        if valid == rejected:
            self.faults.append(Fault("different", place, "rightly or wrongly rejected"))
        elif valid:
            self._take(doc_id, document, envelope, record)

    def _take(
        self, doc_id: str, document: Document | None, envelope: Envelope | None, record: Incoming
    ) -> None:
        if envelope is not None:
            if envelope.dedupe_key in self._seen:
                return
            self._seen.add(envelope.dedupe_key)
        held = self._states.get(doc_id)
        newest = held.updated_at if held else None
        updated = parse_time(document.updated_at) if document and document.updated_at else None
        if updated is not None and newest is not None and updated < newest:
            return
        self._states[doc_id] = _State(
            record.partition,
            record.offset,
            None if document is None else text_hash_of(document),
            newest if updated is None else updated,
        )

    def compare(self) -> Iterator[Fault]:
        """Faults of the manifests: documents that are not in the state that was read."""
        yield from self.faults
        for doc_id, state in self._states.items():
            manifest = self._folded.manifests.get(doc_id)
            if manifest is None:
                if state.text_hash is not None:
                    yield Fault("missing", doc_id)
            elif state.text_hash is None and not manifest.deleted:
                yield Fault("left_over", doc_id, "it was deleted")
            elif state.text_hash is not None and manifest.text_hash != state.text_hash:
                yield Fault("different", doc_id, "another version is indexed")
        for doc_id in self._folded.manifests.keys() - self._states.keys():
            if not self._folded.manifests[doc_id].deleted:
                yield Fault("left_over", doc_id, "`documents` has no such document")

    def standing(self) -> dict[tuple[int, int], str]:
        """Where the text of each document that is not deleted stands, and its id."""
        return {
            (state.partition, state.offset): doc_id
            for doc_id, state in self._states.items()
            if state.text_hash is not None
        }


def compare_units(
    document: Document, manifest: Manifest | None, spec: IndexSpec
) -> Iterable[Fault]:
    """Faults of one document's units: cut anew, it must give those that its manifest has."""
    cut = cut_document(document, spec)
    wanted = [embed_key(unit.embed_text, spec.embedder) for unit in cut.units]
    passages = manifest.passages if manifest else []
    held = [unit.embed_key for passage in passages for unit in passage.units]
    if held != wanted:
        yield Fault("different", document.doc_id, "its units are not those of its text")
