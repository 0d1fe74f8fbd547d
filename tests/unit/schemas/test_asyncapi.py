import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from schemas.asyncapi import document
from schemas.roles import ROLES
from schemas.topics import TOPICS

HERE = Path(__file__).parent
SCHEMAS = HERE.parents[2] / "schemas"
OFFICIAL = Draft7Validator(json.loads((HERE / "asyncapi-3.0.0.schema.json").read_text()))
DOCUMENT: dict[str, Any] = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text(encoding="utf-8"))


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return here + [found for value in part.values() for found in references(value)]
    if isinstance(part, list):
        return [found for value in part for found in references(value)]
    return []


def test_the_document_is_valid_by_asyncapis_own_schema():
    """With the bindings for Kafka."""
    assert [error.message for error in OFFICIAL.iter_errors(DOCUMENT)] == []


def test_the_official_schema_would_notice_a_mistake():
    """Otherwise the test above could not fail."""
    broken = document()
    broken["operations"]["writer.send.index.progress"]["action"] = "publish"
    assert not OFFICIAL.is_valid(broken)


def test_every_reference_leads_somewhere():
    """Within the document, or to a file beside it."""
    for reference in references(DOCUMENT):
        if reference.startswith("./"):
            assert (SCHEMAS / reference).is_file(), reference
        else:
            part = DOCUMENT
            for step in reference.removeprefix("#/").split("/"):
                part = part[step]


def test_every_topic_is_a_channel_with_its_key_and_settings():
    """As the workers create it."""
    assert set(DOCUMENT["channels"]) == set(TOPICS)
    documents = DOCUMENT["channels"]["documents"]
    settings = documents["bindings"]["kafka"]["topicConfiguration"]
    assert documents["x-key"] == "doc_id"
    assert settings["cleanup.policy"] == ["compact"]
    assert settings["min.compaction.lag.ms"] == 30 * 24 * 3600 * 1000


def test_a_deletion_is_a_message_without_a_value():
    """The only one: everywhere else a null value is an error."""
    empty = [
        name
        for name, message in DOCUMENT["components"]["messages"].items()
        if message["payload"].get("type") == "null"
    ]
    assert empty == ["document.deleted.v1"]


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_the_headers_of_an_example_fit_their_schema(name: str):
    """CloudEvents in binary mode, or none of it."""
    message = DOCUMENT["components"]["messages"][name]
    common, own = message["headers"]["allOf"]
    common = DOCUMENT["components"]["schemas"]["cloudEvent"]
    for example in message["examples"]:
        for part in (common, own):
            Draft7Validator(part).validate(example["headers"])
    Draft7Validator(common).validate({"content-type": "application/json"})
    assert not Draft7Validator(common).is_valid({"ce_id": "1"})


def test_the_payload_of_an_example_fits_its_schema():
    """The file that the message refers to."""
    for message in DOCUMENT["components"]["messages"].values():
        if "schema" in message["payload"]:
            path = SCHEMAS / message["payload"]["schema"]["$ref"]
            schema = json.loads(path.read_text(encoding="utf-8"))
            for example in message["examples"]:
                Draft202012Validator(schema).validate(example["payload"])


def test_roles_speak_of_topics_that_are_there():
    """And every topic that is written by a role is read by one."""
    sent = {name for role in ROLES.values() for name in role.sends}
    received = {name for role in ROLES.values() for name in role.receives}
    assert sent | received <= set(TOPICS)
    assert sent <= received
