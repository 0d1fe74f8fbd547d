"""reStructuredText, read line by line.

docutils keeps line numbers only, wrong ones inside tables and substitutions, and takes
seconds for what this does in milliseconds; so here is its block grammar as far as offsets and
headings need it.
"""

import re
from typing import NamedTuple

from processors.parse import inline
from processors.parse.block import HIDDEN, Block, Headings, Kind, block, lines, words

_ADORNMENT = re.compile(r"(?!(?:\.\.|::)\s*\Z)([!-/:-@\[-`{-~])\1*\s*\Z")
_EXPLICIT = re.compile(r"\.\.(?:\s+|\Z)")
_DIRECTIVE = re.compile(r"(\.\.\s+(?:\|[^|]*\|\s+)?)([a-zA-Z][\w:+.-]*?)::(?:\s+|\Z)")
_FOOTNOTE = re.compile(r"\.\.\s+\[[^\]]+\](?=\s)")
_OPTION = re.compile(r"\s+:([a-zA-Z][\w -]*):")
_ITEM = re.compile(r"\s*(?:[-*+•‣]|(?:\d{1,9}|#|[a-zA-Z])[.)]|:[a-zA-Z][^:`]{0,60}:)(?=\s)\s*")
_BORDER = re.compile(r"\s*(?:=+(?:[ \t]+=+)+|\+[-=+]+\+)\s*\Z")
_CODE = frozenset(
    ("code", "code-block", "sourcecode", "parsed-literal", "prompt", "math", "doctest", "testcode")
)
_UNREAD = frozenset(("toctree", "raw", "highlight", "currentmodule", "contents", "include"))
_SAID = frozenset(("alt", "caption", "name", "title"))
_NAMED = ("version", "deprecated")
_CELLS = str.maketrans({"|": " "})


class _Line(NamedTuple):
    start: int
    end: int
    text: str
    indent: int
    blank: bool


def parse(text: str) -> list[Block]:
    """Blocks of reStructuredText. Linear in the text's length: no line is looked at again."""
    reader = _Reader(text)
    while reader.more:
        reader.step()
    return reader.blocks


def _line(source: str, start: int, end: int) -> _Line:
    text = source[start:end]
    indent = len(text) - len(text.lstrip())
    return _Line(start, end, text, indent, indent == len(text))


class _Reader:
    def __init__(self, source: str) -> None:
        self.blocks: list[Block] = []
        self._source = source
        self._lines = [_line(source, start, end) for start, end in lines(source)]
        self._at = 0
        self._headings = Headings()
        self._styles: list[tuple[str, bool]] = []

    @property
    def more(self) -> bool:
        """Whether lines are left."""
        return self._at < len(self._lines)

    def step(self) -> None:
        """Take the next construct."""
        line = self._lines[self._at]
        if line.blank:
            self._at += 1
        elif not (self._overlined(line) or self._underlined(line)):
            if _EXPLICIT.match(line.text, line.indent):
                self._explicit(line)
            else:
                self._paragraph()

    def _following(self, distance: int) -> _Line | None:
        at = self._at + distance
        return self._lines[at] if at < len(self._lines) else None

    def _overlined(self, line: _Line) -> bool:
        title, below = self._following(1), self._following(2)
        if line.indent or not _ADORNMENT.match(line.text):
            return False
        if title and below and not title.blank and below.text.rstrip() == line.text.rstrip():
            self._heading(title, line.text[0], over=True)
            self._at += 3
        else:
            self._at += 1
        return True

    def _underlined(self, line: _Line) -> bool:
        below = self._following(1)
        if line.indent or below is None or not _ADORNMENT.match(below.text):
            return False
        if len(below.text.rstrip()) < min(4, len(line.text.rstrip())):
            return False
        self._heading(line, below.text[0], over=False)
        self._at += 2
        return True

    def _heading(self, line: _Line, mark: str, *, over: bool) -> None:
        style = (mark, over)
        if style not in self._styles:
            self._styles.append(style)
        level = self._styles.index(style) + 1
        shown = inline.rst(line.text)
        if name := words(shown):
            self._headings.enter(level, name)
        self._add(line.start, line.end, shown, "heading", level)

    def _explicit(self, line: _Line) -> None:
        """A directive, footnote, target or comment; the last two are not read."""
        found = _DIRECTIVE.match(line.text, line.indent)
        footnote = None if found else _FOOTNOTE.match(line.text, line.indent)
        self._at += 1
        if found:
            self._directive(line, found)
        elif footnote:
            self._run(line, HIDDEN * footnote.end() + line.text[footnote.end() :])
        else:
            self._body(line.indent)

    def _directive(self, line: _Line, found: re.Match[str]) -> None:
        name = found[2].rpartition(":")[2].lower()
        if name in _UNREAD:
            self._body(line.indent)
            return
        kept = found.start(2) if name.startswith(_NAMED) else found.end()
        shown = HIDDEN * kept + line.text[kept:].replace("::", f"{HIDDEN} ", 1)
        if name in ("image", "figure") or name in _CODE:
            shown = HIDDEN * len(shown)
        self._run(line, shown, options=True)
        if name in _CODE:
            self._code(line.indent)

    def _run(self, line: _Line, shown: str, *, options: bool = False) -> None:
        """The argument of explicit markup: this line and the indented ones right below it."""
        parts, end = [shown], line.end
        while (below := self._following(0)) and not below.blank and below.indent > line.indent:
            option = _OPTION.match(below.text) if options else None
            if options and not option and len(parts) > 1:
                break
            text = below.text
            if option:
                text = HIDDEN * option.end() + text[option.end() :]
                text = text if option[1] in _SAID else HIDDEN * len(text)
            parts += [" " * (below.start - end), text]
            end = below.end
            self._at += 1
        self._add(line.start, end, inline.rst("".join(parts)), "paragraph")

    def _body(self, indent: int) -> tuple[int, int] | None:
        """Step over the lines indented deeper than `indent`: their span."""
        start = end = -1
        while (line := self._following(0)) and (line.blank or line.indent > indent):
            if not line.blank:
                start = line.start if start < 0 else start
                end = line.end
            self._at += 1
        return None if start < 0 else (start, end)

    def _code(self, indent: int) -> None:
        span = self._body(indent)
        if span:
            self._add(*span, self._source[span[0] : span[1]], "code")

    def _paragraph(self) -> None:
        """Lines up to a blank one; list items and table rows part them."""
        first = self._lines[self._at]
        table = _BORDER.match(first.text) is not None
        item = _ITEM.match(first.text)
        doctest = first.text.startswith(">>>", first.indent)
        run: list[_Line] = []
        while (line := self._following(0)) and not line.blank:
            if run and (table or (item and _ITEM.match(line.text))):
                self._close(run, "row" if table else "item")
                run = []
            run.append(line)
            self._at += 1
        kind: Kind = "code" if doctest else "row" if table else "item" if item else "paragraph"
        self._close(run, kind)
        if run[-1].text.rstrip().endswith("::") and kind != "code":
            opened = _ITEM.match(run[0].text)
            self._code(opened.end() if opened else run[0].indent)

    def _close(self, run: list[_Line], kind: Kind) -> None:
        start, end = run[0].start, run[-1].end
        shown = self._source[start:end]
        if kind != "code":
            shown = inline.rst(shown)
        self._add(start, end, shown.translate(_CELLS) if kind == "row" else shown, kind)

    def _add(self, start: int, end: int, shown: str, kind: Kind, level: int = 0) -> None:
        path = self._headings.path
        found = block(self._source, (start, end), shown, kind=kind, heading=path, level=level)
        if found:
            self.blocks.append(found)
