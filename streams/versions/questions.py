"""By which questions two index versions are compared: a file's, or those asked of late."""

from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace

from processors.control import Control
from processors.routes import plans
from schemas.codec import InvalidEvent, decode
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.queries import AdmittedQuery, Query
from streams.clients.kafka import LogClient, Record
from streams.errors import FreshetError
from streams.versions.compare import Asked

TOPIC = "queries.admitted"
_SPARE = 4
"""Records that are read for each question wanted: some are cancellations, some come twice."""


def in_file(path: Path, tenant: str, control: Control) -> list[Asked]:
    """A question a line, each asked for a tenant. Raises FreshetError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FreshetError(f"{path} cannot be read: {error}") from None
    texts = dict.fromkeys(line.strip() for line in lines if line.strip())
    if not texts:
        raise FreshetError(f"{path} has no question: write one a line")
    queries = (Query(query_id=str(uuid4()), text=text, tenant=tenant) for text in texts)
    return [Asked(query=query, plan=plans(control, query)[0]) for query in queries]


async def asked_last(log: LogClient, count: int, control: Control) -> list[Asked]:
    """The newest `count` different questions, each for who asked it. Raises FreshetError."""
    starts, ends = await log.starts(TOPIC), await log.ends(TOPIC)
    start = {p: max(starts[p], end - count * _SPARE) for p, end in ends.items()}
    found = [one async for record in log.read(TOPIC, start=start) if (one := _admitted(record))]
    newest = _distinct(sorted(found, key=lambda one: one.admitted_at, reverse=True))
    if not newest:
        raise FreshetError(
            "nobody has asked anything of late; `--questions FILE` takes questions from a file"
        )
    return [
        Asked(
            query=replace(one.query, as_of=None, after=None, max_staleness_ms=None),
            plan=one.plan or plans(control, one.query)[0],
        )
        for one in newest[:count]
    ]


def _distinct(found: Iterable[AdmittedQuery]) -> list[AdmittedQuery]:
    by_text: dict[tuple[str, str], AdmittedQuery] = {}
    for one in found:
        by_text.setdefault((one.query.tenant, one.query.text), one)
    return list(by_text.values())


def _admitted(record: Record) -> AdmittedQuery | None:
    """A question; None for a shadow of one, a cancellation, and what cannot be read."""
    try:
        event = decode(TOPIC, record.value, Envelope.from_headers(record.headers))
    except (InvalidEvent, InvalidEnvelope):
        return None
    if not isinstance(event, AdmittedQuery):
        return None
    return None if event.plan is not None and event.plan.shadow_of is not None else event
