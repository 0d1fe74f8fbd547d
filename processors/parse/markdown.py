"""Markdown: CommonMark blocks with tables, by markdown-it's block rules and line maps."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from processors.parse import html, inline, plain
from processors.parse.block import HIDDEN, Block, Headings, Kind, block, lines, words

_MOST_LINES = 50_000
"""markdown-it stays linear, but spends up to 70 µs a line; a longer text is read as plain."""
_DEFINITION = re.compile(r"[ \t>]*\[[^\]\r\n]{1,300}\]:")
_FENCE = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})[^\r\n]*", re.MULTILINE)
_IMAGE = re.compile(r"!\[[^\[\]]*+\]\([^()\s]*+\)")
_CELLS = str.maketrans({"|": " "})
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(?:(?!---)[^\n]*\n){1,200}---[ \t]*\r?(?=\n|\Z)")

_KINDS: dict[str, Kind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "fence": "code",
    "code_block": "code",
    "table_open": "row",
}


def parse(text: str) -> list[Block]:
    """Blocks of Markdown; HTML within it is read as HTML. Linear in the text's length."""
    spans = list(lines(text))
    if len(spans) > _MOST_LINES:
        return plain.parse(text)
    return _Reader(text, spans).read()


class _Reader:
    def __init__(self, source: str, spans: list[tuple[int, int]]) -> None:
        self._source = source
        self._lines = spans
        self._headings = Headings()
        self._read_to = 0

    def read(self) -> list[Block]:
        depth = 0
        blocks: list[Block] = []
        for token in _tokens(self._source):
            depth += token.nesting if token.type.startswith("list_item") else 0
            if token.map and (token.type in _KINDS or token.type == "html_block"):
                blocks += self._left_out(token.map[0])
                blocks += self._blocks(token, depth)
                self._read_to = max(self._read_to, token.map[1])
        return blocks + self._left_out(len(self._lines))

    def _blocks(self, token: Token, depth: int) -> Iterator[Block]:
        first, last = token.map or (0, 0)
        start, end = self._lines[first][0], self._lines[last - 1][1]
        if token.type == "html_block":
            yield from html.parse_part(self._source, start, end, self._headings)
            return
        kind = _KINDS[token.type]
        if kind == "row":
            for line in self._lines[first:last]:
                yield from self._block(*line, kind)
            return
        level = int(token.tag[1]) if kind == "heading" else 0
        kind = "item" if kind == "paragraph" and depth else kind
        yield from self._block(start, end, kind, level)

    def _block(self, start: int, end: int, kind: Kind, level: int = 0) -> Iterator[Block]:
        shown = _shown(self._source[start:end], kind)
        name = self._name(start, end, shown) if level else ""
        path = self._headings.enter(level, name) if name else self._headings.path
        found = block(self._source, (start, end), shown, kind=kind, heading=path, level=level)
        if found:
            yield found

    def _name(self, start: int, end: int, shown: str) -> str:
        """A heading's words without its badges, unless it has no others."""
        return words(_shown(_IMAGE.sub("", self._source[start:end]), "heading")) or words(shown)

    def _left_out(self, until: int) -> list[Block]:
        """Lines that no rule took, such as those nested too deep, but for link definitions."""
        left = self._lines[self._read_to : until]
        return [
            found
            for start, end in left
            if not _DEFINITION.match(self._source, start, end)
            for found in self._block(start, end, "paragraph")
        ]


def _shown(source: str, kind: Kind) -> str:
    if kind == "code":
        return _FENCE.sub(lambda fence: HIDDEN * len(fence[0]), source)
    shown = inline.markdown(source)
    return shown.translate(_CELLS) if kind == "row" else shown


def _tokens(text: str) -> list[Token]:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser.parse(_without_front_matter(text))


def _without_front_matter(text: str) -> str:
    """Front matter would be taken for a heading; blanked, its lines are left to be plain ones."""
    text = text.replace("\ufeff", " ", 1) if text.startswith("\ufeff") else text
    found = _FRONT_MATTER.match(text)
    return re.sub(r"[^\r\n]", " ", found[0]) + text[found.end() :] if found else text
