"""An answer cut into claims: what it asserts, each an exact slice of it.

A claim is a sentence, an item of a list or a row of a table; a citation marker behind it (`[2]`)
belongs to it. Code, headings, questions and what only leads up to something assert nothing that a
source could support: they are pieces too, so that every letter stands in one, but not checkable.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from processors.parse import Block, parse, reads, words
from processors.sentences import cut, sentences

MOST = 512
"""As many as an evaluation may carry (`schemas/evaluations.py`)."""
LONGEST = 600
READ = 100_000
"""Characters; what stands behind them is not judged."""
FEWEST_WORDS = 2

_CITED = re.compile(r"\[(\d{1,3})\](?!:)")
_MARKED = "\ue000\\1\ue001"
"""A marker as the parser sees it: as long, and never half of a link (`[1][3]`)."""
_MARKER = re.compile("\ue000(\\d{1,3})\ue001")
_MARKERS_AHEAD = re.compile("[\\s\0]*(?:\ue000\\d{1,3}\ue001[\\s\0.,;]*)+")
_BEFORE_STOP = re.compile(r"\s+(?=[.,;:!?])")
_RULE_OF_TABLE = re.compile(r"[|\s]*:?-{2,}[-:|\s]*")
_QUESTION = re.compile(r"[?？؟][\"'”’)\]\s]*\Z")
_LEADS_UP = re.compile(r"[:：]\s*\Z")
_IDEOGRAPHS = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2}")

Span = tuple[int, int]


class Claim(Struct, frozen=True):
    """`answer[start:end]`, and how it reads without markup and markers.

    `markers` are the numbers of the passages that it cites, in order, each once.
    """

    start: int
    end: int
    text: str
    checkable: bool
    markers: tuple[int, ...] = ()


class Split(Struct, frozen=True):
    """The claims in order, none overlapping, and where the answer was left off.

    Every letter and digit before `read_to` stands in exactly one claim.
    """

    claims: list[Claim]
    read_to: int


def split(answer: str, *, most: int = MOST, longest: int = LONGEST, read: int = READ) -> Split:
    """The claims of an answer in Markdown or plain text; takes any text, in linear time.

    At most `most` claims (at least 1) of at most `longest` shown characters are given, from the
    first `read` characters.
    """
    text = _CITED.sub(_MARKED, answer[:read])
    claims: list[Claim] = []
    for span, shown, prose in _pieces(text, longest):
        if len(claims) == most:
            return Split(claims, claims[-1].end)
        claims.append(_claim(span, shown, prose, longest))
    return Split(claims, len(text))


def _claim(span: Span, shown: str, prose: bool, longest: int) -> Claim:
    markers = tuple(dict.fromkeys(int(number) for number in _MARKER.findall(shown)))
    said = words(_BEFORE_STOP.sub("", _MARKER.sub(" ", shown)))[:longest]
    return Claim(*span, said, prose and _asserts(said), markers)


def _asserts(said: str) -> bool:
    """Whether it is a statement: no question, no "as follows:", and more than one word."""
    if _QUESTION.search(said) or _LEADS_UP.search(said):
        return False
    return len(said.split()) >= FEWEST_WORDS or _IDEOGRAPHS.search(said) is not None


def _pieces(text: str, longest: int) -> Iterator[tuple[Span, str, bool]]:
    """Span, what is shown of it, and whether it is prose; what no block holds is not."""
    at = 0
    for block in parse(text, "text/markdown"):
        yield from _between(text, at, block.start, longest)
        prose = block.kind not in ("code", "heading") and not _heads_a_table(text, block)
        for start, end in _spans(block.shown, longest, whole=block.kind == "code"):
            span = _trimmed(text, block.start + start, block.start + end)
            yield span, block.shown[start:end], prose
        at = block.end
    yield from _between(text, at, len(text), longest)


def _heads_a_table(text: str, block: Block) -> bool:
    return block.kind == "row" and _RULE_OF_TABLE.match(text, block.end) is not None


def _between(text: str, start: int, end: int, longest: int) -> Iterator[tuple[Span, str, bool]]:
    """What the parser took for markup alone, such as the target of a link."""
    for first, last in _spans(text[start:end], longest, whole=True):
        span = _trimmed(text, start + first, start + last)
        yield span, text[slice(*span)], False


def _trimmed(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _spans(shown: str, longest: int, *, whole: bool) -> Iterator[Span]:
    """Spans that tile `shown`: what is markup alone goes with what is read before it."""
    parts = [(0, len(shown))] if whole else _with_markers(shown)
    pieces = [piece for part in parts for piece in cut(shown, *part, longest)]
    starts = [start for start, end in pieces if reads(shown[start:end])]
    return pairwise([0, *starts[1:], len(shown)]) if starts else iter(())


def _with_markers(shown: str) -> Iterator[Span]:
    """Sentences, each with the markers that stand behind its full stop."""
    start = 0
    for _, end in sentences(shown):
        ahead = _MARKERS_AHEAD.match(shown, end)
        stop = ahead.end() if ahead else end
        if start < stop:
            yield start, stop
            start = stop
