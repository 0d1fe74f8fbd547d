"""Train the CPU judge: `python -m models.build.judge --data DIR` (or FRESHET_DATA=DIR).

DIR holds the folder `grounding`; `--models` names the folder with the word vectors. Writes
`models/repository/judge/1/weights.json`, and beside it `lineage.json`. `Trainer` is also what the
measurements use, each time without the set that they test on: nothing of a set that is left out,
neither labels nor texts, reaches what is learned, calibrated or chosen.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models.build import grounding, risk
from models.judging.evidence import Evidence
from models.judging.judge import Described, conflicts, describe, row
from models.judging.risk import Risk, Rows, inputs
from models.judging.scoring import Boosted, Linear, Platt, Weights
from models.judging.vectors import VERSION as WORDS_VERSION
from models.judging.vectors import Floats, WordVectors

VERSION = "words-at-fault@1"
WEIGHTS = Path(__file__).parents[1] / "repository" / "judge" / "1" / "weights.json"
SEED = 0
LINEAR_C = 0.05

Mask = NDArray[np.bool_]

alone = threadpool_limits.wrap(limits=1)
"""Sums in one thread: many add up in another order, and near ties then fall out otherwise."""


class Table(NamedTuple):
    """Every pair, described: n of each. `parts` names the set that a pair is of."""

    parts: NDArray[np.str_]
    supported: Mask
    importance: Rows
    described: list[Described]
    words: list[Floats]
    contradicts: list[bool | None]


def tabulate(pairs: Sequence[grounding.Pair], vectors: WordVectors) -> Table:
    """Describe pairs; those without a word to compare are left out."""
    ready: dict[tuple[str, ...], Evidence] = {}
    kept: list[tuple[grounding.Pair, Described]] = []
    for pair in pairs:
        if pair.evidence not in ready:
            ready[pair.evidence] = Evidence(pair.evidence, vectors)
        if one := describe(pair.claim, ready[pair.evidence], vectors):
            kept.append((pair, one))
    parts = np.array([pair.part for pair, _ in kept])
    names, counts = np.unique(parts, return_counts=True)
    sizes = dict(zip(names, counts, strict=True))
    return Table(
        parts=parts,
        supported=np.array([pair.supported for pair, _ in kept], bool),
        # Between a vote for each pair and a vote for each set.
        importance=np.array([20 / np.sqrt(sizes[part]) for part in parts]),
        described=[one for _, one in kept],
        words=[inputs(one.found, vectors) for _, one in kept],
        contradicts=[pair.contradicts for pair, _ in kept],
    )


class Trainer:
    """Trains on a table without whole sets of it; what was learned once is not learned again."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._risks: dict[frozenset[str], Risk] = {}
        self._crosses: dict[tuple[str, ...], tuple[Rows, Rows]] = {}

    def train(self, *left_out: str) -> Weights:
        """Weights from all sets but these."""
        table, kept = self.table, ~np.isin(self.table.parts, left_out)
        rows, odds = self._crossed(left_out)
        linear, boosted = self._fit(rows, kept)
        weight = table.importance[kept] ** 2
        platt = _platt(odds[kept], table.supported[kept], weight)
        chosen = _threshold(platt.probability(odds), table.supported, table.parts, kept)
        return Weights(
            version=VERSION,
            risk=self._risk(*left_out),
            linear=linear,
            boosted=boosted,
            platt=platt,
            threshold=chosen,
            contradiction=self._contradiction(kept),
        )

    def threshold(self, weights: Weights, left_out: str, among: Sequence[str]) -> float:
        """The threshold that some sets alone would choose, for one that is like them."""
        kept = ~np.isin(self.table.parts, left_out)
        _, odds = self._crossed((left_out,))
        chosen = np.isin(self.table.parts, among) & kept
        probabilities = weights.platt.probability(odds)
        return _threshold(probabilities, self.table.supported, self.table.parts, chosen)

    def rows(self, learned: Risk, chosen: Mask) -> Rows:
        """What the learned part sees of the chosen pairs."""
        table = self.table
        return np.array(
            [
                row(table.described[at], learned.of_words(table.words[at]))
                for at in np.flatnonzero(chosen)
            ]
        )

    def _risk(self, *left_out: str) -> Risk:
        names = frozenset(left_out)
        if names not in self._risks:
            kept = ~np.isin(self.table.parts, sorted(names))
            words = [self.table.words[at] for at in np.flatnonzero(kept)]
            self._risks[names] = risk.fit(
                words, self.table.supported[kept], self.table.importance[kept]
            )
        return self._risks[names]

    def _crossed(self, left_out: tuple[str, ...]) -> tuple[Rows, Rows]:
        """Rows [n, 49] and log odds [n] of all pairs, each from models without its set.

        The risk in a row is then as good, or bad, as it will be for texts of another kind. The odds
        come of models that learned from other sets' rows, whose risks did see this one: a little
        too good, for choosing only. What is left out altogether is seen nowhere.
        """
        if left_out not in self._crosses:
            rows = self._crossed_rows(left_out)
            odds = self._predicted(rows, ~np.isin(self.table.parts, left_out))
            self._crosses[left_out] = rows, odds
        return self._crosses[left_out]

    def _crossed_rows(self, left_out: tuple[str, ...]) -> Rows:
        rows: Rows = np.zeros((0, 0))
        for part in np.unique(self.table.parts):
            own = self.table.parts == part
            found = self.rows(self._risk(*left_out, str(part)), own)
            rows = rows if rows.size else np.zeros((len(own), found.shape[1]))
            rows[own] = found
        return rows

    def _fit(self, rows: Rows, kept: Mask) -> tuple[Linear, Boosted]:
        given = (rows[kept], self.table.supported[kept], self.table.importance[kept])
        return _linear(*given), _boosted(*given)

    def _predicted(self, rows: Rows, kept: Mask) -> Rows:
        """Log odds of each set from models that saw no row of it; 0 for what is left out."""
        odds = np.zeros(len(rows))
        for part in np.unique(self.table.parts[kept]):
            own = self.table.parts == part
            linear, boosted = self._fit(rows, kept & ~own)
            odds[own] = (linear.odds(rows[own]) + boosted.odds(rows[own])) / 2
        return odds

    def _contradiction(self, kept: Mask) -> Linear:
        known = [at for at in np.flatnonzero(kept) if self.table.contradicts[at] is not None]
        rows = conflicts([self.table.described[at] for at in known])
        labels = np.array([bool(self.table.contradicts[at]) for at in known])
        return _linear(rows, labels, self.table.importance[known])


def _linear(rows: Rows, labels: Mask, importance: Rows) -> Linear:
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    model = LogisticRegression(C=LINEAR_C, max_iter=2000)
    model.fit((rows - mean) / scale, labels, sample_weight=importance)
    weights = model.coef_[0] / scale
    return Linear(weights, float(model.intercept_[0] - weights @ mean))


def _boosted(rows: Rows, labels: Mask, importance: Rows) -> Boosted:
    model = HistGradientBoostingClassifier(
        max_iter=120,
        learning_rate=0.06,
        max_leaf_nodes=6,
        min_samples_leaf=60,
        l2_regularization=10,
        early_stopping=False,
        random_state=SEED,
    )
    model.fit(rows, labels, sample_weight=importance)
    trees = [[_node(node) for node in predictors[0].nodes] for predictors in model._predictors]
    # scikit-learn keeps its trees to itself: what was taken out must say what the model says.
    boosted = Boosted(trees, float(np.ravel(model._baseline_prediction)[0]))
    if not np.allclose(boosted.odds(rows), model.decision_function(rows), atol=1e-6):
        raise RuntimeError("the trees as exported differ from scikit-learn's own")
    return boosted


def _node(node: Any) -> list[float]:
    feature = -1 if node["is_leaf"] else node["feature_idx"]
    parts = (feature, *(node[name] for name in ("num_threshold", "left", "right", "value")))
    return [float(part) for part in parts]


def _platt(odds: Rows, labels: Mask, weight: Rows) -> Platt:
    model = LogisticRegression(C=1e6, max_iter=1000)
    model.fit(odds[:, None], labels, sample_weight=weight)
    return Platt(float(model.coef_[0, 0]), float(model.intercept_[0]))


def _threshold(probabilities: Rows, labels: Mask, parts: NDArray[np.str_], chosen: Mask) -> float:
    """Where the balanced accuracy, averaged over the chosen sets, is best."""
    grid = np.round(np.linspace(0.02, 0.98, 193), 4)
    total = np.zeros(len(grid))
    for part in np.unique(parts[chosen]):
        own = chosen & (parts == part)
        said = probabilities[own][None] >= grid[:, None]
        true = labels[own]
        total += said[:, true].mean(axis=1) + (~said[:, ~true]).mean(axis=1)
    return float(grid[int(total.argmax())])


def lineage(table: Table, files: dict[str, str]) -> dict[str, Any]:
    """What weights were learned from: pairs of each set, and the SHA-256 of each file."""
    parts, counts = np.unique(table.parts, return_counts=True)
    return {
        "version": VERSION,
        "words": WORDS_VERSION,
        "pairs": {str(part): int(count) for part, count in zip(parts, counts, strict=True)},
        "sha256": files,
    }


@alone
def main(argv: list[str] | None = None) -> int:
    """Train on everything and write the weights; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.build.judge", description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("FRESHET_DATA"))
    parser.add_argument("--models", type=Path, default=Path(".freshet/models"))
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args(argv)
    if given.data is None:
        print("judge: name the data's folder: --data DIR, or FRESHET_DATA", file=sys.stderr)
        return 2
    try:
        pairs = grounding.read(Path(given.data) / "grounding")
        pairs += grounding.copies(pairs)
        vectors = WordVectors.load(given.models)
    except OSError as error:
        print(f"judge: {error}", file=sys.stderr)
        return 2
    table = tabulate(pairs, vectors)
    Trainer(table).train().save(given.out)
    told = lineage(table, grounding.lineage(Path(given.data) / "grounding"))
    given.out.with_name("lineage.json").write_text(json.dumps(told, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
