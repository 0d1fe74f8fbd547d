"""What holds for every text: hypothesis looks for one for which it does not."""

import re
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.parse import CONTENT_TYPES
from processors.split import ChunkSpec, split

SPEC = ChunkSpec()
CONTENT = st.sampled_from(sorted(CONTENT_TYPES))
PIECES = [
    *("\n", "\n\n", "\r\n", " ", "# ", "## ", "- ", "1. ", "> ", "```\n", "    ", "| a | b |\n"),
    *("|---|---|\n", "====\n", "----\n", "::\n\n", ".. note:: ", ".. _a: b\n", ":func:`f`"),
    *("``x``", "<p>", "</p>", "<div class='a'>", "<!-- ", "-->", "<script>", "</script>", "&amp;"),
    *('<a href="', "[text](http://x.y)", "![](", "[a]: b\n", "*", "`", "Dr. ", "U.S. ", "end. "),
    *("Start ", "\0", "\x0b", "שלום ", "漢字。", "\ud800", "👍", "word " * 90, "x" * 500, "\u2028"),
]
TEXT = st.one_of(
    st.text(st.characters(), max_size=300),
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
)
MARKDOWN = [
    *("# {}", "## {} *x*", "{} in **prose**. {} too.", "- {}\n- {}\n  - {}", "> {}\n> {}"),
    *("1. {}\n2. `{}`", "```python\n{} = 1\n```", "    {} indented", "{}\n====="),
    *("| a | b |\n|--|--|\n| {} | {} |", "<p align='left'>{} <b>{}</b></p>"),
    *("[{}](http://a.b/c) ![{}](d.png)", "[![{}](badge.svg)](http://a.b) {}", "[{}][ref]"),
]
RST = [
    *("{}\n======", "====\n{}\n====", "{}, said *{}*.", "- {}\n- {}\n\n  {}", "#. {}\n#. {}"),
    *(".. code-block:: python\n   :linenos:\n\n   {} = 1\n\n   {}()", "{} follows::\n\n   {}\n"),
    *(".. note:: {}\n   {}\n\n   {}", ".. versionadded:: {}\n   {}", ":param {}: {}", ".. [1] {}"),
    *("=====  =====\n{}    {}\n=====  =====", "+----+\n| {} |\n+----+", "{}\n   {} is defined"),
    *(":class:`~{}` and `{} <http://a.b>`_", ".. image:: a.png\n   :alt: {}", ".. no\n\n{}"),
]
HTML = [
    *("<h1>{}</h1>", "<p>{} <em>{}</em>", "<ul><li>{}<li>{}</ul>", "<pre>{}\n{}</pre>"),
    *("<table><tr><td>{}</td><td>{}</td></tr></table>", "<div>{}<br>{}", "{} &lt; {}"),
    *("<!-- no --><p title='a>b'>{}</p>", "<script>no()</script>{}", "<style>no</style>{}"),
]
ENDLESS = [
    "x",
    "word ",
    ">",
    "<div>",
    '<a "',
    "<!--",
    "[",
    "[](",
    "`",
    "(",
    "!",
    "*",
    "\0",
    " ",
    ".)",
]
REPEATED = [
    *("word ", "word", " ", "\n", "\r\n", ">", "> a\n", "<div>", '<a "', "<!--", "<script>", "["),
    *("[](", "[a][", "`", "a``b ", "*a ", ".", ".)", "A. ", "&a", "\\", "::\n", ":a:`", ".. a::\n"),
    *("=\n", "a\n==\n", "|", "```\n", "- a\n", "\0a", "\ud800 ", "漢字。", "A sentence of prose. "),
]


@given(text=TEXT, content_type=CONTENT)
@settings(max_examples=300)
def test_units_are_slices_of_the_source_in_order_and_apart(text: str, content_type: str):
    """Every unit is exactly `text[start:end]`, after the one before it, inside its passage."""
    done = 0
    for passage in split(text, content_type).passages:
        assert passage.text == text[passage.start : passage.end]
        assert (passage.start, passage.end) == (passage.units[0].start, passage.units[-1].end)
        for unit in passage.units:
            assert done <= unit.start < unit.end
            assert unit.text == text[unit.start : unit.end]
            done = unit.end


@given(text=TEXT)
@settings(max_examples=300)
def test_plain_text_is_covered_once(text: str):
    """Each letter and digit of plain text is in a unit; with the order above, in one only."""
    units = "".join(unit.text for unit in split(text, "text/plain").units)
    assert re.findall(r"[^\W_]", units) == re.findall(r"[^\W_]", text)


@given(blocks=st.lists(st.sampled_from(MARKDOWN), max_size=12))
def test_markdown_is_covered_once(blocks: list[str]):
    """Each word that a reader of the page sees is in one unit and is embedded there."""
    check_cover(blocks, "text/markdown")


@given(blocks=st.lists(st.sampled_from(RST), max_size=12))
def test_restructured_text_is_covered_once(blocks: list[str]):
    """Each word that a reader of the page sees is in one unit and is embedded there."""
    check_cover(blocks, "text/x-rst")


@given(blocks=st.lists(st.sampled_from(HTML), max_size=12))
def test_html_is_covered_once(blocks: list[str]):
    """Each word that a reader of the page sees is in one unit and is embedded there."""
    check_cover(blocks, "text/html")


def check_cover(blocks: list[str], content_type: str) -> None:
    names: list[str] = []

    def name(_: re.Match[str]) -> str:
        names.append(f"word{len(names)}q")
        return names[-1]

    text = "\n\n".join(re.sub(r"\{\}", name, block) for block in blocks)
    units = list(split(text, content_type, spec=ChunkSpec(title="never")).units)
    assert re.findall(r"word\d+q", " ".join(unit.embed_text for unit in units)) == names
    assert [found for unit in units for found in re.findall(r"word\d+q", unit.text)] == names


@given(text=TEXT, content_type=CONTENT)
@settings(max_examples=200)
def test_no_unit_and_no_passage_is_too_long(text: str, content_type: str):
    """What is read of a unit stays within the spec, and its source within four times that."""
    for passage in split(text, content_type, spec=ChunkSpec(title="never")).passages:
        assert len(passage.text) <= 4 * (SPEC.passage_max + SPEC.unit_max)
        for unit in passage.units:
            assert len(unit.embed_text) <= SPEC.unit_max
            assert len(unit.text) <= 4 * SPEC.unit_max


@given(text=TEXT, content_type=CONTENT)
def test_what_is_embedded_has_words_and_can_be_sent(text: str, content_type: str):
    """No unit is blank or punctuation alone, and every one can be written as UTF-8."""
    for unit in split(text, content_type).units:
        assert re.search(r"[^\W_]", unit.text)
        assert re.search(r"[^\W_]", unit.embed_text)
        assert unit.embed_text.encode()


@given(text=TEXT, content_type=CONTENT)
def test_the_same_document_is_always_cut_the_same(text: str, content_type: str):
    assert split(text, content_type) == split(text, content_type)


@pytest.mark.parametrize("content_type", sorted(CONTENT_TYPES))
@pytest.mark.parametrize("repeated", REPEATED)
def test_work_grows_no_faster_than_the_text(content_type: str, repeated: str):
    """Three times the text takes at most about three times the Python steps, whatever it is."""
    small = steps(lambda: split(repeated * 400, content_type))
    large = steps(lambda: split(repeated * 1200, content_type))
    assert large <= 3.6 * small + 2000


@pytest.mark.parametrize("content_type", sorted(CONTENT_TYPES))
@pytest.mark.parametrize("repeated", ENDLESS)
def test_a_megabyte_without_a_blank_line_is_cut(content_type: str, repeated: str):
    """One megabyte in one line ends, and its units are still short (quadratic work would hang)."""
    text = "Start " + repeated * (1_000_000 // len(repeated))
    cut = split(text, content_type)
    assert max(len(unit.text) for unit in cut.units) <= 4 * SPEC.unit_max


def steps(work: Callable[[], object]) -> int:
    count = 0

    def tick(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(tick)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
