"""The topics: what each carries, by what key, and for how long."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from schemas.control import (
    Alias,
    ApiKey,
    Budget,
    Calibration,
    Environment,
    IndexVersion,
    PromptVersion,
    Quota,
    Route,
    Tenant,
)
from schemas.deadletters import DeadLetter
from schemas.documents import Document
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback
from schemas.index import IndexChange, IndexProgress, IndexTick
from schemas.monitoring import Alert, Drift
from schemas.queries import AdmittedQuery, Cancellation, Query
from schemas.responses import Response, ResponseDelta
from schemas.usage import Released, Reserved, Settled

Cleanup = Literal["compact", "delete"]
Retention = Literal["horizon", "minutes", "short", "long", "forever"]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Of the topics that carry documents or what became of them."""
ORDINARY_MESSAGE_BYTES = 4 * 1024 * 1024

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_FOREVER = -1
_SEGMENTS = 8
"""Kafka drops and compacts whole closed segments: so many of them share the time that is kept."""


class Topic(Struct, frozen=True, kw_only=True):
    """One topic of the log. `types` gives the struct of each `ce_type`, the usual one first."""

    name: str
    key: str
    """What a record's key is."""
    doc: str
    types: Mapping[str, type[Struct]]
    cleanup: Cleanup = "delete"
    retention: Retention = "horizon"
    tombstone: str | None = None
    """The `ce_type` of a null value, where a null value means something."""
    every_version_within_horizon: bool = False
    """Of a compacted topic: nothing younger than the horizon is compacted away."""
    max_message_bytes: int = ORDINARY_MESSAGE_BYTES
    public: bool = False
    """Part of the contract with the outside: old readers must read new events, too."""


_ALL = (
    Topic(
        name="documents",
        key="doc_id",
        doc="A document's new text. A null value deletes the document.",
        types={"dev.freshet.document.changed.v1": Document},
        cleanup="compact",
        retention="forever",
        tombstone="dev.freshet.document.deleted.v1",
        every_version_within_horizon=True,
        max_message_bytes=MAX_MESSAGE_BYTES,
        public=True,
    ),
    Topic(
        name="queries",
        key="tenant",
        doc="A question, or the word that its caller has hung up.",
        types={
            "dev.freshet.query.asked.v1": Query,
            "dev.freshet.query.cancelled.v1": Cancellation,
        },
        public=True,
    ),
    Topic(
        name="queries.admitted",
        key="query_id",
        doc="A question that passed quota and guard, with its reservation; or its cancellation.",
        types={
            "dev.freshet.query.admitted.v1": AdmittedQuery,
            "dev.freshet.query.cancelled.v1": Cancellation,
        },
        retention="short",
    ),
    Topic(
        name="responses",
        key="query_id",
        doc="The answer, its citations, its usage and its receipt: one final record a question.",
        types={"dev.freshet.response.given.v1": Response},
        public=True,
    ),
    Topic(
        name="response.deltas",
        key="query_id",
        doc="Pieces of an answer while it is written.",
        types={"dev.freshet.response.piece.v1": ResponseDelta},
        retention="minutes",
    ),
    Topic(
        name="feedback",
        key="query_id",
        doc="Thumbs, corrections and reviewers' labels.",
        types={"dev.freshet.feedback.given.v1": Feedback},
        public=True,
    ),
    Topic(
        name="index.changes",
        key="doc_id; none for a tick",
        doc="What each document gained, kept and lost. The index and the indexer's memory are "
        "views of this topic, so it is kept for ever. It is of the index version `v1`; another "
        "version NAME has `index.changes.NAME` beside it.",
        types={
            "dev.freshet.index.changed.v1": IndexChange,
            "dev.freshet.index.ticked.v1": IndexTick,
        },
        retention="forever",
        max_message_bytes=MAX_MESSAGE_BYTES,
    ),
    Topic(
        name="index.progress",
        key="partition",
        doc="How far the index has applied each partition of the log. It is of the index version "
        "`v1`; another version NAME has `index.progress.NAME` beside it.",
        types={"dev.freshet.index.progressed.v1": IndexProgress},
        cleanup="compact",
        retention="forever",
    ),
    Topic(
        name="evaluations",
        key="query_id",
        doc="What a judge found in one answer, as a whole and claim by claim.",
        types={"dev.freshet.evaluation.made.v1": Evaluation},
    ),
    Topic(
        name="usage",
        key="tenant",
        doc="The token ledger: reserved, settled, released. All of it lies in partition 0, which "
        "gives all spending one order.",
        types={
            "dev.freshet.usage.reserved.v1": Reserved,
            "dev.freshet.usage.settled.v1": Settled,
            "dev.freshet.usage.released.v1": Released,
        },
        retention="long",
    ),
    Topic(
        name="control",
        key="kind/name",
        doc="Prompts, aliases, routes, quotas, budgets, tenants, index versions, API keys, "
        "calibrations of the judge, and the environment that these topics belong to; every "
        "version within the horizon, the newest of each for ever.",
        types={
            "dev.freshet.control.prompt.v1": PromptVersion,
            "dev.freshet.control.alias.v1": Alias,
            "dev.freshet.control.route.v1": Route,
            "dev.freshet.control.quota.v1": Quota,
            "dev.freshet.control.budget.v1": Budget,
            "dev.freshet.control.tenant.v1": Tenant,
            "dev.freshet.control.index.v1": IndexVersion,
            "dev.freshet.control.key.v1": ApiKey,
            "dev.freshet.control.calibration.v1": Calibration,
            "dev.freshet.control.environment.v1": Environment,
        },
        cleanup="compact",
        retention="forever",
        every_version_within_horizon=True,
    ),
    Topic(
        name="drift",
        key="metric",
        doc="What moved, by how much, since when.",
        types={"dev.freshet.drift.measured.v1": Drift},
    ),
    Topic(
        name="alerts",
        key="metric",
        doc="A rule that began or ceased to hold.",
        types={"dev.freshet.alert.changed.v1": Alert},
    ),
    Topic(
        name="dead-letters",
        key="as received",
        doc="An event that could not be processed, with why and from where.",
        types={"dev.freshet.deadletter.made.v1": DeadLetter},
        retention="long",
        max_message_bytes=MAX_MESSAGE_BYTES,
    ),
)

TOPICS: Mapping[str, Topic] = {topic.name: topic for topic in _ALL}
"""Those of index versions other than the first are not among them: `topic_named` knows them."""

FIRST_INDEX = "v1"
"""The index version that is there without being built: it has the plain topics."""
INDEX_CHANGES, INDEX_PROGRESS = "index.changes", "index.progress"
_OF_A_VERSION = re.compile(r"(index\.(?:changes|progress))\.([a-z0-9_]{1,32})")

_TYPE_OF: Mapping[type[Struct], str] = {
    struct: name for topic in _ALL for name, struct in topic.types.items()
}


def changes_topic(index_version: str) -> str:
    """The name of a version's `index.changes`."""
    return _of_version(INDEX_CHANGES, index_version)


def progress_topic(index_version: str) -> str:
    """The name of a version's `index.progress`."""
    return _of_version(INDEX_PROGRESS, index_version)


def index_topics(index_version: str) -> tuple[Topic, Topic]:
    """The two topics of an index version."""
    return topic_named(changes_topic(index_version)), topic_named(progress_topic(index_version))


@cache
def topic_named(name: str) -> Topic:
    """A topic by its name, those of every index version included. Raises KeyError."""
    match = _OF_A_VERSION.fullmatch(name)
    if match is None or match[2] == FIRST_INDEX:
        return TOPICS[name]
    return replace(TOPICS[match[1]], name=name)


def type_of(event: Struct) -> str:
    """The `ce_type` of an event. Raises KeyError for a struct that travels on no topic."""
    return _TYPE_OF[type(event)]


def configs(topic: Topic, horizon_ms: int) -> dict[str, str]:
    """Kafka's settings of a topic, where replay reaches back `horizon_ms`.

    Records carry the broker's time, so that no producer's clock decides how long they are kept.
    """
    kept = retention_ms(topic, horizon_ms)
    found = {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(kept),
        "retention.bytes": str(_FOREVER),
        "max.message.bytes": str(topic.max_message_bytes),
        "message.timestamp.type": "LogAppendTime",
    }
    if kept != _FOREVER:
        found["segment.ms"] = str(_segment_ms(kept))
    if topic.cleanup == "compact":
        lag = horizon_ms if topic.every_version_within_horizon else 0
        found["min.compaction.lag.ms"] = str(lag)
        found["delete.retention.ms"] = str(max(horizon_ms, _DAY_MS))
        found["segment.ms"] = str(_segment_ms(lag or _DAY_MS))
    return found


def retention_ms(topic: Topic, horizon_ms: int) -> int:
    """How long a record is kept; -1 is for ever (in a compacted topic: the newest of a key)."""
    return {
        "horizon": horizon_ms,
        "minutes": 10 * _MINUTE_MS,
        "short": _DAY_MS,
        "long": max(90 * _DAY_MS, horizon_ms),
        "forever": _FOREVER,
    }[topic.retention]


def _of_version(topic: str, index_version: str) -> str:
    return topic if index_version == FIRST_INDEX else f"{topic}.{index_version}"


def _segment_ms(kept_ms: int) -> int:
    return min(max(kept_ms // _SEGMENTS, _MINUTE_MS), 7 * _DAY_MS)
