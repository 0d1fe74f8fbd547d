"""How alike two retrievals are: the passages of two receipts for one question, best first."""

from collections.abc import Sequence


def overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """Passages that both have, as a share of the longer list; two that are empty are alike.

    Names are `passage_id@version`: the version does not count, for another index gives its own.
    """
    mine, yours = _ids(one), _ids(other)
    return _shared(mine, yours) / longest if (longest := max(len(mine), len(yours))) else 1.0


def agreement(one: Sequence[str], other: Sequence[str]) -> float:
    """Whether they come in the same order too: the mean overlap of the best 1, 2, .. passages.

    Source: average overlap, as in Webber, Moffat and Zobel, A Similarity Measure for Indefinite
    Rankings, 2010, 3.2.
    """
    mine, yours = _ids(one), _ids(other)
    depth = max(len(mine), len(yours))
    if not depth:
        return 1.0
    return sum(_shared(mine[:at], yours[:at]) / at for at in range(1, depth + 1)) / depth


def _ids(names: Sequence[str]) -> list[str]:
    return [name.rpartition("@")[0] for name in names]


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    return len(set(one) & set(other))
