"""From a natural language inference model's probabilities to findings.

Each claim is a hypothesis, and each text of evidence that it may use is a premise. A claim is as
supported as its best premise makes it (SummaC's zero-shot rule: Laban and others, TACL 2022), and
gainsaid as far as the likest contradiction says so and no premise supports it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.judging.evidence import Place
from models.judging.judge import NOTHING, Finding, Verdict

SUPPORTED_FROM = 0.5


class Inferred(NamedTuple):
    """Probabilities of one premise and hypothesis."""

    entailment: float
    contradiction: float


def pairs(
    claims: Sequence[str], evidence: Sequence[str], allowed: Sequence[Sequence[bool]]
) -> list[tuple[int, int]]:
    """Which claim is held against which text: all that are allowed and not blank."""
    return [
        (claim, text)
        for claim, row in enumerate(allowed)
        for text, may in enumerate(row)
        if may and claims[claim].strip() and evidence[text].strip()
    ]


def labels(id2label: Mapping[int, str]) -> tuple[int, int]:
    """Which outputs are entailment and contradiction: checkpoints order them as they like.

    Raises:
        ValueError: the checkpoint names no such outputs, so it is no model for this.
    """
    named = {name.lower(): at for at, name in id2label.items()}
    try:
        return named["entailment"], named["contradiction"]
    except KeyError as error:
        raise ValueError(f"the checkpoint's labels are {sorted(named)}: no {error}") from error


def findings(
    count: int,
    evidence: Sequence[str],
    held: Sequence[tuple[int, int]],
    inferred: Sequence[Inferred],
) -> list[Finding]:
    """One finding for each of `count` claims, from its pairs; the place is a whole text."""
    by_claim: dict[int, list[tuple[Inferred, int]]] = {}
    for (claim, text), one in zip(held, inferred, strict=True):
        by_claim.setdefault(claim, []).append((one, text))
    return [
        _finding(by_claim[claim], evidence) if claim in by_claim else NOTHING
        for claim in range(count)
    ]


def _finding(found: Sequence[tuple[Inferred, int]], evidence: Sequence[str]) -> Finding:
    best, supporting = max(found, key=lambda one: one[0].entailment)
    worst, gainsaying = max(found, key=lambda one: one[0].contradiction)
    contradicted = min(worst.contradiction, 1 - best.entailment)
    verdict: Verdict = "not_in_sources"
    if best.entailment >= SUPPORTED_FROM:
        verdict = "supported"
    elif contradicted >= SUPPORTED_FROM:
        verdict = "contradicted"
    text = gainsaying if verdict == "contradicted" else supporting
    place = None if verdict == "not_in_sources" else Place(text, 0, len(evidence[text]))
    return Finding(best.entailment, contradicted, verdict, place, "")
