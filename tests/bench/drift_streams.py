"""Streams of questions whose topics change, from SQuAD 2.0 dev (Rajpurkar et al., 2018).

The 16 articles are parted once, by chance: eight are the calibration split, on which every
threshold is set, and eight the test split. A rotation of a split takes three of its eight as
unseen topics and five as known ones. Within a rotation no question is in two places: not in two
streams, nor in the reference and a stream. There are not enough questions for fifty wholly
disjoint streams, so there are ten rotations of five: between rotations questions recur, in other
streams and in other roles. The streams of different shifts of one rotation share questions too.
"""

import json
import lzma
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

REFERENCE = 500
BEFORE, AFTER = 100, 200
STREAMS, ROTATIONS = 5, 10
UNSEEN = 3
SHIFTS = (1.0, 0.5, 0.2)
_PARTING = 20


class Questions(NamedTuple):
    """Every distinct question, and its article."""

    texts: list[str]
    articles: NDArray[np.str_]


class Rotation(NamedTuple):
    """Rows of questions: the reference, what is left of the known topics, the unseen ones."""

    reference: Rows
    known: Rows
    unseen: Rows


def read(folder: Path) -> Questions:
    """All questions; one that is asked twice counts once."""
    found: dict[str, str] = {}
    with lzma.open(folder / "squad-dev.jsonl.xz", "rt") as lines:
        for line in lines:
            row: dict[str, Any] = json.loads(line)
            for question in row["questions"]:
                found.setdefault(question["question"], row["article"])
    return Questions(list(found), np.array(list(found.values())))


def splits(questions: Questions) -> tuple[list[str], list[str]]:
    """The articles of the calibration split and of the test split."""
    articles = sorted(set(questions.articles.tolist()))
    order = np.random.default_rng(_PARTING).permutation(len(articles))
    half = len(articles) // 2
    return [articles[i] for i in order[:half]], [articles[i] for i in order[half:]]


def rotations(
    questions: Questions, articles: Sequence[str], count: int, seed: int
) -> Iterator[Rotation]:
    """So many, of different unseen topics, where both sides have questions enough."""
    chance = np.random.default_rng(seed)
    enough = [
        unseen for unseen in combinations(articles, UNSEEN) if _fits(questions, articles, unseen)
    ]
    for place in chance.permutation(len(enough))[:count]:
        unseen = np.isin(questions.articles, enough[place])
        known = chance.permutation(np.flatnonzero(np.isin(questions.articles, articles) & ~unseen))
        yield Rotation(
            known[:REFERENCE],
            known[REFERENCE:],
            chance.permutation(np.flatnonzero(unseen)),
        )


def _fits(questions: Questions, articles: Sequence[str], unseen: Sequence[str]) -> bool:
    new = int(np.isin(questions.articles, unseen).sum())
    known = int(np.isin(questions.articles, articles).sum()) - new
    most_known = STREAMS * (BEFORE + round(AFTER * (1 - min(SHIFTS))))
    return new >= STREAMS * AFTER and known >= REFERENCE + most_known


def shifted(rotation: Rotation, share: float, seed: int) -> list[Rows]:
    """Disjoint streams: BEFORE known questions, then AFTER of which `share` are unseen."""
    chance = np.random.default_rng(seed)
    new = round(AFTER * share)
    old = BEFORE + AFTER - new
    streams = []
    for number in range(STREAMS):
        known = rotation.known[number * old : (number + 1) * old]
        unseen = rotation.unseen[number * new : (number + 1) * new]
        later = chance.permutation(np.concatenate([known[BEFORE:], unseen]))
        streams.append(np.concatenate([known[:BEFORE], later]))
    return streams


def unchanged(rotation: Rotation) -> list[Rows]:
    """Disjoint streams of known questions: all that are left."""
    length = len(rotation.known) // STREAMS
    return [rotation.known[n * length : (n + 1) * length] for n in range(STREAMS)]


def resampled(rotation: Rotation, events: int, seed: int) -> Rows:
    """A long stream without a change: known questions drawn again and again."""
    return np.random.default_rng(seed).choice(rotation.known, events)
