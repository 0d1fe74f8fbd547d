"""Choosing sentences and writing the answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.reading.answer import (
    MOST,
    MOST_EMBEDDED,
    UNANSWERABLE,
    candidates,
    choose,
    pieces,
    scores,
    tokens,
    write,
)
from models.reading.features import cue, overlap, rarity, words
from models.reading.prompt import Passage, Prompt

FLASK = "Flask was created by Armin Ronacher in 2010. It grew out of an April joke."
HTTPX = "The default timeout is 5 seconds of inactivity. A client can set another one."


def prompt(question: str) -> Prompt:
    return Prompt(question, [Passage(1, "httpx", HTTPX), Passage(2, "Flask", FLASK)])


def answer(question: str, likeness: float) -> str:
    """The answer when every sentence is as like the question as any other."""
    sentences = candidates(prompt(question))
    return write(choose(sentences, scores(sentences, np.full(len(sentences), likeness, "f4"))))


def test_the_sentence_that_has_the_words_and_the_kind_is_chosen():
    """It is copied word for word, its passage's number behind it."""
    assert answer("When was Flask created?", 0.5).startswith(
        "Flask was created by Armin Ronacher in 2010. [2]"
    )


def test_nothing_in_common_is_unanswerable():
    """The reader then says one word and nothing else."""
    assert answer("How high is Mount Everest?", 0.05) == UNANSWERABLE


def test_no_passages_are_unanswerable():
    """There is nothing to choose from."""
    assert candidates(Prompt("Who?", [])) == []
    assert write([]) == UNANSWERABLE


def test_likeness_decides_between_equal_words():
    """Of two sentences with the same words the likelier wins."""
    both = Prompt("Where is the lamp?", [Passage(1, "", "A lamp is blue.\n\nA lamp is here.")])
    sentences = candidates(both)
    chosen = choose(sentences, scores(sentences, np.array([0.2, 0.9], "f4")))
    assert chosen[0].text == "A lamp is here."


def test_a_sentence_is_embedded_under_its_title():
    """A sentence that leaves its subject out is found by the name of its passage."""
    assert candidates(prompt("x"))[0].embedded.startswith("httpx\nThe default timeout")


def test_a_long_prompt_embeds_only_its_most_promising_sentences():
    """The work of an answer is bounded, and the sentence with the words is among those kept."""
    text = " ".join(f"Filler number {at} says nothing." for at in range(500))
    long = Prompt("Who tamed the otter?", [Passage(1, "", f"{text} She tamed the otter.")])
    kept = [sentence.text for sentence in candidates(long)]
    assert len(kept) == MOST_EMBEDDED
    assert "She tamed the otter." in kept


@given(st.lists(st.floats(-12, 6), min_size=1, max_size=12))
def test_the_best_comes_first_and_no_more_than_two(odds: list[float]):
    """What follows is nearly as good, and everything is above the threshold."""
    text = "\n\n".join(f"Sentence number {at} here" for at in range(len(odds)))
    sentences = candidates(Prompt("Who?", [Passage(1, "", text)]))
    chosen = choose(sentences, np.array(odds))
    positions = [sentences.index(one) for one in chosen]
    assert len(chosen) <= MOST
    assert [odds[at] for at in positions] == sorted(odds, reverse=True)[: len(chosen)]
    assert all(odds[at] >= -3.0 for at in positions)


@given(st.text(), st.integers(1, 30))
def test_pieces_are_a_prefix_within_the_limit(text: str, limit: int):
    """Cut only between words; whole when the limit allows."""
    made = "".join(pieces(text, limit))
    assert text.startswith(made)
    assert tokens(made) <= limit
    if tokens(text) <= limit:
        assert made == text.rstrip()


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("When did it begin?", "It began in 1986.", 1.0),
        ("When did it begin?", "It began slowly.", -1.0),
        ("How many are there?", "There are 12 of them.", 1.0),
        ("Who made it?", "It was made by Ada Lovelace.", 1.0),
        ("Where is it?", "It lies in Iceland.", 1.0),
        ("What is uvicorn?", "Uvicorn is an ASGI web server.", 1.0),
        ("What is uvicorn?", "Uvicorn is maintained by volunteers.", -1.0),
        ("What is the name of it?", "It is a tool.", 0.0),
    ],
)
def test_a_question_asks_for_a_kind_of_thing(question: str, sentence: str, expected: float):
    """Dates after when, numbers after how many, names after who, places after where."""
    assert cue(question, sentence) == expected


@given(st.text(), st.text(), st.text())
def test_overlap_is_a_share(question: str, sentence: str, name: str):
    """Between none and all of the question's words."""
    given_words = words(sentence)
    share = overlap(words(question), given_words, words(name), rarity([given_words]))
    assert 0.0 <= share <= 1.0 + 1e-9


HTTPX_PAGE = """\
<p align="center"><a href="https://example.org/"><img src="https://example.org/httpx.svg"></a></p>

# What is HTTPX?

HTTPX is a **fully featured** HTTP client. It has support for both **HTTP/1.1 and HTTP/2**.

- [HTTPX](https://example.org/httpx)
- HTTP/1.1 [and HTTP/2 support](https://example.org/http2/).

Which HTTP versions:
"""


def test_the_answer_is_a_sentence_as_the_page_has_it():
    """Neither the heading that asks the same, nor the badge, the link or the short item."""
    page = Prompt("Which HTTP versions does HTTPX support?", [Passage(3, "httpx", HTTPX_PAGE)])
    found = candidates(page)
    assert found[0].embedded == "httpx\nHTTPX is a fully featured HTTP client."
    chosen = choose(found, scores(found, np.array([0.6, 0.7, 0.7], "f4")))
    assert write(chosen) == "It has support for both **HTTP/1.1 and HTTP/2**. [3]"


def test_a_heading_that_repeats_the_question_is_no_answer():
    """It says nothing new, but to a question that wants a yes or no it would."""
    page = [Passage(1, "", "* the support of HTTP/2\n* the support of trailers")]
    asked = Prompt("Who wants support of HTTP/2?", page)
    assert [one.plain for one in candidates(asked)] == ["the support of trailers"]
    assert len(candidates(Prompt("Is there support of HTTP/2?", page))) == 2


def test_a_second_sentence_must_say_something_else():
    """One that says nearly the same is left out, though it be as good."""
    text = "Flask was made by Armin Ronacher. Flask was made by Armin himself. {}"
    third = "It grew out of a joke in April of that year."
    found = candidates(Prompt("Who made Flask?", [Passage(1, "", text.format(third))]))
    assert [one.plain for one in choose(found, np.array([1.0, 0.95, 0.9]))] == [
        "Flask was made by Armin Ronacher.",
        third,
    ]
    assert len(choose(found, np.array([1.0, 0.95, 0.5]))) == 1
