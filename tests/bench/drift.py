"""How soon a change of topics is noticed, at one false alarm in 5,000 events.

    python -m tests.bench.drift --data DIR      (or FRESHET_DATA=DIR)

Fifty streams over SQuAD 2.0 dev at each size of shift, ours beside Evidently's domain classifier
and river's ADWIN. `drift_streams` says how streams are drawn, `drift_rivals` how the other two
are run. Every threshold is set on the calibration split, whose topics are not those of the test:
Evidently's AUC and ADWIN's delta here, and ours by `EmbeddingSpec.caution`, the only number that
the simulation of `processors.drift.threshold` does not give. The shape of our statistic, and
Page-Hinkley's settings for figures, were chosen on the calibration split and on other draws.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from processors.drift.embeddings import EmbeddingDetector
from processors.drift.reference import EmbeddingReference, Vectors, fit
from processors.drift.scalars import ScalarDetector
from processors.drift.scalars import fit as fit_scalar
from tests.bench import drift_rivals as rivals
from tests.bench import drift_scalars, report
from tests.bench import drift_streams as streams
from tests.bench.drift_streams import Rotation, Rows
from tests.bench.report import Line, Options
from tests.bench.vectors import VectorStore

ROOT = Path(__file__).parents[2]
EVENTS_PER_ALARM = 5000
LONG, LONG_AUC = 5000, 1100
CALIBRATION_ROTATIONS = 50
VECTORS = ROOT / ".freshet" / "bench" / "minilm-l6"
OURS, EVIDENTLY, ADWIN = "freshet", "evidently_domain_classifier", "river_adwin"


class Stream(NamedTuple):
    """Vectors of a stream, and what they are compared with."""

    reference: EmbeddingReference
    vectors: Vectors


Fitted = tuple[Rotation, EmbeddingReference]


class Settings(NamedTuple):
    """What the calibration split has set."""

    auc: float
    delta: float


def ours(stream: Stream) -> tuple[list[int], list[int]]:
    """After how many events our alarms began, and since which event each says."""
    detector = EmbeddingDetector(stream.reference)
    found = []
    for number, vector in enumerate(stream.vectors, 1):
        alarms = detector.update(str(number), number, vector).alarms
        found += [(number, alarm.since) for alarm in alarms if alarm.state == "began"]
    return [at for at, _ in found], [since for _, since in found]


def theirs(stream: Stream, settings: Settings) -> dict[str, list[int]]:
    """The same of the other two."""
    path = rivals.auc_path(stream.reference.vectors(), stream.vectors)
    return {EVIDENTLY: rivals.auc_alarms(path, settings.auc), ADWIN: adwin(stream, settings.delta)}


def adwin(stream: Stream, delta: float) -> list[int]:
    """River's ADWIN on one stream."""
    values = rivals.novelties(stream.reference, stream.vectors)
    return rivals.adwin_alarms(rivals.past_of(stream.reference), values, delta)


class Bench:
    """The questions, embedded, and both splits."""

    def __init__(self, folder: Path) -> None:
        store = VectorStore(
            VECTORS,
            ROOT / ".venv-servers" / "bin" / "python",
            ROOT / ".freshet" / "models",
        )
        self.questions = streams.read(folder)
        self.vectors = store.embed(self.questions.texts)
        self.calibration, self.test = streams.splits(self.questions)
        self._fitted: dict[bytes, EmbeddingReference] = {}

    def rotations(
        self, articles: list[str], count: int
    ) -> list[tuple[Rotation, EmbeddingReference]]:
        """Rotations of a split with their references fitted."""
        drawn = streams.rotations(self.questions, articles, count, seed=1)
        return [(one, self._fit(one)) for one in drawn]

    def _fit(self, rotation: Rotation) -> EmbeddingReference:
        key = rotation.reference.tobytes()
        if key not in self._fitted:
            self._fitted[key] = fit(self.vectors[rotation.reference])
        return self._fitted[key]

    def stream(self, reference: EmbeddingReference, rows: Rows) -> Stream:
        """A stream of questions by their rows."""
        return Stream(reference, self.vectors[rows])

    def unchanged(self, articles: list[str], events: int, seed: int) -> list[Stream]:
        """Long streams without a change, drawn with replacement."""
        pairs = self.rotations(articles, CALIBRATION_ROTATIONS)
        return [
            self.stream(reference, streams.resampled(rotation, events, seed + number))
            for number, (rotation, reference) in enumerate(pairs)
        ]

    def calibrate(self) -> tuple[Settings, dict[str, Any]]:
        """Set the others' thresholds on the calibration split, and check ours there."""
        long = self.unchanged(self.calibration, LONG, 100)
        shorter = self.unchanged(self.calibration, LONG_AUC, 100)
        paths = [rivals.auc_path(s.reference.vectors(), s.vectors) for s in shorter]
        values = [(rivals.past_of(s.reference), rivals.novelties(*s)) for s in long]
        settings = Settings(
            rivals.auc_threshold(paths, EVENTS_PER_ALARM),
            rivals.adwin_delta(values, EVENTS_PER_ALARM),
        )
        return settings, {
            "articles": self.calibration,
            "events": LONG * len(long),
            "our_alarms": sum(len(ours(stream)[0]) for stream in long),
            "adwin_delta": settings.delta,
            "adwin_alarms": sum(len(adwin(stream, settings.delta)) for stream in long),
            "evidently_auc_threshold": settings.auc,
            "evidently_events": LONG_AUC * len(shorter),
            "evidently_alarms": sum(len(rivals.auc_alarms(p, settings.auc)) for p in paths),
            "our_novelty_thresholds": sorted({s.reference.novelty_threshold for s in long}),
        }


def shift(bench: Bench, share: float, settings: Settings) -> dict[str, Any]:
    """Fifty streams of the test split with one size of shift."""
    alarms: dict[str, list[list[int]]] = {OURS: [], EVIDENTLY: [], ADWIN: []}
    errors = []
    for number, (rotation, reference) in enumerate(bench.rotations(bench.test, streams.ROTATIONS)):
        for rows in streams.shifted(rotation, share, seed=number):
            stream = bench.stream(reference, rows)
            at, since = ours(stream)
            errors += [
                abs(s - streams.BEFORE)
                for a, s in zip(at, since, strict=True)
                if a > streams.BEFORE
            ][:1]
            alarms[OURS].append(at)
            for name, found in theirs(stream, settings).items():
                alarms[name].append(found)
    found = {name: _delays(of) for name, of in alarms.items()}
    found[OURS]["since_error_median_events"] = float(np.median(errors))
    return found


def unchanged(bench: Bench, settings: Settings) -> dict[str, Any]:
    """Fifty streams of the test split without a shift."""
    alarms, events = {OURS: 0, EVIDENTLY: 0, ADWIN: 0}, 0
    for rotation, reference in bench.rotations(bench.test, streams.ROTATIONS):
        for rows in streams.unchanged(rotation):
            stream = bench.stream(reference, rows)
            events += len(rows)
            alarms[OURS] += len(ours(stream)[0])
            for name, found in theirs(stream, settings).items():
                alarms[name] += len(found)
    long = bench.unchanged(bench.test, LONG, 500)
    return {
        "streams": streams.ROTATIONS * streams.STREAMS,
        "events": events,
        "expected": round(events / EVENTS_PER_ALARM, 1),
        "alarms": alarms,
        "resampled": {
            "events": LONG * len(long),
            "expected": LONG * len(long) / EVENTS_PER_ALARM,
            OURS: sum(len(ours(stream)[0]) for stream in long),
            ADWIN: sum(len(adwin(stream, settings.delta)) for stream in long),
        },
    }


def _delays(found: Sequence[list[int]]) -> dict[str, Any]:
    before = streams.BEFORE
    delays = [min((n - before for n in one if n > before), default=np.inf) for one in found]
    middle = float(np.median(delays))
    return {
        "median_delay": middle if np.isfinite(middle) else None,
        "missed": int(np.isinf(delays).sum()),
        "streams": len(delays),
        "alarms_before_the_change": sum(n <= before for one in found for n in one),
    }


def throughput(bench: Bench) -> dict[str, float]:
    """Events a second on one core, and what it costs to fit a reference."""
    rotation, _ = bench.rotations(bench.test, 1)[0]
    vectors = bench.vectors[rotation.known]
    began = time.perf_counter()
    reference = fit(bench.vectors[rotation.reference])
    fitted = time.perf_counter()
    ours(Stream(reference, vectors))
    seen = time.perf_counter()
    scalar = ScalarDetector(fit_scalar(vectors[:500, 0].tolist()))
    values = np.resize(vectors[:, 1], 20_000).tolist()
    started = time.perf_counter()
    for number, value in enumerate(values):
        scalar.update("", number, value)
    return {
        "embedding_events_per_s": round(len(vectors) / (seen - fitted)),
        "scalar_events_per_s": round(len(values) / (time.perf_counter() - started)),
        "fit_s": round(fitted - began, 2),
    }


def lines(found: dict[str, Any]) -> list[Line]:
    """The figures that matter."""
    table = []
    for name, share in found["shifts"].items():
        others = [share[EVIDENTLY]["median_delay"], share[ADWIN]["median_delay"]]
        mine = share[OURS]["median_delay"]
        best = min(np.inf if other is None else other for other in others)
        limit = 45 if name == "0.2" else np.inf
        table.append(
            Line(
                what=f"{float(name):.0%} shift: median delay, missed of 50",
                figure=f"{mine:g}, {share[OURS]['missed']}",
                target="; ".join(
                    [f"Evidently {_said(share[EVIDENTLY])}", f"ADWIN {_said(share[ADWIN])}"]
                ),
                met=mine is not None and mine < best and mine <= limit,
            )
        )
    quiet, long = found["unchanged"], found["unchanged"]["resampled"]
    rate = found["throughput"]["embedding_events_per_s"]
    return [
        *table,
        Line(
            what="no shift: false alarms in 50 streams",
            figure=f"{quiet['alarms'][OURS]} in {quiet['events']:,}",
            target=f"{quiet['expected']} expected",
        ),
        Line(
            what="no shift, resampled: false alarms",
            figure=f"{long[OURS]} in {long['events']:,}",
            target=f"{long['expected']:g} expected",
        ),
        Line(
            what="embeddings watched a second, one core",
            figure=f"{rate:,}",
            target="at least 2,000",
            met=rate >= 2000,
        ),
    ]


def _said(one: dict[str, Any]) -> str:
    delay = "over 200" if one["median_delay"] is None else f"{one['median_delay']:g}"
    return f"{delay}, {one['missed']}"


def measure(options: Options) -> report.Measured:
    """Calibrate, then test."""
    bench = Bench(options.folder("retrieval"))
    settings, calibration = bench.calibrate()
    print("calibrated", settings, file=sys.stderr)
    found = {
        "events_per_alarm": EVENTS_PER_ALARM,
        "test_articles": bench.test,
        "calibration": calibration,
        "shifts": {str(share): shift(bench, share, settings) for share in streams.SHIFTS},
        "unchanged": unchanged(bench, settings),
        "scalars": drift_scalars.measure(EVENTS_PER_ALARM),
        "throughput": throughput(bench),
    }
    return lines(found), found


if __name__ == "__main__":
    sys.exit(report.main("drift", measure))
