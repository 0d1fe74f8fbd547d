"""Which index versions there are, which routes use them, and how a route goes over to another."""

from msgspec.structs import replace

from processors.control import Control
from processors.readtime import Frozen
from processors.version import IndexSpec, spec_of
from schemas.control import Branch, IndexVersion, Route


def frozen(version: IndexVersion) -> Frozen | None:
    """Where a version stands still; None where it follows the log."""
    if version.as_of is None:
        return None
    prefix = "documents/"
    applied = {
        int(name.removeprefix(prefix)): offset
        for name, offset in version.applied.items()
        if name.startswith(prefix) and name.removeprefix(prefix).isdecimal()
    }
    return Frozen(version.as_of, applied)


def versions(control: Control) -> dict[str, IndexVersion]:
    """Every index version in force by its name, the retired among them."""
    return control.of(IndexVersion)


def active(control: Control) -> dict[str, IndexVersion]:
    """Those that are kept in step with the log, by name."""
    return {name: one for name, one in versions(control).items() if one.state != "retired"}


def serving(control: Control) -> set[str]:
    """The names of those that questions may be answered from."""
    return {name for name, one in versions(control).items() if one.state == "serving"}


def active_spec(control: Control, name: str) -> IndexSpec | None:
    """The spec of a version that is kept in step with the log; None where there is none."""
    found = active(control).get(name)
    return None if found is None else spec_of(found)


def same_embedder(control: Control, spec: IndexSpec) -> list[str]:
    """The other versions, retired ones too, whose vectors mean the same as those of a spec."""
    return sorted(
        name
        for name, one in versions(control).items()
        if name != spec.name and one.embedder == spec.embedder
    )


def routes_using(control: Control, name: str) -> list[str]:
    """The names of the routes of which a branch uses an index version, shadows included."""
    return sorted(route for route, one in control.of(Route).items() if name in used_by(one))


def used_by(route: Route) -> set[str]:
    """The index versions of a route's branches."""
    return {branch.index_version for branch in route.branches}


def moved(route: Route, old: str, new: str) -> Route:
    """A route whose branches over the index version `old` are over `new`, else as it was."""

    def other(branch: Branch) -> Branch:
        return replace(branch, index_version=new) if branch.index_version == old else branch

    return replace(route, branches=[other(branch) for branch in route.branches])
