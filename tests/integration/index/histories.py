"""Any course that documents and their writer can take, for hypothesis to try."""

from hypothesis import strategies as st
from msgspec import Struct

from processors.index import Access
from processors.lexical import LexicalSpec
from schemas.index import IndexChange
from streams.clients.errors import IndexUnavailable
from streams.index.rowindex import RowIndex
from streams.index.table import Table
from tests.doubles.index import DyingTable
from tests.doubles.library import Library
from tests.integration.index.contract import read_all

ACCESSES = [
    Access(),
    Access(tenant="a"),
    Access(tenant="b", filters={"k": 1}),
    Access(tenant="c", groups=["group:g", "group:h"]),
    Access(tenant="b", groups=["group:h"]),
]


class Step(Struct, frozen=True):
    """A document's next version, and what becomes of the writer behind it."""

    doc_id: str
    words: dict[str, list[str]]
    """Without any, the document is deleted."""
    acl: list[str] | None
    metadata: dict[str, int]
    flush: bool
    """Whether the batch ends here."""
    dies: tuple[int, int, bool] | None
    """Which table's which write fails on the first attempt, and whether it is half done."""


def histories() -> st.SearchStrategy[list[Step]]:
    """Few documents, passages and words, so that they meet again."""
    words = st.lists(st.sampled_from("uvwxyz"), min_size=1, max_size=3, unique=True)
    step = st.builds(
        Step,
        st.sampled_from(["d", "e"]),
        st.dictionaries(st.sampled_from("pqr"), words, max_size=3),
        st.sampled_from([None, ["a"], ["a", "b"], ["group:g"], ["a", "group:h"], []]),
        st.sampled_from([{}, {"k": 1}, {"k": 2}]),
        st.booleans(),
        st.none() | st.tuples(st.integers(0, 1), st.integers(0, 1), st.booleans()),
    )
    return st.lists(step, min_size=1, max_size=12)


async def reads_like_the_model(units: Table, texts: Table, steps: list[Step]) -> None:
    """Go through the steps, and compare every read at every published time."""
    index, library = RowIndex(units, texts, LexicalSpec()), Library()
    batch: list[IndexChange] = []
    published = 0
    for at, step in enumerate(steps, 1):
        batch += _change(library, step, at)
        if step.flush or at == len(steps):
            await _apply(index, batch, step, library, published)
            batch, published = [], at
    for at in range(len(steps) + 1):
        for access in ACCESSES:
            assert await read_all(index, library, at, access) == library.seen(at, access)


async def _apply(
    index: RowIndex, batch: list[IndexChange], step: Step, library: Library, published: int
) -> None:
    if step.dies is None:
        await index.apply(batch, check=False)
        return
    which, dies_at, halfway = step.dies
    tables: list[Table] = [index.units, index.texts]
    tables[which] = DyingTable(tables[which], dies_at, halfway=halfway)
    try:
        await RowIndex(*tables, LexicalSpec()).apply(batch, check=False)
    except IndexUnavailable:
        assert await read_all(index, library, published) == library.seen(published)
        await index.apply(batch, check=True)


def _change(library: Library, step: Step, at: int) -> list[IndexChange]:
    if not step.words:
        return library.delete(step.doc_id, at)
    return library.put(step.doc_id, step.words, at, acl=step.acl, metadata=dict(step.metadata))
