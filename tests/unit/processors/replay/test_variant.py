"""Variants: read, checked, and what they make of a plan and an index."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.replay.variant import (
    FIELDS,
    LIVE,
    InvalidVariant,
    Variant,
    faults,
    plan_for,
    prompt_of,
    read,
    same_units,
    spec_for,
)
from processors.version import IndexSpec, spec_of
from schemas.control import IndexVersion
from schemas.queries import Query
from tests.doubles.plans import CONTROL, PLAN

QUERY = Query(query_id="q", text="?", tenant="acme")
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "chunk": st.fixed_dictionaries({}, optional={"unit_max": st.integers(100, 500)}),
        "lexical": st.fixed_dictionaries({}, optional={"b": st.floats(0, 1)}),
        "fusion": st.fixed_dictionaries({}, optional={"units": st.integers(1, 500)}),
        "top_k": st.integers(1, 50),
        "dense_weight": st.floats(0, 1),
    },
)


def test_the_live_variant_changes_nothing() -> None:
    """Neither how a question is answered nor from what."""
    live = Variant(name=LIVE)
    assert plan_for(live, PLAN, QUERY, CONTROL) == PLAN
    assert spec_for(live, IndexSpec()) == IndexSpec()
    assert list(faults(live, CONTROL)) == []


@given(SETTINGS)
def test_what_is_named_is_changed_and_nothing_else(fields: dict[str, Any]) -> None:
    """Other settings are another index, by another name; equal ones have one name."""
    variant, base = read({"name": "v", **fields}), spec_of(CONTROL.of(IndexVersion)["v1"])
    spec = spec_for(variant, base)
    assert spec == spec_for(variant, base)
    assert (spec == base) == (spec.name == base.name)
    assert spec.chunk.unit_max == fields.get("chunk", {}).get("unit_max", base.chunk.unit_max)
    assert same_units(spec, base) == (spec.chunk == base.chunk)
    plan = plan_for(variant, PLAN, QUERY, CONTROL)
    assert plan is not None
    assert plan.top_k == fields.get("top_k", PLAN.top_k)
    assert plan.dense_weight == fields.get("dense_weight", PLAN.dense_weight)
    assert plan.model == PLAN.model


@pytest.mark.parametrize(
    "fields",
    [
        {"nmae": "x"},
        {"name": "Upper Case"},
        {"name": "../up"},
        {"chunk": {"unit_mux": 3}},
        {"chunk": 3},
        {"lexical": {"b": "much"}},
        {"top_k": 0},
        {"top_k": 51},
        {"dense_weight": 2},
        {"prompt": "answer"},
        {"prompt": "answer@1", "template": "{{passages}} {{question}}"},
        {"template": "no places"},
        {"embedder": "minilm"},
        {"dimensions": 1},
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    """Whatever there is in control."""
    with pytest.raises(InvalidVariant):
        read({"name": "v", **fields})


def test_an_unknown_field_is_told_with_those_that_there_are() -> None:
    """So that a misspelling is found."""
    with pytest.raises(InvalidVariant, match=r"promt.*prompt"):
        read({"name": "v", "promt": "answer@1"})
    assert "prompt" in FIELDS


def test_a_variants_own_prompt_is_its_own() -> None:
    """It has a name that no registry has."""
    variant = read({"name": "terse", "template": "{{passages}}\n{{question}}"})
    plan = plan_for(variant, PLAN, QUERY, CONTROL)
    assert plan is not None
    assert plan.prompt == "replay/terse@1"
    prompt = prompt_of(variant, plan, CONTROL)
    assert prompt is not None
    assert prompt.template == "{{passages}}\n{{question}}"


def test_a_route_answers_as_its_branch_says() -> None:
    """One that there is not answers nothing."""
    assert plan_for(read({"name": "v", "route": "default"}), PLAN, QUERY, CONTROL) == PLAN
    assert plan_for(read({"name": "v", "route": "gone"}), PLAN, QUERY, CONTROL) is None
    (told,) = faults(read({"name": "v", "route": "gone"}), CONTROL)
    assert "default" in told
