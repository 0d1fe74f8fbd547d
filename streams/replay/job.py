"""The job: a task for each part of each variant, on this machine's processors or a cluster's.

A task writes its part by itself, whole; Spark only tells which were done. On a cluster the run's
folder must be one that every worker sees.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.config import Settings, Triton
from streams.errors import FreshetError
from streams.replay import runplan
from streams.replay.runfiles import OUTCOMES, NoRoom, part_path, write_whole
from streams.replay.runplan import RunPlan

if TYPE_CHECKING:
    import pyarrow as pa

    from streams.replay.task import Worker

Task = tuple[str, int]
"""A variant's name, and a part."""
Moved = Callable[[int, int], None]
"""Is told how many tasks of how many are done."""
_SCHEMA = "task long, questions long"
_LOOK_S = 0.5
_OURS = re.compile(r"^streams\.[\w.]+: (.*)$", re.MULTILINE)
"""An expected error, as it ends the trace of a Python worker."""


class ReplayStopped(FreshetError):
    """A task failed; what is done stays, and the same command goes on from there."""


def tasks(plan: RunPlan) -> list[Task]:
    """Every task of a run; those of a variant together, so that its index is loaded once."""
    parts = sorted(map(int, plan.gathered.parts))
    return [(one.variant.name, part) for one in plan.variants for part in parts]


def pending(run: Path, plan: RunPlan) -> list[Task]:
    """Those whose part is not there yet."""
    return [task for task in tasks(plan) if not _is_done(run, task)]


def compute(settings: Settings, run: Path, plan: RunPlan, master: str | None, moved: Moved) -> None:
    """Do what is pending.

    Raises:
        ReplayStopped: a task failed, and says why.
        SetupError, SparkFault: Spark cannot be started.
    """
    from streams.spark.session import session

    left = pending(run, plan)
    _failure(run).unlink(missing_ok=True)
    if not left:
        return
    done = len(tasks(plan)) - len(left)
    with session(settings, "freshet replay", master=master, brief=True) as spark:
        work = partial(_in_spark, run=str(run.resolve()), left=left)
        frame: Any = spark.range(0, len(left), 1, len(left)).mapInArrow(work, _SCHEMA)
        with ThreadPoolExecutor(1, thread_name_prefix="replay job") as pool:
            job = pool.submit(frame.collect)
            try:
                _watch(job, run, left, lambda count: moved(done + count, done + len(left)))
            except BaseException:
                spark.sparkContext.cancelAllJobs()
                raise
            _raise_failure(job, run)


def _watch(
    job: "Future[Any]", run: Path, left: Sequence[Task], count: Callable[[int], None]
) -> None:
    waiting = list(left)
    while True:
        wait([job], timeout=_LOOK_S)
        waiting = [task for task in waiting if not _is_done(run, task)]
        count(len(left) - len(waiting))
        if job.done():
            return


def _raise_failure(job: "Future[Any]", run: Path) -> None:
    error = job.exception()
    if error is None:
        return
    raise ReplayStopped(f"{_told(run, error)}; the same command goes on from here") from error


def _told(run: Path, error: BaseException) -> str:
    """What a task said of its end; a full disk may have kept it from saying so in the folder."""
    from streams.spark.session import first_line

    try:
        return _failure(run).read_text()
    except OSError:
        ours = _OURS.findall(str(error))
        return ours[-1] if ours else first_line(error)


def _is_done(run: Path, task: Task) -> bool:
    return part_path(run, OUTCOMES, *task).exists()


def _failure(run: Path) -> Path:
    return runplan.work(run) / "failure"


def _in_spark(
    batches: "Iterator[pa.RecordBatch]", *, run: str, left: Sequence[Task]
) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    process = _process(run)
    for batch in batches:
        numbers = batch.column(0).to_pylist()
        counts = [process.do(*left[number]) for number in numbers]
        yield pa.RecordBatch.from_pydict({"task": numbers, "questions": counts})


@cache
def _process(run: str) -> "_Process":
    """What this process has of a run, which its next tasks use again."""
    return _Process(Path(run))


class _Process:
    """An event loop with the clients that belong to it, for as long as the process lives."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._runner = asyncio.Runner()
        self._worker: Worker | None = None

    def do(self, variant: str, part: int) -> int:
        """A task; what it fails by is left where whoever started the job finds it."""
        try:
            return self._runner.run(self._replay(variant, part))
        except BaseException as error:
            first = error
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            told = str(first) if isinstance(first, FreshetError) else repr(first)
            with suppress(NoRoom, OSError):
                write_whole(_failure(self._run), told.encode(errors="replace"))
            raise first from None

    async def _replay(self, variant: str, part: int) -> int:
        if self._worker is None:
            self._worker = self._started()
        return await self._worker.replay(variant, part)

    def _started(self) -> "Worker":
        from streams.replay.models import TritonModels
        from streams.replay.task import Worker

        plan = runplan.load(self._run)
        if plan is None:
            raise ReplayStopped(f"{self._run} has no plan: is it a folder that all workers see?")
        models = TritonModels(Triton.model_validate(plan.triton), plan.missing_models)
        return Worker(self._run, plan, models)
