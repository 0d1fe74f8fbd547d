"""What a change of `control` changes, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from schemas.control import ControlEvent

HIDDEN = frozenset({"hash"})
"""Of no use to anybody but a gateway."""
OF_EVERY_CHANGE = frozenset({"kind", "revision", "by", "why", "at"})


class Difference(Struct, frozen=True):
    """A field, `limits.top_k` within `limits`, and what it said before and after as plain data."""

    field: str
    before: Any
    after: Any


def differences(before: ControlEvent | None, after: ControlEvent) -> list[Difference]:
    """The fields in which two events of one key differ, without who changed it, when and why.

    Of the first event of a key those that it says itself.
    """
    old = {} if before is None else _fields(before)
    new = _fields(after)
    names = [name for name in {**new, **old} if old.get(name) != new.get(name)]
    return [Difference(name, old.get(name), new.get(name)) for name in names]


def same(before: ControlEvent | None, after: ControlEvent) -> bool:
    """Whether two events of one key say the same but for who, when and why."""
    return before is not None and not differences(before, after)


def _fields(event: ControlEvent) -> dict[str, Any]:
    plain = msgspec.to_builtins(event)
    return dict(_flat({k: v for k, v in plain.items() if k not in HIDDEN | OF_EVERY_CHANGE}))


def _flat(plain: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in plain.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
