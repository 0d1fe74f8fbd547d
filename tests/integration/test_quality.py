"""Answers judged, watched and corrected by people, on the real parts."""

import re
import time
import urllib.request
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

from msgspec import Struct, json
from msgspec.structs import replace

from processors.index import Access
from schemas.codec import decode_as, encode
from schemas.envelope import headers
from schemas.evaluations import Evaluation, Score
from schemas.feedback import Feedback
from schemas.monitoring import Alert, Drift
from schemas.topics import type_of
from streams.config import Settings
from streams.demo.questions import CHANGED, usual
from tests.doubles.client import Client, eventually
from tests.doubles.stack import TestStack

LAMP = (
    "# Lamp\n\nThe lamp of Husum was lit in {year} by Ada Brown. "
    "It burns oil and can be seen from twelve miles.\n"
)
_Event = TypeVar("_Event", bound=Struct)


async def all_of(client: Client, topic: str, kind: type[_Event]) -> AsyncIterator[_Event]:
    """Everything in a topic now."""
    async for record in client.log.read(topic):
        yield decode_as(kind, record.value or b"")


async def evaluation(client: Client, query_id: str) -> Evaluation:
    """Wait for the evaluation of an answer."""

    async def found() -> Evaluation | None:
        every = all_of(client, "evaluations", Evaluation)
        return next((one for one in [e async for e in every] if one.query_id == query_id), None)

    return await eventually(found, f"the evaluation of {query_id}")


async def send(client: Client, topic: str, event: Evaluation | Feedback, at: int) -> None:
    name = headers(type_of(event), source="/tests/quality", time=at)
    await client.log.send(topic, event.query_id, encode(event), name)


def judged(tenant: str, number: int, probability: float, at: int, **more: Any) -> Evaluation:
    """As the judge writes them."""
    grounded = probability >= 0.5
    return Evaluation(
        query_id=f"{tenant}-{number}",
        tenant=tenant,
        judge="words-at-fault@1",
        at=at,
        scores=[
            Score(
                name="groundedness",
                label="grounded" if grounded else "ungrounded",
                score=probability,
            )
        ],
        labels={"route": tenant},
        answered_at=at,
        **more,
    )


def metric(settings: Settings, name: str) -> float:
    """A figure of the monitor."""
    address = f"http://{settings.metrics.host}:{settings.metrics.ports['monitor']}/metrics"
    with urllib.request.urlopen(address, timeout=10) as page:
        found = re.search(rf"^{name} (\S+)", page.read().decode(), re.MULTILINE)
    return float(found[1]) if found else float("nan")


async def test_an_answer_is_judged_by_the_passage_that_it_cites(client: Client, own: str) -> None:
    """The claim's support is the very sentence, in the very version."""
    text = LAMP.format(year=1902)
    await client.put_shown(f"{own}/lamp", text, acl=[own])
    response = await client.ask("When was the lamp of Husum lit?", tenant=own)
    assert response.receipt is not None
    found = await evaluation(client, response.query_id)
    (claim,) = found.claims
    assert claim.verdict == "supported"
    (support,) = claim.support
    assert support.passage in response.receipt.passages
    async with client.index() as index:
        rows = await index.passages(
            [support.passage.rpartition("@")[0]], response.receipt.as_of, Access()
        )
    (row,) = rows.values()
    assert row.text[support.start : support.end].startswith("The lamp of Husum was lit in 1902")
    assert found.question == "When was the lamp of Husum lit?"
    assert {score.name for score in found.scores} >= {
        *("groundedness", "relevance", "completeness", "utilisation", "context_precision"),
        *("refusal", "answer_words", "language", "latency_ms", "retrieval_score"),
    }


async def test_a_claim_of_another_number_is_not_supported(client: Client, own: str) -> None:
    """Somebody's model says 1903 where the passage says 1902."""
    await client.put_shown(f"{own}/lamp", LAMP.format(year=1902), acl=[own])
    response = await client.ask("When was the lamp of Husum lit?", tenant=own)
    wrong = replace(
        response, query_id=f"{own}-wrong", answer=response.answer.replace("1902", "1903")
    )
    name = headers(type_of(wrong), source="/tests/quality", time=time.time_ns() // 1000)
    await client.log.send("responses", wrong.query_id, encode(wrong), name)
    (claim,) = (await evaluation(client, wrong.query_id)).claims
    assert claim.verdict != "supported"
    assert "1903" in (claim.explanation or "")


async def test_a_changed_mix_of_questions_is_noticed(client: Client, own: str) -> None:
    """A drift event with what, since when and examples; and an alert that fires."""
    known = usual([f"library {number}" for number in range(60)], 110)
    began = time.time_ns() // 1000
    for number, text in enumerate([*known, *CHANGED]):
        event = judged(own, number, 0.9, began + number, question=text)
        await send(client, "evaluations", event, began + number)

    async def noticed() -> Drift | None:
        every = [one async for one in all_of(client, "drift", Drift)]
        mine = [one for one in every if one.labels.get("tenant") == own]
        return next((one for one in mine if one.metric == "query_embedding"), None)

    drift = await eventually(noticed, "the drift of the questions")
    assert drift.drifted
    assert drift.since is not None
    assert drift.since >= began + len(known) - 1
    assert {example.text for example in drift.examples} <= set(CHANGED)
    assert drift.reference.count == 100

    async def told() -> Alert | None:
        every = [one async for one in all_of(client, "alerts", Alert)]
        return next((one for one in every if one.labels.get("tenant") == own), None)

    assert (await eventually(told, "its alert")).state == "firing"


async def test_a_thumb_moves_the_agreement(client: Client, settings: Settings, own: str) -> None:
    """Joined whether it comes before or after the evaluation."""
    before = metric(settings, "freshet_feedback_agreement_pairs")
    at = time.time_ns() // 1000
    await send(client, "feedback", Feedback(query_id=f"{own}-0", tenant=own, rating=1), at)
    await send(client, "evaluations", judged(own, 0, 0.9, at), at)
    await send(client, "evaluations", judged(own, 1, 0.9, at), at)
    await send(client, "feedback", Feedback(query_id=f"{own}-1", tenant=own, rating=-1), at)

    async def moved() -> bool:
        return metric(settings, "freshet_feedback_agreement_pairs") >= before + 2

    await eventually(moved, "two pairs more")


async def test_a_judge_is_recalibrated_from_labels_and_canaried(
    client: Client, stack: TestStack, own: str
) -> None:
    """People find the model too sure: a version of its own, for one route, as a share."""
    await labelled(client, own, [(0.9, n % 2 == 0) for n in range(40)], at=0)
    await labelled(client, own, [(0.1, False) for _ in range(20)], at=40)
    made = run(stack, "judge", "calibrate", "--route", own, "--share", "1", "--json")
    version = made["version"]
    assert version >= 2
    listed = run(stack, "judge", "versions", "--json")
    assert any(one["version"] == version for one in listed)
    await client.put_shown(f"{own}/lamp", LAMP.format(year=1902), acl=[own])
    response = await client.ask("When was the lamp of Husum lit?", tenant=own)
    other = await evaluation(client, response.query_id)
    assert other.judge == "words-at-fault@1"
    done = stack.freshet("judge", "share", f"words-at-fault@{version}", "0")
    assert done.returncode == 0, done.stderr


async def labelled(
    client: Client, tenant: str, pairs: Sequence[tuple[float, bool]], at: int
) -> None:
    """What the judge said, and what people did."""
    now = time.time_ns() // 1000
    for number, (probability, good) in enumerate(pairs, at):
        event = judged(tenant, number, probability, now)
        said = Feedback(query_id=event.query_id, tenant=tenant, rating=1 if good else -1)
        await send(client, "evaluations", event, now)
        await send(client, "feedback", said, now)


def run(stack: TestStack, *arguments: str) -> Any:
    """What a command prints, as JSON: one value, or a list of lines."""
    done = stack.freshet(*arguments)
    assert done.returncode == 0, done.stderr
    lines = [json.decode(line) for line in done.stdout.splitlines() if line.strip()]
    return lines[0] if arguments[1] == "calibrate" else lines


async def test_the_judge_answers_for_every_response(client: Client) -> None:
    """Counted by verify, with every other test's traffic."""

    async def whole() -> bool:
        return (await client.verify()).total == 0

    await eventually(whole, "verify to find no fault")
