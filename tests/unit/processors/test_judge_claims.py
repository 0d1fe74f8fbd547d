import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.judge.claims import LONGEST, MOST, READ, Split, split

PIECES = [
    *(
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "# ",
        "- ",
        "1. ",
        "> ",
        "```\n",
        "    ",
        "| a | b |\n",
        "|--|--|\n",
    ),
    *(
        "[1]",
        " [2]. ",
        "[1][3]",
        "[a](http://b.c)",
        "[4]: http://d\n",
        "**so** ",
        "`x` ",
        "\0",
        "\ue000",
    ),
    *(
        "It is so. ",
        "Is it? ",
        "As follows:\n",
        "Dr. No came. ",
        "漢字です。",
        "שלום. ",
        "👍",
        "\ud800",
    ),
    *("word " * 90, "x" * 900, "3.5% ", "<p>", "<!-- ", "-->"),
]
TEXT = st.one_of(
    st.text(st.characters(), max_size=300),
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
)
ANSWER = """\
# Answer

Starlette is a light framework. [1] It was made in 2018 [2]. Is it fast? Yes, it is. [1][3]

The steps are:

- install it with `pip`
- run [the demo](http://x.y/z)

| name | year |
|------|------|
| Flask | 2010 |

```python
x = 1
```
"""


def cut_up(answer: str) -> list[str]:
    return [answer[claim.start : claim.end] for claim in split(answer).claims]


def letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def test_an_answer_is_cut_into_sentences_items_and_rows():
    assert [claim.text for claim in split(ANSWER).claims if claim.checkable] == [
        "Starlette is a light framework.",
        "It was made in 2018.",
        "Yes, it is.",
        "install it with pip",
        "run the demo",
        "Flask 2010",
    ]


def test_headings_questions_code_and_what_leads_up_to_something_assert_nothing():
    assert [claim.text for claim in split(ANSWER).claims if not claim.checkable] == [
        "Answer",
        "Is it fast?",
        "The steps are:",
        "name year",
        "x 1",
    ]


def test_a_marker_belongs_to_the_claim_before_it():
    """Two that look like a link are two markers."""
    assert [claim.markers for claim in split(ANSWER).claims][:5] == [(), (1,), (2,), (), (1, 3)]


def test_a_claim_is_a_slice_of_the_answer():
    assert "Yes, it is. [1][3]" in cut_up(ANSWER)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("", []),
        (" \n\t", []),
        ("...", []),
        ("[1]", ["[1]"]),
        ("東京は首都です。[1]人口は多い。", ["東京は首都です。[1]", "人口は多い。"]),
        ("[1]: http://a.b", ["[1]: http://a.b"]),
        ("Dr. No came. He left.", ["Dr. No came.", "He left."]),
    ],
)
def test_any_answer_has_a_stated_outcome(answer: str, expected: list[str]):
    assert cut_up(answer) == expected


def test_a_long_answer_is_judged_up_to_where_the_bound_is():
    """The rest is told apart by `read_to`."""
    answer = "It is so. " * 20_000
    found = split(answer)
    assert len(found.claims) == MOST
    assert found.read_to == found.claims[-1].end == MOST * 10 - 1
    assert split("x" * (READ + 5)).read_to == READ


@settings(deadline=None)
@given(answer=TEXT, most=st.sampled_from([1, 3, MOST]))
def test_claims_are_in_order_and_hold_every_letter(answer: str, most: int):
    """Up to where they were read; none is empty, overlaps another or has blanks at its ends."""
    found: Split = split(answer, most=most)
    spans = [(claim.start, claim.end) for claim in found.claims]
    ends = [0, *(end for _, end in spans)]
    assert all(before <= start < end for before, (start, end) in zip(ends, spans, strict=False))
    assert all(answer[start:end] == answer[start:end].strip() for start, end in spans)
    joined = "".join(letters(answer[start:end]) for start, end in spans)
    assert joined.startswith(letters(answer[: found.read_to]))
    assert len(found.claims) <= most


@settings(deadline=None)
@given(answer=TEXT, longest=st.integers(1, 50))
def test_no_claim_is_longer_than_asked_for(answer: str, longest: int):
    found = split(answer, longest=longest).claims
    assert all(len(claim.text) <= longest for claim in found)


def test_the_longest_claim_is_bounded():
    assert max(len(claim.text) for claim in split("word " * 9_000).claims) <= LONGEST
