"""Very many small documents in a row, and reads while documents change without pause."""

import asyncio
import os
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from processors.index import Access
from processors.search import Retrieved, search
from streams.clients.kafka import Position
from streams.clients.milvus import MilvusIndex
from tests.doubles.client import Client, assert_quotes_are_exact

TINY = int(os.environ.get("FRESHET_TEST_TINY_DOCUMENTS", "5000"))
"""100000 for the long variant."""
WORDS = 97
AT_ONCE = 500

EDITIONS = 60
MARK = re.compile(r"edition (\d+) ")


@pytest.mark.timeout(60 + TINY // 10)
async def test_a_flood_of_tiny_documents_is_indexed_whole(client: Client, own: str) -> None:
    """None is lost or doubled, and what comes behind them is indexed too."""
    last = {}
    for start in range(0, TINY, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, TINY))
        landed = await asyncio.gather(
            *(client.put(f"{own}/{n}", f"Ant {n % WORDS} of {own}.", acl=[own]) for n in numbers)
        )
        last.update({position.partition: position for position in landed})
    await client.shown(*last.values(), within_s=60 + TINY / 10)
    report = await client.verify()
    assert report.total == 0, report.faults
    assert report.documents >= TINY
    await client.put_shown(f"{own}/after", f"# Bear\n\nThe bear of {own} is brown.\n", acl=[own])
    response = await client.ask(f"Which colour is the bear of {own}?", tenant=own)
    assert "brown" in response.answer


async def test_no_read_is_torn_while_documents_are_edited(client: Client, own: str) -> None:
    """At every index time a document is wholly of one edition, or not there at all.

    Reads are made as the answerer makes them, at the latest time that every partition has
    reached, while editions follow one another and every seventh is a deletion.
    """
    press = Press(client, own, ("one", "two"))
    seen: defaultdict[str, set[int | None]] = defaultdict(set)
    editing = asyncio.create_task(press.run())
    async with client.index() as index:
        while not editing.done():
            at = client.progress.read_time()
            found = [] if at is None else await _everything_of(index, client, own, at)
            for name in press.names:
                mine = [each for each in found if each.passage.doc_id == f"{own}/{name}"]
                seen[name].add(_edition(mine, press.texts))
            press.reads += 1
    await editing
    assert all(len(editions - {None}) > 5 and None in editions for editions in seen.values())


async def test_no_answer_is_torn_while_a_document_is_edited(client: Client, own: str) -> None:
    """All that an answer cites is of one edition, word for word."""
    press = Press(client, own, ("one",))
    editing = asyncio.create_task(press.run())
    answered = 0
    while not editing.done() or answered < 4:
        response = await client.ask("Who wrote the chapter on sails?", tenant=own)
        editions = {int(mark) for c in response.citations for mark in MARK.findall(c.quote)}
        assert len(editions) <= 1, response
        if response.status == "answered":
            (edition,) = editions
            assert_quotes_are_exact(response, {f"{own}/one": press.texts[edition]})
            answered += 1
        press.reads += 1
    await editing


class Press:
    """Puts out editions, some longer than others; waits for a read of every other one."""

    def __init__(self, client: Client, own: str, names: Sequence[str]) -> None:
        self.names = names
        self.texts: dict[int, str] = {}
        self.reads = 0
        self._client = client
        self._own = own

    async def run(self) -> None:
        """Every edition, each of every document."""
        for edition in range(1, EDITIONS + 1):
            chapters = ("sails", "ropes", "knots", "winds", "stars")[: 2 + edition % 4]
            self.texts[edition] = "# Seafaring\n\n" + "".join(
                _chapter(name, edition) for name in chapters
            )
            writes = [await self._put(f"{self._own}/{name}", edition) for name in self.names]
            if edition % 2 == 0:
                await self._client.shown(*writes)
                enough = self.reads + 2  # the first may have begun before
                await self._client.until(lambda enough=enough: self.reads >= enough, "two reads")

    async def _put(self, doc_id: str, edition: int) -> Position:
        if edition % 7 == 0:
            return await self._client.delete(doc_id)
        return await self._client.put(
            doc_id, self.texts[edition], acl=[self._own], metadata={"press": self._own}
        )


def _chapter(name: str, edition: int) -> str:
    """Long enough not to share a passage with the next."""
    line = f"The chapter on {name} was written for edition {edition} by the mate of that year. "
    return f"## On {name}\n\n{line}{line.replace('mate', 'cook') * 6}\n\n"


async def _everything_of(
    index: MilvusIndex, client: Client, own: str, at: int
) -> Sequence[Retrieved]:
    """No other document may be a candidate: it could take the place of one of these."""
    vector = np.full(384, 384**-0.5, np.float32)
    return await search(
        index,
        client.spec,
        vector=vector,
        weights={},
        at=at,
        access=Access(tenant=own, filters={"press": own}),
        top_k=50,
    )


def _edition(found: Sequence[Retrieved], texts: dict[int, str]) -> int | None:
    """The edition of which all that was found is, and nothing is left out; None for nothing."""
    if not found:
        return None
    (edition,) = {int(mark) for each in found for mark in MARK.findall(each.passage.text)}
    (layout,) = {tuple(sorted(each.document.layout.items())) for each in found}
    assert {each.passage.passage_id for each in found} == dict(layout).keys()
    for each in found:
        start, end = each.document.layout[each.passage.passage_id]
        assert texts[edition][start:end] == each.passage.text
    read = "".join(each.passage.text for each in sorted(found, key=lambda each: each.start))
    assert read.count(f"edition {edition} ") == texts[edition].count(f"edition {edition} ")
    return edition
