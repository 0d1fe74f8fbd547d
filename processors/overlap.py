"""How far two index versions find the same, question by question.

Two versions cut a document into different passages, so a passage is the same as another where both
come from one document and share more than half of the shorter one's characters.
"""

from collections.abc import Sequence
from typing import NamedTuple

PERSISTENCE = 0.9
"""Of the reader whom rank agreement imagines: the ten passages on top have 86% of the weight."""


class Span(NamedTuple):
    """A passage by where it stands: characters [start, end) of a document's text."""

    doc_id: str
    start: int
    end: int


def matched(one: Sequence[Span], other: Sequence[Span]) -> list[tuple[int, int]]:
    """Places of the same passage in two lists, each place once, in the order of the first list."""
    pairs: list[tuple[int, int]] = []
    free = list(range(len(other)))
    for place, span in enumerate(one):
        same = next((at for at in free if is_same(span, other[at])), None)
        if same is not None:
            free.remove(same)
            pairs.append((place, same))
    return pairs


def overlap(one: Sequence[Span], other: Sequence[Span]) -> float:
    """The share of passages that the other list has, too (Dice): 1 where both are empty."""
    if not one and not other:
        return 1.0
    return 2 * len(matched(one, other)) / (len(one) + len(other))


def rank_agreement(
    one: Sequence[Span], other: Sequence[Span], persistence: float = PERSISTENCE
) -> float:
    """Extrapolated rank-biased overlap of two rankings: 1 where both rank alike, 0 where disjoint.

    Webber, Moffat, Zobel: A Similarity Measure for Indefinite Rankings, 2010, equation 32: lists
    need not be equally long, and what stands on top counts most.
    """
    short, long = sorted((len(one), len(other)))
    if short == 0:
        return 1.0 if long == 0 else 0.0
    depth_of = [max(pair) + 1 for pair in matched(one, other)]
    common = [sum(depth <= at for depth in depth_of) for at in range(1, long + 1)]
    at_short, at_long = common[short - 1], common[long - 1]
    total = sum(common[d - 1] / d * persistence**d for d in range(1, long + 1))
    total += sum(
        at_short * (d - short) / (d * short) * persistence**d for d in range(short + 1, long + 1)
    )
    rest = ((at_long - at_short) / long + at_short / short) * persistence**long
    return (1 - persistence) / persistence * total + rest


def is_same(one: Span, other: Span) -> bool:
    """Whether both lie in one document and share more than half of the shorter one."""
    if one.doc_id != other.doc_id:
        return False
    shared = min(one.end, other.end) - max(one.start, other.start)
    return 2 * shared > min(one.end - one.start, other.end - other.start)
