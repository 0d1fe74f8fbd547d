"""Results read from a log: of the route, of its questions, since its last change."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.codec import encode
from schemas.control import Route, key_of
from schemas.evaluations import Evaluation, Score
from schemas.feedback import Feedback
from schemas.queries import Query
from schemas.responses import Error, Response, Usage
from streams.cli import app
from streams.routing.results import Wanted, read
from tests.doubles.answers import receipt
from tests.doubles.opinions import GIVEN, CommandLog, unwatched, write
from tests.unit.processors.test_shares import branch, route

SECOND = 1_000_000


class Clocked(CommandLog):
    """A log whose broker has the time of what is written."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: self.now)
        self.now = GIVEN


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Clocked:
    made = Clocked()
    monkeypatch.setattr("streams.clients.kafka.Log", lambda _settings: made)
    return made


def answered(
    log: Clocked,
    number: int,
    way: str,
    *,
    shadow_of: str | None = None,
    tokens: int = 100,
    grounded: float = 0.9,
    **more: Any,
) -> str:
    """A question, its answer and its evaluation, a second after the last."""
    log.now += SECOND
    query_id = f"q{number}" if shadow_of is None else f"{shadow_of}~s"
    if shadow_of is None:
        query = Query(query_id=query_id, text="?", tenant="acme", session_id=f"s{number // 2}")
        write(log, "queries", "acme", query, log.now)
    fields: dict[str, Any] = {
        "query_id": query_id,
        "tenant": "acme",
        "status": "answered",
        "answer": "Here.",
        "citations": [],
        "usage": Usage(input_tokens=tokens),
        "receipt": receipt(["p@1", "r@1"] if shadow_of else ["p@1", "q@1"], route=way),
        "timings_ms": {"queued": 40.0, "search": 2.0, "generate": 3.0},
        "route": way,
        "shadow_of": shadow_of,
    }
    write(log, "responses", query_id, Response(**(fields | more)), log.now)
    evaluation = Evaluation(
        query_id=query_id,
        tenant="acme",
        judge="words@1",
        at=log.now,
        scores=[
            Score(name="groundedness", score=grounded, label="grounded"),
            Score(name="cost_usd", score=0.25),
        ],
        shadow_of=shadow_of,
    )
    write(log, "evaluations", query_id, evaluation, log.now)
    return query_id


def thumb(log: Clocked, query_id: str, rating: Any, tenant: str = "acme") -> None:
    given = Feedback(query_id=query_id, tenant=tenant, rating=rating)
    write(log, "feedback", query_id, given, log.now)


def changed(log: Clocked, of: Route) -> None:
    log.append("control", key_of(of), encode(of))


async def test_each_branch_has_its_answers_with_all_that_is_known_of_them(log: Clocked) -> None:
    """From four topics; other routes' answers are not among them."""
    for number in range(6):
        answered(log, number, "default" if number % 2 else "default/b")
        answered(log, number, "default/s", shadow_of=f"q{number}", tokens=150)
    answered(log, 90, "other/b")
    thumb(log, "q1", 1)
    thumb(log, "q1", -1, tenant="zoo")
    thumb(log, "q1~s", -1)
    found = await read(log, Wanted("default", ["default", "b", "s"], 0), unwatched)
    told = {
        one.name: {each.figure: (each.count, each.interval.value) for each in one.figures}
        for one in found.branches
    }
    assert {name: figures["tokens"] for name, figures in told.items()} == {
        "default": (3, 100.0),
        "b": (3, 100.0),
        "s": (6, 150.0),
    }
    assert told["default"]["liked"] == (1, 1.0)
    assert "liked" not in told["s"]
    assert told["b"]["latency_ms"] == (3, 5.0)
    assert told["b"]["cost_usd"] == (3, 0.25)
    shadow = found.branches[2]
    assert (shadow.answers, shadow.units) == (6, 3)
    assert shadow.retrieval is not None
    assert (shadow.retrieval.pairs, shadow.retrieval.overlap.value) == (3, 0.5)


async def test_failures_are_of_the_branch_that_failed(log: Clocked) -> None:
    """They have no receipt; the response says which way it went."""
    failed = {"status": "failed", "receipt": None, "timings_ms": {}, "answer": ""}
    error = Error(type="model_unavailable", message="away")
    answered(log, 1, "default/b", **failed, error=error)
    answered(log, 2, "default/b", **failed, error=Error(type="cancelled", message="left"))
    (branch_,) = (await read(log, Wanted("default", ["default", "b"], 0), unwatched)).branches
    told = {one.figure: (one.count, one.interval.value) for one in branch_.figures}
    assert told["failed"] == (1, 1.0)
    assert told["given_up"] == (2, 0.5)
    assert "tokens" not in told


async def test_what_was_asked_before_does_not_count(log: Clocked) -> None:
    """Nor what was answered after, but asked before: another route was in force."""
    answered(log, 1, "default")
    log.now += SECOND
    query = Query(query_id="q2", text="?", tenant="acme")
    write(log, "queries", "acme", query, log.now)
    log.now += SECOND
    since = log.now
    late = Response(
        query_id="q2",
        tenant="acme",
        status="answered",
        answer="Late.",
        citations=[],
        usage=Usage(),
        receipt=receipt(),
        timings_ms={},
        route="default",
    )
    write(log, "responses", "q2", late, log.now)
    answered(log, 3, "default")
    found = await read(log, Wanted("default", ["default"], since), unwatched)
    assert [one.answers for one in found.branches] == [1]


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["routes", "results", *arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_the_command_tells_of_what_came_since_the_last_change(log: Clocked) -> None:
    """In a table, or as JSON; `--since` reaches further back."""
    answered(log, 1, "default/a")
    log.now += SECOND
    changed(log, route(branch("a", 0.5), branch("b", 0.5)))
    for number in range(10, 30):
        way = "default/b" if number % 2 else "default/a"
        answered(log, number, way, tokens=300 if number % 2 else 100 + number)
    found = json.loads(run("default", "--json"))
    assert [(one["name"], one["answers"]) for one in found["branches"]] == [("a", 10), ("b", 10)]
    assert found["comparisons"] == len(found["branches"][1]["differences"])
    every = json.loads(run("default", "--since", "0", "--json"))
    assert every["branches"][0]["answers"] == 11
    shown = run("default")
    (line,) = (line for line in shown.splitlines() if "tokens" in line and "worse" in line)
    assert "300" in line
    assert "b: 10 answers" in shown


def test_a_route_that_nobody_was_answered_by_is_no_error(log: Clocked) -> None:
    """The command says so."""
    assert "nobody" in run("default")
