"""An index version in a line, and as it is printed for machines."""

from typing import Any

from schemas.times import format_time
from streams.versions.behind import Standing
from streams.versions.listing import Listed


def plain(one: Listed) -> dict[str, Any]:
    """For machines."""
    version, stands = one.version, one.standing
    return {
        "name": version.name,
        "state": version.state,
        "behind": stands.behind if stands else None,
        "behind_s": round(stands.behind_s, 1) if stands else None,
        "read_time": stands.read_time if stands else None,
        "rows": one.rows,
        "routes": one.routes,
        "complete_from": version.complete_from,
        "as_of": version.as_of,
        "revision": version.revision,
        "by": version.by,
        "why": version.why,
    }


def line(one: Listed) -> str:
    """For people."""
    stands = one.standing
    if one.version.as_of is not None and stands is not None and not stands.behind:
        behind = f"stands still at {format_time(one.version.as_of)}"
    else:
        behind = _behind(stands)
    routes = ",".join(one.routes) or "no route"
    rows = "-" if one.rows is None else f"{one.rows} rows"
    return "\t".join((one.version.name, one.version.state, behind, rows, routes, one.version.why))


def _behind(stands: Standing | None) -> str:
    return f"{stands.behind} events, {stands.behind_s:.0f} s behind" if stands else "-"
