"""What `freshet routes results` prints."""

from collections.abc import Iterator

from processors.compare.figures import FIGURES
from processors.compare.intervals import Interval
from processors.compare.results import BranchResults, Difference, Measured, Results
from schemas.times import format_time

_KINDS = {one.name: one.kind for one in FIGURES}
_MARKS = {"better": "better", "worse": "worse", "unclear": ""}


def table(found: Results, since: int) -> Iterator[str]:
    """A block a branch, each figure with its interval and its difference to the first branch."""
    asked = f"questions asked since {format_time(since)}" if since else "all questions in the log"
    yield f"route {found.route}, {asked}; intervals at {100 * found.level:g}%"
    if found.comparisons:
        yield (
            f"differences to {found.first}: the {found.comparisons} intervals hold at "
            f"{100 * found.level:g}% together"
        )
    if not found.branches:
        yield "nobody was answered by it; has it got tenants, and do they ask?"
    for branch in found.branches:
        yield ""
        yield from _block(branch)


def _block(branch: BranchResults) -> Iterator[str]:
    unseen = ", unseen" if branch.is_shadow else ""
    yield f"{branch.name}{unseen}: {branch.answers} answers in {branch.units} sessions"
    for way, count in branch.ways.items():
        yield f"  {count} by {way}"
    differences = {one.figure: one for one in branch.differences}
    for measured in branch.figures:
        yield _line(measured, differences.get(measured.figure))
    if (alike := branch.retrieval) is not None:
        for name, interval in (("overlap", alike.overlap), ("ranks", alike.rank_agreement)):
            value, bounds = _said(interval, "share")
            yield f"  {'passages: ' + name:<18}{value:>9}  {bounds:<20} of {alike.pairs} pairs"


def _line(measured: Measured, difference: Difference | None) -> str:
    kind = _KINDS[measured.figure]
    value, bounds = _said(measured.interval, kind)
    line = f"  {measured.figure:<18}{value:>9}  {bounds:<20} of {measured.count}"
    if difference is None:
        return line
    more, between = _said(difference.interval, kind, sign="+")
    paired = f" in {difference.count} pairs" if difference.paired else ""
    mark = _MARKS[difference.verdict]
    return f"{line:<62}{more:>9}  {between:<20}{paired} {mark}".rstrip()


def _said(interval: Interval, kind: str, sign: str = "") -> tuple[str, str]:
    bounds = [
        "?" if bound is None else _number(bound, kind, sign)
        for bound in (interval.low, interval.high)
    ]
    return _number(interval.value, kind, sign), f"{bounds[0]} to {bounds[1]}"


def _number(value: float, kind: str, sign: str) -> str:
    if kind == "share":
        return f"{100 * value:{sign}.1f}%"
    return f"{value:{sign}.4g}"
