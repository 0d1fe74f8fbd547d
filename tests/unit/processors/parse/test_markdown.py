import pytest

from processors.parse import Block, parse, words


def read(text: str) -> list[tuple[str, str]]:
    return [(block.kind, words(block.shown)) for block in parse(text, "text/markdown")]


def test_blocks_have_kinds_and_exact_offsets():
    """Headings, paragraphs, items, rows and code are told apart, each an exact slice."""
    text = (
        "# Title\n\nProse.\n\n- one\n- two\n\n| a | b |\n|--|--|\n| c | d |\n\n```py\nx = 1\n```\n"
    )
    blocks = parse(text, "text/markdown")
    assert [(block.kind, text[block.start : block.end]) for block in blocks] == [
        ("heading", "# Title"),
        ("paragraph", "Prose."),
        ("item", "- one"),
        ("item", "- two"),
        ("row", "| a | b |"),
        ("row", "| c | d |"),
        ("code", "```py\nx = 1\n```"),
    ]


def test_headings_nest():
    """A heading closes those at its level and below."""
    text = "# A\n\na\n\n## B\n\nb\n\n### C\n\nc\n\nD\n-\n\nd\n"
    paths = [b.heading for b in parse(text, "text/markdown") if b.kind == "paragraph"]
    assert paths == [("A",), ("A", "B"), ("A", "B", "C"), ("A", "D")]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("[text](http://a.b 'title') here", "text here"),
        ("[text][ref] and <https://a.b/c>", "text and https://a.b/c"),
        ("![alt *text*](a.png)", "alt text"),
        ("[![badge](a.svg)](http://a.b)", "badge"),
        ("**bold**, *it*, ~~gone~~", "bold, it, gone"),
        ("`a[b](c)` and ``d`e``", "a[b](c) and d`e"),
        ("`snake_case_*name*`", "snake_case_*name*"),
        ("a <b>bold</b> <!-- no --> word", "a bold word"),
        (r"not \*bold\*", "not *bold*"),
        ("> quoted\n> lines", "quoted lines"),
        ("1. first", "first"),
        ("- [x] done", "done"),
    ],
)
def test_markup_is_not_read(markup: str, expected: str):
    assert " ".join(said for _, said in read(markup)) == expected


def test_html_within_is_read_as_html():
    """A README that starts with HTML has the heading that its HTML has."""
    blocks = parse("<h1 align='center'>Name</h1>\n\nProse.\n", "text/markdown")
    assert [(block.kind, block.heading) for block in blocks] == [
        ("heading", ("Name",)),
        ("paragraph", ("Name",)),
    ]


def test_link_definitions_are_not_read():
    assert read("See [it][a].\n\n[a]: http://a.b/c\n") == [("paragraph", "See it.")]


def test_front_matter_is_no_heading():
    blocks = parse("---\ntitle: A page\n---\n\n# Heading\n", "text/markdown")
    assert [block.kind for block in blocks] == ["paragraph", "heading"]


def test_what_is_nested_too_deep_is_still_read():
    """markdown-it gives up on nesting at twenty; the lines it drops are kept as paragraphs."""
    assert words(parse("> " * 1000 + "deep", "text/markdown")[-1].shown).endswith("deep")


def test_a_text_of_too_many_lines_is_read_as_plain():
    """Over 50,000 lines, speed comes before grammar; no word is lost."""
    blocks: list[Block] = parse("# a\n" * 50_001, "text/markdown")
    assert [block.kind for block in blocks] == ["paragraph"]
    assert blocks[0].end == 4 * 50_001 - 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_the_same(end: str):
    text = end.join(["# A", "", "one", "two", "", "- three"])
    blocks = parse(text, "text/markdown")
    assert [text[b.start : b.end].split() for b in blocks] == [
        ["#", "A"],
        ["one", "two"],
        ["-", "three"],
    ]
