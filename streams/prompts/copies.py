"""Prompts taken from MLflow's registry, and given to it.

Number and text of a version are the same on both sides: what is there already is left alone, and
another text under a number that is taken is refused. What MLflow has no field for goes into a tag.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from processors.prompt import SUPPLIED, pieces
from processors.registry import resolve
from schemas.control import PromptVersion
from schemas.times import format_time
from streams.prompts import files
from streams.prompts.mlflowstore import Entry, MlflowStore, RegistryRefused
from streams.prompts.registry import NoSuchPrompt, PromptRefused, Prompts, refused_by
from streams.said import Said

DEFINITION = "freshet.definition"
"""The tag with variables, checks and parameters, as JSON."""
MADE_BY, MADE_AT = "freshet.by", "freshet.at"

_IN_TAG = ("variables", "checks", "parameters")
_MOST_OF_WHY = 1024
_MOST_UNUSED = 1000


class Copied(NamedTuple):
    """What a copy came to, by reference."""

    versions: list[str]
    aliases: list[str]
    known: list[str]
    """Versions that were there already."""
    refused: list[str]
    """What was not copied, with the reason."""

    def lines(self) -> list[str]:
        """For people."""
        copied = [f"{name}\tcopied" for name in (*self.versions, *self.aliases)]
        left = [f"{len(self.known)} versions were there already"] if self.known else []
        return [*copied, *(f"{what}\trefused" for what in self.refused), *left] or ["nothing"]


class Importer:
    """Takes prompts from MLflow."""

    def __init__(
        self,
        source: MlflowStore,
        prompts: Prompts,
        defaults: Mapping[str, str],
        model: str,
        said: Said,
    ) -> None:
        """`defaults` are for variables that MLflow knows no default of; `model` has to understand
        every prompt; `said.why` is for versions without a message."""
        self._source = source
        self._prompts = prompts
        self._defaults = defaults
        self._model = model
        self._said = said
        self._copied = Copied([], [], [], [])

    async def take(self, names: Sequence[str], *, aliases: bool) -> Copied:
        """Copy prompts of these names, or all; aliases move when their versions are there.

        Raises:
            RegistryRefused: MLflow cannot be read.
            Conflict: somebody changed one at the same time.
        """
        for name in names or self._source.names():
            entries = self._source.entries(name)
            if not entries:
                self._copied.refused.append(f"{name}: MLflow has no such prompt")
            for entry in entries.values():
                await self._version(name, entry)
            if aliases:
                await self._aliases(name, entries)
        return self._copied

    async def _version(self, name: str, entry: Entry) -> None:
        reference = f"{name}@{entry.number}"
        known = self._prompts.control.all(PromptVersion).get(reference)
        try:
            made = self._made(name, entry)
            if known is None:
                await self._prompts.add(made)
                self._copied.versions.append(reference)
            elif _same(known, made, whole=DEFINITION in entry.tags):
                self._copied.known.append(reference)
            else:
                self._copied.refused.append(f"{reference}: there is another text here")
        except (PromptRefused, files.InvalidPromptFile) as error:
            self._copied.refused.append(f"{reference}: {error}")

    def _made(self, name: str, entry: Entry) -> PromptVersion:
        template = entry.template
        if template is None:
            raise PromptRefused("it is a chat; a prompt here is one text")
        if "{%" in template:
            raise PromptRefused("it is a Jinja template; here are only places, {{name}}")
        tags = {key: value for key, value in entry.tags.items() if key != DEFINITION}
        fields = {"template": template, "tags": tags, **self._definition(template, entry)}
        why = entry.message[:_MOST_OF_WHY] or self._said.why
        said = self._said._replace(why=why)
        made = self._prompts.numbered(name, entry.number, fields, "MLflow's text", said)
        if wrong := refused_by(self._model, made):
            raise PromptRefused(wrong)
        return made

    def _definition(self, template: str, entry: Entry) -> dict[str, Any]:
        if DEFINITION in entry.tags:
            try:
                found = json.loads(entry.tags[DEFINITION])
            except ValueError:
                found = None
            if not isinstance(found, dict) or not set(found) <= set(_IN_TAG):
                raise PromptRefused(f"its tag {DEFINITION} was not written by this command")
            return found
        names = sorted({*pieces(template)[1::2]} - SUPPLIED)
        variables = [
            {"name": name, "default": self._defaults[name]}
            for name in names
            if name in self._defaults
        ]
        return {"variables": variables, "parameters": dict(entry.config)}

    async def _aliases(self, name: str, entries: Mapping[int, Entry]) -> None:
        there = {f"{name}@{number}": number for number in entries}
        for version, number in there.items():
            if version not in (*self._copied.versions, *self._copied.known):
                continue
            for alias in self._source.aliases(name, number):
                try:
                    moved = await self._prompts.point(f"{name}@{alias}", version, self._said)
                except (PromptRefused, NoSuchPrompt) as error:
                    self._copied.refused.append(f"{name}@{alias}: {error}")
                else:
                    if moved is not None:
                        self._copied.aliases.append(moved.name)


def give(target: MlflowStore, prompts: Prompts, names: Sequence[str]) -> Copied:
    """Copy prompts of these names, or all, to MLflow.

    Numbers of versions that were removed here stay unused there.

    Raises:
        RegistryRefused: MLflow cannot be read.
    """
    copied = Copied([], [], [], [])
    every = {one.name for one in prompts.versions()}
    for name in names or sorted(every):
        if name not in every:
            copied.refused.append(f"{name}: there is no such prompt")
            continue
        try:
            _give_versions(target, prompts, name, copied)
            _give_aliases(target, prompts, name, copied)
        except RegistryRefused as error:
            copied.refused.append(f"{name}: {error}")
    return copied


def _give_versions(target: MlflowStore, prompts: Prompts, name: str, copied: Copied) -> None:
    there = target.entries(name)
    for prompt in prompts.versions(name):
        reference, found = f"{name}@{prompt.version}", there.get(prompt.version)
        if prompt.removed:
            continue
        if found is not None and found.template == prompt.template:
            copied.known.append(reference)
        elif found is not None:
            copied.refused.append(f"{reference}: MLflow has another text of it")
        elif wrong := _given(target, prompt, newest=max(there, default=0)):
            copied.refused.append(f"{reference}: {wrong}")
        else:
            copied.versions.append(reference)


def _given(target: MlflowStore, prompt: PromptVersion, newest: int) -> str | None:
    """Make a version under its own number; gives why that cannot be. MLflow numbers them itself:
    a number that is not wanted is used up."""
    if not newest < prompt.version <= newest + _MOST_UNUSED:
        return f"MLflow's newest is {newest}, so it cannot get this number"
    while (number := target.add(prompt.name, _entry_of(prompt))) != prompt.version:
        target.remove(prompt.name, number)
        if number > prompt.version:
            return "MLflow has deleted a version of this number"
    return None


def _give_aliases(target: MlflowStore, prompts: Prompts, name: str, copied: Copied) -> None:
    there = {*copied.versions, *copied.known}
    for alias in prompts.aliases(name):
        version = resolve(prompts.control, "prompt", alias.name).version
        number, short = int(version.rpartition("@")[2]), alias.name.rpartition("@")[2]
        if version not in there or short in target.aliases(name, number):
            continue
        try:
            target.point(name, short, number)
        except RegistryRefused as error:
            copied.refused.append(f"{alias.name}: {error}")
        else:
            copied.aliases.append(alias.name)


def _entry_of(prompt: PromptVersion) -> Entry:
    plain = msgspec.to_builtins(prompt)
    own = {name: plain[name] for name in _IN_TAG if name in plain}
    tags = {MADE_BY: prompt.by, MADE_AT: format_time(prompt.at), **prompt.tags}
    if own:
        tags[DEFINITION] = json.dumps(own)
    return Entry(prompt.version, prompt.template, prompt.why, tags, prompt.parameters)


def _same(one: PromptVersion, other: PromptVersion, *, whole: bool) -> bool:
    """Whether two versions have one text, and on the `whole` declare the same."""
    if not whole:
        return one.template == other.template
    return all(getattr(one, field) == getattr(other, field) for field in ("template", *_IN_TAG))
