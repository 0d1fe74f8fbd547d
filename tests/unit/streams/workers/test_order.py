"""The order of deliveries: a loss is found, a hole in the log is none."""

from collections.abc import Collection
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.workers import order
from streams.workers.order import Order, PassedOver
from tests.doubles.log import MemoryLog

TOPIC = "documents"


@dataclass
class Letter:
    """A message."""

    offset: int
    partition: int = 0
    value: bytes | None = b"x"
    key: bytes | None = None
    headers: list[tuple[str, bytes]] = field(default_factory=list)

    def ack(self) -> None:
        """Nobody counts."""


def log_of(count: int, *, compacted: Collection[int] = ()) -> MemoryLog:
    """A log whose first partition has offsets 0 to `count`, some of them compacted away."""
    log = MemoryLog(partitions=1)
    for offset in range(count + 1):
        log.append(TOPIC, b"same" if offset in compacted else str(offset), b"x")
    log.append(TOPIC, b"same", b"x")
    log.compact(TOPIC)
    return log


async def test_deliveries_that_follow_on_are_well() -> None:
    """From the committed offset, one by one, in several batches."""
    watch = Order(log_of(10), TOPIC)
    watch.begin({0: 4})
    await watch.check([Letter(4), Letter(5)])
    await watch.check([Letter(6)])


async def test_an_event_that_comes_again_is_well() -> None:
    """A crash or a rebalance gives some again."""
    watch = Order(log_of(10), TOPIC)
    watch.begin({0: 4})
    await watch.check([Letter(4), Letter(5), Letter(4), Letter(5), Letter(6)])


async def test_an_event_that_is_passed_over_is_found() -> None:
    """Whether it was to be the first or comes amid others."""
    for missing in ([Letter(5)], [Letter(4), Letter(6)]):
        watch = Order(log_of(10), TOPIC)
        watch.begin({0: 4})
        with pytest.raises(PassedOver, match=f"1 events from {missing[-1].offset - 1}"):
            await watch.check(missing)


async def test_a_rebalance_begins_anew_from_what_is_committed() -> None:
    """What had come and was not committed must come again."""
    watch = Order(log_of(10), TOPIC)
    watch.begin({0: 2})
    await watch.check([Letter(2), Letter(3)])
    watch.begin({0: 3})
    with pytest.raises(PassedOver):
        await watch.check([Letter(4)])


async def test_what_compaction_took_is_not_missed() -> None:
    """A hole is a hole, at the beginning and amid others."""
    watch = Order(log_of(10, compacted={4, 5, 7}), TOPIC)
    watch.begin({0: 4})
    await watch.check([Letter(6), Letter(8)])


async def test_what_retention_took_is_not_missed() -> None:
    """The committed offset may be older than the log."""
    log = log_of(10)
    log.trim(TOPIC, 0, 6)
    watch = Order(log, TOPIC)
    watch.begin({0: 2})
    await watch.check([Letter(6)])


@given(st.sets(st.integers(0, 29)), st.integers(0, 29), st.integers(1, 12))
async def test_exactly_the_losses_are_found(compacted: set[int], lost: int, look: int) -> None:
    """Whatever the log has lost itself, and however far it is looked at."""
    log = log_of(30, compacted=compacted)
    delivered = [record.offset for record in log.all(TOPIC, 0) if record.offset != lost]
    watch = Order(log, TOPIC)
    watch.begin({0: 0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "_LOOKED_AT", look)
        letters = [Letter(offset) for offset in delivered]
        if lost in compacted:
            await watch.check(letters)
        else:
            with pytest.raises(PassedOver):
                await watch.check(letters)
