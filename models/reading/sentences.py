"""Candidates for an answer: sentences, list items and table rows, as exact slices of a passage."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from models.reading.markup import BREAK, HARD, SOFT, blanked, plain

SHORTEST = 12
LONGEST = 600

_BLOCK = re.compile(rf"\n[ \t]*\n|{BREAK}[\s{BREAK}]*")
_END = re.compile(rf"[.!?…]+[\"'”’)\]*_`{SOFT}]*(?=[\s{HARD}])|[。！？]")
_SHORT_FORM = re.compile(
    r"(?:\b[A-Z]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Gen|Col|Lt|Capt|Gov|Sen|Rep|Mt|No|Vol|vol|vs|etc"
    r"|al|approx|ca|Fig|fig|Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec|e\.g|i\.e|cf|pp?))\.$"
)
_NEXT = re.compile(rf"[\s{HARD}]*+(.)", re.DOTALL)
_AT_ENDS = re.compile(rf"[\s{HARD}]+")
_URL = re.compile(r"(?:https?://|mailto:)\S+")
_WORD = re.compile(r"[^\W\d_]{2,}|[^\W\d_a-zA-Z]")
_SIGN = re.compile(r"[^\w\s]|_")
_LIKE_CODE = re.compile(
    r"(?:import \w|from [\w.]+ import|(?:async )?def \w|class \w+[(:]|@\w|await \w|return \w"
    r"|(?:python3? -m )?pip3? (?:un)?install|python3? -m|git clone|uv (?:add|pip|tool)|conda inst)"
    r"|[\w.\])]+ = [\w\"'\[({]"
)
_LINK = re.compile(
    r"\W*\[[^\[\]]*+\](?:\([^()]*+(?:\([^()]*+\)[^()]*+)*+\)|\[[^\[\]]*+\])\W*"
    r"|\W*`[^`<>]*+<[^`<>]*+>`_{1,2}\W*"
)
_ENDED = re.compile(r".*[.!?…。！？][\"'”’)\]*_`]*\Z", re.DOTALL)
FEWEST = 5
"""Words of a whole sentence: "HTTP/2 support." is none."""
MOST_SIGNS = 0.2
LEAST_READ = 0.3


class Sentence(NamedTuple):
    """`text[start:end]` of a passage, and how it reads without its markup."""

    start: int
    end: int
    plain: str

    @property
    def ended(self) -> bool:
        """Whether it ends as a sentence does; an item of a list may not."""
        return _ENDED.match(self.plain) is not None

    @property
    def whole(self) -> bool:
        """Whether it ends as a sentence does and is as long as one."""
        return self.ended and len(self.plain.split()) >= FEWEST


def sentences(text: str) -> Iterator[Sentence]:
    """The candidates, in order; none overlap.

    Left out is what says nothing by itself: headings, rules, images, links that stand alone, code,
    questions, and what only leads up to something ("…:").
    """
    shown = blanked(text)
    for first, last in _blocks(shown):
        for start, end in _cut(shown, first, last):
            start, end = _trimmed(shown, start, end)
            read = Sentence(start, end, plain(shown[start:end]))
            if SHORTEST <= end - start <= LONGEST and _says_something(text[start:end], read):
                yield read


def _blocks(shown: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in _BLOCK.finditer(shown):
        yield start, gap.start()
        start = gap.end()
    yield start, len(shown)


def _cut(shown: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for mark in _END.finditer(shown, start, end):
        following = _NEXT.match(shown, mark.end(), end)
        before = shown[max(start, mark.end() - 12) : mark.end()].replace(SOFT, "")
        if (following and following[1].islower()) or _SHORT_FORM.search(before):
            continue
        yield start, mark.end()
        start = mark.end()
    yield start, end


def _trimmed(shown: str, start: int, end: int) -> tuple[int, int]:
    leading = _AT_ENDS.match(shown, start, end)
    start = leading.end() if leading else start
    while end > start and (shown[end - 1].isspace() or shown[end - 1] == HARD):
        end -= 1
    return start, end


def _says_something(source: str, read: Sentence) -> bool:
    """Whether it is more than markup, links, code, a question, or a promise of what follows."""
    prose = _URL.sub("", read.plain)
    if len(_WORD.findall(prose)) < 2 or prose.rstrip().endswith((":", "?", "¿", "？")):
        return False
    if len(_SIGN.findall(prose)) > MOST_SIGNS * len(prose) or _LIKE_CODE.match(prose):
        return False
    link_alone = _LINK.fullmatch(source) is not None and not read.whole
    return len(read.plain) >= LEAST_READ * len(source) and not link_alone
