"""Documents into passages and units: embed small, read large.

A unit is a sentence, list item, table row or short code block: what is embedded, under its
document's title. A passage is a run of units under one heading: what is read, cited and found
by its words. Both are exact slices of the source.

Units follow from the text near them alone, and passages from their own section alone, so an
edit leaves the rest of a document as it was.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from math import ceil
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from processors.parse import HIDDEN, Block, parse, reads, shorten, words
from processors.sentences import cut, sentences

TitleMode = Literal["always", "when-missing", "when-unsaid", "never"]
_NAME = re.compile(r"\w{4,}")
_Length = Annotated[int, Meta(ge=1, le=100_000)]


class ChunkSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How documents are cut. It is part of an index version: another spec, another index.

    Lengths are in characters that are read, markup left out.
    """

    unit_min: _Length = 40
    """A unit shorter than this is joined to what follows it under the same heading."""
    unit_max: _Length = 400
    """No unit is longer, but for what a join adds to one that is too short."""
    passage_target: _Length = 650
    """Paragraphs are joined into a passage up to this length."""
    passage_max: _Length = 1000
    """A paragraph longer than this is cut into passages of about equal length."""
    title_max: _Length = 120
    """A longer title is cut at a word."""
    title: TitleMode = "when-missing"
    """Whether a unit is embedded behind the title: `when-missing` leaves out a title that the
    unit says already, `when-unsaid` also one of which it says any word of four letters."""


class Unit(msgspec.Struct, frozen=True, gc=False):
    """The least thing found: `text` is `source[start:end]`, `embed_text` what is embedded."""

    start: int
    end: int
    text: str
    embed_text: str


class Passage(msgspec.Struct, frozen=True):
    """A run of units under one heading path; `text` is `source[start:end]`."""

    start: int
    end: int
    heading: tuple[str, ...]
    text: str
    units: tuple[Unit, ...]


class Split(msgspec.Struct, frozen=True):
    """A document cut up, in the order of its text."""

    title: str
    passages: tuple[Passage, ...]

    @property
    def units(self) -> Iterator[Unit]:
        """The units of every passage, in order."""
        return (unit for passage in self.passages for unit in passage.units)


def split(
    text: str,
    content_type: str,
    title: str | None = None,
    spec: ChunkSpec | None = None,
    *,
    fallback_title: str = "",
) -> Split:
    """Cut a document. Its title is the one given, else its sole top heading, else the fallback.

    Every letter and digit that is not markup is in exactly one unit; units are in order and do
    not overlap. Linear in the text's length, for any text.

    Raises:
        processors.parse.UnknownContentTypeError: there is no parser for the content type.
    """
    spec = spec or ChunkSpec()
    blocks = parse(text, content_type)
    name = words(title or "") or _own_title(blocks, words(fallback_title))
    name = shorten(name, spec.title_max)
    spans = list(_joined(_pieces(blocks, spec), spec))
    passages = (_passage(text, run, name, spec) for run in _runs(spans, spec))
    return Split(name, tuple(passages))


class _Span(msgspec.Struct, gc=False):
    """A unit in the making: `paragraph` numbers the block it ends in."""

    start: int
    end: int
    heading: tuple[str, ...]
    shown: str
    paragraph: int
    only_heading: bool

    @property
    def read(self) -> int:
        """How many characters are read."""
        return len(self.shown) - self.shown.count(HIDDEN)


def _own_title(blocks: list[Block], fallback: str) -> str:
    """The first heading where it stands above all others, else the fallback, if there is one.

    A page of several top headings names its parts, not itself ("Introduction"), and one that
    begins two levels down is part of a book that names it elsewhere.
    """
    headings = [block for block in blocks if block.kind == "heading"]
    if not headings:
        return fallback
    first = headings[0]
    above_all = first.level == 1 and all(block.level > 1 for block in headings[1:])
    return first.heading[-1] if above_all or not fallback else fallback


def _pieces(blocks: list[Block], spec: ChunkSpec) -> Iterator[_Span]:
    """Each block cut at its sentences, and these where they are too long."""
    for number, block in enumerate(blocks):
        for start, end in _cuts(block, spec):
            shown = block.shown[start:end]
            yield _Span(
                block.start + start,
                block.start + end,
                block.heading,
                shown,
                number,
                block.kind == "heading",
            )


def _cuts(block: Block, spec: ChunkSpec) -> Iterator[tuple[int, int]]:
    shown = block.shown
    if block.kind in ("code", "row", "heading"):
        yield from cut(shown, 0, len(shown), spec.unit_max)
        return
    for start, end in sentences(shown):
        yield from cut(shown, start, end, spec.unit_max)


def _joined(pieces: Iterator[_Span], spec: ChunkSpec) -> Iterator[_Span]:
    """Join what is too short to what follows it, and what is left so to what precedes it."""
    return (span for span in _backward(_forward(pieces, spec), spec) if reads(span.shown))


def _forward(pieces: Iterator[_Span], spec: ChunkSpec) -> Iterator[_Span]:
    short: _Span | None = None
    for piece in pieces:
        if short and not _may_join(short, piece, spec):
            yield short
            short = None
        whole = _join(short, piece) if short else piece
        if _is_short(whole, spec):
            short = whole
        else:
            yield whole
            short = None
    if short:
        yield short


def _backward(spans: Iterator[_Span], spec: ChunkSpec) -> Iterator[_Span]:
    last: _Span | None = None
    for span in spans:
        if last and _is_short(span, spec) and _may_join(last, span, spec):
            last = _join(last, span)
            continue
        if last:
            yield last
        last = span
    if last:
        yield last


def _is_short(span: _Span, spec: ChunkSpec) -> bool:
    return span.only_heading or span.read < spec.unit_min or not reads(span.shown)


def _may_join(first: _Span, second: _Span, spec: ChunkSpec) -> bool:
    return _belongs(first, second) and _length([first, second]) < spec.unit_max


def _belongs(first: _Span, second: _Span) -> bool:
    """Whether both stand under one heading; a bare heading also goes with what is below it."""
    if first.only_heading:
        return second.heading[: len(first.heading)] == first.heading
    return first.heading == second.heading and not second.only_heading


def _join(first: _Span, second: _Span) -> _Span:
    return _Span(
        first.start,
        second.end,
        second.heading,
        f"{first.shown} {second.shown}",
        second.paragraph,
        first.only_heading and second.only_heading,
    )


def _runs(spans: list[_Span], spec: ChunkSpec) -> Iterator[list[_Span]]:
    """Runs of units for passages: short paragraphs of a section together, long ones cut."""
    for _, section in groupby(spans, key=lambda span: span.heading):
        run: list[_Span] = []
        for _, paragraph in groupby(section, key=lambda span: span.paragraph):
            for part in _parts(list(paragraph), spec):
                if run and _length(run + part) > spec.passage_target:
                    yield run
                    run = []
                run = run + part
        yield run


def _parts(paragraph: list[_Span], spec: ChunkSpec) -> Iterator[list[_Span]]:
    """A paragraph whole, or in parts of about equal length when it is too long."""
    length = _length(paragraph)
    share = length / ceil(length / spec.passage_max)
    part: list[_Span] = []
    filled, goal = 0, share
    for span in paragraph:
        if part and filled + _length([span]) / 2 > goal:
            yield part
            part, goal = [], goal + share
        part.append(span)
        filled += _length([span])
    yield part


def _length(spans: list[_Span]) -> int:
    """What is read, but at least a quarter of the source: see `processors.sentences.size`."""
    return max(sum(span.read for span in spans), (spans[-1].end - spans[0].start) // 4)


def _passage(text: str, run: list[_Span], title: str, spec: ChunkSpec) -> Passage:
    units = tuple(_unit(text, span, title, spec) for span in run)
    start, end = units[0].start, units[-1].end
    return Passage(start, end, run[-1].heading, text[start:end], units)


def _unit(text: str, span: _Span, title: str, spec: ChunkSpec) -> Unit:
    source = text[span.start : span.end]
    end = span.start + len(source.rstrip())
    said = words(span.shown)
    return Unit(span.start, end, text[span.start : end], _titled(title, said, spec.title))


def _titled(title: str, said: str, mode: TitleMode) -> str:
    """The text to embed: the title, when wanted, before what the unit says."""
    if not title or mode == "never":
        return said
    if mode != "always" and title.casefold() in said.casefold():
        return said
    if mode == "when-unsaid" and _names(title) & _names(said):
        return said
    return f"{title}: {said}"


def _names(text: str) -> set[str]:
    return set(_NAME.findall(text.casefold()))
