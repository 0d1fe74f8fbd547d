"""Which passages a claim may rest on, and what the judge's findings make of claims and answer."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from processors.judge.claims import Claim as Statement
from processors.judge.findings import Finding, Judged
from processors.judge.scores import Passage
from schemas.evaluations import Claim, Score, Support, Verdict

_VERDICTS: dict[str, Verdict] = {
    "supported": "supported",
    "contradicted": "contradicted",
    "not_in_sources": "unsupported",
}
_MOST_BYTES = 480_000
"""Of passages in one call. A judge takes 1 MB; the claims of 100,000 characters are 400 kB."""
_SHOWN = 4
_LONGEST_FAULT = 64


class Heard(Struct, frozen=True):
    """A claim that the judge is asked about: its place, and which texts may support it."""

    place: int
    text: str
    allowed: list[bool]


class Evidence(Struct, frozen=True):
    """The passages that the judge is shown, and the claims that it is asked about."""

    names: list[str]
    texts: list[str]
    heard: list[Heard]
    reasons: dict[int, tuple[Verdict, str]]
    """Place of a claim to its verdict and why, where there is nothing to ask."""

    @staticmethod
    def of(passages: Sequence[Passage], statements: Sequence[Statement]) -> "Evidence":
        """A claim rests on the passages that it cites; one that cites none, on all of them."""
        shown = list(_shown(passages))
        heard: list[Heard] = []
        reasons: dict[int, tuple[Verdict, str]] = {}
        for place, statement in enumerate(statements):
            if not statement.checkable:
                reasons[place] = ("uncheckable", "states nothing that a source could support")
                continue
            mine = {marker - 1 for marker in statement.markers} or set(range(len(passages)))
            allowed = [at in mine for at in shown]
            if any(allowed):
                heard.append(Heard(place, statement.text, allowed))
            else:
                reasons[place] = _without_evidence(statement, passages, mine)
        return Evidence(
            [passages[at].name for at in shown],
            [passages[at].text or "" for at in shown],
            heard,
            reasons,
        )


def made(statements: Sequence[Statement], evidence: Evidence, judged: Judged | None) -> list[Claim]:
    """The claims with their verdicts, in the order in which the answer has them."""
    findings = judged.findings if judged is not None else []
    by_place = {one.place: finding for one, finding in zip(evidence.heard, findings, strict=True)}
    return [
        _judged(statement, by_place[place], evidence)
        if place in by_place
        else _unjudged(statement, *evidence.reasons[place])
        for place, statement in enumerate(statements)
    ]


def groundedness(claims: Sequence[Claim], judged: Judged | None) -> Score:
    """Of a whole answer: the share of its claims that is expected to be supported.

    That is the mean of the claims' probabilities; a claim that rests on nothing has 0.
    """
    counted = [claim for claim in claims if claim.verdict != "uncheckable"]
    if not counted:
        return Score(
            name="groundedness",
            label="no_claims" if not claims else "not_checkable",
            explanation="the answer states nothing that its passages could support or gainsay",
        )
    kinds = [claim.verdict for claim in counted]
    right = kinds.count("supported")
    if "contradicted" in kinds:
        label = "contradicted"
    else:
        label = "grounded" if right == len(kinds) else "partly" if right else "ungrounded"
    return Score(
        name="groundedness",
        label=label,
        score=_expected(counted, judged),
        explanation=f"{right} of {len(kinds)} claims supported{_faults(counted)}"[:4096],
    )


def groundedness_raw(claims: Sequence[Claim], judged: Judged) -> Score:
    """The same by the model's own word, where a calibration has the last: what the next
    calibration is learned from."""
    counted = [claim for claim in claims if claim.verdict != "uncheckable"]
    return Score(name="groundedness_raw", score=_expected(counted, judged))


def _expected(counted: Sequence[Claim], judged: Judged | None) -> float:
    findings = judged.findings if judged is not None else []
    return round(sum(finding.supported for finding in findings) / len(counted), 4)


def _faults(claims: Sequence[Claim]) -> str:
    told = [one.explanation for one in claims if one.verdict != "supported" and one.explanation]
    return f"; {'; '.join(dict.fromkeys(told[:_SHOWN]))}" if told else ""


def _shown(passages: Sequence[Passage]) -> Iterator[int]:
    """Places of the passages whose text is kept, up to what one call takes."""
    size = 0
    for place, passage in enumerate(passages):
        if passage.text is None:
            continue
        size += len(passage.text.encode())
        if size > _MOST_BYTES:
            return
        yield place


def _without_evidence(
    statement: Statement, passages: Sequence[Passage], mine: set[int]
) -> tuple[Verdict, str]:
    strange = sorted(at + 1 for at in mine if not 0 <= at < len(passages))
    if not passages:
        return "unsupported", "nothing was retrieved that could support it"
    if len(strange) == len(statement.markers) and strange:
        return "unsupported", f"cites [{strange[0]}], which the prompt did not have"
    return "uncheckable", "what it rests on is no longer in the index"


def _judged(statement: Statement, finding: Finding, evidence: Evidence) -> Claim:
    verdict = _VERDICTS[finding.verdict]
    return Claim(
        start=statement.start,
        end=statement.end,
        verdict=verdict,
        score=round(_certainty(verdict, finding), 4),
        support=_support(finding, evidence),
        explanation=_why(verdict, finding),
    )


def _certainty(verdict: Verdict, finding: Finding) -> float:
    """The probability of the verdict that was given."""
    match verdict:
        case "supported":
            sure = finding.supported
        case "contradicted":
            sure = finding.contradicted
        case _:
            sure = 1.0 - finding.supported - finding.contradicted
    return min(max(sure, 0.0), 1.0)


def _support(finding: Finding, evidence: Evidence) -> list[Support]:
    if finding.support is None:
        return []
    number, start, end = finding.support
    return [Support(passage=evidence.names[number], start=start, end=end)]


def _why(verdict: Verdict, finding: Finding) -> str | None:
    if verdict == "supported" or not finding.fault:
        return None
    what = "speaks against it" if verdict == "contradicted" else "is not in the passages"
    return f"{finding.fault[:_LONGEST_FAULT]!r} {what}"


def _unjudged(statement: Statement, verdict: Verdict, why: str) -> Claim:
    return Claim(start=statement.start, end=statement.end, verdict=verdict, explanation=why)
