"""Which version a reference stands for: `answer@3` for itself, `answer@production` by its alias.

At the edge, a reference that leads nowhere is refused. Behind it somebody may still have written
one past the commands: then what was in force stays in force, as far as the log can tell it to
everybody alike, whenever they began to read.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from processors.control import Control
from processors.prompt import PROMPT
from schemas.control import EVERYBODY, Alias, PromptVersion, Route

Kind = Literal["prompt", "model"]
KINDS: tuple[Kind, ...] = ("prompt", "model")


class Resolved(Struct, frozen=True):
    """What a reference comes to."""

    version: str
    """`name@version`."""
    wrong: str | None = None
    """Why the reference does not lead there as it should; None where it does."""
    lost: bool = False
    """Nothing that it ever stood for is there: what is built in stands in for it."""


def is_version(reference: str) -> bool:
    """Whether it names a version, and no alias."""
    return reference.rpartition("@")[2].isdecimal()


def resolve(control: Control, of: Kind, reference: str) -> Resolved:
    """The version that a reference stands for, whatever state the log is in.

    A version and an alias that were removed while something names them stay in force for it. An
    alias whose target never was stands for the latest of its earlier targets that was; what never
    was itself stands for what is built in.
    """
    if is_version(reference):
        return _version(control, of, reference)
    alias = control.all(Alias).get(f"{of}/{reference}")
    if alias is None:
        wrong = f"the {of} alias {reference} was never set"
        return Resolved(_built_in(control, of), wrong, lost=True)
    target = _version(control, of, alias.target)
    if target.version != alias.target:
        earlier = (version for version in alias.before if _known(control, of, version))
        wrong, known = f"{reference}: {target.wrong}", next(earlier, None)
        target = Resolved(known or target.version, wrong, lost=known is None)
    if alias.removed:
        return Resolved(target.version, f"the {of} alias {reference} was removed", target.lost)
    return target


def dangling(control: Control) -> Iterator[tuple[str, str]]:
    """What is in force and names something that is not: its key, and what is wrong with it."""
    for name, alias in sorted(control.of(Alias).items()):
        if wrong := resolve(control, alias.of, alias.name).wrong:
            yield f"alias/{name}", wrong
    for name, route in sorted(control.of(Route).items()):
        for branch in route.branches:
            for of, reference in zip(KINDS, (branch.prompt, branch.model), strict=True):
                if wrong := resolve(control, of, reference).wrong:
                    yield f"route/{name}", wrong


def _version(control: Control, of: Kind, version: str) -> Resolved:
    if of == "model":
        return Resolved(version)  # what models there are, the model server knows
    found = control.all(PromptVersion).get(version)
    if found is None:
        return Resolved(_built_in(control, of), f"the prompt {version} does not exist", lost=True)
    return Resolved(version, f"the prompt {version} was removed" if found.removed else None)


def _known(control: Control, of: Kind, version: str) -> bool:
    return of == "model" or version in control.all(PromptVersion)


def _built_in(control: Control, of: Kind) -> str:
    """The version that answers where nothing is set up."""
    if of == "prompt":
        return PROMPT
    route = control.built_in(f"route/{EVERYBODY}")
    assert isinstance(route, Route), "whoever resolves references knows what is built in"
    return route.branches[0].model
