"""What a judge says of an answer's claims."""

from typing import Literal

from msgspec import Struct

Verdict = Literal["supported", "contradicted", "not_in_sources"]


class Finding(Struct, frozen=True):
    """One claim judged.

    `supported` is the calibrated probability that the evidence says it, `contradicted` that the
    evidence says otherwise; together at most 1. `support` is the number of the text that speaks of
    the claim, and from which character to which it does (the end left out); None when none speaks
    of it. `fault` is the word that speaks most against the claim, or empty.
    """

    supported: float
    contradicted: float
    verdict: Verdict
    support: tuple[int, int, int] | None
    fault: str


class Judged(Struct, frozen=True):
    """Findings in the order of the claims; `version` names what judged, with its version."""

    findings: list[Finding]
    version: str
