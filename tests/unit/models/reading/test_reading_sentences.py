"""Candidates are exact slices, and are what a person would call a sentence."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.reading.sentences import LONGEST, SHORTEST, sentences

markup = st.lists(
    st.sampled_from(
        [
            "A sentence stands here. ",
            "Dr. Who came. ",
            "\n\n",
            "\n- an item of a list",
            "\n# Head\n",
            "\n| a cell | another |",
            "```\ncode()\n```",
            "¿Qué pasa? ",
            "\n",
            "…",
            "雨が降った。",
            "[![badge](a.svg)](b) ",
            "<p align='center'>",
            "`a link <https://example.org>`_ ",
            ".. image:: x\n   :alt: y\n",
            "> ",
            "\0",
            "\1",
            "\2",
        ]
    ),
    max_size=20,
).map("".join)


def cut(text: str) -> list[str]:
    return [text[one.start : one.end] for one in sentences(text)]


def test_sentences_end_at_their_marks_and_not_at_short_forms():
    """A full stop after `Dr.` or an initial ends nothing."""
    text = "It was made by Dr. A. Ronacher in 2010. It grew out of a joke!"
    assert cut(text) == ["It was made by Dr. A. Ronacher in 2010.", "It grew out of a joke!"]


def test_list_items_stand_alone_without_their_markers():
    """A marker is no part of the quote."""
    text = "You can:\n\n- set a timeout\n2. set a limit of connections"
    assert cut(text) == ["set a timeout", "set a limit of connections"]


def test_headings_rules_and_fences_are_no_sentences():
    """They name or part things; they say nothing."""
    assert cut("# A long heading of a page\n\n---------------\n\n```python-and-more\n") == []


def test_a_wrapped_line_goes_on():
    """The sentence is quoted as the source has it, line break and all."""
    assert cut("This one goes on\nover a line. ") == ["This one goes on\nover a line."]


@given(markup | st.text())
def test_candidates_are_ordered_trimmed_slices(text: str):
    """None overlap, none are blank at the ends, none are too short or too long."""
    found = [(one.start, one.end) for one in sentences(text)]
    assert all(SHORTEST <= end - start <= LONGEST for start, end in found)
    assert all(text[start:end] == text[start:end].strip() for start, end in found)
    assert all(one[1] <= two[0] for one, two in pairwise(found))


BADGES = """\
<p align="center">
  <a href="https://example.org/"><img width="350" src="https://example.org/a.png" alt='HTTPX'></a>
</p>

[![Build Status](https://example.org/badge.svg)](https://example.org/actions)
[![Version](https://example.org/v.svg?color=%2334D058)](https://example.org/project)
[![Coverage Status][codecov-badge]][codecov-link]
|PyPI| |Pythons| |CI|

.. |PyPI| image:: https://example.org/pypi.svg
   :alt: PyPI version of the package
   :target: https://example.org/project

.. image:: https://example.org/logo.png

**Documentation**: [https://example.org](https://example.org)

[Documentation of the whole package](https://example.org)

"""


def test_badges_images_and_bare_links_are_no_sentences():
    """A page begins with them, and they have its name in them."""
    assert cut(BADGES) == []
    assert cut(f"{BADGES}HTTPX is a client.\n\n{BADGES}") == ["HTTPX is a client."]


@pytest.mark.parametrize(
    "text",
    [
        "Install it with pip:",
        "What is uvicorn?",
        "What is ``websockets``?\n-----------------------\n",
        "Getting the latest code\n=======================\n",
        "```shell\npip install the package\n```",
        "for example::\n\n    the code that follows, is no prose\n",
        ".. code:: python\n\n    async with connect() as websocket: pass  # a comment\n",
        ".. _a target of links: https://example.org/long/path",
        "[asgi]: https://asgi.example.org 'The title of it'",
        ">>> the_answer_of_a_session()",
        "import the_library_of_choice",
        "| a header | another |\n|----------|---------|",
        "<!-- a comment, that nobody reads -->",
    ],
)
def test_what_only_leads_up_to_something_is_no_sentence(text: str):
    """Nor is a question, code, a target of links or a comment."""
    assert cut(text) == []


@pytest.mark.parametrize(
    ("text", "sentence", "plain"),
    [
        (
            "<p align='center'><em>An ASGI web server, for Python.</em></p>",
            "<em>An ASGI web server, for Python.</em>",
            "An ASGI web server, for Python.",
        ),
        (
            "* A [requests-compatible API](https://example.org/compatibility/).",
            "A [requests-compatible API](https://example.org/compatibility/).",
            "A requests-compatible API.",
        ),
        (
            "> [!WARNING]\n> The architecture is **ill-suited**\n> to making changes.",
            "The architecture is **ill-suited**\n> to making changes.",
            "The architecture is ill-suited to making changes.",
        ),
        (
            ".. note::\n\n   Works on asyncio_, `Trio <https://example.org>`_ or :class:`Any`.",
            "Works on asyncio_, `Trio <https://example.org>`_ or :class:`Any`.",
            "Works on asyncio, Trio or Any.",
        ),
        (
            "| h2 | support of HTTP/2 |",
            "h2 | support of HTTP/2",
            "h2 | support of HTTP/2",
        ),
        (
            "The [ASGI specification][asgi] fills this gap. `a_b_c` is code [^1].",
            "The [ASGI specification][asgi] fills this gap.",
            "The ASGI specification fills this gap.",
        ),
        (
            "Title of it\n-----------\nIt has ``SC`` and *all* of_that_kind.",
            "It has ``SC`` and *all* of_that_kind.",
            "It has SC and all of_that_kind.",
        ),
        (
            "Introduction\n~~~~~~~~~~~~\n\npytz brings the Olson tz database into Python.",
            "pytz brings the Olson tz database into Python.",
            "pytz brings the Olson tz database into Python.",
        ),
        ("the end of code\n```\n", None, None),
    ],
)
def test_a_sentence_keeps_its_markup_and_reads_without_it(
    text: str, sentence: str | None, plain: str | None
):
    """What is quoted is the source; what is judged is what a reader sees."""
    found = [(text[one.start : one.end], one.plain) for one in sentences(text)]
    assert found[:1] == ([(sentence, plain)] if sentence else [])


def test_an_item_without_an_end_is_no_whole_sentence():
    """It may answer, but a sentence is preferred."""
    items = "- set a timeout of it\n- Timeouts of it.\n- Set **a limit of it.**"
    assert [one.whole for one in sentences(items)] == [False, False, True]


@pytest.mark.parametrize("sign", ["[", "`", "<", "*", "|", "> ", "- ", "](", "``", "_", "\n.. "])
def test_a_text_of_signs_is_read_at_once(sign: str):
    """No pattern looks at the same place again and again."""
    assert len(list(sentences(sign * 20_000))) <= 1
