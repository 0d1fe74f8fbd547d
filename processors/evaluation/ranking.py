"""How well the passages that a prompt had hold what the gold question asks for.

What is to be found are items: spans, else passages, else documents, else the answers themselves,
whichever the gold question names first. A passage finds an item that it shares most of the shorter
one's characters with, that it is, that it comes from, or whose text it has in it.
"""

from collections.abc import Sequence
from math import log2

from msgspec import Struct

from processors.evaluation.gold import Gold
from processors.evaluation.texts import normalised
from processors.overlap import Span, is_same
from processors.replay.outcome import FoundPassage


class Ranked(Struct, frozen=True):
    """What each passage finds, best first, by the places of the items."""

    found: list[frozenset[int]]
    items: int
    """How many are to be found."""


def ranked(passages: Sequence[FoundPassage], gold: Gold) -> Ranked | None:
    """None where the gold question does not say what is to be found.

    Any of the answers in a passage will do, so they are one item.
    """
    if gold.spans:
        spans = [Span(one.doc_id, one.start, one.end) for one in gold.spans]
        return _ranked(
            [
                [is_same(Span(one.doc_id, one.start, one.end), span) for span in spans]
                for one in passages
            ],
            len(spans),
        )
    if gold.passages:
        names = list(dict.fromkeys(gold.passages))
        return _ranked([[_is_named(one, name) for name in names] for one in passages], len(names))
    if gold.doc_ids:
        docs = list(dict.fromkeys(gold.doc_ids))
        return _ranked([[one.doc_id == doc for doc in docs] for one in passages], len(docs))
    answers = [words for words in map(normalised, gold.answers) if words]
    if answers:
        texts = [f" {normalised(one.text)} " for one in passages]
        return _ranked([[any(f" {one} " in text for one in answers)] for text in texts], 1)
    return None


def recall(ranking: Ranked, k: int) -> float:
    """The share of the items that the first `k` passages find."""
    return len(frozenset().union(*ranking.found[:k])) / ranking.items


def precision(ranking: Ranked, k: int) -> float:
    """The share of the first `k` passages that find any; a passage too few counts as a miss."""
    return sum(map(bool, ranking.found[:k])) / k


def reciprocal_rank(ranking: Ranked) -> float:
    """1 / the place of the first passage that finds any (Voorhees, TREC-8, 1999); 0 for none."""
    return next((1 / rank for rank, found in enumerate(ranking.found, start=1) if found), 0.0)


def ndcg(ranking: Ranked, k: int) -> float:
    """Normalised discounted cumulative gain: Järvelin and Kekäläinen, 2002, with gains of 0 and 1.

    A passage gains where it finds an item that no better one has found; ideally each of the first
    finds one.
    """
    seen: frozenset[int] = frozenset()
    total = 0.0
    for rank, found in enumerate(ranking.found[:k], start=1):
        total += bool(found - seen) / log2(rank + 1)
        seen |= found
    return total / sum(1 / log2(rank + 1) for rank in range(1, min(ranking.items, k) + 1))


def _ranked(finds: Sequence[Sequence[bool]], items: int) -> Ranked:
    rows = [frozenset(at for at, found in enumerate(row) if found) for row in finds]
    return Ranked(rows, items)


def _is_named(passage: FoundPassage, name: str) -> bool:
    return name in (passage.name, passage.name.rpartition("@")[0])
