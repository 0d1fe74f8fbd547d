"""What every index must do, whatever it is made of: subclasses give the tables."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import pytest
import pytest_asyncio

from processors.index import Access
from processors.lexical import LexicalSpec
from schemas.index import IndexChange
from streams.clients.errors import IndexUnavailable
from streams.index.rowindex import RowIndex
from streams.index.table import Table
from tests.doubles.index import DyingTable, MemoryTable
from tests.doubles.library import Library, Seen, Words, vector, weights

EVERYTHING = Access()
HOSTILE = ['" or true', "' or 1 == 1 --", 'a"] or ["', "a\\", '\\" or ""=="', "*", "", "%", "é漢🎉"]


class IndexContract:
    """Tests of one implementation, which the fixture `tables` gives, empty."""

    @pytest_asyncio.fixture
    async def tables(self) -> AsyncIterator[tuple[Table, Table]]:
        """Units and texts."""
        raise AssertionError("a subclass gives the tables")
        yield

    @pytest.fixture
    def index(self, tables: tuple[Table, Table]) -> RowIndex:
        """Over the tables."""
        return RowIndex(*tables, LexicalSpec())

    @pytest.fixture
    def library(self) -> Library:
        """The model beside it."""
        return Library()

    async def test_every_past_state_reads_as_it_was(self, index: RowIndex, library: Library):
        """Each edit leaves the reads at all earlier index times as they were."""
        for changes in _a_history(library):
            await index.apply(changes, check=False)
        for at in range(5, 75, 5):
            assert await read_all(index, library, at) == library.seen(at)

    async def test_changes_in_one_batch_read_as_if_they_came_one_by_one(
        self, index: RowIndex, library: Library
    ):
        """Also the states that lay within the batch."""
        changes = [change for some in _a_history(library) for change in some]
        await index.apply(changes, check=False)
        for at in range(5, 75, 5):
            assert await read_all(index, library, at) == library.seen(at)

    async def test_a_passage_is_read_with_its_document(self, index: RowIndex, library: Library):
        """Its place is the document's to tell: an insertion above moves it, and rewrites it not."""
        await index.apply(library.put("d", {"p": ["one", "two"]}, 10), check=False)
        await index.apply(library.put("d", {"top": ["new"], "p": ["one", "two"]}, 20), check=False)
        row = (await index.passages(["d/p"], 20, EVERYTHING))["d/p"]
        assert (row.version, row.doc_id, row.title) == (10, "d", "On d")
        assert (row.text, row.units) == ("one two", [("d/p/one", 0, 3), ("d/p/two", 4, 7)])
        before, after = [(await index.documents(["d"], at))["d"] for at in (10, 20)]
        assert before.layout == {"d/p": (0, 7)}
        assert after.layout == {"d/top": (0, 3), "d/p": (4, 11)}
        assert (after.partition, after.offset, after.content_type) == (0, 20, "text/plain")

    async def test_a_deleted_document_is_found_only_in_the_past(
        self, index: RowIndex, library: Library
    ):
        """From the tombstone's index time on, nothing of it is left."""
        await index.apply(library.put("d", {"p": ["one"]}, 10), check=False)
        await index.apply(library.delete("d", 20), check=False)
        assert await read_all(index, library, 20) == Seen({}, {}, {})
        assert (await read_all(index, library, 19)).units == {"d/p/one": "d/p"}

    async def test_the_best_come_first_and_no_more_than_asked_for(
        self, index: RowIndex, library: Library
    ):
        """By inner product, over all that is visible."""
        words = [f"w{number}" for number in range(60)]
        await index.apply(library.put("d", {"p": words[:30], "q": words[30:]}, 10), check=False)
        question = vector("w0") + vector("w31") / 2
        hits = await index.search_units(question, 10, EVERYTHING, 7)
        scores = {word: float(vector(word) @ question) for word in words}
        best = sorted(words, key=lambda word: -scores[word])[:7]
        assert [hit.unit_id.rpartition("/")[2] for hit in hits] == best
        assert [hit.score for hit in hits] == pytest.approx([scores[w] for w in best], abs=1e-5)
        found = await index.search_passages(weights("w31", "everywhere"), 10, EVERYTHING, 1)
        assert [hit.passage_id for hit in found] == ["d/q"]

    async def test_equal_scores_are_given_in_the_order_of_ids(
        self, index: RowIndex, library: Library
    ):
        """Which of many equals are cut off is not left to chance."""
        passages = {f"p{number:02}": ["same"] for number in range(40)}
        names = random.Random(3).sample(sorted(passages), len(passages))
        shuffled = {name: passages[name] for name in names}
        await index.apply(library.put("d", shuffled, 10), check=False)
        hits = await index.search_units(vector("same"), 10, EVERYTHING, 5)
        found = await index.search_passages(weights("same"), 10, EVERYTHING, 5)
        assert [hit.passage_id for hit in hits] == [f"d/p{number:02}" for number in range(5)]
        assert [hit.passage_id for hit in found] == [f"d/p{number:02}" for number in range(5)]

    async def test_no_words_find_nothing(self, index: RowIndex, library: Library):
        """And neither do words that no passage holds, nor documents by their layouts."""
        await index.apply(library.put("d", {"p": ["one"]}, 10), check=False)
        assert await index.search_passages({}, 10, EVERYTHING, 5) == []
        assert await index.search_passages(weights("unheard"), 10, EVERYTHING, 5) == []

    async def test_only_those_listed_find_a_document(self, index: RowIndex, library: Library):
        """Without a list everyone does; with an empty one, nobody but the operator."""
        await index.apply(library.put("open", {"p": ["one"]}, 10), check=False)
        await index.apply(library.put("ours", {"p": ["two"]}, 11, acl=["a", "b"]), check=False)
        await index.apply(library.put("closed", {"p": ["six"]}, 12, acl=[]), check=False)
        for tenant in ("a", "b", "c", None, *HOSTILE):
            access = Access(tenant=tenant)
            assert await read_all(index, library, 12, access) == library.seen(12, access)
        assert set((await read_all(index, library, 12, Access(tenant="a"))).passages) == {
            "open/p",
            "ours/p",
        }

    async def test_taking_a_reader_off_the_list_hides_it_from_that_time_on(
        self, index: RowIndex, library: Library
    ):
        """The past stays as it was."""
        await index.apply(library.put("d", {"p": ["one"]}, 10, acl=["a"]), check=False)
        await index.apply(library.put("d", {"p": ["one"]}, 20, acl=["b"]), check=False)
        assert not (await read_all(index, library, 20, Access(tenant="a"))).passages
        assert (await read_all(index, library, 19, Access(tenant="a"))).passages

    @pytest.mark.parametrize("value", [*HOSTILE, 1, 2, 1.0, 1.5, True, "1", "true"])
    async def test_a_filter_matches_its_value_and_no_other(
        self, index: RowIndex, library: Library, value: Any
    ):
        """Whatever the value is: it cannot end the filter and begin another."""
        values = [*HOSTILE, 1, True, "1", 2.5]
        for at, held in enumerate(values, 10):
            await index.apply(
                library.put(f"d{at}", {"p": ["one"]}, at, metadata={"k": held}), check=False
            )
        access = Access(filters={"k": value})
        assert await read_all(index, library, 50, access) == library.seen(50, access)

    @pytest.mark.parametrize(
        "filters", [{"k": ["a", "b"]}, {"k": "a", "n": 1}, {"k": [1, 2]}, {"k": []}, {"gone": "a"}]
    )
    async def test_every_key_must_match_one_of_its_values(
        self, index: RowIndex, library: Library, filters: Mapping[str, Any]
    ):
        """A key that a document lacks matches nothing, and so does an empty list."""
        for at, held in enumerate([{"k": "a", "n": 1}, {"k": "b"}, {"k": "a"}, {"k": 2}, {}], 10):
            await index.apply(library.put(f"d{at}", {"p": ["one"]}, at, metadata=held), check=False)
        access = Access(filters=filters)
        assert await read_all(index, library, 50, access) == library.seen(50, access)

    async def test_hostile_ids_are_only_ids(self, index: RowIndex, library: Library):
        """Documents whose ids look like filters are found, and no other with them."""
        ids = [one for one in HOSTILE if one] + ["漢" * 512]
        for at, doc_id in enumerate(ids, 10):
            await index.apply(library.put(doc_id, {"p": ["one"]}, at), check=False)
        for doc_id in ids:
            assert list(await index.documents([doc_id], 50)) == [doc_id]
            found = await index.passages([f"{doc_id}/p"], 50, EVERYTHING)
            assert [row.doc_id for row in found.values()] == [doc_id]

    async def test_what_is_too_long_for_one_row_is_read_whole(
        self, index: RowIndex, library: Library
    ):
        """A passage and a layout of more than Milvus' 65,535 bytes, opened and closed."""
        words = {f"p{number:04}": ["x"] for number in range(2500)} | {"long": ["漢" * 40_000]}
        changes = library.put("d", words, 10)
        await index.apply(changes, check=False)
        await index.apply(library.delete("d", 20), check=False)
        row = (await index.documents(["d"], 19))["d"]
        assert row.layout == library.seen(19).layouts["d"]
        assert (await index.passages(["d/long"], 19, EVERYTHING))["d/long"].text == "漢" * 40_000
        assert await index.documents(["d"], 20) == {}

    @pytest.mark.parametrize("halfway", [False, True])
    @pytest.mark.parametrize("dies_at", [0, 1])
    @pytest.mark.parametrize("which", [0, 1])
    @pytest.mark.parametrize("batches", ["the same", "smaller ones", "a larger one"])
    async def test_a_write_that_died_anywhere_is_mended(
        self,
        tables: tuple[Table, Table],
        index: RowIndex,
        library: Library,
        which: int,
        dies_at: int,
        halfway: bool,
        batches: str,
    ):
        """By whatever batches come next: the rows are as if nothing had happened.

        Meanwhile the published time reads right.
        """
        first = library.put("d", _draft(0), 10)
        later = [library.put("d", _draft(1), 20), library.put("d", _draft(2), 30)]
        later.append(library.put("e", {"p": ["other"]}, 31))
        whole = list(chain(*later))
        await index.apply(first, check=False)
        await _die(tables, (which,), dies_at, halfway, later[0] if "larger" in batches else whole)
        assert await read_all(index, library, 19) == library.seen(19)
        for changes in later if "smaller" in batches else [whole]:
            await index.apply(changes, check=True)
        for at in (19, 20, 29, 30, 31):
            assert await read_all(index, library, at) == library.seen(at)
        assert await physical(index) == await _untroubled(first, *later)

    async def test_a_long_row_that_is_half_deleted_is_deleted_whole(
        self, tables: tuple[Table, Table], index: RowIndex, library: Library
    ):
        """Also when the first of its parts is gone already."""
        begun = library.put("d", {"p": ["漢" * 100_000]}, 10)
        gone = library.delete("d", 20)
        await index.apply(begun, check=False)
        await _die(tables, (1,), 1, True, gone)
        await index.apply(gone, check=True)
        assert await physical(index) == await _untroubled(begun, gone)

    async def test_a_batch_that_was_applied_before_changes_nothing(
        self, index: RowIndex, library: Library
    ):
        """However often, as long as it looks first."""
        history = list(_a_history(library))
        for changes in history:
            await index.apply(changes, check=False)
        before = await physical(index)
        for changes in history:
            await index.apply(changes, check=True)
            assert await read_all(index, library, 70) == library.seen(70)
        assert await physical(index) == before

    async def test_rows_that_are_being_closed_are_found_once(
        self, tables: tuple[Table, Table], library: Library
    ):
        """Their second copies take no one's place: as many are found as were asked for."""
        index = RowIndex(*tables, LexicalSpec())
        passages = {f"p{number:02}": ["same", f"w{number}"] for number in range(30)}
        await index.apply(library.put("d", passages, 10), check=False)
        gone = library.delete("d", 20)
        await _die(tables, (0, 1), 1, False, gone)
        assert len(await physical(index)) > len(library.seen(10).units) + 31
        hits = await index.search_units(vector("same"), 19, EVERYTHING, 25)
        found = await index.search_passages(weights("same"), 19, EVERYTHING, 25)
        wanted = [f"d/p{number:02}" for number in range(25)]
        assert [hit.passage_id for hit in hits] == wanted
        assert [hit.passage_id for hit in found] == wanted
        assert await read_all(index, library, 19) == library.seen(19)

    async def test_no_read_is_torn_while_the_index_is_written(
        self, index: RowIndex, library: Library
    ):
        """Readers at the published time see each document wholly before an edit or after it."""
        documents = [f"d{number}" for number in range(4)]
        for at, doc_id in enumerate(documents, 10):
            await index.apply(library.put(doc_id, _draft(0), at), check=False)
        published, writing = 20, True

        async def write() -> None:
            nonlocal published, writing
            drafts = random.Random(7)
            for at in range(21, 61):
                doc_id = drafts.choice(documents)
                await index.apply(library.put(doc_id, _draft(at), at), check=False)
                published = at
            writing = False

        async def read(reads: list[int]) -> None:
            while writing:
                at = published
                assert await read_all(index, library, at) == library.seen(at)
                reads.append(at)
                await asyncio.sleep(0)

        reads: list[int] = []
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write())
            for _ in range(3):
                tasks.create_task(read(reads))
        assert len(set(reads)) > 5

    async def test_collecting_drops_what_only_the_far_past_can_see(
        self, index: RowIndex, library: Library
    ):
        """Reads at the horizon and after it stay as they were."""
        for changes in _a_history(library):
            await index.apply(changes, check=False)
        rows = len(await physical(index))
        collected = await index.collect(40)
        assert collected > 0
        assert len(await physical(index)) == rows - collected
        for at in range(40, 75, 5):
            assert await read_all(index, library, at) == library.seen(at)
        assert await index.collect(40) == 0

    async def test_more_rows_than_one_answer_holds(self, index: RowIndex, library: Library):
        """17,000 passages are written, listed, closed and collected whole."""
        words = {f"p{number:05}": ["x"] for number in range(17_000)}
        changes = [_without_units(part) for part in library.put("d", words, 10)]
        await index.apply(changes, check=False)
        listed = [record.id async for record in index.rows("texts") if record.owner != record.id]
        assert sorted(listed) == sorted(f"d/{name}" for name in words)
        await index.apply([_without_units(part) for part in library.delete("d", 20)], check=False)
        found = await index.search_passages(weights("x"), 20, EVERYTHING, 5)
        assert found == []
        assert await index.collect(20) >= 17_000
        assert [record async for record in index.rows("texts")] == []


async def read_all(index: RowIndex, library: Library, at: int, access: Access = EVERYTHING) -> Seen:
    """All that a reader finds at an index time, by searches and by ids."""
    question = np.full(384, 0.05, np.float32)
    units, found = await asyncio.gather(
        index.search_units(question, at, access, 1000),
        index.search_passages(weights("everywhere"), at, access, 1000),
    )
    assert len({hit.unit_id for hit in units}) == len(units)
    assert len({hit.passage_id for hit in found}) == len(found)
    passages = await index.passages([hit.passage_id for hit in found], at, access)
    documents = await index.documents(library.documents, at)
    return Seen(
        {hit.unit_id: hit.passage_id for hit in units},
        {passage_id: row.text for passage_id, row in passages.items()},
        {doc_id: row.layout for doc_id, row in documents.items()},
    )


async def physical(index: RowIndex) -> list[tuple[str, int]]:
    """Every row there is, by primary key and end."""
    units = [(record.pk, record.valid_to) async for record in index.rows("units")]
    texts = [(record.pk, record.valid_to) async for record in index.rows("texts")]
    return sorted(units + texts)


async def _die(
    tables: tuple[Table, Table],
    which: tuple[int, ...],
    dies_at: int,
    halfway: bool,
    changes: list[IndexChange],
) -> None:
    """Apply changes over connections of which some break."""
    units, texts = (
        DyingTable(table, dies_at, halfway=halfway) if place in which else table
        for place, table in enumerate(tables)
    )
    with pytest.raises(IndexUnavailable):
        await RowIndex(units, texts, LexicalSpec()).apply(changes, check=False)


async def _untroubled(*history: list[IndexChange]) -> list[tuple[str, int]]:
    """The rows of an index to which nothing happened."""
    index = RowIndex(MemoryTable(), MemoryTable(), LexicalSpec())
    for changes in history:
        await index.apply(changes, check=False)
    return await physical(index)


def _draft(number: int) -> Words:
    """A document of which an edit changes all but one unit."""
    return {"p": [f"a{number}", "stays"], "q": [f"b{number}", f"c{number}"]}


def _a_history(library: Library) -> Iterator[list[IndexChange]]:
    """Documents begun, edited, hidden, deleted and begun again, at times 10 to 70."""
    yield library.put("d", {"p": ["one", "two"], "q": ["three"]}, 10)
    yield library.put("e", {"p": ["one"]}, 15)
    yield library.put("d", {"p": ["one", "four"], "q": ["three"]}, 20)
    yield library.put("d", {"q": ["three"], "r": ["one", "two"]}, 30)
    yield library.put("e", {"p": ["one"]}, 35, acl=["a"])
    yield library.delete("d", 40)
    yield library.put("e", {"p": ["one"], "q": ["five"]}, 45, acl=["a"])
    yield library.put("d", {"p": ["one", "two"]}, 50)
    yield library.delete("e", 60)
    yield library.put("d", {"p": ["one", "two", "six"]}, 70)


def _without_units(change: IndexChange) -> IndexChange:
    return msgspec.structs.replace(change, units_gained=[], units_lost=[])
