"""Differences with their intervals as a picture: an SVG that stands in a page by itself."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_LEFT, _WIDTH, _RIGHT, _ROW, _TOP = 210, 460, 50, 22, 24


class Bar(NamedTuple):
    """A difference with its interval, in one unit with all others of the picture."""

    label: str
    value: float
    low: float
    high: float
    verdict: str


def forest(bars: Sequence[Bar], unit: str) -> str:
    """A row each: a line from `low` to `high`, a dot at `value`, and an axis through 0.

    Labels may come from anybody's documents; they are escaped.
    """
    widest = max((abs(end) for bar in bars for end in (bar.low, bar.high)), default=0.0) or 1.0
    height = _TOP + _ROW * len(bars) + 24
    width, middle = _LEFT + _WIDTH + _RIGHT, _x(0, widest)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'role="img" aria-label="differences with their intervals, {escape(unit)}">',
        f'<line x1="{middle:.1f}" y1="{_TOP - 8}" x2="{middle:.1f}" y2="{height - 20}" '
        'class="axis"/>',
    ]
    for row, bar in enumerate(bars):
        parts += _bar(bar, _TOP + _ROW * row + _ROW / 2, widest)
    for end in (-widest, 0.0, widest):
        parts.append(
            f'<text x="{_x(end, widest):.1f}" y="{height - 4}" text-anchor="middle">'
            f"{f'{end:+.3g}' if end else '0'}{escape(unit)}</text>"
        )
    return "".join([*parts, "</svg>"])


def _bar(bar: Bar, y: float, widest: float) -> list[str]:
    low, high = _x(bar.low, widest), _x(bar.high, widest)
    return [
        f'<text x="{_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(bar.label[:34])}</text>',
        f'<line x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}" class="{bar.verdict}"/>',
        f'<circle cx="{_x(bar.value, widest):.1f}" cy="{y:.1f}" r="4" class="{bar.verdict}"/>',
    ]


def _x(value: float, widest: float) -> float:
    return _LEFT + _WIDTH * (value / widest + 1) / 2
