"""A report made from a log: windows, questions embedded, outcome kept; errors say what to do."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from evidently.ui.workspace import Workspace
from numpy.typing import NDArray

from processors.monitor.observations import SCORES
from schemas.evaluations import Evaluation, Score
from schemas.monitoring import Drift, Window
from streams.clients.errors import ModelRejected, ModelUnavailable
from streams.errors import FreshetError
from streams.reports import read
from streams.reports.choose import Span, Wanted
from streams.reports.make import Maker, NothingToCompare
from tests.doubles.embedder import HashEmbedder
from tests.doubles.log import MemoryLog
from tests.doubles.opinions import GIVEN, unwatched, write

SECOND = 1_000_000
ACME = Wanted(tenant="acme")


def judged(
    log: MemoryLog,
    number: int,
    *,
    tenant: str = "acme",
    route: str = "default",
    question: str | None = None,
    relevance: float = 0.5,
    shadow_of: str | None = None,
) -> None:
    """An answer given so many seconds after the first."""
    at = GIVEN + number * SECOND
    event = Evaluation(
        query_id=f"{tenant}-{number}",
        tenant=tenant,
        judge="words@1",
        at=at + 5,
        answered_at=at,
        scores=[
            Score(name="relevance", score=relevance),
            Score(name="query_words", score=float(number % 7)),
            Score(name="made_up", score=1.0),
        ],
        labels={"route": route},
        question=f"How wide is river {number}?" if question is None else question or None,
        shadow_of=shadow_of,
    )
    write(log, "evaluations", event.query_id, event, at)


def drifted(log: MemoryLog, metric: str, start: int, end: int, at: int) -> None:
    """A drift event with a reference of these seconds."""
    span = Window(start=GIVEN + start * SECOND, end=GIVEN + end * SECOND, count=1)
    event = Drift(
        metric=metric,
        method="page_hinkley",
        value=2.0,
        threshold=1.0,
        drifted=True,
        current=span,
        reference=span,
        at=GIVEN + at * SECOND,
        labels={"tenant": "acme", "route": "default"},
    )
    write(log, "drift", metric, event, event.at)


@pytest.fixture
def log() -> MemoryLog:
    """Sixty answers as ever, and thirty that are about something else."""
    made = MemoryLog(clock=lambda: GIVEN + 1000 * SECOND)
    for number in range(60):
        judged(made, number)
    for number in range(60, 90):
        judged(made, number, question=f"Refund my order {number}!", relevance=0.1)
    return made


@pytest.fixture
def said() -> list[str]:
    """What was said on the way."""
    return []


def maker(log: MemoryLog, path: Path, said: list[str], embedder: HashEmbedder) -> Maker:
    return Maker(log, embedder, path, said.append, unwatched)


async def test_a_report_holds_the_newest_answers_against_the_oldest(
    log: MemoryLog, tmp_path: Path, said: list[str]
) -> None:
    """It is in the workspace, by tenant and route, and what drifted is told."""
    embedder = HashEmbedder()
    made = await maker(log, tmp_path, said, embedder).make(
        Wanted(tenant="acme", route="default", last=30)
    )
    (project,) = Workspace(str(tmp_path)).search_project("acme/default")
    assert (str(project.id), made.project_id) == (made.project_id, str(project.id))
    assert {text.partition(":")[0] for text in made.drifted} >= {
        "relevance",
        "Drift in embeddings",
    }
    assert not any("query_words" in text for text in made.drifted)
    assert max(embedder.calls) <= 4
    assert "current  : 30 answers" in said[1]


async def test_the_reference_is_that_of_the_newest_drift_event(
    log: MemoryLog, tmp_path: Path, said: list[str]
) -> None:
    """Of these answers: documents and feedback have references of their own."""
    drifted(log, "relevance", 0, 5, at=50)
    drifted(log, "relevance", 20, 40, at=70)
    drifted(log, "feedback_rating", 0, 30, at=80)
    found = await read.reference(log, ACME, unwatched)
    assert found == Span(GIVEN + 20 * SECOND, GIVEN + 40 * SECOND)
    await maker(log, tmp_path, said, HashEmbedder()).make(ACME)
    assert said[0] == "the reference is that of the newest drift event"
    assert said[1].startswith("reference: 20 answers")
    assert said[2].startswith("current  : 50 answers")


async def test_a_reference_that_the_log_has_no_more_is_left(
    log: MemoryLog, tmp_path: Path, said: list[str]
) -> None:
    """Then the oldest answers are it."""
    drifted(log, "relevance", -900, -800, at=70)
    await maker(log, tmp_path, said, HashEmbedder()).make(ACME)
    assert said[0].startswith("reference: 64 answers")


async def test_only_answers_of_the_tenant_and_route_with_a_question_are_read(
    log: MemoryLog,
) -> None:
    """With the figures that are watched, missing ones too."""
    judged(log, 100, tenant="other")
    judged(log, 101, route="canary")
    judged(log, 102, question="")
    judged(log, 103, route="canary/b")
    judged(log, 104, shadow_of="acme-1")
    every = [one async for one in read.answers(log, ACME, unwatched)]
    canary = Wanted(tenant="acme", route="canary")
    assert len(every) == 92
    assert [one.query_id async for one in read.answers(log, canary, unwatched)] == [
        "acme-101",
        "acme-103",
    ]
    assert {tuple(one.figures) for one in every} == {SCORES}


async def test_a_question_that_the_embedder_refuses_is_left_out(
    log: MemoryLog, tmp_path: Path, said: list[str]
) -> None:
    """It alone."""

    class Picky(HashEmbedder):
        async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            """Vectors, but for one question."""
            if any("river 7?" in text for text in texts):
                raise ModelRejected("not that")
            return await super().embed(texts)

    embedder = Picky()
    await maker(log, tmp_path, said, embedder).make(ACME)
    assert len(set(embedder.texts)) == 89


async def test_too_few_answers_are_an_error_that_says_what_to_do(
    log: MemoryLog, tmp_path: Path, said: list[str]
) -> None:
    """None at all, or fewer than can be compared; nothing is written."""
    with pytest.raises(
        NothingToCompare, match=r"no evaluated answers of tenant 'nobody'.*`freshet"
    ):
        await maker(log, tmp_path, said, HashEmbedder()).make(Wanted(tenant="nobody"))
    late = Wanted(tenant="acme", current=Span(GIVEN + 85 * SECOND))
    with pytest.raises(NothingToCompare, match=r"85 evaluated.*and 5 to look at.*--since"):
        await maker(log, tmp_path, said, HashEmbedder()).make(late)
    assert list(tmp_path.iterdir()) == []


async def test_models_that_do_not_answer_are_an_error_that_says_what_to_do(
    log: MemoryLog, tmp_path: Path, said: list[str]
) -> None:
    """In one line."""
    embedder = HashEmbedder()
    embedder.fault = ModelUnavailable("nobody there")
    with pytest.raises(FreshetError, match=r"nobody there; `freshet status`.*`freshet up`"):
        await maker(log, tmp_path, said, embedder).make(ACME)
