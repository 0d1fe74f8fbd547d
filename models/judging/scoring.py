"""The learned part: numbers in, a calibrated probability out; plain numpy, weights from JSON."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.judging.risk import Risk

Rows = NDArray[np.float64]
Trees = list[list[list[float]]]
"""Each tree a list of nodes: [feature, threshold, left, right, value]; a leaf has feature -1."""


def sigmoid(odds: Rows) -> Rows:
    """Log odds to probabilities."""
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))


@dataclass(frozen=True)
class Linear:
    """Logistic regression: log odds of rows [n, d]."""

    weights: Rows
    constant: float

    def odds(self, rows: Rows) -> Rows:
        """[n]."""
        return rows @ self.weights + self.constant


class Boosted:
    """Gradient-boosted trees: log odds of rows [n, d], all trees stepped down at once."""

    def __init__(self, trees: Trees, constant: float) -> None:
        self.trees, self.constant = trees, constant
        longest = max((len(tree) for tree in trees), default=0)
        nodes = np.zeros((len(trees), longest, 5))
        for at, tree in enumerate(trees):
            nodes[at, : len(tree)] = tree
        self._feature = nodes[..., 0].astype(np.int64)
        self._threshold = nodes[..., 1]
        self._next = nodes[..., 2:4].astype(np.int64)
        self._value = nodes[..., 4]

    def odds(self, rows: Rows) -> Rows:
        """[n]."""
        tree = np.arange(len(self.trees))[None]
        row = np.arange(len(rows))[:, None]
        node = np.zeros((len(rows), len(self.trees)), np.int64)
        while True:
            feature = self._feature[tree, node]
            inner = feature >= 0
            if not inner.any():
                break
            right = rows[row, np.maximum(feature, 0)] > self._threshold[tree, node]
            node = np.where(inner, self._next[tree, node, right.astype(np.int64)], node)
        odds: Rows = self._value[tree, node].sum(axis=1) + self.constant
        return odds


@dataclass(frozen=True)
class Platt:
    """Platt's calibration: log odds to a probability by a line."""

    slope: float
    offset: float

    def probability(self, odds: Rows) -> Rows:
        """[n], 0 to 1."""
        return sigmoid(self.slope * odds + self.offset)


@dataclass(frozen=True)
class Weights:
    """All that was learned. `threshold` parts supported from not, on calibrated probabilities."""

    version: str
    risk: Risk
    linear: Linear
    boosted: Boosted
    platt: Platt
    threshold: float
    contradiction: Linear

    def odds(self, rows: Rows) -> Rows:
        """Uncalibrated log odds that a claim is supported: both models, equally."""
        return (self.linear.odds(rows) + self.boosted.odds(rows)) / 2

    def save(self, path: Path) -> None:
        """As JSON, with nine digits: the same weights give the same bytes."""
        path.write_text(json.dumps(_packed(self), separators=(",", ":")) + "\n")


def load(path: Path) -> Weights:
    """Read weights. Raises OSError, or ValueError or KeyError when the file is none of ours."""
    kept = json.loads(path.read_text())
    risk = kept["risk"]
    return Weights(
        version=kept["version"],
        risk=Risk(
            np.array(risk["mean"]),
            np.array(risk["scale"]),
            np.array(risk["weights"]),
            risk["constant"],
        ),
        linear=Linear(np.array(kept["linear"]["weights"]), kept["linear"]["constant"]),
        boosted=Boosted(kept["boosted"]["trees"], kept["boosted"]["constant"]),
        platt=Platt(**kept["platt"]),
        threshold=kept["threshold"],
        contradiction=Linear(
            np.array(kept["contradiction"]["weights"]), kept["contradiction"]["constant"]
        ),
    )


def _packed(weights: Weights) -> dict[str, Any]:
    risk = weights.risk
    return {
        "version": weights.version,
        "risk": {
            "mean": _short(risk.mean),
            "scale": _short(risk.scale),
            "weights": _short(risk.weights),
            "constant": risk.constant,
        },
        "linear": _linear(weights.linear),
        "boosted": {
            "trees": [[_short(node) for node in tree] for tree in weights.boosted.trees],
            "constant": weights.boosted.constant,
        },
        "platt": {"slope": weights.platt.slope, "offset": weights.platt.offset},
        "threshold": weights.threshold,
        "contradiction": _linear(weights.contradiction),
    }


def _linear(model: Linear) -> dict[str, Any]:
    return {"weights": _short(model.weights), "constant": model.constant}


def _short(values: Any) -> list[float | int]:
    shortened = (float(f"{value:.7g}") for value in values)
    return [int(value) if value.is_integer() else value for value in shortened]
