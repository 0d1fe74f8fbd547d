"""One change as the records that it travels in.

A text of a few megabytes can gain a hundred thousand passages, lose as many, or bring a million
new terms, so every list of a change is cut, whichever is the long one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from processors.manifest import Delta
from schemas.index import IndexChange, UnitGained

PART_BYTES = 1024 * 1024
"""A change is cut into parts of about this much JSON."""


class Draft(msgspec.Struct, kw_only=True):
    """A change that may still wait for vectors."""

    change: IndexChange
    delta: Delta | None = None


def parts(draft: Draft, vectors: Mapping[str, bytes] | None = None) -> Iterator[IndexChange]:
    """The records of one change, cut so that each stays well under the log's limit.

    Without `vectors` they are empty: good enough to fold a manifest, and for nothing else.

    Raises:
        KeyError: a vector is missing.
    """
    if draft.delta is None:
        yield draft.change
        return
    cuts = list(_cuts(draft.delta, vectors))
    for number, lists in enumerate(cuts):
        yield msgspec.structs.replace(
            draft.change,
            part=number,
            parts=len(cuts),
            passages_delta=draft.delta.passages_delta if number == 0 else 0,
            df=dict(lists.pop("df", ())),
            **lists,
        )


def _cuts(delta: Delta, vectors: Mapping[str, bytes] | None) -> Iterator[dict[str, list[Any]]]:
    """The fields of a change that are as long as its document is, a part's worth at a time."""
    lists: defaultdict[str, list[Any]] = defaultdict(list)
    weight = 0
    for field, item, bytes_ in _pieces(delta, vectors):
        if weight and weight + bytes_ > PART_BYTES:
            yield dict(lists)
            lists, weight = defaultdict(list), 0
        lists[field].append(item)
        weight += bytes_
    yield dict(lists)


def _pieces(delta: Delta, vectors: Mapping[str, bytes] | None) -> Iterator[tuple[str, Any, int]]:
    """Field, item and about how many bytes it takes."""
    for span in delta.layout:
        yield "layout", span, 100
    for passage in delta.passages_gained:
        words = sum(4 * len(term) + 8 for term in passage.terms)
        yield "passages_gained", passage, 4 * len(passage.text) + words + 60 * len(passage.units)
    for unit_id, passage_id, key in delta.units_gained:
        vector = b"" if vectors is None else vectors[key]
        unit = UnitGained(unit_id=unit_id, passage_id=passage_id, embed_key=key, vector=vector)
        yield "units_gained", unit, 2300
    for row in delta.passages_lost:
        yield "passages_lost", row, 64
    for row in delta.units_lost:
        yield "units_lost", row, 64
    for term, count in delta.df.items():
        yield "df", (term, count), 4 * len(term) + 8
