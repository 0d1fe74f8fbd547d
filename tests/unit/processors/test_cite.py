"""Citations: a quote is exactly the source's characters, whatever the model said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.cite import CitedPassage, cite

SOURCE = "Intro. The  river Oder\nrises in Bohemia. It flows north to the sea. (a+b)* is a pattern."
START = 7


def passage(number: int = 1, text: str = SOURCE[START:]) -> CitedPassage:
    """A passage that begins at `START` of its document, cut at its sentences."""
    ends = [place + 1 for place, char in enumerate(text) if char == "."] or [len(text)]
    starts = [0, *ends[:-1]]
    return CitedPassage(
        number=number,
        doc_id="a",
        passage_id=f"p{number}",
        start=START,
        text=text,
        units=list(zip(starts, ends, strict=True)),
    )


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["river", "Oder", "sea.", "[1]", "[2]", "[9]", "(a+b)*", "\n", "["]),
            st.text(max_size=8),
        )
    ).map(" ".join)
)
def test_a_quote_is_exactly_what_stands_there(answer: str) -> None:
    """From `start` to `end` of the source, for any answer."""
    for citation in cite(answer, [passage(1), passage(2)]):
        assert citation.quote == SOURCE[citation.start : citation.end]
        assert citation.quote.strip() != ""
        assert f"[{citation.marker}]" in answer
        assert 0 < citation.score <= 1


def test_a_copied_sentence_is_found_whole() -> None:
    """White space may differ, and what looks like a pattern is none."""
    (found,) = cite("The river Oder rises in Bohemia. [1]", [passage()])
    assert (found.quote, found.score) == ("The  river Oder\nrises in Bohemia.", 1.0)
    (found,) = cite("(a+b)* is a pattern. [1]", [passage()])
    assert found.quote == "(a+b)* is a pattern."


def test_a_sentence_in_other_words_is_given_the_nearest_unit() -> None:
    """One that shares nothing is given none."""
    (found,) = cite("To the sea it flows, heading north [1]", [passage()])
    assert "flows north to the sea" in found.quote
    assert found.score < 1
    assert cite("Entirely unrelated matter altogether [1]", [passage()]) == []


def test_each_sentence_has_its_own_marker() -> None:
    """In the answer's order; a run of markers stands behind one sentence."""
    answer = "It flows north to the sea. [2][1] The river Oder rises in Bohemia. [1]"
    found = cite(answer, [passage(1), passage(2)])
    assert [citation.passage_id for citation in found] == ["p2", "p1", "p1"]
    assert found[0].quote == found[1].quote != found[2].quote


def test_what_is_cited_twice_is_listed_once() -> None:
    """And a marker of no passage, or behind nothing, gives no citation."""
    answer = "[1] It flows north to the sea. [1] It flows north to the sea. [1] Yes. [7]"
    assert len(cite(answer, [passage()])) == 1


BRACKETS = (
    "The [ASGI specification][asgi] fills this gap. See [3] and [the RFC][2] for more. "
    "[1] names the first. It is done."
)


def brackets(number: int) -> CitedPassage:
    """A passage that has brackets of its own, as references of Markdown and footnotes do."""
    return CitedPassage(
        number=number,
        doc_id="b",
        passage_id=f"b{number}",
        start=0,
        text=BRACKETS,
        units=[(0, len(BRACKETS))],
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "The [ASGI specification][asgi] fills this gap.",
        "See [3] and [the RFC][2] for more.",
        "[1] names the first.",
    ],
)
@pytest.mark.parametrize("number", [1, 2])
def test_brackets_of_the_source_mark_nothing(sentence: str, number: int) -> None:
    """Though each of their numbers is that of a passage, one whose text is the same even."""
    passages = [brackets(1), brackets(2), passage(3)]
    (found,) = cite(f"{sentence} [{number}]", passages)
    assert (found.quote, found.marker, found.score) == (sentence, number, 1.0)


def test_brackets_of_the_source_part_no_sentences() -> None:
    """Each of several sentences is found whole, behind its own marker."""
    answer = "See [3] and [the RFC][2] for more. [2] [1] names the first. [2] It is done. [1]"
    found = cite(answer, [brackets(1), brackets(2), passage(3)])
    assert [(one.quote, one.marker) for one in found] == [
        ("See [3] and [the RFC][2] for more.", 2),
        ("[1] names the first.", 2),
        ("It is done.", 1),
    ]


def test_an_answer_of_nothing_but_markers_is_quick_and_cites_nothing() -> None:
    """A model that has run wild holds up nobody."""
    assert cite("[1][2]" * 5000, [passage(1), passage(2)]) == []
