"""People who say what they think of answers, early, late, twice and by turns."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from schemas.codec import encode
from schemas.envelope import headers
from schemas.feedback import Feedback
from schemas.topics import type_of
from streams.workers.shell import now_us
from tests.doubles.client import Client
from tests.doubles.traffic import Traffic

SOURCE = "/tests/people"
PAUSE_S = 0.05


class People:
    """All say the same of one answer, so that it has one opinion whoever is heard."""

    def __init__(self, client: Client, traffic: Traffic, seed: int) -> None:
        self.rated: dict[str, bool] = {}
        """Questions to whether their answers are liked; each was acknowledged at least once."""
        self.liking = 1.0
        """The share of answers that are liked from now on."""
        self._client = client
        self._traffic = traffic
        self._random = random.Random(seed)

    @asynccontextmanager
    async def talking(self) -> AsyncIterator[None]:
        """They speak within the block."""
        task = asyncio.create_task(self._talk())
        try:
            yield
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError), ended

    async def _talk(self) -> None:
        while True:
            asked = sorted(self._traffic.asked)
            if asked:
                await self._speak(self._random.choice(asked))
            await asyncio.sleep(PAUSE_S)

    async def _speak(self, query_id: str) -> None:
        """Some have a name, and every third event is delivered twice."""
        liked = self.rated.get(query_id, self._random.random() < self.liking)
        event = Feedback(
            query_id=query_id,
            tenant=self._traffic.own,
            rating=1 if liked else -1,
            reviewer=self._random.choice([None, "ana", "ben"]),
        )
        name = headers(type_of(event), source=SOURCE, time=now_us(), id=uuid4().hex)
        for _ in range(2 if self._random.random() < 1 / 3 else 1):
            await self._client.raw("feedback", query_id, encode(event), name)
            self.rated[query_id] = liked
