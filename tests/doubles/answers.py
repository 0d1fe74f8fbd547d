"""Answers as responses, with receipts of any content."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.responses import Citation, Receipt, Response, Usage

AS_OF = 1_700_000_000_000_000


def receipt(
    passages: Sequence[str] = (), lexical: Mapping[str, float] | None = None, **more: Any
) -> Receipt:
    """What was known: `passages` are `passage_id@version`."""
    known: dict[str, Any] = {
        "index_version": "v1",
        "as_of": AS_OF,
        "applied": {},
        "staleness_ms": 0.0,
        "prompt": "answer@1",
        "model": "extractive@2",
        "embedder": "minilm-l6@1",
        "route": "default",
        "lexical": dict(lexical or {}),
        "passages": list(passages),
    }
    return Receipt(**(known | more))


def response(answer: str, given: Receipt | None = None, **more: Any) -> Response:
    """An answer; with no receipt the question never reached the index."""
    known: dict[str, Any] = {
        "query_id": "q-1",
        "tenant": "acme",
        "status": "answered",
        "citations": [],
        "usage": Usage(),
        "timings_ms": {},
    }
    return Response(answer=answer, receipt=given, **(known | more))


def cited(marker: int, quote: str = "") -> Citation:
    """What stands behind a marker of an answer."""
    return Citation(
        doc_id="a.md",
        passage_id="p",
        start=0,
        end=len(quote),
        quote=quote,
        score=1.0,
        marker=marker,
    )
