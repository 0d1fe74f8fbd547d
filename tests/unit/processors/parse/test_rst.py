import pytest

from processors.parse import parse, words


def read(text: str) -> list[tuple[str, str]]:
    return [(block.kind, words(block.shown)) for block in parse(text, "text/x-rst")]


def test_headings_nest_by_the_order_of_their_styles():
    """The first style met is the highest; an overline makes another style."""
    text = "=\nA\n=\n\na\n\nB\n=\n\nb\n\nC\n-\n\nc\n\nD\n=\n\nd\n"
    paths = [block.heading for block in parse(text, "text/x-rst") if block.kind == "paragraph"]
    assert paths == [("A",), ("A", "B"), ("A", "B", "C"), ("A", "D")]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (":func:`~flask.Flask.run` runs", "flask.Flask.run runs"),
        (":ref:`text <label>` here", "text here"),
        ("`text <http://a.b>`__ and `name`_", "text and name"),
        ("``:role:`x` *y*`` as code", ":role:`x` *y* as code"),
        ("**bold** and *it*", "bold and it"),
        ("1. first", "first"),
        ("#. first", "first"),
        (".. _target: http://a.b\n\ntext", "text"),
        (".. a comment\n   goes on\n\ntext", "text"),
        (".. [1] A footnote.", "A footnote."),
        (".. note:: Mind the gap.\n   It is wide.", "Mind the gap. It is wide."),
        (".. versionadded:: 2.0\n   Said.", "versionadded 2.0 Said."),
        (".. autofunction:: flask.url_for\n   :members:", "flask.url_for"),
        (".. image:: a.png\n   :width: 50%\n   :alt: A picture", "A picture"),
        (".. toctree::\n   :maxdepth: 2\n\n   installation\n\ntext", "text"),
        (".. code-block:: python\n   :linenos:\n\n   run()", "run()"),
        ("+---+---+\n| a | b |\n+---+---+", "a b"),
        ("===  ===\na    b\n===  ===", "a b"),
    ],
)
def test_markup_is_not_read(markup: str, expected: str):
    assert " ".join(said for _, said in read(markup)) == expected


def test_what_follows_two_colons_is_code_until_the_indent_ends():
    text = "Run it::\n\n    x = 1\n\n    y = 2\n\nDone.\n"
    assert read(text) == [("paragraph", "Run it::"), ("code", "x 1 y 2"), ("paragraph", "Done.")]


def test_code_in_an_item_ends_with_the_item():
    text = "- Run it::\n\n      x = 1\n\n  Then stop.\n"
    assert read(text) == [("item", "Run it::"), ("code", "x 1"), ("paragraph", "Then stop.")]


def test_items_and_rows_are_blocks_of_their_own():
    text = "- one\n- two\n  more\n\n===  ===\na    b\nc    d\n===  ===\n"
    assert read(text) == [("item", "one"), ("item", "two more"), ("row", "a b"), ("row", "c d")]


def test_offsets_are_exact():
    text = "Title\r\n=====\r\n\r\n.. note::\r\n\r\n   Some *prose*.\r\n"
    blocks = parse(text, "text/x-rst")
    assert [text[block.start : block.end] for block in blocks] == ["Title", "Some *prose*."]


def test_the_content_of_a_directive_is_read_on():
    text = ".. note::\n\n   Prose.\n\n   - item\n"
    assert read(text) == [("paragraph", "Prose."), ("item", "item")]
