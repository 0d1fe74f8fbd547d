"""One part of one variant, replayed: what a task of the job does, in whichever process it runs."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from processors.feedback.versions import Calibrations
from processors.judge.evaluate import Evaluator
from processors.judge.recalibrate import recalibrated
from processors.judge.scores import Price
from processors.lexical import LexicalSpec
from processors.ports import Reader
from processors.readtime import AppliedHistory
from processors.replay.batched import BatchedIndex
from processors.replay.memory import ReplayIndex
from processors.replay.outcome import Outcome
from processors.replay.question import Question
from processors.replay.replayer import Failed, Lane, Replayer, Seconds
from processors.replay.standins import KnownVectors, Unasked
from processors.statistics import Statistics
from schemas.responses import Error
from streams.replay import runplan
from streams.replay.gather import questions
from streams.replay.indexfile import read
from streams.replay.models import Models
from streams.replay.runfiles import write_part
from streams.replay.runplan import LanePlan, RunPlan, VariantPlan

_AT_ONCE = 32
"""Questions in hand: they share their reading of the vectors."""
_KEPT = 2
"""Indexes that stay in memory: tasks come variant by variant."""


class _Held:
    """An index in memory, as of any time."""

    def __init__(self, path: Path, lexical: LexicalSpec, dimensions: int) -> None:
        index = ReplayIndex(lexical, dimensions)
        self.statistics, self.applied = Statistics(), AppliedHistory()
        for step in read(path):
            self.applied.note(step.partition, step.index_time, step.applied)
            if step.parts:
                index.observe(step.parts)
                self.statistics.observe(step.parts)
        self.index = BatchedIndex(index)


class Worker:
    """What one process has in memory of a run."""

    def __init__(self, run: Path, plan: RunPlan, models: Models) -> None:
        self._run = run
        self._plan = plan
        self._models = models
        self._control = runplan.load_control(run, plan)
        self._calibrations = Calibrations(self._control)
        self._held: OrderedDict[tuple[str, LexicalSpec], _Held] = OrderedDict()

    async def replay(self, name: str, part: int) -> int:
        """Write a part of a variant; gives how many questions it has. Raises NoRoom, and the
        errors of models that do not answer."""
        planned = self._plan.of(name)
        asked = questions(runplan.questions_folder(self._run), part)
        replayer = self._replayer(planned, part, asked)
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(question: Question) -> tuple[Outcome, Seconds]:
            async with slots:
                return await replayer.replay(question)

        async with asyncio.TaskGroup() as tasks:
            under_way = [tasks.create_task(one(question)) for question in asked]
        found = [task.result() for task in under_way]
        seconds = {outcome.query_id: taken for outcome, taken in found}
        write_part(self._run, name, part, (outcome for outcome, _ in found), seconds)
        return len(found)

    def _replayer(self, planned: VariantPlan, part: int, asked: Iterable[Question]) -> Replayer:
        texts = [question.query.text for question in asked]
        lanes: dict[tuple[str, str], Lane] = {}
        at_hand = {(one.was, one.asked): one for one in planned.lanes}

        def lane(was: str, wanted: str) -> Lane:
            if (was, wanted) not in at_hand:
                message = f"the index version {was} or {wanted} is not to be had any more"
                raise Failed(Error(type="index_unavailable", message=message))
            if (was, wanted) not in lanes:
                lanes[was, wanted] = self._lane(at_hand[was, wanted], part, texts)
            return lanes[was, wanted]

        return Replayer(
            planned.variant,
            self._control,
            lanes=lane,
            readers=self._reader,
            clock=lambda: time.time_ns() // 1000,
            timeout_s=self._plan.timeout_s,
            prices=self._plan.prices,
            tokenizer=self._models.tokenizer,
        )

    async def _reader(self, model: str) -> Reader:
        if not self._plan.request.answers:
            return Unasked(model)
        return await self._models.reader(model)

    def _lane(self, planned: LanePlan, part: int, texts: list[str]) -> Lane:
        spec, held = planned.spec, self._index(planned)
        evaluator = None
        if self._plan.request.judge:
            evaluator = Evaluator(
                indexes=lambda _version: held.index,
                judge=self._models.judge,
                clock=lambda: 0,
                prices={
                    name: Price(input=cost[0], output=cost[1])
                    for name, cost in self._plan.prices.items()
                },
                recalibrate=lambda query, route, judged: recalibrated(
                    self._calibrations, query, route, judged
                ),
            )
        vectors: NDArray[np.float32] = np.load(
            runplan.vectors_file(self._run, spec.embedder, part), mmap_mode="r"
        )
        return Lane(
            spec=spec,
            index=held.index,
            statistics=held.statistics,
            applied=held.applied,
            embedder=KnownVectors(spec.embedder, dict(zip(texts, vectors, strict=True))),
            evaluator=evaluator,
            whole_from=planned.whole_from,
        )

    def _index(self, planned: LanePlan) -> _Held:
        key = planned.file, planned.spec.lexical
        if key not in self._held:
            path = runplan.work(self._run) / planned.file
            while len(self._held) >= _KEPT:
                self._held.popitem(last=False)
            self._held[key] = _Held(path, planned.spec.lexical, planned.spec.dimensions)
        self._held.move_to_end(key)
        return self._held[key]
