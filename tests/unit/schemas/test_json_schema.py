import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.codec import InvalidEvent, decode_as, encode
from schemas.examples import EXAMPLES
from schemas.json_schema import event_types, schema_of, short_name
from schemas.queries import Query

TYPES = event_types()
QUERY = schema_of("dev.freshet.query.asked.v1")


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_is_valid_and_its_examples_are_too(name: str):
    """By the dialect's own schema, and by an ordinary validator."""
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    assert schema["examples"]
    for example in schema["examples"]:
        Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize(("name", "struct"), TYPES.items())
def test_what_is_written_fits_its_schema(name: str, struct: type):
    """The type and its description say the same."""
    Draft202012Validator(schema_of(name)).validate(json.loads(encode(EXAMPLES[struct])))


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_says_what_the_event_is(name: str):
    """Whoever produces to a topic need not read our code."""
    schema = schema_of(name)
    assert schema["description"]
    assert schema["$id"].endswith(short_name(name))


def test_what_is_said_of_a_field_is_in_the_schema():
    """Also of a field that is inherited, and of one in a nested struct."""
    quota = schema_of("dev.freshet.control.quota.v1")
    receipt = schema_of("dev.freshet.response.given.v1")["$defs"]["Receipt"]
    assert "deadline" in schema_of("dev.freshet.query.admitted.v1")["properties"]
    assert quota["properties"]["removed"]["description"].startswith("From here on")
    assert receipt["properties"]["lexical"]["description"].startswith("Terms of the question")


# Beyond 64 bits JSON Schema has an integer for a number like any other, and readers refuse it.
_INTEGERS = st.integers(1 - 2**63, 2**63 - 1)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5000),
    st.text("aB1*\n\x00 ", max_size=4),
    st.lists(st.sampled_from(["a", 1]), max_size=2),
    st.dictionaries(st.sampled_from(["a", "b c"]), _INTEGERS | st.none(), max_size=2),
)


@given(st.sampled_from(sorted(QUERY["properties"])), VALUES)
def test_schema_and_reader_agree_on_what_a_question_is(field: str, value: Any):
    """A producer that checks against the schema is never refused for its shape."""
    instance = {"query_id": "q", "text": "t", "tenant": "acme", field: value}
    valid = Draft202012Validator(QUERY).is_valid(instance)
    try:
        decode_as(Query, json.dumps(instance).encode())
    except InvalidEvent:
        assert not valid
    else:
        assert valid
