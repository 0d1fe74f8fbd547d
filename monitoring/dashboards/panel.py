"""What a dashboard is made of. `grafana` lays it out; a test asks Prometheus every query."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["timeseries", "stat", "bargauge", "heatmap", "table", "state-timeline"]
Width = Literal[4, 6, 8, 12, 24]
"""Of the 24 columns that a row has."""


class Query(NamedTuple):
    """PromQL, and what its series are called: `{{label}}` stands for a label's value."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One figure. `meaning` is what whoever looks at it wants to be told."""

    title: str
    meaning: str
    queries: tuple[Query, ...]
    unit: str = "short"
    """Grafana's name: `s`, `percentunit`, `reqps`, `ops`, `bytes`, `currencyUSD`, .."""
    kind: Kind = "timeseries"
    width: Width = 8
    stacked: bool = False
    greatest: float | None = None
    """Where the axis ends, of figures that cannot be greater."""
    red_from: float | None = None
    red_below: float | None = None


@dataclass(frozen=True)
class Section:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """A page."""

    uid: str
    title: str
    about: str
    sections: tuple[Section, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of them."""
        return tuple(panel for section in self.sections for panel in section.panels)


RANGE = "$__rate_interval"
"""What Grafana replaces by a range that holds at least four scrapes."""


def rate(series: str, by: str = "", named: str = "") -> Query:
    """How many a second."""
    legend = named or " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if by)
    return Query(f"{_sum(by)}(rate({series}[{RANGE}]))", legend)


def grown(series: str, by: str = "", over: str = "1h", named: str = "") -> Query:
    """How many within a span that ends now."""
    return rate(series, by, named)._replace(expr=f"{_sum(by)}(increase({series}[{over}]))")


def mean(histogram: str, by: str = "", select: str = "", named: str = "") -> Query:
    """The mean of what a histogram was given."""
    parts = [f"{_sum(by)}(rate({histogram}_{end}{select}[{RANGE}]))" for end in ("sum", "count")]
    return rate("", by, named)._replace(expr=" / ".join(parts))


def quantiles(
    histogram: str, *shares: float, by: str = "", select: str = "", named: str = ""
) -> tuple[Query, ...]:
    """One query for each share: 0.95 gives what 95 of 100 stayed below."""
    labels = ", ".join(filter(None, ("le", by)))
    legend = rate("", by, named).legend
    rates = f"sum by ({labels}) (rate({histogram}_bucket{select}[{RANGE}]))"
    return tuple(
        Query(f"histogram_quantile({share:g}, {rates})", f"p{share * 100:g} {legend}".strip())
        for share in shares
    )


def burn(slo: str, over: str, named: str = "{{slo}}") -> Query:
    """How many times too fast allowances are used up; `slo` is a regular expression."""
    bad = f'freshet:slo_bad:ratio_rate{over}{{slo=~"{slo}"}}'
    return Query(f"{bad} / on (slo) freshet:slo_allowed:ratio", named)


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"
