"""A judge without a model: a claim is supported where a text has all its words."""

import asyncio
import re
from collections.abc import Sequence

from processors.judge.findings import Finding, Judged

_WORD = re.compile(r"\w+")


class WordJudge:
    """The port `Judge`. "not" on one side alone is a contradiction."""

    def __init__(self, version: str = "words@1") -> None:
        self.version = version
        self.asked: list[tuple[list[str], list[str]]] = []
        """Claims and evidence of each call."""
        self.gate = asyncio.Event()
        """While it is shut nothing is judged."""
        self.gate.set()
        self.fault: Exception | None = None

    async def judge(
        self, claims: Sequence[str], evidence: Sequence[str], allowed: Sequence[Sequence[bool]]
    ) -> Judged:
        """Judge each claim by the texts that it may use."""
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.asked.append((list(claims), list(evidence)))
        findings = [
            _finding(claim, [(at, evidence[at]) for at, one in enumerate(row) if one])
            for claim, row in zip(claims, allowed, strict=True)
        ]
        return Judged(findings, self.version)


def _finding(claim: str, texts: list[tuple[int, str]]) -> Finding:
    wanted = _words(claim)
    for at, text in texts:
        missing = (wanted - {"not"}) - _words(text)
        if missing:
            continue
        support = (at, 0, len(text))
        if ("not" in wanted) != ("not" in _words(text)):
            return Finding(0.1, 0.8, "contradicted", support, "not")
        return Finding(0.9, 0.02, "supported", support, "")
    lacking = min((sorted(wanted - _words(text)) for _, text in texts), key=len, default=[])
    return Finding(0.2, 0.1, "not_in_sources", None, lacking[0] if lacking else "")


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
