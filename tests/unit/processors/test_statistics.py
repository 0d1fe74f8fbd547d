"""Weights of words, by who may find the passages that hold them."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.index import Access
from processors.lexical import TermStatistics
from processors.manifest import Manifest, NewPassage, access_key, deleted, diff, fold
from processors.parts import Draft, parts
from processors.statistics import Statistics
from schemas.index import IndexChange, Source

WORDS = ["oder", "elbe", "wesr"]
QUESTION = " ".join(WORDS)


class Step(NamedTuple):
    """A document's next version; without passages it is deleted."""

    doc_id: str
    passages: list[list[str]]
    acl: list[str] | None


class Reader(NamedTuple):
    """Somebody, and what they are listed as."""

    access: Access
    names: frozenset[str]


READERS = [
    Reader(Access(tenant="a"), frozenset("a")),
    Reader(Access(tenant="b", groups=["group:g"]), frozenset({"b", "group:g"})),
    Reader(Access(tenant="c", groups=["group:g", "group:h"]), frozenset({"c", "group:g"})),
    Reader(Access(tenant="group"), frozenset({"group"})),
]
STEPS = st.builds(
    Step,
    st.sampled_from("de"),
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, unique=True), max_size=3),
    st.sampled_from([None, [], ["a"], ["b"], ["a", "b"], ["group:g"], ["a", "group:g"]]),
)


class Writer:
    """The indexer's part: what a document's new version comes to."""

    def __init__(self) -> None:
        self._held: dict[str, Manifest] = {}

    def change(self, step: Step, at: int) -> list[IndexChange]:
        """A whole change, with the rows that the real difference has."""
        held = self._held.get(step.doc_id)
        head = IndexChange(
            doc_id=step.doc_id,
            index_version="v1",
            index_time=at,
            source=Source(partition=0, offset=at),
            status="indexed" if step.passages else "deleted",
            acl=step.acl if step.passages else None,
        )
        delta = deleted(held, at)
        if step.passages:
            delta = diff(
                held,
                [NewPassage(0, 1, [], str(w), dict.fromkeys(w, 1), []) for w in step.passages],
                row=access_key(step.acl, None),
                rewrite=held is not None and held.access != access_key(step.acl, None),
                seed=str(at),
                index_time=at,
            )
        made = list(parts(Draft(change=head, delta=delta), {}))
        after = fold(held, made)
        assert after is not None
        self._held[step.doc_id] = after
        return made


def plainly(steps: Sequence[Step], names: frozenset[str] | None) -> TermStatistics:
    """Of the passages as they are after all steps, those that somebody may find."""
    statistics, newest = TermStatistics(), {step.doc_id: step for step in steps}
    for step in newest.values():
        if names is None or step.acl is None or names & set(step.acl):
            for words in step.passages:
                statistics.apply(len(steps), dict.fromkeys(words, 1), 1)
    return statistics


@given(st.lists(STEPS, max_size=10))
def test_words_are_weighed_by_the_passages_that_a_reader_may_find(steps: list[Step]) -> None:
    """At every index time as if nobody else's passages were there, whatever lists changed."""
    writer, statistics = Writer(), Statistics()
    for at, step in enumerate(steps, 1):
        statistics.observe(writer.change(step, at))
    for at in range(len(steps) + 1):
        for access, names in READERS:
            expected = plainly(steps[:at], names).weights(QUESTION, at)
            assert statistics.weights(QUESTION, at, access) == expected
        everything = plainly(steps[:at], None).weights(QUESTION, at)
        assert statistics.weights(QUESTION, at, Access()) == everything


@given(st.lists(STEPS, max_size=8), st.lists(STEPS, max_size=8))
def test_what_others_keep_changes_no_weight(mine: list[Step], theirs: list[Step]) -> None:
    """With any documents of others beside one's own, the weights are the same to the last bit."""
    hidden = [step._replace(doc_id=f"x{step.doc_id}", acl=["z"]) for step in theirs]
    alone, beside = Statistics(), Statistics()
    for statistics, steps in ((alone, mine), (beside, [*hidden, *mine])):
        writer = Writer()
        for at, step in enumerate(steps, 1):
            statistics.observe(writer.change(step, at))
    for access, _ in READERS:
        assert alone.weights(QUESTION, 99, access) == beside.weights(QUESTION, 99, access)


@pytest.mark.parametrize("status", ["unchanged", "late", "duplicate", "conflated", "rejected"])
def test_an_event_that_changes_nothing_changes_no_weight(status: str) -> None:
    """Neither does it make anybody forget who may find its document."""
    writer, statistics = Writer(), Statistics()
    statistics.observe(writer.change(Step("d", [["oder"]], ["a"]), 1))
    nothing = IndexChange(
        doc_id="d",
        index_version="v1",
        index_time=2,
        source=Source(partition=0, offset=2),
        status=status,  # type: ignore[arg-type]
    )
    statistics.observe([nothing])
    assert set(statistics.weights(QUESTION, 2, Access(tenant="a"))) == {"oder"}
    statistics.observe(writer.change(Step("d", [], None), 3))
    assert statistics.weights(QUESTION, 3, Access(tenant="a")) == {}
