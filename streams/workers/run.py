"""Which roles there are, and how each is put together from its parts.

Each imports what it needs and no more: Milvus' client alone takes seconds to import.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from processors.version import IndexSpec
from streams.clients.kafka import Log
from streams.config import Settings
from streams.workers import logs
from streams.workers.shell import Client, Handler, Shell, now_us

if TYPE_CHECKING:
    from streams.clients.milvus import MilvusIndex
    from streams.clients.triton import TritonEmbedder


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
    from streams.workers.admission import AdmissionHandler

    return Role(AdmissionHandler(settings, log, now_us))


def answerer(settings: Settings, log: Log) -> Role:
    """`queries.admitted` to `responses`."""
    from processors.answer import Answerer
    from streams.clients.triton import TritonReader
    from streams.views.progress import IndexFollower
    from streams.workers.answerer import AnswererHandler

    spec = IndexSpec(name=settings.index_version)
    follower = IndexFollower(log, spec.name)
    index = _index(settings, spec)
    embedder = _embedder(settings, spec, urgent=True)
    reader = TritonReader(settings.triton.grpc, settings.triton.reader)
    processor = Answerer(
        spec=spec,
        index=index,
        embedder=embedder,
        reader=reader,
        statistics=follower.statistics,
        clock=now_us,
    )
    handler = AnswererHandler(settings, log, follower, processor, now_us)
    return Role(handler, (index, embedder, reader))


ROLES: dict[str, Callable[[Settings, Log], Role]] = {
    "indexer": indexer,
    "writer": writer,
    "admission": admission,
    "answerer": answerer,
}


def run(role: str, settings: Settings) -> None:
    """Run a role until it is told to stop. Does not return."""
    logs.configure()
    log = Log(settings.kafka)
    handler, clients = ROLES[role](settings, log)
    Shell(role, settings, handler, log, clients).run()


def _index(settings: Settings, spec: IndexSpec) -> "MilvusIndex":
    from streams.clients.milvus import MilvusIndex

    return MilvusIndex(settings.milvus, spec.name, spec.lexical)


def _embedder(settings: Settings, spec: IndexSpec, *, urgent: bool = False) -> "TritonEmbedder":
    from streams.clients.triton import TritonEmbedder

    triton = settings.triton
    return TritonEmbedder(
        triton.grpc, triton.embedder, spec.embedder, timeout_s=triton.embed_timeout_s, urgent=urgent
    )
