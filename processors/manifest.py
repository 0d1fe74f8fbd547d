"""What a document has in the index, and what a new version of it changes there.

A passage keeps its id through edits: passages of the new version are aligned with those of
the old one, first by equal content, then by the units that they share. What is equal keeps
its rows; so an edit closes and opens the rows it changed, and no more.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec

from schemas.index import IndexChange, PassageGained, PassageSpan, RowRef, UnitGained


class ManifestUnit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A unit's open row."""

    unit_id: str
    embed_key: str
    valid_from: int


class ManifestPassage(msgspec.Struct, frozen=True, array_like=True):
    """A passage's open row and those of its units. `content` names all that its row holds."""

    passage_id: str
    version: int
    content: str
    terms: dict[str, int]
    units: list[ManifestUnit]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the index holds of one document, and which event it comes from."""

    valid_from: int
    deleted: bool = False
    text_hash: str = ""
    access: str = ""
    """`access_key` of the rows."""
    updated_at: str | None = None
    passages: list[ManifestPassage] = []


class NewUnit(msgspec.Struct, frozen=True, gc=False):
    """A unit of the new version, by what is embedded; a span within its passage's text."""

    embed_key: str
    start: int
    end: int


class NewPassage(msgspec.Struct, frozen=True):
    """A passage of the new version: characters [start, end) of the document."""

    start: int
    end: int
    heading: list[str]
    text: str
    terms: dict[str, int]
    units: list[NewUnit]


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """The rows to open and to close, in the terms of `IndexChange`; vectors are still missing."""

    layout: list[PassageSpan]
    passages_gained: list[PassageGained]
    units_gained: list[tuple[str, str, str]]
    """`unit_id`, `passage_id`, `embed_key`."""
    passages_lost: list[RowRef]
    units_lost: list[RowRef]
    units_kept: int
    df: dict[str, int]
    passages_delta: int


def digest(*parts: str) -> str:
    """32 hexadecimal digits that name a sequence of strings."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        hashed.update(len(raw).to_bytes(8, "little"))
        hashed.update(raw)
    return hashed.hexdigest()


def content_key(heading: Sequence[str], text: str, row_key: str) -> str:
    """Name all that a passage's row holds; `row_key` stands for title, access and metadata."""
    return digest(row_key, text, *heading)


def row_key(title: str, acl: Sequence[str] | None, metadata: Mapping[str, object] | None) -> str:
    """Name what every row of a document repeats: a change of it rewrites them all."""
    return digest(title, access_key(acl, metadata))


def access_key(acl: Sequence[str] | None, metadata: Mapping[str, object] | None) -> str:
    """Name what decides who finds a row."""
    found_by = None if acl is None else sorted(set(acl))
    return msgspec.json.encode([found_by, metadata or {}], order="deterministic").decode()


def diff(
    old: Manifest | None,
    new: Sequence[NewPassage],
    *,
    row: str,
    rewrite: bool,
    seed: str,
    index_time: int,
) -> Delta:
    """What turns the rows of `old` into those of `new` at `index_time`.

    `row` is the new version's `row_key`; `rewrite` says that the access of every row changed,
    so none can be kept. `seed` makes the ids of new passages: equal seeds, equal ids.
    """
    before = list(old.passages) if old is not None else []
    aligned = _align(before, new, [content_key(p.heading, p.text, row) for p in new])
    merge = _Merge(index_time, rewrite)
    for ordinal, passage in enumerate(new):
        match = aligned.get(ordinal)
        passage_id = match.passage_id if match else digest(seed, str(ordinal))
        content = content_key(passage.heading, passage.text, row)
        if match and match.content == content and not rewrite:
            merge.keep(match, passage)
        else:
            merge.replace(match, passage, passage_id)
    survivors = {match.passage_id for match in aligned.values()}
    for gone in before:
        if gone.passage_id not in survivors:
            merge.drop(gone)
    return merge.delta()


def _align(
    before: Sequence[ManifestPassage], new: Sequence[NewPassage], contents: Sequence[str]
) -> dict[int, ManifestPassage]:
    """Pair new passages (by ordinal) with old ones: equal content first, then shared units."""
    aligned: dict[int, ManifestPassage] = {}
    same: defaultdict[str, deque[ManifestPassage]] = defaultdict(deque)
    for passage in before:
        same[passage.content].append(passage)
    for ordinal, content in enumerate(contents):
        if same[content]:
            aligned[ordinal] = same[content].popleft()
    taken = {passage.passage_id for passage in aligned.values()}
    holders: defaultdict[str, list[ManifestPassage]] = defaultdict(list)
    for passage in before:
        if passage.passage_id not in taken:
            for key in {unit.embed_key for unit in passage.units}:
                holders[key].append(passage)
    for ordinal, wanted in enumerate(new):
        if ordinal not in aligned and (best := _most_shared(wanted, holders, taken)) is not None:
            aligned[ordinal] = best
            taken.add(best.passage_id)
    return aligned


_MOST_HOLDERS = 16


def _most_shared(
    wanted: NewPassage, holders: Mapping[str, list[ManifestPassage]], taken: set[str]
) -> ManifestPassage | None:
    shared: Counter[str] = Counter()
    found: dict[str, ManifestPassage] = {}
    for key in dict.fromkeys(unit.embed_key for unit in wanted.units):
        # A unit that stands everywhere says nothing of which passage this was.
        for passage in holders.get(key, ())[:_MOST_HOLDERS]:
            if passage.passage_id not in taken:
                shared[passage.passage_id] += 1
                found[passage.passage_id] = passage
    if not shared:
        return None
    return found[max(shared, key=lambda passage_id: shared[passage_id])]


class _Merge:
    """Collects a delta, passage by passage."""

    def __init__(self, index_time: int, rewrite: bool) -> None:
        self._time = index_time
        self._rewrite = rewrite
        self._layout: list[PassageSpan] = []
        self._passages: list[PassageGained] = []
        self._units: list[tuple[str, str, str]] = []
        self._passages_lost: list[RowRef] = []
        self._units_lost: list[RowRef] = []
        self._kept = 0
        self._df: Counter[str] = Counter()
        self._count = 0

    def keep(self, match: ManifestPassage, passage: NewPassage) -> None:
        """The same rows, perhaps at another place in the document."""
        self._layout.append(
            PassageSpan(match.passage_id, passage.start, passage.end, match.version)
        )
        self._kept += len(match.units)

    def replace(self, match: ManifestPassage | None, passage: NewPassage, passage_id: str) -> None:
        """A new row for the passage; of its units, rows for those that `match` lacks."""
        left: defaultdict[str, list[ManifestUnit]] = defaultdict(list)
        if match is not None:
            self._close(match)
            for held in match.units:
                left[held.embed_key].append(held)
        seen: Counter[str] = Counter()
        spans: list[tuple[str, int, int]] = []
        for unit in passage.units:
            seen[unit.embed_key] += 1
            if left[unit.embed_key] and not self._rewrite:
                unit_id = left[unit.embed_key].pop(0).unit_id
                self._kept += 1
            else:
                unit_id = digest(passage_id, unit.embed_key, str(seen[unit.embed_key]))
                self._units.append((unit_id, passage_id, unit.embed_key))
            spans.append((unit_id, unit.start, unit.end))
        for unkept in left.values():
            self._units_lost.extend(RowRef(unit.unit_id, unit.valid_from) for unit in unkept)
        self._passages.append(
            PassageGained(
                passage_id=passage_id,
                heading=passage.heading,
                text=passage.text,
                terms=passage.terms,
                units=spans,
            )
        )
        self._layout.append(PassageSpan(passage_id, passage.start, passage.end, self._time))
        self._df.update(passage.terms.keys())
        self._count += 1

    def drop(self, gone: ManifestPassage) -> None:
        """A passage that the new version has no more."""
        self._close(gone)
        self._units_lost.extend(RowRef(unit.unit_id, unit.valid_from) for unit in gone.units)

    def _close(self, passage: ManifestPassage) -> None:
        self._passages_lost.append(RowRef(passage.passage_id, passage.version))
        self._df.subtract(passage.terms.keys())
        self._count -= 1

    def delta(self) -> Delta:
        return Delta(
            layout=self._layout,
            passages_gained=self._passages,
            units_gained=self._units,
            passages_lost=self._passages_lost,
            units_lost=self._units_lost,
            units_kept=self._kept,
            df={term: count for term, count in sorted(self._df.items()) if count},
            passages_delta=self._count,
        )


def fold(old: Manifest | None, parts: Sequence[IndexChange]) -> Manifest | None:
    """The manifest after one change (all its parts, in order).

    Raises:
        KeyError: the change keeps a row that `old` does not have: the log is not whole.
    """
    change = parts[0]
    if change.status == "deleted":
        return Manifest(valid_from=change.index_time, deleted=True, updated_at=change.updated_at)
    if change.status == "unchanged" and old is not None:
        return msgspec.structs.replace(old, updated_at=change.updated_at or old.updated_at)
    if change.status == "conflated" and change.updated_at is not None:
        # Nothing is shown of it, but what is older has been late from here on.
        nothing = Manifest(valid_from=change.index_time, deleted=True)
        return msgspec.structs.replace(old or nothing, updated_at=change.updated_at)
    if change.status != "indexed":
        return old
    gained = {p.passage_id: p for part in parts for p in part.passages_gained}
    units = {u.unit_id: u for part in parts for u in part.units_gained}
    held = {p.passage_id: p for p in old.passages} if old else {}
    row = row_key(change.title, change.acl, change.metadata)
    spans = (span for part in parts for span in part.layout)
    return Manifest(
        valid_from=change.index_time,
        text_hash=change.text_hash,
        access=access_key(change.acl, change.metadata),
        updated_at=change.updated_at,
        passages=[_folded(span, gained, units, held, row) for span in spans],
    )


def _folded(
    span: PassageSpan,
    gained: Mapping[str, PassageGained],
    units: Mapping[str, UnitGained],
    held: Mapping[str, ManifestPassage],
    row: str,
) -> ManifestPassage:
    if (passage := gained.get(span.passage_id)) is None:
        return held[span.passage_id]
    before = held.get(span.passage_id)
    kept = {unit.unit_id: unit for unit in before.units} if before else {}
    return ManifestPassage(
        span.passage_id,
        span.version,
        content_key(passage.heading, passage.text, row),
        passage.terms,
        [_unit(unit_id, units, kept, span.version) for unit_id, _, _ in passage.units],
    )


def _unit(
    unit_id: str, gained: Mapping[str, UnitGained], kept: Mapping[str, ManifestUnit], version: int
) -> ManifestUnit:
    if (unit := gained.get(unit_id)) is not None:
        return ManifestUnit(unit_id, unit.embed_key, version)
    return kept[unit_id]


def deleted(old: Manifest | None, index_time: int) -> Delta:
    """What a tombstone does: every row of `old` is closed."""
    merge = _Merge(index_time, rewrite=False)
    for passage in old.passages if old else ():
        merge.drop(passage)
    return merge.delta()
