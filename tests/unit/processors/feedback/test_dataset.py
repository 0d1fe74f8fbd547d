"""Labelled answers, and what they were made of."""

import json
from hashlib import sha256

from msgspec.structs import replace

from processors.feedback.dataset import SCHEMA, Examples, Place, jsonl, lineage_of
from schemas.evaluations import Claim, Support
from schemas.queries import Query
from schemas.responses import Citation, Receipt, Response, Usage
from tests.unit.processors.feedback.stories import GIVEN, SPEC, evaluation, feedback

RECEIPT = Receipt(
    index_version="v1",
    as_of=1,
    applied={},
    staleness_ms=1.0,
    prompt="answer@1",
    model="reader@1",
    embedder="minilm@1",
    route="default",
    lexical={},
    passages=["p-1@7", "p-2@7"],
)
QUOTE = Citation(doc_id="d", passage_id="p-1", start=0, end=4, quote="Five", score=0.5, marker=1)


def response(query_id: str = "q", tenant: str = "acme", answer: str = "Five [1]") -> Response:
    return Response(
        query_id=query_id,
        tenant=tenant,
        status="answered",
        answer=answer,
        citations=[QUOTE],
        usage=Usage(),
        receipt=RECEIPT,
        timings_ms={},
    )


def at(topic: str, offset: int = 0) -> Place:
    return Place(topic, 1, offset)


def examples() -> Examples:
    """One answer: a thumb, then a reviewer with a correction."""
    found = Examples(SPEC)
    found.feedback(feedback(rating=1), at("feedback", 3), event_id="f", at=GIVEN + 2)
    given = feedback(rating=-1, reviewer="ana", labels=["incorrect"])
    given = replace(given, correction="Six")
    found.feedback(given, at("feedback", 4), event_id="g", at=GIVEN + 5)
    judged = evaluation()
    judged.claims.append(
        Claim(
            start=0, end=4, verdict="supported", support=[Support(passage="p-1@7", start=0, end=4)]
        )
    )
    found.evaluation(judged, at("evaluations"))
    found.query(Query(query_id="q", text="How many?", tenant="acme"), at("queries"))
    found.response(response(), at("responses"))
    return found


def test_a_row_is_the_answer_with_all_that_was_said_of_it() -> None:
    """Question, passages, claims, label, correction, versions, and where each event stands."""
    (row,) = examples().rows()
    assert (row.question, row.answer) == ("How many?", "Five [1]")
    assert (row.retrieved, row.cited) == (["p-1@7", "p-2@7"], ["p-1"])
    assert (row.grounded, row.basis, row.correction) == (False, "verdict", "Six")
    assert (row.judge, row.prompt, row.model) == ("judge@1", "answer@1", "reader@1")
    assert [one.reviewer for one in row.said] == [None, "ana"]
    assert row.claims[0].support[0].passage == "p-1@7"
    assert row.sources == [
        at("queries"),
        at("responses"),
        at("evaluations"),
        at("feedback", 3),
        at("feedback", 4),
    ]


def test_only_answers_that_were_spoken_of_within_the_window_are_rows() -> None:
    """Feedback without an answer, late or a stranger's is counted and makes none."""
    found = examples()
    found.feedback(feedback("late"), at("feedback", 5), event_id="h", at=GIVEN + 999)
    found.feedback(feedback("gone"), at("feedback", 6), event_id="i", at=GIVEN)
    found.feedback(feedback("x", tenant="evil"), at("feedback", 7), event_id="j", at=GIVEN)
    for query_id in ("late", "x", "nobody spoke of it"):
        found.evaluation(evaluation(query_id), at("evaluations"))
    assert [row.query_id for row in found.rows()] == ["q"]
    assert found.outcomes() == {"foreign": 1, "joined": 2, "late": 1, "unknown": 1}


def test_rows_are_chosen_by_when_the_answer_was_given() -> None:
    """From `since`, included, to `until`, not."""
    found = examples()
    assert len(found.rows(since=GIVEN, until=GIVEN + 1)) == 1
    assert found.rows(since=GIVEN + 1) == found.rows(until=GIVEN) == []


def test_a_strangers_question_and_answer_under_the_same_id_are_left_out() -> None:
    """They are another tenant's, whenever they came."""
    found = Examples(SPEC)
    found.feedback(feedback(), at("feedback"), event_id="f", at=GIVEN)
    found.evaluation(evaluation(), at("evaluations"))
    found.query(Query(query_id="q", text="Mine", tenant="evil"), at("queries"))
    found.response(response(tenant="evil"), at("responses"))
    (row,) = found.rows()
    assert (row.question, row.answer) == (None, None)
    assert row.sources == [at("evaluations"), at("feedback")]


def test_the_lineage_says_what_the_rows_were_made_of() -> None:
    """And its sum is that of the file."""
    found = examples()
    rows = found.rows()
    lineage = lineage_of(
        rows,
        topics={"feedback": {1: (0, 5)}},
        filters={"since": None},
        outcomes=found.outcomes(),
        now=0,
    )
    assert lineage.schema == SCHEMA
    assert lineage.topics == {"feedback": {"1": (0, 5)}}
    assert lineage.judges == {"judge@1": 1}
    assert lineage.counts["not_grounded"] == lineage.counts["with_correction"] == 1
    assert lineage.content_sha256 == sha256(jsonl(rows)).hexdigest()
    assert json.loads(jsonl(rows))["query_id"] == "q"


def test_the_same_events_give_the_same_bytes() -> None:
    """So two exports can be compared by their sums."""
    assert jsonl(examples().rows()) == jsonl(examples().rows())
