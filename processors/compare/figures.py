"""What is compared of two ways to answer: a figure of each answer, and how it is summed up."""

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

Kind = Literal["share", "mean", "median", "p95"]
Better = Literal["more", "less"]

QUANTILES: Mapping[Kind, float] = {"median": 0.5, "p95": 0.95}


class Answer(Struct, kw_only=True):
    """What became of one question, one way."""

    query_id: str
    tenant: str
    branch: str
    status: str
    is_given_up: bool
    """Its caller hung up: that says something of nothing but patience."""
    latency_ms: float | None
    tokens: int
    passages: list[str]
    """As the receipt has them; empty too where it has none."""
    way: str
    """Prompt, model and index version, as the receipt has them; empty where there is none."""
    shadow_of: str | None
    unit: str = ""
    """What its question stuck to."""
    groundedness: float | None = None
    is_grounded: bool | None = None
    cost_usd: float | None = None
    is_liked: bool | None = None


class Figure(Struct, frozen=True, kw_only=True):
    """A figure; an answer of which it is None does not count."""

    name: str
    kind: Kind
    better: Better
    says: str
    of: Callable[[Answer], float | None]
    of_shadows: bool = True


def _kept(of: Callable[[Answer], float | None]) -> Callable[[Answer], float | None]:
    """Of the answers that somebody waited for."""
    return lambda answer: None if answer.is_given_up else of(answer)


def _done(of: Callable[[Answer], float | None]) -> Callable[[Answer], float | None]:
    """Of those that did not fail either."""
    return _kept(lambda answer: None if answer.status == "failed" else of(answer))


FIGURES = (
    Figure(
        name="answered",
        kind="share",
        better="more",
        says="questions that got an answer",
        of=_kept(lambda answer: float(answer.status == "answered")),
    ),
    Figure(
        name="failed",
        kind="share",
        better="less",
        says="questions that failed for an error",
        of=_kept(lambda answer: float(answer.status == "failed")),
    ),
    Figure(
        name="given_up",
        kind="share",
        better="less",
        says="questions whose callers hung up",
        of=lambda answer: float(answer.is_given_up),
        of_shadows=False,
    ),
    Figure(
        name="grounded",
        kind="share",
        better="more",
        says="of the answers that the judge could judge, those whose claims are all supported",
        of=lambda answer: answer.is_grounded,
    ),
    Figure(
        name="groundedness",
        kind="mean",
        better="more",
        says="the share of an answer's claims that is expected to be supported",
        of=lambda answer: answer.groundedness,
    ),
    Figure(
        name="liked",
        kind="share",
        better="more",
        says="of the answers that people have an opinion on, those they approve of",
        of=lambda answer: answer.is_liked,
    ),
    Figure(
        name="latency_ms",
        kind="median",
        better="less",
        says="half of the answers took no longer, from when a worker had taken the question up",
        of=_done(lambda answer: answer.latency_ms),
    ),
    Figure(
        name="latency_p95_ms",
        kind="p95",
        better="less",
        says="95 in 100 answers took no longer, likewise",
        of=_done(lambda answer: answer.latency_ms),
    ),
    Figure(
        name="tokens",
        kind="mean",
        better="less",
        says="tokens read and written for a question",
        of=_done(lambda answer: float(answer.tokens)),
    ),
    Figure(
        name="cost_usd",
        kind="mean",
        better="less",
        says="dollars for a question, by the prices that are set",
        of=lambda answer: answer.cost_usd,
    ),
)
