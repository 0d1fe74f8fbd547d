"""How often the CPU judge is right about texts that it was not trained on, and how fast it is.

`python -m tests.bench.judge --data DIR` (or FRESHET_DATA=DIR), DIR holding `grounding`. For each
set the judge is trained anew on the others; BEGIN is parted by its evidence into a half to train
on and a half held out. The calibration and the threshold come from the training sets, too: each of
them is scored by models without it. For a domain of SummEdits the threshold is chosen on its other
four.

Saying yes to everything has a balanced accuracy of 0.5 and often the better F1, so that is given
beside each figure. Speed is in seconds of one core's time, the best of seven rounds.
"""

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from models.build import grounding
from models.build.judge import WEIGHTS, Trainer, alone, tabulate
from models.judging.judge import LEAST_COVERED, Judge, conflicts
from models.judging.scoring import Rows, Weights, load, sigmoid
from models.judging.vectors import WordVectors
from processors.judge.claims import split
from tests.bench.errors import CannotMeasureError
from tests.bench.report import Line, Measured, Options, main

ROOT = Path(__file__).parents[2]
BINS = 10
RESAMPLES = 1000
PASSAGE = 650
PASSAGES = 5
ANSWERS = 300
ROUNDS = 7
LEAST = {grounding.HELD_OUT: 0.93}
LEAST_BALANCED = 0.60
AIM = 0.67
LEAST_SPEED = 300.0

Mask = NDArray[np.bool_]


def calibration_error(probabilities: Rows, labels: Mask, bins: int = BINS) -> float:
    """Expected calibration error: bins of equal width, weighted by what is in them."""
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    parts = (places == at for at in range(bins))
    gaps = [
        abs(float(probabilities[part].mean() - labels[part].mean())) * float(part.mean())
        for part in parts
        if part.any()
    ]
    return sum(gaps)


def interval(probabilities: Rows, labels: Mask) -> list[float]:
    """Between which 95% of the AUROCs lie when the pairs are drawn anew, with replacement."""
    chance = np.random.default_rng(0)
    drawn = (chance.integers(len(labels), size=len(labels)) for _ in range(RESAMPLES))
    found = [roc_auc_score(labels[at], probabilities[at]) for at in drawn]
    return [round(float(edge), 4) for edge in np.quantile(found, (0.025, 0.975))]


def figures(probabilities: Rows, labels: Mask, threshold: float) -> dict[str, Any]:
    """All that is told of one set."""
    said = probabilities >= threshold
    found = {
        "auroc": roc_auc_score(labels, probabilities),
        "balanced_accuracy": balanced_accuracy_score(labels, said),
        "balanced_accuracy_always_yes": 0.5,
        "supported_found": said[labels].mean(),
        "unsupported_found": (~said[~labels]).mean(),
        "f1": f1_score(labels, said),
        "f1_always_yes": f1_score(labels, np.ones_like(labels)),
        "ece": calibration_error(probabilities, labels),
        "threshold": threshold,
        "supported_share": labels.mean(),
    }
    rounded = {name: round(float(value), 4) for name, value in found.items()}
    return {"n": len(labels), "auroc_95": interval(probabilities, labels), **rounded}


def left_out(trainer: Trainer, part: str) -> dict[str, Any]:
    """Train without a set, and measure on it."""
    weights = trainer.train(part)
    own = trainer.table.parts == part
    rows = trainer.rows(weights.risk, own)
    probabilities = weights.platt.probability(weights.odds(rows))
    threshold = weights.threshold
    if part in grounding.SUMMEDITS:
        among = [one for one in grounding.SUMMEDITS if one != part]
        threshold = trainer.threshold(weights, part, among)
    found = figures(probabilities, trainer.table.supported[own], threshold)
    return found | contradiction(trainer, weights, own)


def contradiction(trainer: Trainer, weights: Weights, own: Mask) -> dict[str, float]:
    """Contradicted against unmentioned, among the unsupported of a set whose kinds are known."""
    table = trainer.table
    known = [at for at in np.flatnonzero(own) if table.contradicts[at] is not None]
    if not known:
        return {}
    described = [table.described[at] for at in known]
    labels = np.array([bool(table.contradicts[at]) for at in known])
    spoken_of = np.array([one.summary["best_sentence"] >= LEAST_COVERED for one in described])
    against = sigmoid(weights.contradiction.odds(conflicts(described))) * spoken_of
    said = against >= 0.5
    found = {
        "contradicted_found": said[labels].mean() if labels.any() else None,
        "unmentioned_found": (~said[~labels]).mean() if not labels.all() else None,
        "contradiction_auroc": roc_auc_score(labels, against) if len(set(labels)) == 2 else None,
    }
    return {name: round(float(value), 4) for name, value in found.items() if value is not None}


def speed(judge: Judge, pairs: Sequence[grounding.Pair], claims: int) -> float:
    """Claims a second of one core: fresh evidence for every answer of so many claims.

    The best of some rounds, since whatever else runs on a machine only slows it.
    """
    texts = list(dict.fromkeys(one.evidence[0] for one in pairs if one.part == "summedits-news"))
    said = [one.claim for one in pairs if one.part == "cg2c"]
    answers = []
    for at in range(ANSWERS):
        text = texts[at % len(texts)]
        # Another beginning makes other passages: nothing of the evidence was met before.
        shifted = text[at // len(texts) * 37 :]
        cut = [shifted[first : first + PASSAGE] for first in range(0, PASSAGE * PASSAGES, PASSAGE)]
        evidence = [part for part in cut if part.strip()]
        own = [said[(at * claims + one) % len(said)] for one in range(claims)]
        answers.append((own, evidence, [[True] * len(evidence)] * claims))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for answer in answers[:20]:
        judge.judge(*answer)
    rounds = (_seconds(judge, answers) for _ in range(ROUNDS))
    return len(answers) * claims / min(rounds)


def _seconds(judge: Judge, answers: Sequence[Any]) -> float:
    started = time.process_time()
    for answer in answers:
        judge.judge(*answer)
    return time.process_time() - started


def splitting(pairs: Sequence[grounding.Pair]) -> float:
    """Claims that an answer is cut into, a second of one core."""
    texts = [one.claim for one in pairs if one.part in grounding.SUMMEDITS]
    started = time.process_time()
    found = sum(len(split(text).claims) for text in texts)
    return found / (time.process_time() - started)


@alone
def measure(options: Options) -> Measured:
    """Everything. Raises CannotMeasureError when the data or the word vectors are not there."""
    models = Path(os.environ.get("FRESHET_MODELS_DIR", ROOT / ".freshet" / "models"))
    pairs = grounding.read(options.folder("grounding"))
    try:
        vectors = WordVectors.load(models)
    except OSError as error:
        raise CannotMeasureError(f"no word vectors ({error}): run models.build.words") from error
    trainer = Trainer(tabulate([*pairs, *grounding.copies(pairs)], vectors))
    sets = {}
    for part in grounding.TESTED:
        sets[part] = left_out(trainer, part)
        print(part, sets[part], file=sys.stderr, flush=True)
    judge = Judge(load(WEIGHTS), vectors)
    speeds = {
        "one_claim_an_answer": round(speed(judge, pairs, 1)),
        "three_claims_an_answer": round(speed(judge, pairs, 3)),
        "splitting": round(splitting(pairs)),
    }
    balanced = float(np.mean([sets[part]["balanced_accuracy"] for part in grounding.SUMMEDITS]))
    details = {
        "sets": sets,
        "summedits_balanced_accuracy": round(balanced, 4),
        "claims_per_second": speeds,
        "weights": {
            "version": judge.version,
            "sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        },
    }
    return lines(sets, balanced, speeds), details


def lines(sets: dict[str, dict[str, Any]], balanced: float, speeds: dict[str, int]) -> list[Line]:
    """The figures that matter, each beside what saying yes to everything gives."""
    held_out = sets[grounding.HELD_OUT]["auroc"]
    told = [
        _line(
            "BEGIN, held-out half, AUROC ({} to {})".format(*sets[grounding.HELD_OUT]["auroc_95"]),
            held_out,
            LEAST[grounding.HELD_OUT],
        ),
        _line(
            f"SummEdits, a domain left out, balanced accuracy (always yes 0.5; aim {AIM})",
            balanced,
            LEAST_BALANCED,
        ),
    ]
    for part in ("fm2", "fever-symmetric", "wice"):
        found = sets[part]
        told.append(
            Line(
                what=f"{part}, AUROC; balanced accuracy (always yes 0.5); F1 (always yes)",
                figure=f"{found['auroc']:.3f}; {found['balanced_accuracy']:.3f}; "
                f"{found['f1']:.3f} ({found['f1_always_yes']:.3f})",
            )
        )
    slowest = min(speeds["one_claim_an_answer"], speeds["three_claims_an_answer"])
    told.append(
        Line(
            what="claims a second on one core, five fresh passages an answer",
            figure=f"{speeds['one_claim_an_answer']} (one an answer), "
            f"{speeds['three_claims_an_answer']} (three)",
            target=f"at least {LEAST_SPEED:.0f}",
            met=slowest >= LEAST_SPEED,
        )
    )
    errors = [found["ece"] for found in sets.values()]
    told.append(
        Line(
            what="calibration error (ECE) on sets left out: median, worst",
            figure=f"{float(np.median(errors)):.3f}, {max(errors):.3f}",
        )
    )
    return told


def _line(what: str, value: float, least: float) -> Line:
    return Line(what=what, figure=f"{value:.3f}", target=f"at least {least}", met=value >= least)


if __name__ == "__main__":
    sys.exit(main("judge", measure))
