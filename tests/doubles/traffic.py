"""A steady flow of documents and questions, and an account of what was promised about them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import uuid4

from aiokafka.errors import KafkaError

from schemas.codec import decode_as
from schemas.responses import Response
from streams.clients.kafka import NoBroker, Position
from tests.doubles.client import Client

DOCUMENTS = 30


class Sent(NamedTuple):
    """An acknowledged write."""

    doc_id: str
    text: str | None


class Traffic:
    """Puts, edits and deletes documents and asks questions, until told to stop.

    What fails is not repeated: of a write or a question that was not acknowledged nothing is
    known, and nothing may be asked.
    """

    def __init__(self, client: Client, seed: int, *, pause_s: float = 0.05) -> None:
        """`pause_s`: seconds from one write to the next; questions come a quarter as often."""
        self.own = f"t{uuid4().hex[:10]}"
        self.writes: dict[Position, Sent] = {}
        self.asked: set[str] = set()
        self.refusals = 0
        self._client = client
        self._pause_s = pause_s
        self._random = random.Random(seed)
        self._count = 0

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Documents and questions flow within the block."""
        tasks = [asyncio.create_task(self._write_on()), asyncio.create_task(self._ask_on())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        wrong = [e for e in ended if not isinstance(e, asyncio.CancelledError)]
        assert not wrong, wrong

    async def burst(self, documents: int) -> list[Position]:
        """Many documents with words that were never embedded, at once."""
        found = await asyncio.gather(*(self._write(number) for number in range(documents)))
        return [position for position in found if position is not None]

    async def questions(self, count: int) -> list[str]:
        """Many questions at once; gives the ids of those that are in the log."""
        found = await asyncio.gather(*(self._ask() for _ in range(count)))
        return [query_id for query_id in found if query_id is not None]

    async def settle(self, within_s: float) -> None:
        """Wait until every write shows and every question has a response."""
        await self._client.shown(*self.writes, within_s=within_s)
        await self._client.until(
            lambda: self.asked <= self._client.responses.keys(),
            f"responses to {len(self.asked)} questions",
            within_s,
        )

    async def lost(self) -> dict[Position, Sent]:
        """Acknowledged writes that the log does not hold as they were sent."""
        left = dict(self.writes)
        async for record in self._client.log.read("documents"):
            position = Position("documents", record.partition, record.offset)
            sent = left.get(position)
            key, value = (record.key or b"").decode(), record.value
            if sent is not None and key == sent.doc_id and (value is None) == (sent.text is None):
                del left[position]
        return left

    async def answered_otherwise_than_once(self) -> dict[str, int]:
        """Questions with none or several final responses, with how many they have."""
        counts = dict.fromkeys(self.asked, 0)
        async for record in self._client.log.read("responses"):
            response = decode_as(Response, record.value or b"")
            if response.query_id in counts:
                counts[response.query_id] += 1
        return {query_id: count for query_id, count in counts.items() if count != 1}

    async def _write_on(self) -> None:
        while True:
            await self._write(self._random.randrange(DOCUMENTS))
            await asyncio.sleep(self._pause_s)

    async def _ask_on(self) -> None:
        while True:
            await self._ask()
            await asyncio.sleep(4 * self._pause_s)

    async def _write(self, number: int) -> Position | None:
        doc_id = f"{self.own}/{number}"
        self._count += 1
        text = None if self._random.random() < 0.1 else self._text(number)
        try:
            if text is None:
                position = await self._client.delete(doc_id)
            else:
                position = await self._client.put(doc_id, text, acl=[self.own])
        except (KafkaError, NoBroker):
            self.refusals += 1
            return None
        self.writes[position] = Sent(doc_id, text)
        return position

    async def _ask(self) -> str | None:
        number = self._random.randrange(DOCUMENTS)
        try:
            query_id = await self._client.send_query(
                f"Who is the keeper of tower {number}?", tenant=self.own
            )
        except (KafkaError, NoBroker):
            self.refusals += 1
            return None
        self.asked.add(query_id)
        return query_id

    def _text(self, number: int) -> str:
        """Some sentences stay and some are new, as when people edit."""
        rooms = "\n\n".join(
            f"Room {room} of tower {number} was painted by painter {self._random.randrange(4)}."
            for room in range(self._random.randrange(1, 6))
        )
        keeper = f"The keeper of tower {number} is guard {self._count} of {self.own}."
        return f"# Tower {number}\n\n{keeper}\n\n## Rooms\n\n{rooms}\n"
