"""Which roles there are, and how each is put together from its parts.

Each imports what it needs and no more: Milvus' client alone takes seconds to import.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from processors.builtin import built_in
from processors.version import IndexSpec
from schemas.control import ControlEvent
from streams.clients.kafka import Log
from streams.config import Settings
from streams.workers import logs
from streams.workers.shell import Client, Handler, Shell, now_us
from streams.workers.single import Single

if TYPE_CHECKING:
    from streams.clients.milvus import MilvusIndex
    from streams.clients.triton import TritonEmbedder


_NICER = 10


class Role(NamedTuple):
    """A handler, and what to close once it has stopped."""

    handler: Handler
    clients: tuple[Client, ...] = ()


def indexer(settings: Settings, log: Log) -> Role:
    """`documents` to `index.changes`."""
    from streams.workers.indexer import IndexerHandler

    spec = IndexSpec(name=settings.index_version)
    embedder = _embedder(settings, spec)
    return Role(IndexerHandler(settings, log, embedder, spec, now_us), (embedder,))


def writer(settings: Settings, log: Log) -> Role:
    """`index.changes` to Milvus and `index.progress`."""
    from streams.workers.writer import WriterHandler

    spec = IndexSpec(name=settings.index_version)
    index = _index(settings, spec)
    return Role(WriterHandler(settings, log, index, spec.name, now_us), (index,))


def admission(settings: Settings, log: Log) -> Role:
    """`queries` to `queries.admitted`."""
    from streams.views.control import ControlView
    from streams.workers.admission import AdmissionHandler

    view = ControlView(log, _built_in(settings))
    return Role(AdmissionHandler(settings, log, view, now_us))


def answerer(settings: Settings, log: Log) -> Role:
    """`queries.admitted` to `responses`."""
    from processors.answer import Answerer
    from streams.clients.readers import TritonReaders
    from streams.views.control import ControlView
    from streams.views.progress import IndexFollower
    from streams.workers.answerer import AnswererHandler
    from streams.workers.lanes import Lane, Lanes

    spec = IndexSpec(name=settings.index_version)
    index = _index(settings, spec)
    embedder = _embedder(settings, spec, urgent=True)
    readers = TritonReaders(settings.triton.grpc)

    def lane(version: str) -> Lane:
        follower = IndexFollower(log, version)
        processor = Answerer(
            spec=spec,
            index=index,
            embedder=embedder,
            statistics=follower.statistics,
            clock=now_us,
        )
        return Lane(follower, processor)

    view = ControlView(log, _built_in(settings))
    lanes = Lanes(lane, [spec.name])
    handler = AnswererHandler(settings, log, view, lanes, readers.get, now_us)
    return Role(handler, (index, embedder, readers))


def judge(settings: Settings, log: Log) -> Role:
    """`responses` to `evaluations`."""
    from processors.feedback.versions import Calibrations
    from processors.judge.evaluate import Evaluator
    from processors.judge.recalibrate import recalibrated
    from processors.judge.scores import Price
    from streams.clients.judging import TritonJudge
    from streams.views.control import ControlView
    from streams.workers.judge import JudgeHandler

    index = _index(settings, IndexSpec(name=settings.index_version))
    model = TritonJudge(settings.triton.grpc, settings.triton.judge)
    view = ControlView(log)
    evaluator = Evaluator(
        index=index,
        judge=model,
        clock=now_us,
        prices={
            name: Price(input=cost[0], output=cost[1]) for name, cost in settings.prices.items()
        },
        recalibrate=partial(recalibrated, Calibrations(view.control)),
    )
    return Role(JudgeHandler(log, evaluator, view, now_us), (index, model))


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
    from processors.alerts.rules import default_rules
    from processors.feedback.join import JoinSpec
    from processors.monitor.monitor import MonitorSpec
    from streams.views.monitorstore import MonitorStore
    from streams.workers.monitor import MonitorWorker

    wanted, day = settings.monitor, 24 * 3600 * 1_000_000
    embedder = _embedder(settings, IndexSpec(name=settings.index_version))
    worker = MonitorWorker(
        log,
        MonitorStore(settings.state_dir / "monitor"),
        embedder,
        MonitorSpec(
            window=int(wanted.window_s * 1e6),
            lateness=int(wanted.lateness_s * 1e6),
            parts=wanted.parts,
        ),
        JoinSpec(window=int(wanted.feedback_days * day), kept=int(2 * wanted.feedback_days * day)),
        default_rules(wanted.alert_scale),
        now_us,
        settings.limits.horizon_ms,
    )
    return Single("monitor", settings, worker, log, embedder)


SINGLES: dict[str, Callable[[Settings, Log], Single]] = {"monitor": monitor}
"""Roles of which one process sees everything."""
NAMES = (*ROLES, *SINGLES)
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
    Shell(role, settings, handler, log, clients).run()


def _built_in(settings: Settings) -> list[ControlEvent]:
    return built_in(settings.triton.reader)


def _index(settings: Settings, spec: IndexSpec) -> "MilvusIndex":
    from streams.clients.milvus import MilvusIndex

    return MilvusIndex(settings.milvus, spec.name, spec.lexical)


def _embedder(settings: Settings, spec: IndexSpec, *, urgent: bool = False) -> "TritonEmbedder":
    from streams.clients.triton import TritonEmbedder

    triton = settings.triton
    return TritonEmbedder(
        triton.grpc, triton.embedder, spec.embedder, timeout_s=triton.embed_timeout_s, urgent=urgent
    )
