import pytest

from processors.parse import UnknownContentTypeError
from processors.split import ChunkSpec, TitleMode, split

SPEC = ChunkSpec()

MARKDOWN = """# Handbook

Water boils at a hundred degrees at the level of the sea. It boils sooner on a mountain.

## Tables

| metal | melts at, in degrees |
|-------|----------------------|
| tin   | two hundred and thirty-one point nine |
| lead  | three hundred and twenty-seven point five |
"""


def embedded(text: str, content_type: str = "text/plain", **fields: object) -> list[str]:
    cut = split(text, content_type, spec=ChunkSpec(**fields))  # type: ignore[arg-type]
    return [unit.embed_text for unit in cut.units]


def test_sentences_become_units_and_abbreviations_end_none():
    """`Dr.`, `U.S.`, initials and decimals do not end a sentence."""
    text = (
        "Dr. Ada Smith left the U.S. Navy in 1990 for a farm in Kent. She paid 3.5 million dollars "
        'to J. K. Miller for all of it. "Was it worth that much?" Nobody who was there had asked.'
    )
    assert embedded(text, unit_min=20) == [
        "Dr. Ada Smith left the U.S. Navy in 1990 for a farm in Kent.",
        "She paid 3.5 million dollars to J. K. Miller for all of it.",
        '"Was it worth that much?"',
        "Nobody who was there had asked.",
    ]


def test_a_short_sentence_goes_with_what_follows():
    """Nothing shorter than `unit_min` stands alone when something follows under its heading."""
    assert embedded("Yes. That is what everybody in the room had expected to hear.") == [
        "Yes. That is what everybody in the room had expected to hear."
    ]


def test_a_short_last_sentence_goes_with_what_precedes():
    assert embedded("That is what everybody in the room had expected to hear. Yes.") == [
        "That is what everybody in the room had expected to hear. Yes."
    ]


def test_a_heading_goes_with_what_stands_under_it():
    """A heading is embedded with the first unit of its section, in front of no other."""
    first = "Handbook Water boils at a hundred degrees at the level of the sea."
    assert embedded(MARKDOWN, "text/markdown", title="never", unit_min=20)[:2] == [
        first,
        "It boils sooner on a mountain.",
    ]


def test_passages_know_their_headings():
    """A passage never reaches over a heading."""
    passages = split(MARKDOWN, "text/markdown").passages
    assert [passage.heading for passage in passages] == [("Handbook",), ("Handbook", "Tables")]


def test_table_rules_are_not_embedded():
    rows = embedded(MARKDOWN, "text/markdown", title="never")
    assert "tin two hundred and thirty-one point nine" in rows
    assert not any("---" in row for row in rows)


def test_the_title_stands_in_front_of_a_unit_that_does_not_say_it():
    """A unit that says the title itself is embedded as it is, so that no word is paid twice."""
    said, unsaid = (
        "Kent is a county in the south-east of England.",
        "He was born there in May 1874.",
    )
    units = split(f"{said}\n\n{unsaid * 2}", "text/plain", "Kent").units
    assert [unit.embed_text for unit in units] == [said, f"Kent: {unsaid * 2}"]


@pytest.mark.parametrize(
    ("given_title", "text", "expected"),
    [
        ("Given", "# Heading\n\ntext", "Given"),
        (None, "# The *first* heading\n\ntext", "The first heading"),
        (None, "## Why?\n\ntext", "stem"),
        (None, "# Introduction\n\ntext\n\n# Usage\n\ntext", "stem"),
        (None, "# Name ![badge](a.svg)\n\ntext", "Name"),
        (None, "no heading", "stem"),
    ],
)
def test_the_title_is_the_given_one_else_the_sole_top_heading_else_the_fallback(
    given_title: str | None, text: str, expected: str
):
    assert split(text, "text/markdown", given_title, fallback_title="stem").title == expected


def test_a_title_of_a_megabyte_is_not_put_before_every_unit():
    """Else the words embedded would grow with the square of the document."""
    text = "# " + "word " * 200_000
    assert len(split(text, "text/markdown").title) <= SPEC.title_max


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("always", ["Ada Lovelace: Lovelace wrote it.", "Ada Lovelace: She wrote it."]),
        ("when-missing", ["Ada Lovelace: Lovelace wrote it.", "Ada Lovelace: She wrote it."]),
        ("when-unsaid", ["Lovelace wrote it.", "Ada Lovelace: She wrote it."]),
        ("never", ["Lovelace wrote it.", "She wrote it."]),
    ],
)
def test_a_title_may_be_left_out(mode: TitleMode, expected: list[str]):
    """What stands in front of a unit that says a part of the title, or nothing of it."""
    spec = ChunkSpec(title=mode, unit_min=1)
    cut = split("Lovelace wrote it. She wrote it.", "text/plain", "Ada Lovelace", spec)
    assert [unit.embed_text for unit in cut.units] == expected


def test_a_document_without_a_better_name_has_its_first_heading():
    assert split("# Introduction\n\n# Usage", "text/markdown").title == "Introduction"


def test_an_edit_leaves_other_sections_as_they_were():
    """A sentence put in changes one unit, and no passage of another section."""
    section = "\n\n".join(
        f"Paragraph {n} says something of its own, at some length." for n in range(40)
    )
    text = f"# One\n\n{section}\n\n# Two\n\n{section}\n"
    edited = text.replace(
        "Paragraph 3 says", "A sentence is new here, and long enough. Paragraph 3 says", 1
    )
    before, after = (split(each, "text/markdown", "Title") for each in (text, edited))
    added = {u.embed_text for u in after.units} - {u.embed_text for u in before.units}
    assert added == {"Title: A sentence is new here, and long enough."}
    two = [[p.text for p in cut.passages if p.heading == ("Two",)] for cut in (before, after)]
    assert two[0] == two[1]


def test_wrapping_a_paragraph_anew_changes_nothing_that_is_embedded():
    prose = "A paragraph whose lines are broken elsewhere is still the same text to an embedder."
    assert embedded(prose) == embedded(prose.replace(" ", "\n"))


def test_passages_are_about_as_long_as_the_spec_says():
    """Long paragraphs are cut evenly, short ones joined."""
    long = " ".join(f"This is sentence number {n} of a long paragraph." for n in range(60))
    lengths = [len(passage.text) for passage in split(long, "text/plain").passages]
    assert len(lengths) == 3
    assert max(lengths) - min(lengths) < 100
    short = "\n\n".join(f"This is the short paragraph number {n}." for n in range(60))
    lengths = [len(passage.text) for passage in split(short, "text/plain").passages]
    assert all(500 <= length <= 700 for length in lengths[:-1])


def test_a_document_without_text_has_no_units():
    assert split(" \n\0\n----\n", "text/markdown", "Title").passages == ()


def test_an_unknown_content_type_is_named():
    with pytest.raises(UnknownContentTypeError, match="application/pdf"):
        split("text", "application/pdf")
