"""What an index version's event fixes, and what is refused of it."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from processors.version import IndexSpec, InvalidSpec, changed, settings_of, spec_of
from schemas.control import IndexVersion
from schemas.examples import EXAMPLES

VERSION: IndexVersion = EXAMPLES[IndexVersion]  # type: ignore[assignment]


def test_a_spec_survives_its_event() -> None:
    """Every setting is written out: another default later changes nothing."""
    spec = IndexSpec(name="v2", dimensions=768, embedder="large@3")
    spec = replace(spec, chunk=changed(spec.chunk, {"unit_max": 200}, "chunk"))
    fields = {**msgspec.to_builtins(spec), "state": "building"}
    event = msgspec.convert(
        {"kind": "index", "revision": 1, "by": "a", "why": "b", "at": 1, **fields}, IndexVersion
    )
    assert spec_of(event) == spec


def test_what_is_left_unsaid_is_as_built_in() -> None:
    """An event may say no more than what it is about."""
    said = replace(VERSION, name="v2", chunk={"title": "never"}, lexical={}, fusion={})
    spec = spec_of(said)
    assert spec.chunk == replace(IndexSpec().chunk, title="never")
    assert (spec.lexical, spec.fusion) == (IndexSpec().lexical, IndexSpec().fusion)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "V 2"}, "name"),
        ({"name": "x" * 33}, "name"),
        ({"chunk": {"unit_most": 3}}, "chunk.unit_most"),
        ({"chunk": {"unit_max": 0}}, "chunk"),
        ({"chunk": {"unit_max": "long"}}, "chunk"),
        ({"chunk": {"unit_max": 30}}, "chunk.unit_min"),
        ({"chunk": {"passage_max": 600}}, "chunk.passage_target"),
        ({"chunk": {"title": "sometimes"}}, "chunk"),
        ({"lexical": {"b": 1.5}}, "lexical"),
        ({"lexical": {"average_length": 0.0}}, "lexical"),
        ({"fusion": {"units": 10**6}}, "fusion"),
        ({"fusion": {"dense_weight": -1.0}}, "fusion"),
    ],
)
def test_what_no_index_can_be_made_by_is_refused_by_its_name(
    change: dict[str, Any], told: str
) -> None:
    """Each message names the setting."""
    with pytest.raises(InvalidSpec, match=told):
        spec_of(replace(VERSION, **change))


def test_a_command_lines_values_are_read_by_what_they_are_for() -> None:
    """Text becomes a number where a number is asked for, and nothing else."""
    chunk = changed(IndexSpec().chunk, {"unit_max": "200", "title": "never"}, "chunk", strict=False)
    assert (chunk.unit_max, chunk.title) == (200, "never")
    with pytest.raises(InvalidSpec):
        changed(IndexSpec().chunk, {"unit_max": "many"}, "chunk", strict=False)


def test_settings_are_compared_one_by_one() -> None:
    """By their dotted names; a version's name is none of its settings."""
    one, other = IndexSpec(), replace(IndexSpec(name="v2"), dimensions=768)
    first, second = settings_of(one), settings_of(other)
    assert {name for name in first if first[name] != second[name]} == {"dimensions"}
    assert first["chunk.unit_max"] == 400
