"""The index that replay searches gives, at any time, what the live index gave."""

import asyncio
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.index import Access
from processors.lexical import LexicalSpec
from processors.replay.batched import BatchedIndex
from processors.replay.memory import Asked, ReplayIndex
from schemas.index import IndexChange
from tests.doubles.index import MemoryIndex
from tests.doubles.library import Library, vector, weights
from tests.integration.index.histories import ACCESSES, Step, histories

WORDS = "uvwxyz"
LIMITS = (1, 3, 200)
EVERYBODY = Access()


def _replay() -> ReplayIndex:
    return ReplayIndex(LexicalSpec(), 384)


def _changes(steps: list[Step], library: Library) -> list[list[IndexChange]]:
    return [
        library.put(one.doc_id, one.words, at, acl=one.acl, metadata=dict(one.metadata))
        if one.words
        else library.delete(one.doc_id, at)
        for at, one in enumerate(steps, 1)
    ]


@settings(max_examples=150, deadline=None)
@given(histories(), st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
async def test_every_read_is_the_live_indexs_at_every_time(steps: list[Step], asked: list[str]):
    """The same units, passages and rows in the same order, for whoever asks, cut anywhere."""
    library, live, replayed = Library(), MemoryIndex(), _replay()
    for parts in _changes(steps, library):
        await live.apply(parts, check=False)
        replayed.observe(parts)
    question = np.sum([vector(word) for word in asked], axis=0, dtype=np.float32)
    words = weights(*asked, "everywhere")
    for at, access, limit in product(range(len(steps) + 2), ACCESSES, LIMITS):
        units = await live.search_units(question, at, access, limit)
        assert await replayed.search_units(question, at, access, limit) == units
        passages = await live.search_passages(words, at, access, limit)
        assert await replayed.search_passages(words, at, access, limit) == passages
        ids = sorted({hit.passage_id for hit in [*units, *passages]} | {"d/p", "gone"})
        assert await replayed.passages(ids, at, access) == await live.passages(ids, at, access)
    for at in range(len(steps) + 2):
        documents = await live.documents(["d", "e", "gone"], at)
        assert await replayed.documents(["d", "e", "gone"], at) == documents


@settings(max_examples=60, deadline=None)
@given(histories())
async def test_what_comes_later_leaves_the_past_as_it_was(steps: list[Step]):
    """A search at a time gives one thing, however much was observed since."""
    library, replayed = Library(), _replay()
    question, found = vector("u"), []
    for at, parts in enumerate(_changes(steps, library), 1):
        replayed.observe(parts)
        found.append(await replayed.search_units(question, at, EVERYBODY, 5))
    for at, hits in enumerate(found, 1):
        assert await replayed.search_units(question, at, EVERYBODY, 5) == hits


async def test_many_searches_at_once_give_what_each_gives_alone():
    """To the last bit of the scores, whatever stands beside it in the product."""
    replayed, library = _replay(), Library()
    words = {f"p{number}": [f"w{number}", f"v{number}"] for number in range(300)}
    replayed.observe(library.put("d", words, 10))
    asked = [Asked(vector(f"w{n}") + vector(f"v{n}") / 3, 10, EVERYBODY) for n in range(70)]
    alone = [replayed.find_units([one], 20)[0] for one in asked]
    assert replayed.find_units(asked, 20) == alone
    assert replayed.find_units(asked[::-1], 20) == alone[::-1]


async def test_questions_under_way_at_once_get_their_own_answers():
    """Also where they ask for lists of different lengths."""
    replayed, library = _replay(), Library()
    replayed.observe(library.put("d", {"p": ["one"], "q": ["two"], "r": ["six"]}, 10))
    batched = BatchedIndex(replayed)
    asked = [(word, limit) for word in ("one", "two", "six") for limit in (1, 3)]
    found = await asyncio.gather(
        *(batched.search_units(vector(word), 10, EVERYBODY, limit) for word, limit in asked)
    )
    for (word, limit), hits in zip(asked, found, strict=True):
        assert hits[0].unit_id.endswith(word)
        assert len(hits) == limit


async def test_a_vector_that_fits_no_other_fails_its_own_batch_alone():
    """Whoever asks gets the error, and who asks next is answered."""
    replayed, library = _replay(), Library()
    replayed.observe(library.put("d", {"p": ["one"]}, 10))
    batched = BatchedIndex(replayed)
    wrong = batched.search_units(np.zeros(3, np.float32), 10, EVERYBODY, 1)
    assert isinstance((await asyncio.gather(wrong, return_exceptions=True))[0], ValueError)
    assert await batched.search_units(vector("one"), 10, EVERYBODY, 1)


async def test_equal_vectors_take_their_room_once():
    """A copied text costs a row, and no vector."""
    replayed, library = _replay(), Library()
    replayed.observe(library.put("d", {f"p{number}": ["same"] for number in range(2000)}, 10))
    assert replayed.nbytes < 2000 * 4 * 384


async def test_an_empty_index_finds_nothing():
    """And a time before the first change is a time without documents."""
    replayed = _replay()
    assert await replayed.search_units(vector("one"), 10, EVERYBODY, 5) == []
    assert await replayed.search_passages(weights("one"), 10, EVERYBODY, 5) == []
    assert await replayed.documents(["d"], 10) == {}
