"""A prompt as a file: YAML that says all there is to it, or its text alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from schemas.control import PromptChecks, PromptVersion, Variable
from streams.errors import FreshetError

FIELDS = ("template", "variables", "checks", "parameters", "tags")
"""What an author says of a version; the rest, `add` and the log say."""
_SUFFIXES = (".yaml", ".yml", ".json")


class InvalidPromptFile(FreshetError):
    """A file that describes no prompt."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Texts of several lines as they are, and signs that do not show escaped."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = text.split("\n")
    style = '"' if not all(map(str.isprintable, lines)) else "|" if len(lines) > 1 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def definition(prompt: PromptVersion) -> dict[str, Any]:
    """What its author says of a version, as plain data; what is left at its default is left out."""
    plain = msgspec.to_builtins(prompt)
    return {name: plain[name] for name in FIELDS if name in plain}


def dump(prompt: PromptVersion) -> str:
    """A version's definition as YAML, which `read` gives back exactly."""
    found = definition(prompt)
    text: str = yaml.dump(found, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def read(path: Path) -> dict[str, Any]:
    """The definition in a file. One that is neither YAML nor JSON by its name is the template
    alone, without the line end that editors put behind the last line.

    Raises:
        InvalidPromptFile: it cannot be read, or is no such file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix not in _SUFFIXES:
            return {"template": text.removesuffix("\n")}
        found = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidPromptFile(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise InvalidPromptFile(f"{path} has no fields; it needs `template`")
    return {str(name): value for name, value in found.items()}


def draft(fields: Mapping[str, Any], source: object, **said: Any) -> PromptVersion:
    """A new version of this definition; `said` has its name, number, author, reason and time.

    Raises:
        InvalidPromptFile: the definition, which `source` has, is none.
    """
    try:
        made = msgspec.convert({"kind": "prompt", "revision": 1, **fields, **said}, PromptVersion)
    except msgspec.ValidationError as error:
        raise InvalidPromptFile(f"{source} is no prompt: {error}") from None
    if unknown := sorted(_unknown(fields)):
        raise InvalidPromptFile(f"{source}: there is no field {', '.join(unknown)}")
    return made


def _unknown(fields: Mapping[str, Any]) -> set[str]:
    """Fields that nobody reads: misspelt, most likely. The others are as they should be."""
    found = set(fields) - set(FIELDS)
    for variable in fields.get("variables", ()):
        found |= {f"variables.{name}" for name in set(variable) - set(Variable.__struct_fields__)}
    checks = set(fields.get("checks") or ())
    return found | {f"checks.{name}" for name in checks - set(PromptChecks.__struct_fields__)}
