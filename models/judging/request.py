"""The judge's tensors: what every judge is asked, and how it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.judging.judge import Finding

MOST_CLAIMS = 512
MOST_EVIDENCE = 256
MOST_BYTES = 1_000_000
"""Of all texts of a request together."""


class InvalidRequest(ValueError):
    """A request that no judge can take; the message is for the caller."""


@dataclass(frozen=True)
class Asked:
    """`allowed[i][j]`: text j of the evidence may support claim i."""

    claims: list[str]
    evidence: list[str]
    allowed: list[list[bool]]


def read(claims: Sequence[bytes], evidence: Sequence[bytes], allowed: Any = None) -> Asked:
    """Check a request. `allowed` is bool [claims, evidence], or None for all.

    An empty text is fine: it supports nothing, and nothing supports it.

    Raises:
        InvalidRequest: too much of something, bytes that are not UTF-8, or shapes that disagree.
    """
    for what, values, most in (
        ("claims", claims, MOST_CLAIMS),
        ("evidence", evidence, MOST_EVIDENCE),
    ):
        if len(values) > most:
            raise InvalidRequest(f"{len(values)} {what}; at most {most} are judged at once")
    if sum(map(len, (*claims, *evidence))) > MOST_BYTES:
        raise InvalidRequest(f"the texts are longer than {MOST_BYTES} bytes together")
    shape = (len(claims), len(evidence))
    mask = np.ones(shape, bool) if allowed is None else np.asarray(allowed, bool)
    if mask.shape != shape:
        raise InvalidRequest(f"allowed has shape {list(mask.shape)}, not {list(shape)}")
    return Asked(_decoded("claim", claims), _decoded("evidence", evidence), mask.tolist())


def tensors(findings: Sequence[Finding], version: str) -> dict[str, NDArray[Any]]:
    """The answer, by tensor name."""
    places = [finding.place for finding in findings]
    spans = [(at.evidence, at.start, at.end) if at else (-1, 0, 0) for at in places]
    return {
        "supported": np.array([one.supported for one in findings], np.float32),
        "contradicted": np.array([one.contradicted for one in findings], np.float32),
        "verdict": _strings(one.verdict for one in findings),
        "support": np.array(spans, np.int32).reshape(-1, 3),
        "fault": _strings(one.fault for one in findings),
        "version": _strings([version]),
    }


def _strings(values: Any) -> NDArray[Any]:
    return np.array([value.encode() for value in values], np.object_)


def _decoded(what: str, values: Sequence[bytes]) -> list[str]:
    texts = []
    for at, value in enumerate(values):
        try:
            texts.append(value.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{what} {at} is not UTF-8: {error}") from error
    return texts
