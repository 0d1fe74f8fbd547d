"""Learning which words of a claim are at fault, from claims that are labelled as a whole."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.judging.risk import MEANING, Risk, Rows
from models.judging.vectors import Floats

PENALTY = 60.0
STEPS = 80
_START = -3.0


class _Loss:
    """Cross-entropy of the noisy-or and its gradient, with a penalty on the square of weights.

    The inputs that a word's meaning gives are 0 for most words: those rows are left out there.
    """

    def __init__(self, words: Sequence[Floats], supported: Rows, importance: Rows) -> None:
        stacked = np.vstack(words)
        table, meaning = np.hsplit(stacked, [stacked.shape[1] - 3 * MEANING])
        self.mean = np.append(table.mean(axis=0, dtype=np.float64), np.zeros(3 * MEANING))
        self.scale = stacked.std(axis=0, dtype=np.float64) + 1e-6
        self._width = table.shape[1] + 1
        self._table = np.ones((len(table), self._width), np.float32)
        self._table[:, :-1] = (table - self.mean[: self._width - 1]) / self.scale[: self._width - 1]
        self._missing = np.flatnonzero(meaning.any(axis=1))
        self._meaning = meaning[self._missing] / self.scale[self._width - 1 :].astype(np.float32)
        counts = np.array([len(rows) for rows in words])
        self._claim = np.repeat(np.arange(len(words)), counts)
        self._first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self._supported = supported
        self._importance = importance / importance.mean()

    def start(self) -> Rows:
        """Weights of the table, the constant, weights of the meaning, all other causes."""
        start = np.zeros(self._width + self._meaning.shape[1] + 1)
        start[[self._width - 1, -1]] = _START
        return start

    def risk(self, point: Rows) -> Risk:
        """The model at a point."""
        weights = np.delete(point[:-1], self._width - 1)
        return Risk(self.mean, self.scale, weights, float(point[self._width - 1]))

    def __call__(self, point: Rows) -> tuple[float, Rows]:
        odds = self._odds(point)
        log_supported = -np.add.reduceat(np.logaddexp(0, odds), self._first)
        log_supported = np.minimum(log_supported - np.logaddexp(0, point[-1]), -1e-9)
        unsupported = -np.expm1(log_supported)
        yes, no = self._supported, 1 - self._supported
        loss = -(self._importance * (yes * log_supported + no * np.log(unsupported))).sum()
        pull = -self._importance * (yes - no * (1 - unsupported) / unsupported)
        penalty = np.full(len(point), PENALTY)
        penalty[[self._width - 1, -1]] = 0
        gradient = self._gradient(-pull[self._claim] / (1 + np.exp(-odds)))
        other = pull.sum() / (1 + np.exp(-point[-1]))
        penalised = float(loss + 0.5 * (penalty * point**2).sum())
        return penalised, np.append(gradient, -other) + penalty * point

    def _odds(self, point: Rows) -> Rows:
        weights = point.astype(np.float32)
        odds = (self._table @ weights[: self._width]).astype(np.float64)
        odds[self._missing] += self._meaning @ weights[self._width : -1]
        return odds

    def _gradient(self, by_word: Rows) -> Rows:
        pulls = by_word.astype(np.float32)
        parts = (pulls @ self._table, pulls[self._missing] @ self._meaning)
        return np.concatenate(parts).astype(np.float64)


def fit(words: Sequence[Floats], supported: NDArray[np.bool_], importance: Rows) -> Risk:
    """Learn from claims, each float32 [k, d]. Always the same for the same claims (L-BFGS)."""
    loss = _Loss(words, supported.astype(np.float64), importance)
    options = {"maxiter": STEPS}
    found = minimize(loss, loss.start(), jac=True, method="L-BFGS-B", options=options)
    return loss.risk(found.x)
