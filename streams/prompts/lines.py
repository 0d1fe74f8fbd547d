"""What the commands say of prompts: a line each, or JSON."""

import json
from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

import msgspec

from schemas.control import Alias, PromptVersion
from schemas.times import format_time
from streams.prompts.files import dump
from streams.prompts.registry import Change, Prompts


def listed(prompts: Prompts, name: str | None, *, as_json: bool) -> Iterator[str]:
    """Every version with its aliases, then what names something that is not there."""
    aliases = prompts.aliases(name)
    for one in prompts.versions(name):
        stand = [each.name for each in aliases if each.target == reference(one)]
        yield _json(one, stand) if as_json else _line(one, stand)
    for key, wrong in prompts.wrong():
        yield json.dumps({"key": key, "wrong": wrong}) if as_json else f"{key}\t-\t{wrong}"


def told(change: Change, *, as_json: bool) -> str:
    """When, who, what and why."""
    event = change.event
    what = _of_alias(event, change.before) if isinstance(event, Alias) else _of_version(event)
    if as_json:
        plain = msgspec.to_builtins(event)
        fields = {name: plain[name] for name in ("revision", "by", "why")}
        return json.dumps({"at": format_time(event.at), "change": what, **fields})
    return "\t".join((format_time(event.at), event.by, what, event.why))


def differences(old: PromptVersion, new: PromptVersion) -> str:
    """A unified diff of two versions as files; empty where they are the same."""
    before, after = (dump(one).splitlines(keepends=True) for one in (old, new))
    return "".join(unified_diff(before, after, reference(old), reference(new)))


def reference(prompt: PromptVersion) -> str:
    """`name@version`."""
    return f"{prompt.name}@{prompt.version}"


def _of_version(event: PromptVersion) -> str:
    return f"{reference(event)} {'removed' if event.removed else 'added'}"


def _of_alias(event: Alias, before: PromptVersion | Alias | None) -> str:
    stood = before.target if isinstance(before, Alias) and not before.removed else "nothing"
    return f"{event.name}: {stood} -> {'nothing' if event.removed else event.target}"


def _line(one: PromptVersion, aliases: list[str]) -> str:
    stand = "removed" if one.removed else ",".join(aliases) or "-"
    made = format_time(one.at) if one.at else "-"
    return "\t".join((reference(one), stand, one.by, made, one.why))


def _json(one: PromptVersion, aliases: list[str]) -> str:
    fields: dict[str, Any] = msgspec.to_builtins(one)
    kept = ("name", "version", "by", "why", "at", "tags", "removed")
    said = {name: fields[name] for name in kept if name in fields}
    return json.dumps({"reference": reference(one), "aliases": aliases, **said})
