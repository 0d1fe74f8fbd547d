"""Which index versions are followed, and which routes use them."""

from typing import Any

from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from processors.indexversions import active, active_spec, moved, routes_using, same_embedder
from processors.version import spec_of
from schemas.control import Branch, IndexVersion, Route

FIRST = next(one for one in built_in("reader") if isinstance(one, IndexVersion))
ROUTE = next(one for one in built_in("reader") if isinstance(one, Route))


def after(*events: Any) -> Control:
    """What is in force after these changes, all of which count."""
    control = Control(built_in("reader"))
    for event in events:
        assert control.observe(event) is None
    return control


def version(name: str, **fields: Any) -> IndexVersion:
    """One that is being built."""
    return replace(FIRST, **{"name": name, "state": "building", "complete_from": None, **fields})


def test_the_first_version_is_there_without_being_built() -> None:
    """It serves, and is whole from the beginning of time."""
    control = after()
    assert list(active(control)) == ["v1"]
    assert active(control)["v1"].complete_from == 0
    assert routes_using(control, "v1") == ["default"]


def test_what_is_retired_is_followed_no_longer_but_known() -> None:
    """Nor what is marked removed."""
    second = version("v2")
    control = after(second, replace(second, revision=2, state="retired"), version("v3"))
    assert sorted(active(control)) == ["v1", "v3"]
    assert active_spec(control, "v2") is None
    removed = after(version("v4"), version("v4", revision=2, removed=True))
    assert sorted(active(removed)) == ["v1"]


def test_vectors_are_shared_by_versions_of_one_embedder() -> None:
    """A retired one has embedded, too."""
    control = after(
        version("v2"),
        version("v2", revision=2, state="retired"),
        version("v3", embedder="large@1", dimensions=768),
    )
    assert same_embedder(control, spec_of(version("v5"))) == ["v1", "v2"]


def test_a_route_goes_over_branch_by_branch() -> None:
    """Those over other versions stay."""
    shadow = Branch(
        name="shadow", index_version="v3", prompt="answer@1", model="reader@1", shadow=True
    )
    route = replace(ROUTE, branches=[*ROUTE.branches, shadow])
    after_it = moved(route, "v1", "v2")
    assert [branch.index_version for branch in after_it.branches] == ["v2", "v3"]
    assert moved(after_it, "v2", "v1") == route
    assert moved(route, "v9", "v2") == route
