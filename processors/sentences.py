"""Where a run of text may be cut: at sentence ends, else at the most sensible place."""

import re
from collections.abc import Iterator

from processors.parse import HIDDEN

_CLOSERS = r"[\"'”’»)\]\x00*_]*+"
_END = re.compile(rf"(?<![.!?…])[.!?…]++{_CLOSERS}(?=\s)|[。！？｡]++{_CLOSERS}")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“‘])(?:"
    r"(?:[A-Z]\.)+"
    r"|(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Rev|Hon|Gen|Col|Lt|Capt|Sgt|Gov|Sen|Rep|Pres|Mt|Ft"
    r"|No|Nos|Vol|vol|pp|p|cf|vs|etc|al|approx|ca|fig|Fig|Eq|eq|Sec|sec|Ch|ch|ed|eds|Inc|Ltd|Co|Corp"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|e\.g|i\.e|a\.m|p\.m|[Ii]bid|Ave|Blvd|Rd)\."
    r")$"
)
_LONGEST_ABBREVIATION = 12
_PLACES = (
    re.compile(r"\n[ \t\x00]*\r?\n"),
    re.compile(r"\n"),
    re.compile(r"[;:—–](?=\s)|[.!?](?=\s)"),
    re.compile(r",(?=\s)"),
    re.compile(r"\s"),
    re.compile(rf"{HIDDEN}|(?<=[/&?.,;|=])"),
)


def sentences(shown: str) -> Iterator[tuple[int, int]]:
    """Spans of sentences; they tile `shown`, each with the blanks that follow it."""
    start = 0
    for match in _END.finditer(shown):
        end = match.end()
        while end < len(shown) and shown[end].isspace():
            end += 1
        if end < len(shown) and _ends(shown, match, end):
            yield start, end
            start = end
    if start < len(shown):
        yield start, len(shown)


def _ends(shown: str, match: re.Match[str], following: int) -> bool:
    """A mark ends a sentence unless it abbreviates, or a small letter goes on after it."""
    if shown[following].islower():
        return False
    dot = match.start()
    if match[0][0] != "." or match[0][1:2] == ".":
        return True
    before = shown[max(0, dot - _LONGEST_ABBREVIATION) : dot + 1].replace(HIDDEN, "")
    return _ABBREVIATION.search(before) is None


def size(shown: str, start: int, end: int) -> int:
    """How long a span is: what it shows, but at least a quarter of what it takes in the source.

    The second holds in check a span that is nearly all markup.
    """
    length = end - start
    return max(length - shown.count(HIDDEN, start, end), length // 4)


def fits(shown: str, start: int, end: int, longest: int) -> bool:
    """Whether the span's size is within `longest`; constant time for one far too long."""
    return end - start < 4 * (longest + 1) and size(shown, start, end) <= longest


def cut(shown: str, start: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    """Tile `[start, end)` with spans of a size of at most `longest`, at the best places."""
    while not fits(shown, start, end, longest):
        limit = _limit(shown, start, end, longest)
        place = _place(shown, start + (limit - start) // 2, limit)
        yield start, place
        start = place
    yield start, end


def _limit(shown: str, start: int, end: int, longest: int) -> int:
    """The furthest that a span from `start` reaches with a size of `longest`."""
    limit = start + longest
    furthest = min(end, start + 4 * longest)
    while limit < furthest:
        further = min(furthest, start + longest + shown.count(HIDDEN, start, limit))
        if further == limit:
            break
        limit = further
    return limit


def _place(shown: str, earliest: int, limit: int) -> int:
    for pattern in _PLACES:
        ends = [match.end() for match in pattern.finditer(shown, earliest, limit)]
        if ends and ends[-1] > earliest:
            return ends[-1]
    return limit
