import pytest

from processors.parse import parse, words


def read(text: str) -> list[tuple[str, str]]:
    return [(block.kind, words(block.shown)) for block in parse(text, "text/html")]


def test_blocks_have_kinds_and_exact_offsets():
    text = "<h1>A</h1><p>Some <b>prose</b>.<ul><li>one<li>two</ul><pre>x\ny</pre>"
    blocks = parse(text, "text/html")
    assert [(block.kind, text[block.start : block.end]) for block in blocks] == [
        ("heading", "A"),
        ("paragraph", "Some <b>prose</b>."),
        ("item", "one"),
        ("item", "two"),
        ("code", "x\ny"),
    ]


def test_headings_nest():
    text = "<title>T</title><h2>B</h2>b<h3>C</h3>c<h2>D</h2>d"
    paths = [block.heading for block in parse(text, "text/html") if block.kind == "paragraph"]
    assert paths == [("T", "B"), ("T", "B", "C"), ("T", "D")]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("a &lt; b &amp;amp; c &eacute;&#233;&#xe9;", "a b &amp; c ééé"),
        ("one<br>two", "one two"),
        ("em<b>phas</b>is", "emphasis"),
        ("<tr><td>a</td><td>b</td></tr>", "a b"),
        ("<p title='a > b'>text</p>", "text"),
        ("a<script>if (1 < 2) no()</script>b", "a b"),
        ("a <!-- <p>no</p> --> b", "a b"),
        ("<!DOCTYPE html><?xml no?><p>text", "text"),
        ("1 < 2 and 3 > 2", "1 2 and 3 2"),
        ("never closed <a href='x", "never closed <a href='x"),
        ("never closed <!-- comment", "never closed comment"),
        ("never <script> closed", "never closed"),
    ],
)
def test_markup_is_not_read(markup: str, expected: str):
    assert " ".join(said for _, said in read(markup)) == expected


def test_a_million_open_tags_are_no_trouble():
    """Depth costs nothing: no tree is built."""
    assert read("<div>" * 200_000 + "deep")[0] == ("paragraph", "deep")
