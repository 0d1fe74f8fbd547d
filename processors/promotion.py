"""What is in force in one environment, to be in force in another: what that would change there."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from processors.control import Control
from processors.differences import Difference, differences
from processors.registry import resolve
from processors.routes import faults
from schemas.control import (
    MAX_BEFORE,
    Alias,
    Budget,
    Calibration,
    ControlEvent,
    PromptVersion,
    Quota,
    Route,
    Tenant,
    key_of,
)

KINDS: dict[str, type[ControlEvent]] = {
    "prompt": PromptVersion,
    "alias": Alias,
    "budget": Budget,
    "quota": Quota,
    "tenant": Tenant,
    "calibration": Calibration,
    "route": Route,
}
"""What can be promoted, in the order in which one builds on the other. Keys are an environment's
own, as is which environment it is; an index version has to be built where it is to serve."""
USUAL = ("prompt", "alias", "route")
_MOST_OF_WHY = 1024

Outcome = Literal["new", "changed", "same", "refused"]


class Step(NamedTuple):
    """What becomes of one event."""

    event: ControlEvent
    """As it would be written."""
    outcome: Outcome
    changes: list[Difference]
    reason: str = ""
    """Why it is refused."""

    @property
    def key(self) -> str:
        """What it is the event of."""
        return key_of(self.event)


def exported(control: Control, kinds: Sequence[str], prefix: str = "") -> list[ControlEvent]:
    """What is in force of these kinds, in an order in which it can be taken in.

    What is built in everywhere is left out.
    """
    found = [
        event
        for name, kind in KINDS.items()
        if name in kinds
        for _, event in sorted(control.of(kind).items())
    ]
    chosen = [event for event in found if key_of(event).startswith(prefix)]
    return [event for event in chosen if event is not control.built_in(key_of(event))]


def steps(
    control: Control, events: Iterable[ControlEvent], *, by: str, why: str, at: int
) -> list[Step]:
    """What taking in these events would come to; `control` goes on with each that counts.

    Who made it where it comes from, and why, is told behind `why`.
    """
    order = list(KINDS.values())
    found = [
        _step(control, event, by, why, at)
        for event in sorted(events, key=lambda event: order.index(type(event)))
    ]
    return [_checked(control, step) for step in found]


def _step(control: Control, event: ControlEvent, by: str, why: str, at: int) -> Step:
    key = key_of(event)
    before = control.get(key)
    if isinstance(event, Alias):
        event = replace(event, before=_before(before, event))
    changes = differences(before, event)
    known = control.revision(key)
    said = f"{why}; {event.by}: {event.why}"[:_MOST_OF_WHY]
    event = replace(event, revision=known + 1, by=by, why=said, at=at)
    if not changes:
        return Step(event, "same", [])
    if refused := control.observe(event):
        return Step(event, "refused", changes, refused)
    return Step(event, "new" if before is None else "changed", changes)


def _checked(control: Control, step: Step) -> Step:
    """Refuse what would name what is not there, once all is there that comes with it."""
    wrong: list[str] = []
    if isinstance(step.event, Route):
        wrong = faults(control, step.event)
    elif isinstance(step.event, Alias):
        missing = resolve(control, step.event.of, step.event.target).wrong
        wrong = [missing] if missing else []
    if step.outcome in ("new", "changed") and wrong:
        return step._replace(outcome="refused", reason="; ".join(wrong))
    return step


def _before(known: ControlEvent | None, event: Alias) -> list[str]:
    """What an alias stood for here, where a rollback goes: not what it stood for elsewhere."""
    if not isinstance(known, Alias) or known.removed:
        return []
    if known.target == event.target:
        return known.before
    return [known.target, *known.before][:MAX_BEFORE]
