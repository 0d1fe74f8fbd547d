"""Events as they were written once. Lines are added here and never changed or taken away."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.codec import decode_as, encode
from schemas.json_schema import event_types, short_name

GOLDEN = Path(__file__).parent / "golden"
TYPES = {short_name(name): struct for name, struct in event_types().items()}
LINES = [
    pytest.param(path.name.removesuffix(".jsonl"), line, id=f"{path.stem}:{number}")
    for path in sorted(GOLDEN.glob("*.jsonl"))
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], 1)
]


def said(event: Any, line: Any) -> bool:
    """Whether the event still says all that the line did."""
    if isinstance(line, dict):
        return all(
            name == "added_later" or (name in event and said(event[name], value))
            for name, value in line.items()
        )
    if isinstance(line, list):
        return len(event) == len(line) and all(map(said, event, line))
    return bool(event == line)


def whole(event: Any) -> Any:
    """An event as plain data, fields that are left at their default included."""
    if isinstance(event, msgspec.Struct):
        config = event.__struct_config__
        if config.array_like:
            return [whole(getattr(event, name)) for name in event.__struct_fields__]
        tag = {config.tag_field: config.tag} if config.tag_field and config.tag else {}
        return tag | {name: whole(getattr(event, name)) for name in event.__struct_fields__}
    if isinstance(event, dict):
        return {name: whole(value) for name, value in event.items()}
    if isinstance(event, (list, tuple)):
        return [whole(value) for value in event]
    return msgspec.to_builtins(event)


@pytest.mark.parametrize(("name", "line"), LINES)
def test_an_event_of_the_past_is_read_and_says_what_it_said(name: str, line: str):
    """Types grow; they lose nothing."""
    event = decode_as(TYPES[name], line.encode())
    assert said(whole(event), json.loads(line))


@pytest.mark.parametrize(("name", "line"), LINES)
def test_an_event_of_the_past_can_be_sent_again(name: str, line: str):
    """Replay writes what it has read."""
    event = decode_as(TYPES[name], line.encode())
    assert decode_as(TYPES[name], encode(event)) == event


def test_every_type_has_events_of_the_past():
    """A new type brings some."""
    assert {path.name.removesuffix(".jsonl") for path in GOLDEN.glob("*.jsonl")} >= set(TYPES)
