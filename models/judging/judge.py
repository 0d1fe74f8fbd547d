"""Claims and evidence in, findings out: what the served model and the measurements run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.judging.align import Alignment, align
from models.judging.evidence import Evidence, Place
from models.judging.features import best_place, features
from models.judging.risk import inputs, summary
from models.judging.scoring import Rows, Weights, sigmoid
from models.judging.vectors import WordVectors

Verdict = Literal["supported", "contradicted", "not_in_sources"]

CONFLICTS = (
    *("opposites", "opposites_anywhere", "prefixes", "other_numbers", "negation"),
    *("negation_differs", "negation_only_here", "negation_new", "covered_softly", "context"),
    *("missing", "names_missing_share", "numbers_missing_share", "instead_mean"),
)
"""What tells a claim that the evidence gainsays from one of which it says nothing."""
LEAST_FAULT = 0.15
LEAST_COVERED = 0.25
"""A sentence that has less of the claim is no support and no contradiction of it."""


@dataclass(frozen=True)
class Finding:
    """One claim judged.

    `supported` is a calibrated probability, `contradicted` the share of the rest in which the
    evidence says otherwise; together they are at most 1. `place` is the sentence that speaks of the
    claim, None when none does. `fault` is the word that speaks most against it, or empty.
    """

    supported: float
    contradicted: float
    verdict: Verdict
    place: Place | None
    fault: str


NOTHING = Finding(0.0, 0.0, "not_in_sources", None, "")
"""A claim without words, or evidence without: nothing can support it."""


@dataclass(frozen=True)
class Described:
    """A claim as the learned part sees it: row [49], and what the words are like [k, 180]."""

    found: Alignment
    evidence: Evidence
    summary: dict[str, float]


def describe(claim: str, evidence: Evidence, vectors: WordVectors) -> Described | None:
    """All that is computed before anything learned; None when there is nothing to compare."""
    found = align(claim, evidence, vectors)
    return Described(found, evidence, features(found, evidence)) if found else None


class Judge:
    """Holds claims against evidence. Has no state but what it was made with."""

    def __init__(self, weights: Weights, vectors: WordVectors) -> None:
        self._weights, self._vectors = weights, vectors

    @property
    def version(self) -> str:
        """Name and version of what was learned."""
        return self._weights.version

    def judge(
        self, claims: Sequence[str], evidence: Sequence[str], allowed: Sequence[Sequence[bool]]
    ) -> list[Finding]:
        """Findings in the order of the claims; `allowed[i][j]`: text j may support claim i.

        Places name texts by their position in `evidence`, and characters of them.
        """
        described: list[Described | None] = []
        numbers: list[list[int]] = []
        ready: dict[tuple[int, ...], Evidence] = {}
        for claim, row in zip(claims, allowed, strict=True):
            own = tuple(at for at, one in enumerate(row) if one)
            if own not in ready:
                ready[own] = Evidence([evidence[at] for at in own], self._vectors)
            described.append(describe(claim, ready[own], self._vectors))
            numbers.append(list(own))
        return self._findings(described, numbers)

    def _findings(
        self, described: Sequence[Described | None], numbers: Sequence[list[int]]
    ) -> list[Finding]:
        present = [one for one in described if one is not None]
        if not present:
            return [NOTHING for _ in described]
        risks = [self._risks(one) for one in present]
        rows = np.array([row(one, risk) for one, risk in zip(present, risks, strict=True)])
        supported = self._weights.platt.probability(self._weights.odds(rows))
        against = sigmoid(self._weights.contradiction.odds(conflicts(present)))
        made = iter(zip(present, risks, supported, against, strict=True))
        return [
            NOTHING if one is None else self._finding(*next(made), own)
            for one, own in zip(described, numbers, strict=True)
        ]

    def _risks(self, described: Described) -> Rows:
        return self._weights.risk.of_words(inputs(described.found, self._vectors))

    def _finding(
        self, one: Described, risks: Rows, supported: float, against: float, own: list[int]
    ) -> Finding:
        spoken_of = one.summary["best_sentence"] >= LEAST_COVERED
        against = against if spoken_of else 0.0
        place = best_place(one.found, one.evidence) if spoken_of else None
        return Finding(
            supported=float(supported),
            contradicted=float((1 - supported) * against),
            verdict=self._verdict(float(supported), float(against)),
            place=place and Place(own[place.evidence], place.start, place.end),
            fault=_fault(one.found, risks),
        )

    def _verdict(self, supported: float, against: float) -> Verdict:
        if supported >= self._weights.threshold:
            return "supported"
        return "contradicted" if against >= 0.5 else "not_in_sources"


def row(described: Described, risks: Rows) -> list[float]:
    """What is known of a claim, [49]: its features and its risk."""
    return [*described.summary.values(), *summary(risks)]


def conflicts(described: Sequence[Described]) -> Rows:
    """What tells contradicted from unmentioned, [n, 14]."""
    return np.array([[one.summary[name] for name in CONFLICTS] for one in described])


def _fault(found: Alignment, risks: Rows) -> str:
    """The word that is likeliest at fault, if any is likely to be."""
    worst = int(risks.argmax())
    return found.content[worst].lower if risks[worst] >= LEAST_FAULT else ""
