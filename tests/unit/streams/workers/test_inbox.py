"""The inbox: order, bounds, backpressure, and what happens when partitions go."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from streams.workers.inbox import Inbox


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


async def taken(inbox: Inbox, records: int = 100, size: int = 1 << 20) -> list[int]:
    """The offsets of the next batch."""
    batch = await inbox.take(records=records, size=size, timeout=0.001)
    return [message.offset for message in batch]


@given(
    st.lists(st.one_of(st.integers(0, 50), st.tuples(st.integers(1, 5), st.integers(1, 60)))),
)
def test_messages_come_in_order_and_none_is_lost(moves: list[int | tuple[int, int]]) -> None:
    """A batch has at least one message, and stops where it has enough."""

    async def run() -> None:
        inbox, sizes, out = Inbox(records=10_000, size=1 << 30), list[int](), list[int]()
        for move in moves:
            if isinstance(move, int):
                await inbox.put(Letter(len(sizes), value=bytes(move)))
                sizes.append(move + 1)
            elif len(out) < len(sizes):
                batch = await taken(inbox, records=move[0], size=move[1])
                assert 1 <= len(batch) <= move[0]
                assert sum(sizes[offset] for offset in batch[:-1]) < move[1]
                out += batch
        if len(out) < len(sizes):
            out += await taken(inbox, records=10_000, size=1 << 30)
        assert out == list(range(len(sizes)))

    asyncio.run(run())


async def test_an_empty_inbox_gives_nothing_after_the_timeout() -> None:
    """So that the worker can see to other things."""
    assert await taken(Inbox()) == []


async def test_a_message_wakes_who_waits_for_one() -> None:
    """No timer decides how long an event waits."""
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.take(records=9, size=9, timeout=60))
    await asyncio.sleep(0)
    await inbox.put(Letter(1))
    assert [m.offset for m in await asyncio.wait_for(waiting, 30)] == [1]


async def test_a_full_inbox_holds_the_consumer_back() -> None:
    """By records, until a batch was taken."""
    inbox = Inbox(records=2)
    await inbox.put(Letter(0))
    await inbox.put(Letter(1))
    third = asyncio.create_task(inbox.put(Letter(2)))
    await asyncio.sleep(0.01)
    assert not third.done()
    assert await taken(inbox, records=1) == [0]
    await asyncio.wait_for(third, 30)
    assert await taken(inbox) == [1, 2]


async def test_bytes_are_bounded_too() -> None:
    """Where messages are large their number says little."""
    inbox = Inbox(size=100)
    await inbox.put(Letter(0, value=bytes(200)))
    second = asyncio.create_task(inbox.put(Letter(1)))
    await asyncio.sleep(0.01)
    assert not second.done()
    assert await taken(inbox) == [0]
    await asyncio.wait_for(second, 30)


async def test_what_came_from_a_partition_that_goes_is_forgotten() -> None:
    """The others' messages stay, and there is room again."""
    inbox = Inbox(records=3)
    for offset, partition in enumerate((0, 1, 0)):
        await inbox.put(Letter(offset, partition))
    inbox.drop({0})
    await asyncio.wait_for(inbox.put(Letter(3, 1)), 30)
    assert await taken(inbox) == [1, 3]
    inbox.drop({0, 1})
    assert await taken(inbox) == []


async def test_a_message_held_back_while_its_partition_goes_is_forgotten_too() -> None:
    """It would come before those that are delivered again, which would then count as handled."""
    inbox = Inbox(records=1)
    await inbox.put(Letter(4, 0))
    held = [asyncio.create_task(inbox.put(Letter(5, 0)))]
    await asyncio.sleep(0.01)
    inbox.drop({0})
    await asyncio.gather(*held)
    assert await taken(inbox) == []
    await inbox.put(Letter(4, 0))
    assert await taken(inbox) == [4]
