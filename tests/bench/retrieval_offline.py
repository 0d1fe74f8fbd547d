"""How often a passage that holds the answer is found, without servers: the ranking itself.

`python -m tests.bench.retrieval_offline --data DIR`, DIR holding `squad-dev.jsonl.xz` and
`timeqa-train.json.xz`. Splits, weighs and fuses with the code that production runs; the searches
are exact. Prints a table, writes it as JSON, and ends with 1 when a target is missed.

k1, b and the weights of the fusion were chosen on these two sets together, so the figures are
those of a development set. Where passages are cut matters as much: compare only equal `size`s.
"""

import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from processors.lexical import LexicalSpec, TermStatistics, passage_vector, query_vector, terms
from processors.retrieve import FusionSpec, PassageHit, UnitHit, fuse
from processors.split import ChunkSpec, Passage, split
from tests.bench.questions import Collection, squad, timeqa
from tests.bench.report import Line, Measured, Options, main
from tests.bench.vectors import VectorStore

Scores = NDArray[np.float32]
"""One row a question, one column a passage (or a unit)."""

PRODUCTION = "best unit + lexical, both with title; candidates as in production"
TARGETS = {"squad-dev": (0.79, 0.94), "timeqa-train": (0.41, 0.81)}
_NOW = 1


class Corpus:
    """A collection cut up: its passages, their units, and which passages hold each answer."""

    def __init__(self, collection: Collection, chunks: ChunkSpec) -> None:
        self.name = collection.name
        self.questions = [question.text for question in collection.questions]
        self.passages: list[Passage] = []
        self.titles: list[str] = []
        spans: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for document, (title, text) in enumerate(collection.documents):
            for passage in split(text, "text/plain", title, chunks).passages:
                spans[document].append((len(self.passages), passage.start, passage.end))
                self.passages.append(passage)
                self.titles.append(title)
        self.holding = [_holding(spans[q.document], q.answers) for q in collection.questions]
        self.units = [unit for passage in self.passages for unit in passage.units]
        counts = [len(passage.units) for passage in self.passages]
        self.owner = np.repeat(np.arange(len(counts)), counts)
        self.first_unit = np.concatenate([[0], np.cumsum(counts)[:-1]])

    def best_units(self, units: Scores) -> Scores:
        """Each passage's score as that of its best unit."""
        best: Scores = np.maximum.reduceat(units, self.first_unit, axis=1)
        return best


def _holding(
    spans: list[tuple[int, int, int]], answers: tuple[tuple[int, int], ...]
) -> frozenset[int]:
    """The passages that hold one of the answers; where a cut goes through all, their pieces."""
    whole = {
        passage
        for passage, start, end in spans
        for first, last in answers
        if start <= first and last <= end
    }
    return frozenset(whole) or frozenset(
        passage
        for passage, start, end in spans
        for first, last in answers
        if first < end and start < last
    )


def dense(questions: list[str], texts: list[str], vectors: VectorStore) -> Scores:
    """Cosine of every question with every text."""
    scores: Scores = vectors.embed(questions) @ vectors.embed(texts).T
    return scores


def lexical(corpus: Corpus, spec: LexicalSpec, *, titled: bool) -> Scores:
    """The inner product of every question's vector with every passage's."""
    statistics = TermStatistics()
    postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for row, (title, passage) in enumerate(zip(corpus.titles, corpus.passages, strict=True)):
        counts = terms(f"{title}\n{passage.text}" if titled else passage.text)
        statistics.apply(_NOW, dict.fromkeys(counts, 1), 1)
        for dimension, weight in passage_vector(counts, spec).items():
            postings[dimension].append((row, weight))
    scores: Scores = np.zeros((len(corpus.questions), len(corpus.passages)), np.float32)
    for row, question in enumerate(corpus.questions):
        for dimension, weight in query_vector(statistics.weights(question, _NOW)).items():
            columns, weights = zip(*postings[dimension], strict=True)
            scores[row, list(columns)] += weight * np.asarray(weights, np.float32)
    return scores


def standardised(scores: Scores) -> Scores:
    """z-scores over all passages, question by question; 0 where no passage differs."""
    deviation = scores.std(axis=1, keepdims=True)
    centred: Scores = scores - scores.mean(axis=1, keepdims=True)
    np.divide(centred, deviation, out=centred, where=deviation > 0)
    return centred


def ranked_as_in_production(
    corpus: Corpus, units: Scores, words: Scores, spec: FusionSpec
) -> list[list[int]]:
    """Every question's passages from the best units and passages of two searches, fused."""
    rankings = []
    for meaning, lexical_scores in zip(units, words, strict=True):
        unit_hits = [
            UnitHit(f"{unit:06}", f"{corpus.owner[unit]:06}", float(meaning[unit]))
            for unit in _top(meaning, spec.units)
        ]
        passage_hits = [
            PassageHit(f"{passage:06}", float(lexical_scores[passage]))
            for passage in _top(lexical_scores, spec.passages)
            if lexical_scores[passage] > 0
        ]
        fused = fuse(unit_hits, passage_hits, spec)
        rankings.append([int(passage.passage_id) for passage in fused])
    return rankings


def _top(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")[:count]


def ranked(scores: Scores) -> list[list[int]]:
    """Every question's passages, the best first."""
    return [[int(passage) for passage in _top(row, 5)] for row in scores]


def recall(rankings: list[list[int]], holding: list[frozenset[int]]) -> dict[str, float]:
    """The shares of questions with a passage that holds the answer at 1, and within 5."""
    pairs = list(zip(rankings, holding, strict=True))
    return {
        f"R@{depth}": round(
            sum(not held.isdisjoint(r[:depth]) for r, held in pairs) / len(pairs), 4
        )
        for depth in (1, 5)
    }


def measure(corpus: Corpus, vectors: VectorStore, fusion: FusionSpec) -> dict[str, Any]:
    """The rows of the table for one collection."""
    whole = dense(corpus.questions, [passage.text for passage in corpus.passages], vectors)
    units = dense(corpus.questions, [unit.embed_text for unit in corpus.units], vectors)
    best = corpus.best_units(units)
    words = lexical(corpus, LexicalSpec(), titled=False)
    titled = lexical(corpus, LexicalSpec(), titled=True)
    z_best, z_titled = standardised(best), standardised(titled)
    rankings = {
        "whole passage": ranked(whole),
        "lexical": ranked(words),
        "whole passage + lexical, .5/.5": ranked(standardised(whole) + standardised(words)),
        "best unit with title": ranked(best),
        "lexical with title": ranked(titled),
        "best unit + lexical, both with title, .7/.3": ranked(0.7 * z_best + 0.3 * z_titled),
        PRODUCTION: ranked_as_in_production(corpus, units, titled, fusion),
    }
    return {row: recall(ranking, corpus.holding) for row, ranking in rankings.items()}


def counts(corpus: Corpus) -> dict[str, int]:
    """How large a collection is."""
    lengths = [passage.end - passage.start for passage in corpus.passages]
    return {
        "questions": len(corpus.questions),
        "passages": len(corpus.passages),
        "characters_per_passage": round(sum(lengths) / len(lengths)),
        "units": len(corpus.units),
        "words_embedded": sum(len(unit.embed_text.split()) for unit in corpus.units),
    }


def report(data: Path, vectors: VectorStore) -> dict[str, Any]:
    """Everything that is written down. Raises CannotMeasureError."""
    chunks, fusion = ChunkSpec(), FusionSpec()
    collections: list[Callable[[Path], Collection]] = [squad, timeqa]
    result: dict[str, Any] = {
        "settings": {
            "chunks": msgspec.to_builtins(chunks),
            "lexical": msgspec.to_builtins(LexicalSpec()),
            "fusion": msgspec.to_builtins(fusion),
        }
    }
    for read in collections:
        corpus = Corpus(read(data), chunks)
        rows = measure(corpus, vectors, fusion)
        reached = tuple(rows[PRODUCTION].values())
        result[corpus.name] = {
            "size": counts(corpus),
            "rows": rows,
            "target": dict(zip(("R@1", "R@5"), TARGETS[corpus.name], strict=True)),
            "met": all(map(float.__ge__, reached, TARGETS[corpus.name])),
        }
    return result


def summary(result: dict[str, Any]) -> list[Line]:
    """What production reaches, as lines of the table of results."""
    return [
        Line(
            what=f"{name}, {measure}, exact searches without servers",
            figure=f"{result[name]['rows'][PRODUCTION][measure]:.3f}",
            target=f"at least {target}",
            met=result[name]["rows"][PRODUCTION][measure] >= target,
        )
        for name, targets in TARGETS.items()
        for measure, target in zip(("R@1", "R@5"), targets, strict=True)
    ]


def show(result: dict[str, Any]) -> str:
    """The table, R@1 / R@5 for each collection."""
    lines = [f"{'':<68}" + "".join(f"{name:>16}" for name in TARGETS)]
    for row in result["squad-dev"]["rows"]:
        found = [result[name]["rows"][row] for name in TARGETS]
        figures = "".join(f"{r['R@1']:>8.3f}{r['R@5']:>8.3f}" for r in found)
        lines.append(f"{row:<68}{figures}")
    return "\n".join(lines)


def _measured(options: Options) -> Measured:
    result = report(options.folder("retrieval"), VectorStore())
    print(show(result))
    return summary(result), result


if __name__ == "__main__":
    sys.exit(main("retrieval_offline", _measured))
