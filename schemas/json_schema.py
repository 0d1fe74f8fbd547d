"""JSON Schema 2020-12 of each event type: what the types accept, with their own words."""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any

import msgspec
from msgspec import Struct

from schemas.codec import encode
from schemas.examples import EXAMPLES
from schemas.topics import TOPICS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PREFIX = "dev.freshet."

Schema = dict[str, Any]


def event_types() -> dict[str, type[Struct]]:
    """Every `ce_type` that has a value, with its struct; each once, in the order of the topics."""
    return {name: struct for topic in TOPICS.values() for name, struct in topic.types.items()}


def short_name(event_type: str) -> str:
    """`dev.freshet.query.asked.v1` is described in `query.asked.v1.json`."""
    return event_type.removeprefix(_PREFIX)


def schema_of(event_type: str) -> Schema:
    """The schema of an event type. Unknown fields are allowed: newer events may have them."""
    struct = event_types()[event_type]
    (_,), components = msgspec.json.schema_components([struct])
    known = _structs(struct.__module__)
    for name, component in components.items():
        _describe(component, known[name])
    root = components.pop(struct.__name__)
    found: Schema = {
        "$schema": DIALECT,
        "$id": f"urn:freshet:{short_name(event_type)}",
        **root,
        "examples": [msgspec.json.decode(encode(EXAMPLES[struct]))],
    }
    if components:
        found["$defs"] = dict(sorted(components.items()))
    return found


def _describe(component: Schema, struct: type[Struct]) -> None:
    """Put what the fields' docstrings say into a struct's schema."""
    if "description" in component:
        component["description"] = _line(component["description"])
    for name, text in _field_docs(struct).items():
        if name in component.get("properties", {}):
            component["properties"][name]["description"] = text


@cache
def _field_docs(struct: type[Struct]) -> dict[str, str]:
    """The string after a field says what the field is; Python itself forgets it."""
    found: dict[str, str] = {}
    for owner in reversed(struct.__mro__):
        if owner.__module__.startswith("schemas."):
            body = ast.parse(dedent(inspect.getsource(owner))).body[0]
            assert isinstance(body, ast.ClassDef)
            found.update(_documented(body.body))
    return found


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                yield name, _line(said)


@cache
def _structs(module: str) -> dict[str, type[Struct]]:
    """The structs that a module defines or imports, by name: all that its events are made of."""
    found: dict[str, type[Struct]] = {}
    for value in vars(sys.modules[module]).values():
        if isinstance(value, type) and issubclass(value, Struct) and value is not Struct:
            found[value.__name__] = value
    return found


def _line(text: str) -> str:
    return " ".join(text.split())
