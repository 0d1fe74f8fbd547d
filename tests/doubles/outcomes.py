"""Outcomes of a replay that never was, and a run's folder that holds them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from processors.replay.outcome import FoundPassage, Outcome
from schemas.evaluations import Evaluation, Score
from schemas.responses import Citation, Response, Status, Usage
from streams.replay import runfiles

DAY_US = 24 * 3600 * 1_000_000


def passage(doc_id: str, start: int = 0, end: int = 100, text: str = "") -> FoundPassage:
    return FoundPassage(
        name=f"{doc_id}-{start}@7",
        doc_id=doc_id,
        start=start,
        end=end,
        score=0.5,
        text=text or f"{doc_id} says so",
    )


def outcome(
    query_id: str = "q",
    *,
    answer: str = "Soon. [1]",
    status: Status = "answered",
    variant: str = "live",
    tenant: str = "acme",
    question: str = "When do pools close?",
    asked_at: int = DAY_US,
    passages: Sequence[FoundPassage] = (),
    cited: Sequence[FoundPassage] = (),
    scores: Mapping[str, float] | None = None,
    tokens: tuple[int, int] = (100, 10),
    **more: Any,
) -> Outcome:
    """An outcome; `cited` passages are quoted whole."""
    return Outcome(
        variant=variant,
        query_id=query_id,
        tenant=tenant,
        question=question,
        asked_at=asked_at,
        as_of=asked_at,
        response=Response(
            query_id=query_id,
            tenant=tenant,
            status=status,
            answer=answer,
            citations=[_citation(number, one) for number, one in enumerate(cited, start=1)],
            usage=Usage(input_tokens=tokens[0], output_tokens=tokens[1]),
            receipt=None,
            timings_ms={},
        ),
        passages=list(passages),
        evaluation=None if scores is None else _evaluation(query_id, tenant, scores),
        **more,
    )


def write_run(
    run: Path, outcomes: Mapping[str, Iterable[Outcome]], seconds: float | None = 0.5
) -> Path:
    """A run of these variants; every question took `seconds`."""
    described = {"variants": [{"name": name} for name in outcomes]}
    runfiles.write_whole(run / runfiles.RUN, runfiles.plain(described))
    for variant, found in outcomes.items():
        parts: dict[int, list[Outcome]] = {}
        for one in found:
            parts.setdefault(runfiles.part_of(one.query_id), []).append(one)
        for part, some in parts.items():
            taken = {} if seconds is None else {one.query_id: {"read": seconds} for one in some}
            runfiles.write_part(run, variant, part, some, taken)
    return run


def _citation(number: int, one: FoundPassage) -> Citation:
    return Citation(
        doc_id=one.doc_id,
        passage_id=one.name.partition("@")[0],
        start=one.start,
        end=one.end,
        quote=one.text,
        score=one.score,
        marker=number,
    )


def _evaluation(query_id: str, tenant: str, scores: Mapping[str, float]) -> Evaluation:
    return Evaluation(
        query_id=query_id,
        tenant=tenant,
        judge="words-at-fault@1",
        at=1,
        scores=[Score(name=name, score=score) for name, score in scores.items()],
    )
