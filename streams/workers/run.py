"""Which roles there are, and how each is put together from its parts.

Each imports what it needs and no more: Milvus' client alone takes seconds to import.
"""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from processors.builtin import built_in
from processors.indexversions import frozen, versions
from processors.version import IndexSpec, spec_of
from schemas.control import ControlEvent, IndexVersion
from schemas.topics import FIRST_INDEX
from streams.clients.kafka import Log
from streams.config import Settings
from streams.control import read_control
from streams.versions.known import kept_in_step
from streams.workers import logs
from streams.workers.shell import Client, Handler, Shell, now_us
from streams.workers.single import Single

_NICER = 10


class Role(NamedTuple):
    """A handler, and what to close once it has stopped."""

    handler: Handler
    clients: tuple[Client, ...] = ()


def indexer(settings: Settings, log: Log) -> Role:
    """`documents` to `index.changes`."""
    from streams.clients.triton import TritonEmbedder
    from streams.views.control import ControlView
    from streams.workers.indexer import IndexerHandler

    version = _version(settings)
    spec = spec_of(version)
    embedder = TritonEmbedder.of(settings.triton, spec)
    view = ControlView(log, _built_in(settings))
    handler = IndexerHandler(settings, log, embedder, spec, view, now_us, frozen(version))
    return Role(handler, (embedder,))


def writer(settings: Settings, log: Log) -> Role:
    """`index.changes` to Milvus and `index.progress`."""
    from streams.clients.milvus import MilvusIndex
    from streams.index.retired import drop_retired
    from streams.workers.writer import WriterHandler

    spec = spec_of(_version(settings))
    index = MilvusIndex.of(settings.milvus, spec, settings.environment)
    sweep = partial(drop_retired, log, settings.milvus)
    return Role(WriterHandler(settings, log, index, spec.name, now_us, sweep), (index,))


def admission(settings: Settings, log: Log) -> Role:
    """`queries` to `queries.admitted`."""
    from streams.clients.tokenizer import tokenizer
    from streams.views.control import ControlView
    from streams.workers.admission import AdmissionHandler

    view, counts = ControlView(log, _built_in(settings)), tokenizer(settings.triton)
    return Role(AdmissionHandler(settings, log, view, counts, now_us))


def answerer(settings: Settings, log: Log) -> Role:
    """`queries.admitted` to `responses`."""
    from processors.answer import Answerer
    from streams.clients.milvus import MilvusIndex
    from streams.clients.readers import TritonReaders
    from streams.clients.tokenizer import tokenizer
    from streams.clients.triton import TritonEmbedder
    from streams.views.control import ControlView
    from streams.views.progress import IndexFollower
    from streams.workers.answerer import AnswererHandler
    from streams.workers.lanes import Lane, Lanes

    counts = tokenizer(settings.triton)

    def lane(spec: IndexSpec) -> Lane:
        follower = IndexFollower(log, spec.name)
        index = MilvusIndex.of(settings.milvus, spec)
        embedder = TritonEmbedder.of(settings.triton, spec, urgent=True)
        processor = Answerer(
            spec=spec,
            index=index,
            embedder=embedder,
            statistics=follower.statistics,
            tokenizer=counts,
            clock=now_us,
        )
        return Lane(follower, processor, partial(_close, index, embedder))

    view = ControlView(log, _built_in(settings))
    lanes = Lanes(lane, view, settings.limits.answer_deadline_s)
    readers = TritonReaders(settings.triton.grpc)
    handler = AnswererHandler(settings, log, view, lanes, readers.get, now_us)
    return Role(handler, (readers,))


def judge(settings: Settings, log: Log) -> Role:
    """`responses` to `evaluations`."""
    from processors.feedback.versions import Calibrations
    from processors.judge.evaluate import Evaluator
    from processors.judge.recalibrate import recalibrated
    from processors.judge.scores import Price
    from streams.clients.judging import TritonJudge
    from streams.clients.milvus import MilvusIndex
    from streams.index.answered import AnsweredFrom
    from streams.views.control import ControlView
    from streams.workers.judge import JudgeHandler

    model = TritonJudge(settings.triton.grpc, settings.triton.judge)
    view = ControlView(log, _built_in(settings))
    indexes = AnsweredFrom(
        partial(MilvusIndex, settings.milvus), lambda name: name in versions(view.control)
    )
    evaluator = Evaluator(
        indexes=indexes.get,
        judge=model,
        clock=now_us,
        prices={
            name: Price(input=cost[0], output=cost[1]) for name, cost in settings.prices.items()
        },
        recalibrate=partial(recalibrated, Calibrations(view.control)),
    )
    return Role(JudgeHandler(log, evaluator, view, now_us), (indexes, model))


def steward(settings: Settings, log: Log) -> Role:
    """`control` to `dead-letters`."""
    from streams.workers.steward import StewardHandler

    return Role(StewardHandler(log, now_us, _built_in(settings)))


ROLES: dict[str, Callable[[Settings, Log], Role]] = {
    "indexer": indexer,
    "writer": writer,
    "admission": admission,
    "answerer": answerer,
    "judge": judge,
    "steward": steward,
}


def monitor(settings: Settings, log: Log) -> Single:
    """`evaluations`, `feedback` and `index.changes` to `drift` and `alerts`."""
    from streams.clients.triton import TritonEmbedder
    from streams.views.monitorstore import MonitorStore
    from streams.workers.watching import monitor_worker

    version = _version(settings)
    embedder = TritonEmbedder.of(settings.triton, spec_of(version))
    store = MonitorStore(settings.state_dir / "monitor")
    worker = monitor_worker(settings, log, store, embedder, version, now_us)
    return Single("monitor", settings, worker, log, embedder)


SINGLES: dict[str, Callable[[Settings, Log], Single]] = {"monitor": monitor}
"""Roles of which one process sees everything."""
NAMES = (*ROLES, *SINGLES)
OF_A_VERSION = {"indexer", "writer"}
"""Roles of which each index version has its own: that of the setting `index_version`."""
BEHIND = {"judge", "monitor", "steward"}
"""Roles that nobody waits for: they leave the processors to those that somebody does."""


def run(role: str, settings: Settings) -> None:
    """Run a role until it is told to stop."""
    logs.configure()
    log = Log(settings.kafka)
    if role in BEHIND:
        os.nice(_NICER)
    if role in SINGLES:
        SINGLES[role](settings, log).run()
        return
    handler, clients = ROLES[role](settings, log)
    version = settings.index_version if role in OF_A_VERSION else FIRST_INDEX
    Shell(role, settings, handler, log, clients, version).run()


def _built_in(settings: Settings) -> list[ControlEvent]:
    return built_in(settings.triton.reader)


def _version(settings: Settings) -> IndexVersion:
    """The index version of the settings, which never changes. Raises ConfigError."""
    loop = asyncio.new_event_loop()
    try:
        control = loop.run_until_complete(read_control(Log(settings.kafka), _built_in(settings)))
    finally:
        loop.close()
    return kept_in_step(control, settings.index_version)


async def _close(*clients: Client) -> None:
    for client in clients:
        await client.close()
