"""Markup inside a paragraph, blanked: what a reader of the rendered page does not see.

Every pattern is bounded or steps over what it scanned, so that each pass is linear.
"""

import re

from processors.parse.block import HIDDEN, hide

_GUARDED = "[]()*<>!\\_:`|"
_GUARD = {ord(mark): 0xFDD0 + place for place, mark in enumerate(_GUARDED)}
_UNGUARD = {guard: mark for mark, guard in _GUARD.items()}
"""Marks within code are no markup: they stand as noncharacters while the rest is blanked."""

_MARKDOWN_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)(.{1,1000}?)(?<!`)\1(?!`)", re.DOTALL)
_RST_CODE = re.compile(r"(?<!`)(``)(?!`)(.{1,1000}?)``(?!`)", re.DOTALL)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_MARKDOWN = (
    re.compile(r"^[ \t]*>[> \t]*+|^[ \t]*\d{1,9}[.)](?=\s)|\[[ xX]\](?=\s)", re.MULTILINE),
    re.compile(r"<((?:https?|mailto)[^\s<>]++)>"),
    re.compile(r"<!--(?:[^<>-]++|-(?!->))*+-->|</?[a-zA-Z][^<>]*+>"),
    re.compile(
        r"!?\[([^\[\]]*+)\](?:"
        r"\([^()\s]*+(?:\([^()\s]*+\)[^()\s]*+)?(?:\s++(?:\"[^\"]{0,300}\"|'[^']{0,300}'))?\s*+\)"
        r"|\[[^\[\]]{0,300}\])"
    ),
    re.compile(r"\{[#.:][^{}\n]{0,200}\}"),
    re.compile(r"(?<!\w)\*{1,3}|\*{1,3}(?!\w)|~~"),
)
_RST = (
    re.compile(r"^[ \t]*(?:\d{1,9}|#)[.)](?=\s)|^[ \t]*\|(?=\s)", re.MULTILINE),
    re.compile(r":[a-zA-Z][\w:+.-]{0,60}:(?=`)"),
    re.compile(r"`[~!]?([^`<>]*+)(?:<[^`<>]*+>)?`_{0,2}"),
    re.compile(r"(?<!\w)\*{1,2}|\*{1,2}(?!\w)"),
)


def markdown(shown: str) -> str:
    """Blank Markdown's inline markup; what images and links say stays, where they lead goes."""
    shown = _ESCAPE.sub(_escaped, _MARKDOWN_CODE.sub(_guarded, shown))
    shown = _blanked(shown, _MARKDOWN)
    # A badge is a link around an image: the second pass meets the link.
    return hide(_MARKDOWN[3], shown).translate(_UNGUARD)


def rst(shown: str) -> str:
    """Blank reStructuredText's inline markup, roles and link targets."""
    shown = _ESCAPE.sub(_escaped, _RST_CODE.sub(_guarded, shown))
    return _blanked(shown, _RST).translate(_UNGUARD)


def _escaped(match: re.Match[str]) -> str:
    return HIDDEN + match[1].translate(_GUARD)


def _guarded(match: re.Match[str]) -> str:
    ticks = HIDDEN * len(match[1])
    return ticks + match[2].translate(_GUARD) + ticks


def _blanked(shown: str, patterns: tuple[re.Pattern[str], ...]) -> str:
    for pattern in patterns:
        shown = hide(pattern, shown)
    return shown
