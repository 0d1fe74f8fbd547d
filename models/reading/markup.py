"""Markdown, reStructuredText and HTML with their markup blanked out, place by place.

What comes out is as long as what went in, so that a span of the one is a span of the other. Which
of the three it is need not be known: a passage is too short to tell, and many mix them.
"""

import re
from collections.abc import Iterator

SOFT = "\0"
"""Markup inside a sentence, such as an emphasis or the target of a link."""
HARD = "\1"
"""What belongs to no sentence: an image, the sign of a quotation."""
BREAK = "\2"
"""Where a sentence cannot go on: code, a heading, a rule, the next item or row."""

_NAMES_OF_PROSE = (
    "note|warning|caution|tip|important|hint|attention|danger|error|seealso|topic|admonition"
    "|versionadded|versionchanged|deprecated"
)
_FENCE = re.compile(r"[ \t]*(```|~~~(?!~))")  # more tildes underline a heading
_PROSE = re.compile(rf"[ \t]*\.\. (?:{_NAMES_OF_PROSE})::")
_EXPLICIT = re.compile(r"[ \t]*(?:\.\.(?:[ \t]|$)|__ |::$)")
_LITERAL = re.compile(r"::[ \t]*$")
_LEFT_OUT = re.compile(
    r"[ \t]*(?:>>> |\.\.\. |\$ |#{1,6}[ \t]|\[[^\]\n]+\]:[ \t]|[|+:=~^\-\s]+$)"  # code, headings,
    r"|[ \t]*([=\-~^\"'`#*+_.:<>])\1{2,}[ \t]*$"  # targets of links, rules of tables and headings
)
_RULE_OF_TABLE = re.compile(r"[ \t]*(?=[^\n]*\|)(?=[^\n]*--)[|:\-\s]+$")
_UNDERLINE = re.compile(r"[ \t]*([=\-~^\"'`#*+_.:<>])\1{2,}[ \t]*$")

_GUARDED = "[]()*<>!\\_:|`"
_GUARD = {ord(mark): 0xFDD0 + place for place, mark in enumerate(_GUARDED)}
_UNGUARD = {guard: mark for mark, guard in _GUARD.items()}
_CODE = re.compile(
    r"(?<!`)`[^`\x02]{1,300}`__?(?!\w)"  # a reference of reStructuredText, left as it is
    r"|(?<!`)(`{1,3})(?!`)([^`\x02]{1,1000})(?<!`)\1(?!`)"
)
_BLOCKS = (
    "p|div|h[1-6]|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|td|th|center|details|summary|section"
    "|article|header|footer|nav|pre|blockquote|br|hr"
)
_HARD = (
    re.compile(r"!\[[^\[\]\n]*+\](?:\([^()\n]*+\)|\[[^\[\]\n]*+\])"),
    re.compile(r"\[\s*+\x01[\s\x01]*+\](?:\([^()\n]*+\)|\[[^\[\]\n]*+\])"),
    re.compile(r"<(?:img|picture|source|svg)\b[^<>]*+>", re.IGNORECASE),
    re.compile(r"(?<![\w|])\|\w[\w -]{0,60}(?<! )\|_{0,2}(?![\w|])"),
    re.compile(r"\[\^[^\[\]\s]{1,40}\]|\[![A-Z]{1,20}\]"),
    re.compile(r"^[ \t]*+>[> \t]*+", re.MULTILINE),
)
_SOFT = (
    re.compile(r"`[~!]?([^`<>]*+)(?:<[^`<>]*+>)?`_{0,2}"),
    re.compile(r"<((?:https?|mailto):[^\s<>]++)>"),
    re.compile(r"</?[a-zA-Z][^<>]*+>"),
    re.compile(
        r"\[([^\[\]]*+)\](?:\([^()\s]*+(?:\([^()\s]*+\)[^()\s]*+)?(?:\s++\"[^\"\n]*+\")?\s*+\)"
        r"|\[[^\[\]\n]*+\])"
    ),
    re.compile(r":[a-zA-Z][\w:+.-]{0,60}:(?=[`\x00])"),
    re.compile(r"(?<=\w)_{1,2}(?![\w_])"),
    re.compile(r"(?<!\w)\*{1,3}|\*{1,3}(?!\w)|~~|(?<!\w)_{1,2}(?=[^\W_])"),
)
_BREAKS = (
    re.compile(r"<!--(?:[^-]++|-(?!->))*+(?:-->|\Z)"),
    re.compile(rf"</?(?:{_BLOCKS})\b[^<>]*+>", re.IGNORECASE),
    re.compile(r"^[ \t\x01]*+(?:[-*+•]|\d{1,3}[.)])[ \t]++(?:\[[ xX]\][ \t]++)?", re.MULTILINE),
    re.compile(r"^[ \t]*+\||\|[ \t]*+$", re.MULTILINE),
)


def blanked(text: str) -> str:
    """The text with its markup replaced by `SOFT`, `HARD` and `BREAK`, a sign for a sign."""
    shown = _CODE.sub(_guarded, _without_blocks(text))
    for pattern in _HARD:
        shown = pattern.sub(_hard, shown)
    for pattern in _BREAKS:
        shown = pattern.sub(_break, shown)
    for pattern in _SOFT:
        shown = pattern.sub(_kept, shown)
    return shown.translate(_UNGUARD)


def plain(shown: str) -> str:
    """What is left to read of blanked text, in one line."""
    return " ".join(shown.replace(SOFT, "").replace(HARD, " ").replace(BREAK, " ").split())


def _without_blocks(text: str) -> str:
    """The text without code, headings, rules and whatever else takes lines of its own."""
    lines = text.split("\n")
    kept = list(_kept_lines(lines))
    for at in range(1, len(lines)):
        alone = at == 1 or not lines[at - 2].strip() or not kept[at - 2]
        if (alone and _UNDERLINE.match(lines[at])) or _RULE_OF_TABLE.match(lines[at]):
            kept[at - 1] = False
    return "\n".join(
        line if keep else BREAK * len(line) for line, keep in zip(lines, kept, strict=True)
    )


def _kept_lines(lines: list[str]) -> Iterator[bool]:
    fence, inside = _fence_above(lines), -1
    for line in lines:
        indent = len(line) - len(line.lstrip())
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1] == fence else fence
            yield False
        elif mark:
            fence = mark[1]
            yield False
        elif inside >= 0 and (indent > inside or not line.strip()):
            yield False
        else:
            explicit = _EXPLICIT.match(line) and not _PROSE.match(line)
            inside = indent if explicit or _literal(line) else -1
            yield not (explicit or _LEFT_OUT.match(line))


def _fence_above(lines: list[str]) -> str:
    """The fence of a code block whose end alone is in the passage, at its end."""
    fences = [mark for line in lines if (mark := _FENCE.match(line))]
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last if len(fences) % 2 and last in ("```", "~~~") else ""


def _literal(line: str) -> bool:
    return bool(_LITERAL.search(line)) and not _PROSE.match(line)


def _guarded(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[0]
    ticks = SOFT * len(match[1])
    return ticks + match[2].translate(_GUARD) + ticks


def _hard(match: re.Match[str]) -> str:
    return HARD * len(match[0])


def _break(match: re.Match[str]) -> str:
    return BREAK * len(match[0])


def _kept(match: re.Match[str]) -> str:
    """The first group between signs of markup, or nothing but those."""
    if not match.re.groups:
        return SOFT * len(match[0])
    start, end = match.span(1)
    return SOFT * (start - match.start()) + match[1] + SOFT * (match.end() - end)
