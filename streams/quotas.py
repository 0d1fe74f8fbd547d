"""Quotas and budgets in `control`: set, changed and removed."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from processors.control import Control
from schemas.control import Budget, Quota
from streams.clients.kafka import LogClient
from streams.control import Conflict, put, read_control
from streams.errors import FreshetError
from streams.said import Said

Limiting = Quota | Budget

_KEYS: Mapping[type[Limiting], tuple[str, str]] = {
    Quota: ("quota", "tenant"),
    Budget: ("budget", "name"),
}
"""What each is called in a key, and the field that names it."""

_Kind = TypeVar("_Kind", Quota, Budget)


async def change(
    log: LogClient,
    kind: type[_Kind],
    name: str,
    changes: Mapping[str, Any],
    said: Said,
    expected: int | None = None,
) -> _Kind:
    """Set fields of a quota or a budget; a value of None is as if it had never been set.

    Raises:
        FreshetError: there can be no such thing.
        Conflict: somebody else was first.
    """
    control = await read_control(log)
    before = _in_force(control, kind, name)
    fields = {} if before is None else msgspec.to_builtins(before)
    made = _made(control, kind, name, {**fields, **changes}, said, expected)
    _check(control, made)
    await put(log, made)
    return made


async def remove(
    log: LogClient, kind: type[_Kind], name: str, said: Said, expected: int | None = None
) -> _Kind:
    """Let nobody be bound by it any more.

    Raises:
        FreshetError: there is none, or others are charged to it.
        Conflict: somebody else was first.
    """
    control = await read_control(log)
    before = _in_force(control, kind, name)
    if before is None:
        raise FreshetError(f"there is no {_key(kind, name)}; `freshet quota show` lists them")
    if isinstance(before, Budget) and (users := _charged_to(control, name)):
        raise FreshetError(f"{name} is the pool of {', '.join(users)}: change them first")
    made = _made(
        control, kind, name, {**msgspec.to_builtins(before), "removed": True}, said, expected
    )
    await put(log, made)
    return made


def _in_force(control: Control, kind: type[_Kind], name: str) -> _Kind | None:
    return control.of(kind).get(name)


def _key(kind: type[Limiting], name: str) -> str:
    return f"{_KEYS[kind][0]}/{name}"


def _made(
    control: Control,
    kind: type[_Kind],
    name: str,
    fields: Mapping[str, Any],
    said: Said,
    expected: int | None,
) -> _Kind:
    tag, named = _KEYS[kind]
    key = _key(kind, name)
    revision = control.revision(key)
    if expected not in (None, revision):
        raise Conflict(
            f"{key} is at revision {revision}, not {expected}; look at it, then run this "
            "again if it is still wanted"
        )
    whole = {
        **fields,
        **{"kind": tag, named: name, "revision": revision + 1},
        **{"by": said.by, "why": said.why, "at": said.at},
    }
    try:
        return msgspec.convert({k: v for k, v in whole.items() if v is not None}, kind)
    except msgspec.ValidationError as error:
        raise FreshetError(f"there can be no such {key}: {error}") from None


def _check(control: Control, made: Limiting) -> None:
    """What its type does not rule out."""
    if not isinstance(made, Budget):
        return
    wrong = None
    if made.unit == "concurrent" and (made.calendar or made.burst is not None):
        wrong = "`concurrent` has no window, so neither a calendar nor a burst"
    elif made.calendar and made.burst is not None:
        wrong = "a window of the calendar has no burst"
    elif made.pool is not None:
        wrong = _wrong_pool(control, made)
    elif not made.shared and (users := _charged_to(control, made.name)):
        wrong = f"it is the pool of {', '.join(users)}: --shared"
    if wrong is not None:
        raise FreshetError(f"budget/{made.name}: {wrong}")


def _wrong_pool(control: Control, made: Budget) -> str | None:
    pool = control.of(Budget).get(made.pool or "")
    if pool is None or not pool.shared:
        return (
            f"there is no shared budget {made.pool!r}; `freshet quota set NAME --shared` makes one"
        )
    return "a pool has no pool of its own" if made.shared else None


def _charged_to(control: Control, name: str) -> list[str]:
    return sorted(one.name for one in control.of(Budget).values() if one.pool == name)
