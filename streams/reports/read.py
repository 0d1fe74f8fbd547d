"""What a report needs of the log: answers that were evaluated, and what they are held against."""

from collections.abc import AsyncIterator, Mapping

from processors.monitor.observations import ANSWERS, FIGURES, SCORES, of_evaluation
from processors.routes import is_of
from schemas.evaluations import Evaluation
from schemas.monitoring import Drift
from streams.clients.kafka import LogClient
from streams.labels import Watch, events, spans
from streams.reports.choose import Answer, Chooser, Span, Wanted, Windows


async def windows(log: LogClient, wanted: Wanted, watch: Watch) -> Windows:
    """Both windows of what is wanted."""
    chooser = Chooser(wanted)
    async for answer in answers(log, wanted, watch):
        chooser.add(answer)
    return chooser.chosen()


async def answers(log: LogClient, wanted: Wanted, watch: Watch) -> AsyncIterator[Answer]:
    """Answers of a tenant and perhaps a route that somebody has seen, in the order of the log.

    One whose question is not known any more cannot be embedded, and is left out.
    """
    within = await spans(log, "evaluations")
    if wanted.since:
        # An answer is evaluated after it was given: what was logged before has no later one.
        first = await log.since("evaluations", wanted.since // 1000)
        within = {at: (max(first[at], begin), end) for at, (begin, end) in within.items()}
    async for _, _, evaluation in events(log, "evaluations", Evaluation, within, watch):
        if evaluation.tenant != wanted.tenant or not (evaluation.question or "").strip():
            continue
        if evaluation.shadow_of is None and _is_of(evaluation.labels, wanted):
            yield _answer(evaluation)


async def reference(log: LogClient, wanted: Wanted, watch: Watch) -> Span | None:
    """The reference of the newest drift event about these answers; None where there is none."""
    newest: Drift | None = None
    within = await spans(log, "drift")
    async for _, _, drift in events(log, "drift", Drift, within, watch):
        is_ours = (
            drift.metric in FIGURES[ANSWERS]
            and drift.labels.get("tenant") == wanted.tenant
            and _is_of(drift.labels, wanted)
        )
        if is_ours and drift.at < wanted.current.until and (newest is None or drift.at > newest.at):
            newest = drift
    if newest is None:
        return None
    span = Span(newest.reference.start, newest.reference.end)
    return span if span.until <= (wanted.current.since or span.until) else None


def _is_of(labels: Mapping[str, str], wanted: Wanted) -> bool:
    return wanted.route is None or is_of(labels.get("route", ""), wanted.route)


def _answer(evaluation: Evaluation) -> Answer:
    seen = of_evaluation(evaluation, None)
    figures = {name: seen.seen.figures.get(name) for name in SCORES}
    question = (evaluation.question or "").strip()
    return Answer(seen.at, evaluation.query_id, question, figures, evaluation.at)
