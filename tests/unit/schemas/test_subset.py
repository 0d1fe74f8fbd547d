"""Changes of a schema, one by one: which of them a reader or an old event would suffer from."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.json_schema import event_types, schema_of
from schemas.subset import gaps

Change = Callable[[dict[str, Any]], object]

BASE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "maxLength": 10, "pattern": "^a"},
        "size": {"type": "integer", "minimum": 0, "maximum": 9, "default": 5},
        "kind": {"enum": ["one", "two"]},
        "value": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 4},
        "labels": {"type": "object", "additionalProperties": {"type": "integer"}},
        "span": {"type": "array", "prefixItems": [{"type": "integer"}], "minItems": 1},
        "child": {"$ref": "#/$defs/Child"},
        "data": {"type": "string", "contentEncoding": "base64"},
    },
    "required": ["id", "kind"],
    "$defs": {
        "Child": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "child": {"$ref": "#/$defs/Child"}},
        }
    },
}


def changed(change: Change) -> dict[str, Any]:
    schema = deepcopy(BASE)
    change(schema)
    return schema


def field(name: str, **keywords: Any) -> Change:
    return lambda schema: schema["properties"][name].update(keywords)


def child(**keywords: Any) -> Change:
    return lambda schema: schema["$defs"]["Child"].update(keywords)


NARROWING: list[tuple[Change, str]] = [
    (field("id", maxLength=9), "$.id"),
    (field("id", minLength=1), "$.id"),
    (field("id", pattern="^b"), "$.id"),
    (field("id", type="integer"), "$.id"),
    (field("size", maximum=8), "$.size"),
    (field("size", minimum=1), "$.size"),
    (field("size", exclusiveMaximum=9), "$.size"),
    (field("size", default=6), "$.size"),
    (field("size", multipleOf=2), "$.size"),
    (field("kind", enum=["one"]), "$.kind"),
    (field("tags", maxItems=3), "$.tags"),
    (field("tags", minItems=1), "$.tags"),
    (field("tags", items={"type": "integer"}), "$.tags[]"),
    (field("tags", items={"enum": ["a"]}), "$.tags[]"),
    (field("labels", additionalProperties={"type": "string"}), "$.labels{}"),
    (field("labels", propertyNames={"maxLength": 3}), "$.labels{key}"),
    (field("span", prefixItems=[{"type": "string"}]), "$.span[0]"),
    (field("span", minItems=2), "$.span"),
    (field("span", prefixItems=[]), "$.span"),
    (field("value", anyOf=[{"type": "string"}]), "$.value"),
    (field("value", anyOf=[{"type": "integer"}, {"type": "null"}]), "$.value"),
    (lambda schema: schema["required"].append("size"), "$.size"),
    (lambda schema: schema["properties"].pop("tags"), "$.tags"),
    (lambda schema: schema["properties"]["data"].pop("contentEncoding"), "$.data"),
    (lambda schema: schema.update(additionalProperties=False), "${}"),
    (lambda schema: schema.update(type="array"), "$"),
    (child(required=["name"]), "$.child.name"),
    (child(properties={"child": {"$ref": "#/$defs/Child"}}), "$.child.name"),
    (field("child", **{"$ref": "#/$defs/Other"}), "$.child"),
]

WIDENING: list[Change] = [
    lambda schema: None,
    field("id", maxLength=11),
    field("id", description="said otherwise", title="Id"),
    lambda schema: schema["properties"]["id"].pop("pattern"),
    field("size", maximum=10, minimum=-1),
    field("size", type="number"),
    field("kind", enum=["two", "three", "one"]),
    field("tags", maxItems=5),
    field("value", anyOf=[{"type": "null"}, {"type": "integer"}, {"type": "string"}]),
    field("span", prefixItems=[{"type": "integer"}, {"type": "string"}]),
    lambda schema: schema["properties"].update(later={"type": "string", "default": ""}),
    lambda schema: schema["required"].remove("kind"),
    child(properties={**BASE["$defs"]["Child"]["properties"], "age": {"type": "integer"}}),
]


@pytest.mark.parametrize(("change", "path"), NARROWING)
def test_what_takes_something_away_is_found_where_it_was_done(change: Change, path: str):
    """Old events, or what they meant, would be lost."""
    new = changed(change)
    new["$defs"]["Other"] = {"type": "string"}
    assert path in [gap.path for gap in gaps(reader=new, writer=BASE)]


@pytest.mark.parametrize("change", WIDENING)
def test_what_only_adds_is_no_gap(change: Change):
    """Types may grow."""
    assert gaps(reader=changed(change), writer=BASE) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (field("kind", enum=["one", "two", "three"]), "$.kind"),
        (field("id", maxLength=11), "$.id"),
        (field("size", type="number"), "$.size"),
        (lambda schema: schema["required"].remove("kind"), "$.kind"),
        (lambda schema: schema["properties"]["id"].pop("pattern"), "$.id"),
    ],
)
def test_an_old_reader_suffers_from_what_is_wider(change: Change, path: str):
    """Why public topics are compared the other way round as well."""
    found = gaps(reader=BASE, writer=changed(change), ignored_is_loss=False)
    assert [gap.path for gap in found] == [path]


def test_an_old_reader_leaves_out_new_fields():
    """They are no gap for it, wherever they are."""
    new = changed(lambda schema: schema["properties"].update(later={"type": "string"}))
    assert gaps(reader=BASE, writer=new, ignored_is_loss=False) == []


SCHEMAS = {name: schema_of(name) for name in event_types()}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_covers_itself(name: str):
    """With all that our types make use of."""
    assert gaps(reader=SCHEMAS[name], writer=SCHEMAS[name]) == []


def places(part: Any, found: list[tuple[dict[str, Any], str]]) -> list[tuple[dict[str, Any], str]]:
    """Every keyword that bounds something, with the part of the schema that it stands in."""
    if isinstance(part, dict):
        for keyword, value in part.items():
            if keyword in _NARROWED and not (keyword == "enum" and len(value) == 0):
                found.append((part, keyword))
            if keyword not in ("examples", "default"):
                places(value, found)
    elif isinstance(part, list):
        for value in part:
            places(value, found)
    return found


_NARROWED: dict[str, Callable[[Any], Any]] = {
    "maximum": lambda bound: bound - 1,
    "minimum": lambda bound: bound + 1,
    "maxLength": lambda bound: bound - 1,
    "minLength": lambda bound: bound + 1,
    "maxItems": lambda bound: bound - 1,
    "pattern": lambda pattern: pattern + "x",
    "enum": lambda values: values[1:],
    "required": lambda names: [*names, "never_sent"],
}


@given(st.sampled_from(sorted(SCHEMAS)), st.data())
def test_any_bound_that_is_narrowed_anywhere_is_found(name: str, data: st.DataObject):
    """However deep in whichever type it is."""
    new = deepcopy(SCHEMAS[name])
    part, keyword = data.draw(st.sampled_from(places(new, [])))
    part[keyword] = _NARROWED[keyword](part[keyword])
    assert gaps(reader=new, writer=SCHEMAS[name])


INSTANCES = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "abc", "b", "a" * 11]), "kind": st.sampled_from(["one", "three"])},
    optional={
        "size": st.integers(-2, 11),
        "value": st.none() | st.text(max_size=1) | st.integers(0, 1),
        "tags": st.lists(st.sampled_from(["a", 1]), max_size=6),
        "span": st.lists(st.sampled_from([1, "x"]), max_size=1),
        "child": st.just({"name": "n"}) | st.just({}),
    },
)


@given(st.sampled_from(WIDENING), INSTANCES)
def test_where_there_is_no_gap_an_ordinary_validator_finds_none(
    change: Change, instance: dict[str, Any]
):
    """An event that was valid is valid still."""
    if Draft202012Validator(BASE).is_valid(instance):
        Draft202012Validator(json.loads(json.dumps(changed(change)))).validate(instance)
