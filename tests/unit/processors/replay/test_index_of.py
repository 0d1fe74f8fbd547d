"""The changes of an index that was not there: what it would have shown at every time."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import chain

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.clock import IndexClock
from processors.indexer import Incoming, Indexer
from processors.manifest import Manifest, fold
from processors.parts import parts
from processors.replay.index_of import Happened, changes_of
from processors.split import ChunkSpec
from processors.version import IndexSpec
from schemas.documents import Document
from schemas.index import IndexChange, IndexEvent
from tests.doubles.embedder import HashEmbedder

NOW = 1_700_000_000_000_000
TEXTS = [
    "A sentence of more than forty characters that stands alone.",
    "A sentence of more than forty characters that stands alone. And another one behind it, too.",
    "",
    "Quite another text, which says nothing of what the others say, and ends here at last.",
]
PARTITIONS = 2


class State:
    """What an indexer decides by, in memory."""

    def __init__(self) -> None:
        self.manifests: dict[str, Manifest] = {}
        self.keys: set[str] = set()
        self.offsets: dict[int, int] = {}
        self._open: list[IndexChange] = []

    def manifest(self, doc_id: str) -> Manifest | None:
        """What is held of a document."""
        return self.manifests.get(doc_id)

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which have a vector."""
        return self.keys & set(keys)

    def seen(self, event_id: str) -> bool:
        """Nothing is sent twice here."""
        return False

    def applied(self, partition: int) -> int:
        """The last offset."""
        return self.offsets.get(partition, -1)

    def apply(self, records: Sequence[tuple[int, int, IndexEvent]]) -> None:
        """Fold whole changes."""
        for partition, _, event in records:
            assert isinstance(event, IndexChange)
            self._open.append(event)
            if len(self._open) < event.parts:
                continue
            manifest = fold(self.manifests.get(event.doc_id), self._open)
            if manifest is not None:
                self.manifests[event.doc_id] = manifest
            self.keys |= {unit.embed_key for part in self._open for unit in part.units_gained}
            self.offsets[partition] = event.source.offset
            self._open = []


class Known:
    """Vectors by embed key."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def vectors(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Those that are held."""
        return {key: self.held[key] for key in keys if key in self.held}

    def keep(self, vectors: Mapping[str, bytes]) -> None:
        """Hold some more."""
        self.held.update(vectors)


def partition_of(key: bytes) -> int:
    return len(key) % PARTITIONS


@st.composite
def histories(draw: st.DrawFn) -> list[list[Incoming]]:
    """Events of both partitions, in the batches in which a live indexer had them."""
    offsets = [0] * PARTITIONS
    batches: list[list[Incoming]] = []
    for _ in range(draw(st.integers(1, 5))):
        batch = []
        for _ in range(draw(st.integers(1, 6))):
            key = draw(st.sampled_from([b"a", b"b", b"cc", None]))
            partition = 0 if key is None else partition_of(key)
            text = draw(st.none() | st.sampled_from(TEXTS))
            value = None if text is None else _value(key, text)
            if draw(st.integers(0, 9)) == 0:
                value = b"{"
            offsets[partition] += draw(st.integers(1, 2))
            batch.append(Incoming(partition, offsets[partition], key, value))
        batches.append(batch)
    return batches


def _value(key: bytes | None, text: str) -> bytes:
    doc_id = (key or b"x").decode()
    document = Document(doc_id=doc_id, text=text, content_type="text/plain")
    return msgspec.json.encode(document)


def live(batches: list[list[Incoming]], spec: IndexSpec) -> list[list[IndexChange]]:
    """What a live indexer makes of them."""
    state, found = State(), []
    indexer = Indexer(spec, state, IndexClock(), partition_of)
    for number, batch in enumerate(batches):
        plan = indexer.plan(batch, NOW + 1000 * number)
        for draft in plan.drafts:
            whole = list(parts(draft))
            found.append(whole)
            state.apply([(part.source.partition, part.source.offset, part) for part in whole])
        indexer.forget(plan)
    return found


async def made(
    batches: list[list[Incoming]], was: list[list[IndexChange]], spec: IndexSpec, known: Known
) -> tuple[list[list[IndexChange]], HashEmbedder]:
    """The changes of `spec` at the times of those that were there, partition by partition."""
    heads = {(one[0].source.partition, one[0].source.offset): one[0] for one in was}

    async def events() -> AsyncIterator[Happened]:
        for incoming in sorted(chain(*batches), key=lambda one: one[:2]):
            head = heads.get(incoming[:2])
            told = (None, None) if head is None else (head.index_time, head.status)
            yield Happened(incoming, *told, NOW)

    embedder = HashEmbedder()
    changes = changes_of(spec, events(), State(), known, embedder, partition_of)
    return [one async for one in changes], embedder


def shown(change: IndexChange) -> IndexChange:
    """All that a reader sees: vectors stand by their keys."""
    units = [msgspec.structs.replace(unit, vector=b"") for unit in change.units_gained]
    return msgspec.structs.replace(change, units_gained=units, units_embedded=0, words_embedded=0)


@settings(deadline=None)
@given(histories())
async def test_the_same_settings_come_to_the_same_changes(batches: list[list[Incoming]]) -> None:
    """Conflated, late, rejected and deleted alike, at the same times, with every vector."""
    spec = IndexSpec()
    was = live(batches, spec)
    found, _ = await made(batches, was, spec, Known())
    wanted = sorted(was, key=lambda one: (one[0].source.partition, one[0].source.offset))
    assert [[shown(part) for part in one] for one in found] == [
        [shown(part) for part in one] for one in wanted
    ]
    vectors = [unit.vector for one in found for part in one for unit in part.units_gained]
    assert all(len(np.frombuffer(vector, "<f4")) == 384 for vector in vectors)


@settings(deadline=None)
@given(histories())
async def test_other_units_come_at_the_same_times(batches: list[list[Incoming]]) -> None:
    """A change for each that was there; made again, the same ones, and nothing embedded."""
    was = live(batches, IndexSpec())
    other = IndexSpec(name="other", chunk=ChunkSpec(unit_min=5, unit_max=30))
    known = Known()
    found, first = await made(batches, was, other, known)
    times = {(one[0].source.partition, one[0].source.offset): one[0].index_time for one in was}
    assert times == {
        (one[0].source.partition, one[0].source.offset): one[0].index_time for one in found
    }
    statuses = sorted((one[0].index_time, one[0].doc_id, one[0].status) for one in was)
    assert statuses == sorted((one[0].index_time, one[0].doc_id, one[0].status) for one in found)
    assert len(first.texts) == len(set(first.texts))
    again, second = await made(batches, was, other, known)
    assert again == found
    assert second.texts == []
