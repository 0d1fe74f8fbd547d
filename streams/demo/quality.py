"""The demo's steps that look at the answers: judged, watched for drift, and corrected by people."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal
from urllib.request import urlopen
from uuid import uuid4

from msgspec import structs

from schemas.codec import decode_as, encode
from schemas.envelope import headers
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback
from schemas.monitoring import Drift
from schemas.responses import Response
from schemas.topics import type_of
from streams.demo.questions import CHANGED, WRONG, usual
from streams.demo.stage import Stage
from streams.sources.packages import installed

SOURCE = "freshet/demo"

_REFERENCE = 105
"""Questions that are as usual: a few more than the monitor's first reference takes."""
_AT_ONCE = 8
_JUDGED_S = 30.0
_NOTICED_S = 60.0


class Quality:
    """Steps on the answers that the stage has been given."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def run(self) -> None:
        """All steps in order."""
        for step in (self._judge, self._drift, self._feedback):
            await step()

    async def _judge(self) -> None:
        """What the judge found in the answers that were given, and in a wrong one."""
        stage = self._stage
        stage.title("8. Every answer is judged, claim by claim, behind the answers")
        question, response = next(
            one for one in stage.given if one[1].answer and one[1].receipt is not None
        )
        wrong = structs.replace(
            response,
            query_id=str(uuid4()),
            answer=response.answer.replace(*WRONG, 1),
            citations=[],
        )
        name = headers(type_of(wrong), source=SOURCE, time=_now())
        await stage.log.send("responses", wrong.query_id, encode(wrong), name)
        texts = {one.query_id: (asked, one) for asked, one in stage.given}
        texts[wrong.query_id] = (f"{question} (an answer that was falsified)", wrong)
        found = await self._evaluations(set(texts))
        for query_id in (response.query_id, wrong.query_id):
            self._show(*texts[query_id], found[query_id])
        stage.held(
            f"{len(found)} of {len(texts)} responses are evaluated", len(found) == len(texts)
        )
        right = all(one.verdict == "supported" for one in found[response.query_id].claims)
        caught = any(one.verdict != "supported" for one in found[wrong.query_id].claims)
        stage.held("the true answer is supported, the falsified one is not", right and caught)

    def _show(self, question: str, response: Response, evaluation: Evaluation) -> None:
        console = self._stage.console
        console.print(f"  [bold]Q[/] {question}")
        for claim in evaluation.claims:
            said = response.answer[claim.start : claim.end]
            console.print(f"    {claim.verdict} {claim.score or 0:.2f}: {said}", markup=False)
            for support in claim.support:
                place = f"by {support.passage} {support.start}-{support.end}"
                console.print(f"      {place}", style="dim", highlight=False)
            if claim.explanation:
                console.print(f"      {claim.explanation}", style="dim", markup=False)
        scores = (
            f"{one.name} {one.score:.2f}"
            for one in evaluation.scores
            if one.score is not None and 0 <= one.score <= 1
        )
        console.print(f"    {evaluation.judge}: {', '.join(scores)}", style="dim", highlight=False)

    async def _evaluations(self, wanted: set[str]) -> dict[str, Evaluation]:
        found: dict[str, Evaluation] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(_JUDGED_S):
                async for record in self._stage.log.follow(["evaluations"], start="beginning"):
                    one = decode_as(Evaluation, record.value or b"")
                    if one.query_id in wanted:
                        found[one.query_id] = one
                    if len(found) == len(wanted):
                        break
        return found

    async def _drift(self) -> None:
        """A tenant's usual questions, then others."""
        stage = self._stage
        stage.title("9. A tenant asks about packages; then its questions change")
        tenant = f"demo-{uuid4().hex[:8]}"
        start = {"drift": await stage.log.ends("drift")}
        began = time.monotonic()
        await self._ask(usual(sorted({one.name for one in installed()}), _REFERENCE), tenant)
        changed_at = _now()
        await self._ask(CHANGED, tenant)
        stage.console.print(
            f"  {_REFERENCE} usual questions and {len(CHANGED)} others in "
            f"{time.monotonic() - began:.1f} s; waiting for the window to close"
        )
        alarm = await self._alarm(tenant, start)
        if alarm is not None:
            stage.console.print(f"  {alarm.summary}", markup=False)
            stage.console.print(
                f"    {alarm.method} {alarm.value:.1f} (threshold {alarm.threshold:.1f}), "
                f"beside {alarm.reference.count} questions",
                style="dim",
                highlight=False,
            )
            for example in alarm.examples:
                stage.console.print(f"    such as: {example.text}", style="dim", markup=False)
        after = alarm is not None and (alarm.since or 0) >= changed_at - 1_000_000
        stage.held("the change is noticed, and nothing before it", after)

    async def _ask(self, texts: Sequence[str], tenant: str) -> None:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(text: str) -> None:
            async with slots:
                await self._stage.answer_to(text, tenant=tenant, top_k=1)

        await asyncio.gather(*map(one, texts))

    async def _alarm(self, tenant: str, start: Mapping[str, Mapping[int, int]]) -> Drift | None:
        """The first of the tenant's questions."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_NOTICED_S):
                async for record in self._stage.log.follow(["drift"], start=start):
                    one = decode_as(Drift, record.value or b"")
                    if one.labels.get("tenant") == tenant and one.metric == "query_embedding":
                        return one
        return None

    async def _feedback(self) -> None:
        """A thumb for the first answer, and one against it."""
        stage = self._stage
        stage.title("10. People's thumbs are joined with the judge's verdicts")
        (question, first), (_, second) = [one for one in stage.given if one[1].answer][:2]
        stage.console.print(f"  [bold]Q[/] {question}")
        thumbs: tuple[tuple[Response, Literal[-1, 1]], ...] = ((first, 1), (second, -1))
        for response, rating in thumbs:
            before = await asyncio.to_thread(self._pairs)
            feedback = Feedback(query_id=response.query_id, tenant=response.tenant, rating=rating)
            name = headers(type_of(feedback), source=SOURCE, time=_now())
            await stage.log.send("feedback", feedback.query_id, encode(feedback), name)
            after = await self._pairs_beyond(before)
            word = "up" if rating > 0 else "down"
            stage.console.print(
                f"  a thumb {word}: judge and people have spoken of {after} answers, not {before}"
            )
            stage.held("the thumb moved the agreement", after > before)

    def _pairs(self) -> int:
        """What the monitor's metrics say."""
        metrics = self._stage.settings.metrics
        address = f"http://{metrics.host}:{metrics.ports['monitor']}/metrics"
        with urlopen(address, timeout=10) as page:
            found = re.search(
                rb"^freshet_feedback_agreement_pairs (\S+)", page.read(), re.MULTILINE
            )
        return int(float(found[1])) if found else 0

    async def _pairs_beyond(self, before: int) -> int:
        for _ in range(100):
            if (pairs := await asyncio.to_thread(self._pairs)) > before:
                return pairs
            await asyncio.sleep(0.2)
        return before


def _now() -> int:
    return time.time_ns() // 1000
