"""The token ledger's part of `freshet verify`, over a log in memory."""

import pytest
from msgspec import Struct

from processors.ledger.accounts import Account
from processors.verify.report import Report
from schemas.codec import encode
from schemas.envelope import headers
from schemas.queries import AdmittedQuery, Query, Reservation
from schemas.topics import type_of
from schemas.usage import Reserved
from streams.verify_usage import note_usage
from tests.doubles.log import MemoryLog
from tests.doubles.spending import BEGIN, MINUTE, answered, bound, released, reserved, settled


def write(
    log: MemoryLog, topic: str, key: str, event: Struct, partition: int | None = None
) -> None:
    """One event, in an envelope."""
    name = headers(type_of(event), source="test", time=BEGIN)
    log.append(topic, key, encode(event), name, partition)


def usage(log: MemoryLog, event: Struct) -> None:
    """An entry of the ledger."""
    write(log, "usage", "acme", event, 0)


def admitted(request: str, tokens: int) -> AdmittedQuery:
    """A question that was let through."""
    return AdmittedQuery(
        query=Query(query_id=request, text="When?", tenant="acme"),
        reservation=Reservation(tokens=tokens),
        admitted_at=BEGIN,
        deadline=BEGIN + MINUTE,
    )


def one_request(log: MemoryLog, request: str = "q") -> None:
    """A question's whole way."""
    usage(log, reserved(request, 500, bound()))
    write(log, "queries.admitted", request, admitted(request, 500))
    usage(log, settled(request, 400, 50))
    write(log, "responses", request, answered(request, 400, 50))


@pytest.fixture
def log() -> MemoryLog:
    """With one request that went well."""
    made = MemoryLog(clock=lambda: BEGIN)
    one_request(made)
    return made


async def report(log: MemoryLog, now: int = BEGIN) -> Report:
    """What is found."""
    made = Report(as_of=0, index_version="v1")
    await note_usage(log, made, now)
    return made


async def faults(log: MemoryLog) -> list[tuple[str, str]]:
    """Kind and message of each."""
    return [(one.kind, one.message) for one in (await report(log)).faults]


async def test_a_request_that_went_well_is_counted(log: MemoryLog) -> None:
    """With its end, and the bounds that were looked at; one under way is open."""
    usage(log, reserved("next", 10, bound()))
    found = await report(log)
    assert (found.total, found.reservations, found.ends, found.open) == (0, 2, 1, 1)
    assert found.bounds == 3


async def test_what_lies_in_another_partition_is_left_over(log: MemoryLog) -> None:
    """There it counts for nobody."""
    write(log, "usage", "acme", reserved("r", 5, bound()), 1)
    assert await faults(log) == [("left_over", "it counts in partition 0 alone")]


async def test_what_is_no_entry_counts_for_nobody(log: MemoryLog) -> None:
    """Neither in the ledger nor here."""
    log.append("usage", "acme", b"not json", (), 0)
    log.append("usage", "acme", None, (), 0)
    assert await faults(log) == []


async def test_a_ledger_that_charges_twice_is_found(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the workers go by is held against the log itself."""
    use = Account.use
    monkeypatch.setattr(Account, "use", lambda self, now, amount: use(self, now, 2 * amount))
    assert await faults(log) == [
        (
            "different",
            "used and held: the ledger says (900, 0), the log comes to (450, 0)",
        )
    ]


async def test_a_ledger_that_grants_too_much_is_found(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the reservation, and in what is held of it."""
    monkeypatch.setattr(Account, "used", lambda _self, _now: 0)
    usage(log, reserved("r", 900, bound()))
    write(log, "queries.admitted", "r", admitted("r", 900))
    kinds = [kind for kind, _ in await faults(log)]
    assert ("different", "the ledger grants 900, it comes to None") in await faults(log)
    assert kinds.count("missing") == 1


async def test_a_request_that_ended_while_the_log_was_read_is_no_fault(log: MemoryLog) -> None:
    """Who was let through had been read before."""
    read = log.read

    def reading(topic: str, **given: object) -> object:
        if topic == "responses":
            one_request(log, "late")
        return read(topic, **given)  # type: ignore[arg-type]

    log.read = reading  # type: ignore[method-assign, assignment]
    found = await report(log)
    assert (found.total, found.ends) == (0, 2)


async def test_what_retention_has_removed_is_not_missed(log: MemoryLog) -> None:
    """The beginning of `queries.admitted`, of which a day is kept; and that of `usage`."""
    for partition, end in (await log.ends("queries.admitted")).items():
        log.trim("queries.admitted", partition, end)
    assert await faults(log) == []
    log.trim("usage", 0, 1)
    usage(log, released("q"))
    assert await faults(log) == []


async def test_reservations_that_nobody_ends_are_told(log: MemoryLog) -> None:
    """Some time after theirs is up."""
    event: Reserved = reserved("r", 5, bound())
    usage(log, event)
    late = await report(log, event.expires_at + 2 * MINUTE)
    assert [one.what for one in late.faults] == ["usage/0@2"]
