"""What is in force: a fold of `control`, the same for everybody who reads the log."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from processors.promptchecks import faults
from schemas.control import (
    ApiKey,
    Calibration,
    ControlEvent,
    IndexVersion,
    PromptVersion,
    key_of,
)

Kind = TypeVar("Kind", bound=ControlEvent)
View = TypeVar("View")

_MAY_CHANGE: Mapping[type[ControlEvent], frozenset[str]] = {
    PromptVersion: frozenset(),
    IndexVersion: frozenset({"state", "complete_from"}),
    ApiKey: frozenset({"label", "scopes", "expires_at", "priority"}),
    Calibration: frozenset({"share", "routes"}),
}
"""Kinds whose events are versions of something: the rest of a version never changes."""
_OF_EVERY_CHANGE = frozenset({"revision", "by", "why", "at", "removed"})
_LIFE = ("building", "serving", "retired")
"""Of an index version: it goes on, never back, for what it had is dropped in the end."""


class Control:
    """Every change that counts, by its key."""

    def __init__(self, built_in: Iterable[ControlEvent] = ()) -> None:
        """`built_in` is in force until the log says otherwise; its revisions do not matter."""
        self._found: dict[str, ControlEvent] = {}
        self._by_kind: defaultdict[type[Any], dict[str, Any]] = defaultdict(dict)
        self._views: dict[Callable[[Control], Any], Any] = {}
        for event in built_in:
            self._put(key_of(event), event)
        self._built_in = dict(self._found)

    def observe(self, event: ControlEvent) -> str | None:
        """Take an event, in the order of the log; gives why it does not count, else None.

        It counts where it is sound, goes on from the revision in force and leaves alone what a
        version may not change. The first of a key counts whatever its revision: those before it
        may be compacted away. A key's revocation counts whatever its revision, and for good.
        """
        key = key_of(event)
        if wrong := unsound(event):
            return f"{key}: {wrong}"
        before = self._found.get(key)
        if before is not None and (refused := self._refused(key, before, event)):
            return refused
        self._put(key, event)
        return None

    def get(self, key: str) -> ControlEvent | None:
        """What was last changed under a key, removed or not."""
        return self._found.get(key)

    def revision(self, key: str) -> int:
        """The revision in force, which the next change has to go on from; 0 where there is none."""
        known = self._found.get(key)
        return 0 if known is None or self._is_built_in(key) else known.revision

    def built_in(self, key: str) -> ControlEvent | None:
        """What a key held before the log said anything."""
        return self._built_in.get(key)

    def all(self, kind: type[Kind]) -> dict[str, Kind]:
        """Every change of a kind that counts, removed or not, by its key without the kind."""
        return dict(self._by_kind[kind])

    def of(self, kind: type[Kind]) -> dict[str, Kind]:
        """What is in force of a kind, likewise: in place of what was removed, what is built in."""
        found = self._by_kind[kind].items()
        standing = ((key, self._standing(event)) for key, event in found)
        return {key: event for key, event in standing if event is not None}

    def view(self, make: Callable[["Control"], View]) -> View:
        """What `make` makes of all that is in force: made anew after a change, else as it was."""
        if make not in self._views:
            self._views[make] = make(self)
        found: View = self._views[make]
        return found

    def _standing(self, event: Any) -> Any:
        return self._built_in.get(key_of(event)) if event.removed else event

    def _is_built_in(self, key: str) -> bool:
        return self._found[key] is self._built_in.get(key)

    def _put(self, key: str, event: ControlEvent) -> None:
        self._views.clear()
        self._found[key] = event
        self._by_kind[type(event)][key.partition("/")[2]] = event

    def _refused(self, key: str, before: ControlEvent, event: ControlEvent) -> str | None:
        if isinstance(event, ApiKey) and isinstance(before, ApiKey):
            if before.removed:
                return f"{key} is revoked, for good"
            if event.removed and _fixed(before) == _fixed(event):
                return None
        known = self.revision(key)
        if not self._is_built_in(key) and event.revision != known + 1:
            return f"{key} is at revision {known}, changed by {before.by}: {known + 1} comes next"
        if _goes_back(before, event):
            return f"{key} has gone on: an index version that serves or is retired stays so"
        if _fixed(before) != _fixed(event):
            return f"{key} never changes: make another version"
        return None


def unsound(event: ControlEvent) -> str | None:
    """Why an event counts nowhere, whatever else is in force; None where it may."""
    match event:
        case PromptVersion():
            return "; ".join(faults(event))
        case IndexVersion():
            return _unmakeable(event)
        case _:
            return None


def _unmakeable(version: IndexVersion) -> str | None:
    # Parsers and stemmers: most who follow `control` need none of them.
    from processors.version import InvalidSpec, spec_of

    try:
        spec_of(version)
    except InvalidSpec as error:
        return str(error)
    return None


def _goes_back(before: ControlEvent, event: ControlEvent) -> bool:
    if not isinstance(event, IndexVersion) or not isinstance(before, IndexVersion):
        return False
    return _LIFE.index(event.state) < _LIFE.index(before.state)


def _fixed(event: ControlEvent) -> list[object]:
    """What a later change of the same key has to leave as it is."""
    may_change = _MAY_CHANGE.get(type(event))
    if may_change is None:
        return [type(event)]
    fields = (name for name in event.__struct_fields__ if name not in may_change)
    return [type(event), *(getattr(event, n) for n in fields if n not in _OF_EVERY_CHANGE)]
