"""Passages that receipts name, of whatever version, and of none."""

from collections.abc import Sequence

from processors.index import Access, PassageRow
from streams.clients.errors import IndexRejected
from streams.index.answered import AnsweredFrom


class Shelf:
    """An index that knows one passage, or is gone."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.closed = False

    async def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        """The same for every id."""
        if self.version == "dropped":
            raise IndexRejected("there is no such collection")
        row = PassageRow(
            passage_id="p",
            valid_from=at,
            doc_id=self.version,
            title="",
            heading=[],
            text="",
            units=[],
        )
        return dict.fromkeys(ids, row)

    async def close(self) -> None:
        """Let go."""
        self.closed = True


async def test_each_answer_is_checked_by_the_version_that_gave_it() -> None:
    """Each opened once, when it is first named, and all let go."""
    shelves: list[Shelf] = []

    def opened(version: str) -> Shelf:
        shelves.append(Shelf(version))
        return shelves[-1]

    indexes = AnsweredFrom(opened, {"v1", "v2"}.__contains__)
    for version in ("v1", "v2", "v1"):
        found = await indexes.get(version).passages(["p"], 1, Access())
        assert found["p"].doc_id == version
    assert [shelf.version for shelf in shelves] == ["v1", "v2"]
    await indexes.close()
    assert all(shelf.closed for shelf in shelves)


async def test_of_a_version_that_is_gone_or_never_was_there_are_no_passages() -> None:
    """A receipt may name anything: nobody opens an index by what a stranger wrote."""
    indexes = AnsweredFrom(Shelf, {"dropped"}.__contains__)
    assert await indexes.get("dropped").passages(["p"], 1, Access()) == {}
    assert await indexes.get("../never").passages(["p"], 1, Access()) == {}
