"""What a judge says, by the version of it that is in force for an answer."""

from msgspec.structs import replace

from processors.feedback.calibrate import apply
from processors.feedback.versions import Calibrations, calibration_for
from processors.judge.findings import Finding, Judged
from schemas.control import Calibration


def recalibrated(calibrations: Calibrations, query_id: str, route: str, judged: Judged) -> Judged:
    """The findings with what their probabilities mean; as they are without a calibration."""
    name = judged.version.partition("@")[0]
    chosen = calibration_for(calibrations.of(name), query_id, route)
    if chosen is None:
        return judged
    findings = [_meant(chosen, finding) for finding in judged.findings]
    return Judged(findings, f"{name}@{chosen.version}")


def _meant(calibration: Calibration, finding: Finding) -> Finding:
    """What is left of a claim's probability is shared out as the model did."""
    supported = apply(calibration, finding.supported)
    left = 1.0 - finding.supported
    against = finding.contradicted / left if left > 0 else 0.0
    if supported >= calibration.threshold:
        verdict = "supported"
    else:
        verdict = "contradicted" if against >= 0.5 else "not_in_sources"
    return replace(
        finding, supported=supported, contradicted=(1.0 - supported) * against, verdict=verdict
    )
