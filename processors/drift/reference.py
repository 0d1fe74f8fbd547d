"""What embeddings are compared with: a window of traffic that was as it should be."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from processors.drift.alarm import ReferenceTooSmallError
from processors.drift.ratios import mix_ratios
from processors.drift.threshold import mix_threshold, novelty_threshold, topic_shares

Vectors = NDArray[np.float32]

_ROUNDS = 20
_DIGITS = 6


class EmbeddingSpec(Struct, frozen=True, kw_only=True):
    """How embeddings are watched."""

    events_per_alarm: float = 5000.0
    """In traffic that does not change, one alarm is expected in so many events."""
    largest: int = 500
    """Rows of the reference that are kept; more are sampled."""
    smallest: int = 100
    neighbours: int = 2
    topics: int = 16
    events_per_topic: int = 25
    mix_part: float = 0.1
    """Of the false alarms: those left to changes of the mix of known topics."""
    caution: float = 2.0
    """Thresholds are simulated for alarms so many times rarer: on the calibration split about
    twice as many streams alarmed as simulated ones."""
    seed: int = 1


class EmbeddingReference(Struct, frozen=True, kw_only=True):
    """The reference, fitted. Arrays are little-endian bytes, so that it can be kept anywhere."""

    spec: EmbeddingSpec
    dimension: int
    rows: bytes
    """float32 [n, dimension], of length one."""
    novelties: bytes
    """float64 [n], ascending: each row's novelty among the others."""
    centres: bytes
    """float32 [topics, dimension], of length one."""
    counts: list[int]
    """Rows of each topic."""
    novelty_threshold: float
    mix_threshold: float

    def vectors(self) -> Vectors:
        """float32 [n, dimension]."""
        return np.frombuffer(self.rows, "<f4").reshape(-1, self.dimension)

    def topic_centres(self) -> Vectors:
        """float32 [topics, dimension]."""
        return np.frombuffer(self.centres, "<f4").reshape(-1, self.dimension)

    def mix_table(self) -> NDArray[np.float64]:
        """The mix's log-likelihood ratios: a row for an event of each topic."""
        return mix_ratios(topic_shares(np.array(self.counts)))


def fit(vectors: Vectors, spec: EmbeddingSpec | None = None) -> EmbeddingReference:
    """Fit a reference to vectors [n, d] of any length; costs about two seconds.

    Rows that are not finite or have no direction are left out.

    Raises:
        ReferenceTooSmallError: fewer than `spec.smallest` rows are usable.
    """
    spec = spec or EmbeddingSpec()
    rows = _sample(_usable(np.atleast_2d(vectors)), spec)
    centres, counts = _topics(rows, spec)
    rare = spec.events_per_alarm * spec.caution
    return EmbeddingReference(
        spec=spec,
        dimension=rows.shape[1],
        rows=rows.astype("<f4").tobytes(),
        novelties=np.sort(_left_out(rows, spec.neighbours)).astype("<f8").tobytes(),
        centres=centres.astype("<f4").tobytes(),
        counts=counts.tolist(),
        novelty_threshold=novelty_threshold(len(rows), rare / (1.0 - spec.mix_part), spec.seed),
        mix_threshold=mix_threshold(counts, rare / spec.mix_part, spec.seed),
    )


def novelty(similarities: NDArray[np.float32], neighbours: int) -> NDArray[np.float64]:
    """[.., n] to [..]: one minus the mean similarity of the nearest neighbours.

    Rounded, so that the same text asked again is not stranger by the last bit.
    """
    nearest = np.partition(similarities, -neighbours, axis=-1)[..., -neighbours:]
    return np.asarray(np.round(1.0 - nearest.mean(axis=-1, dtype=np.float64), _DIGITS))


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """[.., d], finite and none zero, at length one; neither tiny nor huge ones are lost."""
    scaled = np.asarray(vectors, np.float64)
    scaled = scaled / np.abs(scaled).max(axis=-1, keepdims=True)
    return np.asarray(scaled / np.linalg.norm(scaled, axis=-1, keepdims=True), np.float32)


def _usable(vectors: NDArray[np.floating]) -> Vectors:
    finite = vectors[np.isfinite(vectors).all(axis=1)]
    return unit(finite[finite.any(axis=1)])


def _sample(rows: Vectors, spec: EmbeddingSpec) -> Vectors:
    if len(rows) < spec.smallest:
        raise ReferenceTooSmallError(f"{len(rows)} usable embeddings of {spec.smallest}")
    if len(rows) <= spec.largest:
        return rows
    chosen = np.random.default_rng(spec.seed).choice(len(rows), spec.largest, replace=False)
    return rows[np.sort(chosen)]


def _left_out(rows: Vectors, neighbours: int) -> NDArray[np.float64]:
    similarities = rows @ rows.T
    np.fill_diagonal(similarities, -1.0)
    return novelty(similarities, neighbours)


def _topics(rows: Vectors, spec: EmbeddingSpec) -> tuple[Vectors, NDArray[np.int64]]:
    distinct = len(np.unique(rows, axis=0))
    wanted = max(1, min(spec.topics, len(rows) // spec.events_per_topic, distinct))
    means, labels = kmeans2(rows, wanted, iter=_ROUNDS, minit="++", rng=spec.seed, missing="warn")
    used = np.flatnonzero(np.bincount(labels, minlength=wanted))
    centres = _usable(means[used])
    topics = (rows @ centres.T).argmax(axis=1)
    return centres, np.bincount(topics, minlength=len(centres))
