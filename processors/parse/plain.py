"""Plain text: paragraphs between blank lines, and list items."""

import re
from collections.abc import Iterator

from processors.parse.block import Block, Kind, block, lines

_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+\S")


def parse(text: str) -> list[Block]:
    """Blocks of plain text; it has no headings. Linear in the text's length."""
    found = (
        block(text, (start, end), text[start:end], kind=kind, heading=())
        for kind, start, end in _runs(text)
    )
    return [one for one in found if one]


def _runs(text: str) -> Iterator[tuple[Kind, int, int]]:
    """Runs of lines: one ends at a blank line and where a list item begins."""
    kind: Kind = "paragraph"
    opened = closed = -1
    for start, end in lines(text):
        blank = start == end or text[start:end].isspace()
        item = not blank and _ITEM.match(text, start, end) is not None
        if opened >= 0 and (blank or item):
            yield kind, opened, closed
            opened = -1
        if blank:
            continue
        if opened < 0:
            kind, opened = ("item" if item else "paragraph"), start
        closed = end
    if opened >= 0:
        yield kind, opened, closed
