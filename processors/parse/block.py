"""A block: the least piece of a document that its markup sets apart."""

import re
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

HIDDEN = "\0"
"""What markup is blanked with: it takes a place, so offsets stay true, and is read as nothing."""

Kind = Literal["heading", "paragraph", "item", "row", "code"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD = re.compile(r"[^\W_]")
_LINE_END = re.compile(r"\r\n?|\n")


class Block(msgspec.Struct, frozen=True, gc=False):
    """`source[start:end]` and how it reads.

    `start` and `end` are `str` offsets, without blanks at either end. `shown` is as long as the
    block and equal to it, but for markup, which is blanked with `HIDDEN` (or with a space where
    words stand apart). `heading` is the path of headings above; a heading ends its own path.
    """

    kind: Kind
    start: int
    end: int
    heading: tuple[str, ...]
    shown: str
    level: int = 0


def hide(pattern: re.Pattern[str], text: str) -> str:
    """Blank every match, or all of it but its first group that took part."""
    return pattern.sub(_keep_group, text)


def _keep_group(match: re.Match[str]) -> str:
    kept = match.lastindex
    if kept is None:
        return HIDDEN * (match.end() - match.start())
    start, end = match.span(kept)
    return HIDDEN * (start - match.start()) + match[kept] + HIDDEN * (match.end() - end)


def reads(shown: str) -> bool:
    """Whether a letter or a digit is left to read."""
    return _WORD.search(shown) is not None


def words(shown: str) -> str:
    """What is read: markup gone, blanks collapsed, tokens without a letter or digit dropped.

    Words are what an embedder is paid by, and a token such as `=>` or `|---|` is none. Lone
    surrogates, which no wire takes, become U+FFFD.
    """
    tokens = shown.replace(HIDDEN, "").split()
    joined = " ".join([token for token in tokens if token.isalnum() or reads(token)])
    if joined.isascii():
        return joined
    return _SURROGATE.sub("\ufffd", joined)


def shorten(name: str, longest: int) -> str:
    """A name cut at a word: it stands in front of every unit below, so it must stay short."""
    if len(name) <= longest:
        return name
    return name[:longest].rpartition(" ")[0] or name[:longest]


class Headings:
    """The path of headings above a place, kept while a document is read from its top."""

    LONGEST = 200

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    @property
    def path(self) -> tuple[str, ...]:
        """From the outermost heading to the nearest."""
        return tuple(name for _, name in self._open)

    def enter(self, level: int, name: str) -> tuple[str, ...]:
        """Close the headings at or below `level`, open this one, give the new path."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._open.append((level, shorten(name, self.LONGEST)))
        return self.path


def block(
    source: str,
    span: tuple[int, int],
    shown: str,
    *,
    kind: Kind,
    heading: tuple[str, ...],
    level: int = 0,
) -> Block | None:
    """A block without the blanks at its ends; None when nothing in it is read."""
    if not reads(shown):
        return None
    start, end = span
    text = source[start:end]
    left = len(text) - len(text.lstrip())
    right = len(text.rstrip())
    return Block(kind, start + left, start + right, heading, shown[left:right], level)


def lines(text: str) -> Iterator[tuple[int, int]]:
    """Where each line starts and ends, its line end left out."""
    start = 0
    for match in _LINE_END.finditer(text):
        yield start, match.start()
        start = match.end()
    if start < len(text):
        yield start, len(text)


Parser = Callable[[str], list[Block]]
