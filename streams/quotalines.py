"""Bounds, totals and forecasts as lines of text."""

from collections.abc import Iterable
from datetime import UTC, datetime

from processors.forecast import CONFIDENCE, Forecast
from processors.spending import Total
from schemas.usage import Unit
from streams.spending import Line

_NANO = 1_000_000_000
_SECOND = 1_000_000


def shown(lines: Iterable[Line], now: int) -> str:
    """A bound a line: its limit, what is used, held and left, and when all of it is free again."""
    return "\n".join(map("\t".join, (_parts(line, now) for line in lines)))


def foretold(lines: Iterable[Line]) -> str:
    """A bound a line: its rate of late and when nothing will be left of it."""
    with_one = ((line, line.forecast) for line in lines)
    return "\n".join(_foretold(line, found) for line, found in with_one if found is not None)


def totalled(totals: Iterable[Total]) -> str:
    """A group a line: requests, tokens in and out, and money."""
    return "\n".join(
        "\t".join(
            (
                *(value or "-" for value in total.of.values()),
                f"{total.requests} requests",
                f"{total.input_tokens} tokens in, {total.output_tokens} out",
                amount("nanousd", total.nanousd),
            )
        )
        for total in totals
    )


def amount(unit: Unit, value: float) -> str:
    """So much of a unit, for people."""
    if unit == "nanousd":
        return f"${value / _NANO:.6f}".rstrip("0").rstrip(".")
    return f"{value:.0f}"


def _parts(line: Line, now: int) -> tuple[str, ...]:
    used = f"{amount(line.unit, line.used)} used, {amount(line.unit, line.held)} held"
    left = f"{amount(line.unit, line.remaining)} left"
    when = f"empty again {_moment(line.empty_at)}" if line.empty_at > now else ""
    shadow = f"shadow: would have refused {line.would_refuse}" if line.shadow else ""
    return _name(line), _limit(line), used, left, *filter(None, (when, shadow))


def _name(line: Line) -> str:
    return f"{line.budget} {line.bucket}".strip()


def _limit(line: Line) -> str:
    named = {"nanousd": "", "concurrent": " requests at once"}.get(line.unit, f" {line.unit}")
    limit = f"{amount(line.unit, line.limit)}{named}"
    if line.window is None:
        return limit
    if line.burst is not None:
        return f"{limit} a {line.window}, {amount(line.unit, line.burst)} at once"
    return f"{limit} a {line.window}{' of the calendar' if line.calendar else ''}"


def _foretold(line: Line, found: Forecast) -> str:
    rate = found.rate
    per_hour = [amount(line.unit, 3600 * one) for one in (rate.mean, rate.low, rate.high)]
    parts = (
        _name(line),
        _limit(line),
        f"{amount(line.unit, line.remaining)} left",
        f"{per_hour[0]} an hour ({CONFIDENCE:.0%}: {per_hour[1]} to {per_hour[2]}, "
        f"by the last {_span(rate.span_s)})",
        f"used up {_when(found.at)} (earliest {_when(found.earliest)}, "
        f"latest {_when(found.latest)})",
    )
    return "\t".join(parts)


def _when(at: int | None) -> str:
    return "never" if at is None else _moment(at)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / _SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _span(seconds: float) -> str:
    for length, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} s"
