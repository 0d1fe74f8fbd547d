"""The AsyncAPI 3.0 document of the stream, made from the topics, the types and the roles."""

from collections.abc import Iterator
from typing import Any

import msgspec

from schemas.codec import encode
from schemas.envelope import CONTENT_TYPE, MAX_ATTRIBUTE, SPEC_VERSION
from schemas.examples import EXAMPLES
from schemas.json_schema import Schema, short_name
from schemas.roles import ROLES
from schemas.topics import TOPICS, Topic, configs

VERSION = "1.0.0"
"""Of the contract: the first number grows when a reader of yesterday would stumble."""

HORIZON_MS = 30 * 24 * 3600 * 1000
"""The replay horizon where nothing else is configured."""

_BINDING = "0.5.0"
_FORMAT = "application/schema+json;version=draft-2020-12"
_TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_DESCRIPTION = """\
Freshet answers questions from documents that never stop changing. Documents, questions, answers
and feedback are JSON events in Kafka. The envelope is CloudEvents 1.0 in binary mode: attributes
are headers, the value is the event. Messages without `ce_*` headers are read as well. Two events
with the same `ce_source` and `ce_id` are one. Readers leave out fields that they do not know, and
of a field given twice they take the last. Retention times hold for a replay horizon of 30 days.
"""


def document() -> Schema:
    """The whole document, as plain data."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Freshet",
            "version": VERSION,
            "description": " ".join(_DESCRIPTION.split()),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "local": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "The broker that `freshet up` starts.",
            }
        },
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": dict(_operations()),
        "components": {"messages": _messages(), "schemas": {"cloudEvent": _headers(None)}},
    }


def _channel(topic: Topic) -> Schema:
    names = [*topic.types, *([topic.tombstone] if topic.tombstone else [])]
    return {
        "address": topic.name,
        "title": topic.name,
        "description": topic.doc,
        "messages": {
            short_name(name): {"$ref": f"#/components/messages/{short_name(name)}"}
            for name in names
        },
        "tags": [{"name": "public" if topic.public else "internal"}],
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": _BINDING,
            }
        },
        "x-key": topic.key,
    }


def _configuration(topic: Topic) -> Schema:
    found: Schema = {
        name: int(value) if value.removeprefix("-").isdigit() else value
        for name, value in configs(topic, HORIZON_MS).items()
    }
    return found | {"cleanup.policy": [topic.cleanup]}


def _operations() -> Iterator[tuple[str, Schema]]:
    for name, role in ROLES.items():
        for action, topics in (("send", role.sends), ("receive", role.receives)):
            for topic in topics:
                yield (
                    f"{name}.{action}.{topic}",
                    {
                        "action": action,
                        "channel": {"$ref": f"#/channels/{topic}"},
                        "summary": role.doc,
                        "tags": [{"name": name}],
                    },
                )


def _messages() -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for topic in TOPICS.values():
        for name, struct in topic.types.items():
            value = msgspec.json.decode(encode(EXAMPLES[struct]))
            payload = {
                "schemaFormat": _FORMAT,
                "schema": {"$ref": f"./json/{short_name(name)}.json"},
            }
            if short_name(name) not in found:
                found[short_name(name)] = _message(name, payload, value, struct.__doc__)
        if topic.tombstone:
            said = "A null value: what has this key is deleted."
            found[short_name(topic.tombstone)] = _message(
                topic.tombstone, {"type": "null"}, None, said
            )
    return found


def _message(name: str, payload: Schema, value: Any, doc: str | None) -> Schema:
    headers = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": "42",
        "ce_source": "//docs.example/handbook",
        "ce_type": name,
        "ce_time": "2025-10-09T08:53:20.000000Z",
        "content-type": CONTENT_TYPE,
        "traceparent": _TRACEPARENT,
    }
    example: Schema = {"headers": headers}
    if value is not None:
        example["payload"] = value
    return {
        "name": name,
        "title": short_name(name),
        "summary": " ".join((doc or "").split()),
        "contentType": CONTENT_TYPE,
        "headers": _headers(name),
        "payload": payload,
        "bindings": {
            "kafka": {
                "key": {"type": ["string", "null"], "description": _key(name)},
                "bindingVersion": _BINDING,
            }
        },
        "examples": [example],
    }


def _key(name: str) -> str:
    """What the key is, wherever the message travels."""
    carriers = [topic for topic in TOPICS.values() if name in (*topic.types, topic.tombstone)]
    return "; ".join(f"{topic.name}: {topic.key}" for topic in carriers)


def _headers(event_type: str | None) -> Schema:
    """CloudEvents' attributes as Kafka headers; with a type, `ce_type` is that one."""
    if event_type is not None:
        narrowed = {"type": "object", "properties": {"ce_type": {"const": event_type}}}
        return {"allOf": [{"$ref": "#/components/schemas/cloudEvent"}, narrowed]}
    attribute = {"type": "string", "minLength": 1, "maxLength": MAX_ATTRIBUTE}
    needed = ["ce_specversion", "ce_id", "ce_source", "ce_type"]
    return {
        "type": "object",
        "description": "None of the `ce_*` headers, or at least the four that CloudEvents asks "
        "for. Values are UTF-8.",
        "properties": {
            "ce_specversion": {"const": SPEC_VERSION},
            "ce_id": attribute,
            "ce_source": {**attribute, "format": "uri-reference"},
            "ce_type": attribute,
            "ce_time": {"type": "string", "format": "date-time"},
            "content-type": {"type": "string"},
            "traceparent": {
                "type": "string",
                "description": "W3C Trace Context; a malformed one counts as absent.",
            },
        },
        "dependencies": dict.fromkeys((*needed, "ce_time"), needed),
    }
