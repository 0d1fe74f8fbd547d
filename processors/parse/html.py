"""HTML: blocks between block-level tags, read by a small tokenizer of our own.

The standard library's `html.parser` takes quadratic time over unclosed tags and comments, and
tree builders lose offsets; this one passes over each character once. Like a browser it lets
quoted attributes hold `>`, and unlike one it reads an unclosed tag or comment as text.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Literal

from msgspec.structs import replace

from processors.parse.block import HIDDEN, Block, Headings, Kind, block, words

_OPENING = re.compile(r"<(?=[a-zA-Z/!?])")
_NAME = re.compile(r"</?([a-zA-Z][^\s/>]{0,40})")
_IN_TAG = re.compile(r"""[>"']""")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_BREAKS = frozenset(
    re.findall(
        r"\w+",
        """address article aside blockquote body button caption center dd details dialog div dl dt
        fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend
        li main menu nav ol optgroup option p pre section select summary table tbody tfoot thead
        title tr ul""",
    )
)
_SPACES = frozenset(("br", "img", "input", "td", "th", "wbr"))
_UNREAD = frozenset(("iframe", "object", "script", "style", "svg", "template"))
_HEADINGS = {"title": 1, "h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}

_KINDS: dict[str, Kind] = {"li": "item", "dt": "item", "dd": "item", "tr": "row"}

_Token = tuple[Literal["text", "tag", "unread"], int, int, str]


def parse(text: str) -> list[Block]:
    """Blocks of HTML, whole pages or fragments. Linear in the text's length."""
    return list(parse_part(text, 0, len(text), Headings()))


def parse_part(source: str, start: int, end: int, headings: Headings) -> Iterator[Block]:
    """Blocks of the HTML that stands between two offsets of another text."""
    part = source[start:end]
    reader = _Reader(part, headings)
    for kind, left, right, name in _tokens(part):
        if kind == "text":
            reader.text(left, right)
        elif kind == "tag" and name in _BREAKS:
            reader.enter(left, right, name)
        else:
            reader.skip(left, right, name)
    reader.flush(len(part))
    return (
        replace(found, start=found.start + start, end=found.end + start) for found in reader.blocks
    )


class _Reader:
    """Collects blocks; what lies between two block-level tags is one."""

    def __init__(self, source: str, headings: Headings) -> None:
        self.blocks: list[Block] = []
        self._source = source
        self._headings = headings
        self._shown: list[str] = []
        self._start = 0
        self._kind: Kind = "paragraph"
        self._level = 0
        self._preformatted = 0

    def text(self, start: int, end: int) -> None:
        self._shown.append(_ENTITY.sub(_unescaped, self._source[start:end]))

    def skip(self, start: int, end: int, name: str) -> None:
        """Markup that ends no block, unless it is an element that is not read."""
        if name in _UNREAD:
            self.flush(start)
            self._start = end
            return
        gap = " " if name in _SPACES else HIDDEN
        self._shown.append(gap + HIDDEN * (end - start - 1))

    def enter(self, start: int, end: int, name: str) -> None:
        """A block-level tag: one block ends, another begins."""
        self.flush(start)
        self._start = end
        closing = self._source.startswith("</", start)
        if name == "pre":
            self._preformatted = max(0, self._preformatted + (-1 if closing else 1))
        self._level = 0 if closing else _HEADINGS.get(name, 0)
        self._kind = "heading" if self._level else "code" if self._preformatted else "paragraph"
        if not closing and name in _KINDS:
            self._kind = _KINDS[name]

    def flush(self, end: int) -> None:
        """End the block that is open."""
        shown = "".join(self._shown)
        self._shown = []
        heading = self._headings.path
        name = words(shown)
        if self._level and name:
            heading = self._headings.enter(self._level, name)
        span = (self._start, end)
        made = block(self._source, span, shown, kind=self._kind, heading=heading, level=self._level)
        if made:
            self.blocks.append(made)


def _unescaped(match: re.Match[str]) -> str:
    """The character meant, as long as its reference, so that offsets stay true."""
    meant = unescape(match[0])
    length = match.end() - match.start()
    return meant + HIDDEN * (length - len(meant)) if len(meant) <= length else match[0]


def _tokens(text: str) -> Iterator[_Token]:
    """Text, tags, and what is not read (comments, scripts), tiling the source."""
    ends = _Ends(text)
    done = position = 0
    while opening := _OPENING.search(text, position):
        start = opening.start()
        end, name = ends.of(start)
        if end < 0:
            position = start + 1
            continue
        if start > done:
            yield "text", done, start, ""
        if name in _UNREAD and text[start + 1] != "/":
            end = max(end, ends.closing(name, end))
            yield "unread", start, end, name
        else:
            yield "tag", start, end, name
        done = position = end
    if done < len(text):
        yield "text", done, len(text), ""


class _Ends:
    """Finds where markup ends. What was once not found is not looked for again: that keeps the
    whole linear when nothing is closed."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._missing: set[str] = set()

    def of(self, start: int) -> tuple[int, str]:
        """The end of the markup at `start` (-1 when it has none) and its tag's name."""
        if self._text.startswith("<!--", start):
            return self._find("-->", start + 4), ""
        name = _NAME.match(self._text, start)
        if name is None:
            return self._find(">", start + 1), ""
        return self._tag_end(name.end()), name[1].lower()

    def closing(self, name: str, start: int) -> int:
        """The end of the element `name` that opened before `start`, -1 when it is not closed."""
        if name in self._missing:
            return -1
        found = re.compile(rf"</{name}[^>]*+>", re.IGNORECASE).search(self._text, start)
        if found is None:
            self._missing.add(name)
            return -1
        return found.end()

    def _find(self, mark: str, start: int) -> int:
        found = -1 if mark in self._missing else self._text.find(mark, start)
        if found < 0:
            self._missing.add(mark)
            return -1
        return found + len(mark)

    def _tag_end(self, position: int) -> int:
        while "tag" not in self._missing:
            found = _IN_TAG.search(self._text, position)
            if found and found[0] == ">":
                return found.end()
            closed = self._text.find(found[0], found.end()) if found else -1
            if closed < 0:
                self._missing.add("tag")
            position = closed + 1
        return -1
