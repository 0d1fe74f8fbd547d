"""Branches as the command line has them: `NAME:share=0.1,prompt=answer@2`."""

from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.control import Branch
from streams.errors import FreshetError

_FIELDS = {
    "share": float,
    "prompt": str,
    "model": str,
    "index": str,
    "top_k": int,
    "dense_weight": float,
}
_NAMES = {"index": "index_version"}


def branches(texts: Sequence[str], known: Sequence[Branch]) -> list[dict[str, Any]]:
    """The branches of a route, as plain data; they are the ones whose answers are shown.

    What is not said of one is as its namesake in `known` has it, else as the first there; shares
    that are not said are what the others leave, in equal parts. The shadows of `known` stay.
    """
    found = [_branch(text, known) for text in texts]
    without = [branch for branch in found if "share" not in branch]
    left = 1 - sum(branch["share"] for branch in found if "share" in branch)
    for branch in without:
        branch["share"] = max(0.0, round(left / len(without), 9))
    named = {branch["name"] for branch in found}
    shadows = [one for one in known if one.shadow and one.name not in named]
    return [*found, *(msgspec.to_builtins(one) for one in shadows)]


def _branch(text: str, known: Sequence[Branch]) -> dict[str, Any]:
    name, _, rest = text.partition(":")
    like = next((one for one in known if one.name == name and not one.shadow), known[0])
    fields: dict[str, Any] = msgspec.to_builtins(like)
    if like.name != name:
        fields = {at: fields[at] for at in ("index_version", "prompt", "model")}
    fields = {at: value for at, value in fields.items() if at != "share"}
    return {**fields, "name": name, **_said(text, rest)}


def _said(text: str, rest: str) -> dict[str, Any]:
    found = {}
    for pair in filter(None, rest.split(",")):
        field, _, value = pair.partition("=")
        kind = _FIELDS.get(field)
        if kind is None:
            raise FreshetError(f"--branch {text}: {field!r} is none of {', '.join(_FIELDS)}")
        try:
            found[_NAMES.get(field, field)] = kind(value) if value else None
        except ValueError:
            raise FreshetError(f"--branch {text}: {value!r} is no {field}") from None
    return found
