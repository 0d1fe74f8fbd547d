"""The token ledger's part of `freshet verify`."""

from collections.abc import Iterator

from processors.ledger.ledger import Ledger, Verdict
from processors.verify.report import Fault, Report
from processors.verify.usage import PARTITION, Scope, UsageCheck
from schemas.codec import InvalidEvent, decode
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.queries import AdmittedQuery
from schemas.responses import Response
from streams.clients.kafka import LogClient, Record
from streams.views.ledger import read

GRACE = 60 * 1_000_000
"""Microseconds that whoever releases what nobody ended may take for it."""


async def note_usage(log: LogClient, report: Report, now: int) -> None:
    """Hold `usage` against `queries.admitted`, `responses`, and the fold that workers follow.

    What is read first is of the past when the rest is read: an end is in the log before its
    response, and a reservation before its question is let through.
    """
    ends = await log.ends("usage")
    scope = Scope(
        now=now,
        grace=GRACE,
        is_cut=(await log.starts("usage"))[PARTITION] > 0,
        admitted_since=await _complete_since(log, "queries.admitted", now),
        admitted_until=ends[PARTITION],
    )
    check = UsageCheck(scope)
    async for record in log.read("queries.admitted"):
        if isinstance(admitted := _decoded(record), AdmittedQuery):
            check.add_admitted(admitted.query.query_id, admitted.reservation.tokens)
    async for record in log.read("responses"):
        if isinstance(response := _decoded(record), Response):
            check.add_response(response)
    fold = Ledger()
    async for record in log.read("usage"):
        report.note(_entry(record, check, fold))
    report.note(check.compare())
    if check.is_certain:
        report.note(balance(check, fold))
    report.reservations, report.ends = check.reservations, check.ends
    report.bounds, report.open = check.bounds, check.open


def balance(check: UsageCheck, fold: Ledger) -> Iterator[Fault]:
    """Faults of a fold that says something else of a bound than the log comes to."""
    reckoned = {tuple(name): (name, sums) for name, sums in check.used().items()}
    for key, account in fold.accounts.items():
        said = account.used(fold.now), account.held
        name, sums = reckoned.pop(tuple(key), (key, (0, 0)))
        if said != sums:
            what = f"used and held: the ledger says {said}, the log comes to {sums}"
            yield Fault("different", str(name), what)
    for name, sums in reckoned.values():
        if sums != (0, 0):
            yield Fault(
                "missing", str(name), f"used and held {sums}, and the ledger has none of it"
            )


def _entry(record: Record, check: UsageCheck, fold: Ledger) -> Iterator[Fault]:
    event = read(record)
    if event is None:
        return  # it counts for nobody
    place = f"usage/{record.partition}@{record.offset}"
    if record.partition != PARTITION:
        yield Fault("left_over", place, f"it counts in partition {PARTITION} alone")
        return
    at = record.timestamp_ms * 1000
    said, reckoned = _granted(fold.observe(event, at)), check.add(record.offset, at, event)
    if said != reckoned and check.is_certain:
        yield Fault("different", place, f"the ledger grants {said}, it comes to {reckoned}")


def _granted(verdict: Verdict | None) -> int | None:
    """What a record grants that was not granted before."""
    return None if verdict is None or verdict.known else verdict.granted


async def _complete_since(log: LogClient, topic: str, now: int) -> int:
    """From when on (µs) nothing of a topic is gone."""
    since = 0
    for partition, start in (await log.starts(topic)).items():
        if start > 0:
            records = log.read(topic, partitions=[partition])
            first = await anext(records, None)
            await records.aclose()
            since = max(since, now if first is None else first.timestamp_ms * 1000)
    return since


def _decoded(record: Record) -> object:
    try:
        return decode(record.topic, record.value, Envelope.from_headers(record.headers))
    except (InvalidEvent, InvalidEnvelope):
        return None
