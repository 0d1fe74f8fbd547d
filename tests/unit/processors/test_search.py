"""Hybrid search at one index time, over an index in memory."""

import numpy as np

from processors.cut import cut_document
from processors.index import Access
from processors.lexical import LexicalSpec, terms
from processors.manifest import digest
from processors.search import Retrieved, search
from processors.version import IndexSpec
from schemas.documents import Document
from schemas.index import IndexChange, PassageGained, PassageSpan, Source, UnitGained
from tests.doubles.embedder import vector_of
from tests.doubles.index import MemoryIndex

SPEC = IndexSpec()
RIVERS = {
    "oder.md": "# Oder\n\nThe river rises in Bohemia and flows to the Baltic Sea.",
    "elbe.md": "# Elbe\n\nThe stream rises in the Giant Mountains of Bohemia too.",
    "po.md": "# Po\n\nThe longest of Italy flows eastward across the north.",
}


def added(doc_id: str, text: str, time: int, **more: object) -> IndexChange:
    """The change that a new document comes to."""
    document = Document(doc_id=doc_id, text=text, content_type="text/markdown")
    cut = cut_document(document, SPEC)
    layout, passages, units = [], [], []
    for passage in cut.passages:
        name = digest(doc_id, str(passage.start))
        spans = []
        for unit in passage.units:
            unit_id = digest(name, str(unit.start))
            spans.append((unit_id, unit.start - passage.start, unit.end - passage.start))
            vector = vector_of(unit.embed_text).tobytes()
            units.append(
                UnitGained(unit_id=unit_id, passage_id=name, embed_key=unit_id, vector=vector)
            )
        layout.append(PassageSpan(name, passage.start, passage.end, time))
        passages.append(
            PassageGained(
                passage_id=name,
                heading=list(passage.heading),
                text=passage.text,
                terms=terms(f"{cut.title}\n{passage.text}"),
                units=spans,
            )
        )
    return IndexChange(
        doc_id=doc_id,
        index_version="v1",
        index_time=time,
        source=Source(partition=0, offset=time),
        status="indexed",
        title=cut.title,
        layout=layout,
        passages_gained=passages,
        units_gained=units,
        **more,  # type: ignore[arg-type]
    )


async def filled() -> MemoryIndex:
    """The rivers, one index time after the other."""
    index = MemoryIndex(LexicalSpec())
    for time, (doc_id, text) in enumerate(RIVERS.items(), start=1):
        await index.apply([added(doc_id, text, time)], check=False)
    return index


async def found(index: MemoryIndex, question: str, **more: object) -> list[Retrieved]:
    """What a question finds; every term weighs the same."""
    arguments: dict[str, object] = {
        "vector": vector_of(question),
        "weights": dict.fromkeys(terms(question), 1.0),
        "at": 3,
        "access": Access(),
        "top_k": 5,
        **more,
    }
    return await search(index, SPEC, **arguments)  # type: ignore[arg-type]


def names(results: list[Retrieved]) -> list[str]:
    """The documents, best first."""
    return [one.document.doc_id for one in results]


async def test_the_passage_that_says_it_comes_first_and_can_be_placed() -> None:
    """With its document's row, so that its text is found in the source."""
    results = await found(await filled(), "Which river flows to the Baltic Sea?")
    assert names(results)[0] == "oder.md"
    for one in results:
        source = RIVERS[one.document.doc_id]
        assert source[one.start : one.start + len(one.passage.text)] == one.passage.text
        assert one.name == f"{one.passage.passage_id}@{one.passage.valid_from}"
    scores = [one.rank.score for one in results]
    assert scores == sorted(scores, reverse=True)


async def test_only_what_was_there_at_the_time_is_found() -> None:
    """Later documents are not, however well they fit."""
    index = await filled()
    assert set(names(await found(index, "What flows in Italy?", at=2))) == {"oder.md", "elbe.md"}
    assert await found(index, "What flows in Italy?", at=0) == []


async def test_no_more_is_given_than_asked_for() -> None:
    """The best of them."""
    index = await filled()
    whole = await found(index, "Bohemia")
    assert len(whole) == 3
    assert names(await found(index, "Bohemia", top_k=1)) == names(whole)[:1]


async def test_words_alone_and_vectors_alone_suffice() -> None:
    """A question of function words has no weights; it is searched by its meaning."""
    results = await found(await filled(), "what is it to be", weights={})
    assert len(results) == 3
    assert all(one.rank.lexical is None for one in results)
    nowhere = np.zeros(384, np.float32)
    results = await found(await filled(), "Bohemia", vector=nowhere)
    by_words = [one for one in results if one.rank.lexical is not None]
    assert set(names(by_words)) == {"oder.md", "elbe.md"}


async def test_what_a_tenant_may_not_find_it_does_not_find() -> None:
    """Neither by words nor by meaning."""
    index = await filled()
    await index.apply([added("sec.md", "A secret of Bohemia.", 4, acl=["umbrella"])], check=False)
    question = "secret of Bohemia"
    assert "sec.md" not in names(await found(index, question, at=4, access=Access(tenant="acme")))
    assert (
        names(await found(index, question, at=4, access=Access(tenant="umbrella")))[0] == "sec.md"
    )
