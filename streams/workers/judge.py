"""The judge: `responses` in, one `evaluations` record out for each.

It works behind the answers, never in front of them: what it has not judged yet waits in the log,
and its lag is a metric. Evaluations of a partition are written in the order of the responses, and
each names its response, so the last one tells where to go on after a crash.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from processors.judge.evaluate import Answered, Evaluator, outcome_of
from processors.judge.place import JUDGE, name_of, place_in
from schemas.codec import InvalidEvent, decode, encode
from schemas.envelope import Envelope, InvalidEnvelope, headers
from schemas.evaluations import Evaluation
from schemas.responses import Response
from schemas.topics import type_of
from streams.clients.errors import IndexUnavailable, ModelDeadline, ModelRejected, ModelUnavailable
from streams.clients.kafka import LogClient
from streams.views.control import ControlView
from streams.views.questions import Questions
from streams.workers import measures
from streams.workers.deadletters import dead_letter
from streams.workers.inbox import Message
from streams.workers.patience import until_available
from streams.workers.shell import Clock

log = logging.getLogger(__name__)

_LOOK_BACK = 1000
"""Evaluations at a partition's end among which ours are looked for."""


class JudgeHandler:
    """Evaluates responses batch by batch. Implements `streams.workers.shell.Handler`."""

    topic = "responses"
    batch_records = 64
    batch_bytes = 4 * 1024 * 1024

    def __init__(
        self,
        log_client: LogClient,
        evaluator: Evaluator,
        control: ControlView,
        clock: Clock,
    ) -> None:
        self._log = log_client
        self._evaluator = evaluator
        self._control = control
        self._clock = clock
        self._questions = Questions(log_client)
        self._done: dict[int, int] = {}
        """Partition to the last offset of `responses` whose evaluation is in the log."""
        self._revoked: set[int] = set()
        """Partitions that another may have had since: how far they are is to be found out anew."""

    async def open(self) -> None:
        """Read which calibrations are in force, and follow them."""
        await self._control.start()

    async def close(self) -> None:
        """Stop following: nothing else is held back."""
        await self._control.stop()

    async def assign(self, partitions: frozenset[int]) -> None:
        """Find out how far each new partition is evaluated, by whomever."""
        for gone in (self._done.keys() - partitions) | self._revoked:
            self._done.pop(gone, None)
        self._revoked.clear()
        new = partitions - self._done.keys()
        if not new:
            return
        ends = await self._log.ends("evaluations")
        start = {partition: max(0, ends[partition] - _LOOK_BACK) for partition in new}
        self._done |= dict.fromkeys(new, -1)
        async for record in self._log.read("evaluations", start=start, partitions=new):
            offset = _response_of(record.headers, record.partition)
            self._done[record.partition] = max(self._done[record.partition], offset)

    async def revoke(self, partitions: frozenset[int]) -> None:
        """Nothing goes on beside `process`."""
        self._questions.forget(partitions)
        self._revoked |= partitions

    async def idle(self) -> None:
        """Notice when following the calibrations has failed."""
        self._control.check()

    async def process(self, batch: Sequence[Message]) -> None:
        """Evaluate a batch, then say so in order."""
        self._control.check()
        fresh = [one for one in batch if one.offset > self._done[one.partition]]
        answers = await self._answers(fresh)
        given = [answered for _, answered in answers]
        with measures.stage("judge", "read"):
            await until_available(lambda: self._evaluator.prepare(given), IndexUnavailable)
        with measures.stage("judge", "judge"):
            evaluations = await asyncio.gather(*map(self._evaluate, given))
        with measures.stage("judge", "emit"):
            await self._emit(answers, evaluations)
        for message in batch:
            message.ack()
        statuses = Counter(str(answered.response.status) for answered in given)
        measures.outcomes("judge", {**statuses, "known": len(batch) - len(fresh)})

    async def _answers(self, batch: Sequence[Message]) -> list[tuple[Message, Answered]]:
        responses: list[tuple[Message, Response, int]] = []
        for message in batch:
            try:
                envelope = Envelope.from_headers(message.headers)
                response = decode(self.topic, message.value or b"", envelope)
            except (InvalidEvent, InvalidEnvelope) as error:
                await dead_letter(self._log, self.topic, message, error, "judge", self._clock())
                measures.outcomes("judge", {"invalid": 1})
                continue
            assert isinstance(response, Response)
            responses.append((message, response, _given_at(envelope, message)))
        await self._look_up(responses)
        return [
            (
                message,
                Answered(
                    response=response, question=self._questions.take(response.query_id), at=at
                ),
            )
            for message, response, at in responses
        ]

    async def _look_up(self, responses: Sequence[tuple[Message, Response, int]]) -> None:
        """Only what reached the index was admitted: the rest has no question to look for."""
        wanted: dict[int, list[str]] = {}
        for message, response, _ in responses:
            if response.receipt is not None:
                wanted.setdefault(message.partition, []).append(response.query_id)
        if wanted:
            await self._questions.seek(wanted.keys(), min(at for _, _, at in responses) // 1000)
        for partition, query_ids in wanted.items():
            await self._questions.read(partition, query_ids)

    async def _evaluate(self, answered: Answered) -> Evaluation:
        """The evaluation, whatever happens: what cannot be judged is said to be so."""
        try:
            return await until_available(
                lambda: self._evaluator.evaluate(answered),
                IndexUnavailable,
                ModelUnavailable,
                ModelDeadline,
            )
        except ModelRejected as error:
            log.warning("the judge refuses %s: %s", answered.response.query_id, error)
            return self._evaluator.without_judge(answered, "model_rejected")
        except Exception:
            log.exception("%s could not be judged", answered.response.query_id)
            return self._evaluator.without_judge(answered, "internal")

    async def _emit(
        self, answers: Sequence[tuple[Message, Answered]], evaluations: Sequence[Evaluation]
    ) -> None:
        now = self._clock()
        sent = []
        for (message, _), evaluation in zip(answers, evaluations, strict=True):
            name = headers(
                type_of(evaluation),
                source=JUDGE,
                time=now,
                id=name_of(message.partition, message.offset),
            )
            value = encode(evaluation)
            sent.append(
                await self._log.submit(
                    "evaluations", evaluation.query_id, value, name, message.partition
                )
            )
        await asyncio.gather(*sent)
        for (message, answered), evaluation in zip(answers, evaluations, strict=True):
            self._done[message.partition] = max(self._done[message.partition], message.offset)
            delay_s = (self._clock() - answered.at) / 1e6
            measures.evaluated(evaluation, delay_s, outcome_of(evaluation))


def _given_at(envelope: Envelope | None, message: Message) -> int:
    """When a response was given: no later than the broker had it, whatever its sender's clock."""
    told = envelope.time if envelope is not None else None
    return message.logged_at if told is None or told < 0 else min(told, message.logged_at)


def _response_of(found: Sequence[tuple[str, bytes]], partition: int) -> int:
    """The offset of the response that an evaluation of ours is of; -1 for another's."""
    named: Mapping[str, bytes] = dict(found)
    place = place_in(named.get("ce_id", b"").decode(errors="replace"))
    if named.get("ce_source") != JUDGE.encode() or place is None or place[0] != partition:
        return -1
    return place[1]
