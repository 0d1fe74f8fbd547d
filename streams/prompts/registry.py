"""Prompts and their aliases in `control`, looked at and changed."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Self

from msgspec.structs import replace

from processors.control import Control
from processors.promptchecks import faults, unread
from processors.registry import dangling, is_version, resolve
from schemas.codec import InvalidEvent, decode_as, encode
from schemas.control import MAX_BEFORE, Alias, ControlEvent, PromptVersion, Route, key_of
from streams.clients.kafka import LogClient
from streams.control import TOPIC, put, read_control, take
from streams.errors import FreshetError
from streams.prompts import files
from streams.said import Said

EXTRACTIVE = "reader"
"""The model that understands one kind of prompt only."""

_SEE = "`freshet prompts list` shows what there is"


class NoSuchPrompt(FreshetError):
    """A reference that leads nowhere."""


class PromptRefused(FreshetError):
    """A change that must not come into force."""


class Change(NamedTuple):
    """A change of a prompt or an alias that counts."""

    event: PromptVersion | Alias
    before: PromptVersion | Alias | None
    """What was in force under its key."""


class Prompts:
    """Prompts and aliases as they stood when they were read.

    Every change here raises Conflict where somebody else made another since then.
    """

    def __init__(self, log: LogClient, control: Control, built_in: Sequence[ControlEvent]) -> None:
        self._log = log
        self._built_in = built_in
        self.control = control

    @classmethod
    async def read(cls, log: LogClient, built_in: Sequence[ControlEvent]) -> Self:
        """As they stand now."""
        return cls(log, await read_control(log, built_in), built_in)

    def versions(self, name: str | None = None) -> list[PromptVersion]:
        """Every version there ever was, by name and number."""
        found = self.control.all(PromptVersion).values()
        chosen = (one for one in found if name in (None, one.name))
        return sorted(chosen, key=lambda one: (one.name, one.version))

    def aliases(self, name: str | None = None) -> list[Alias]:
        """The aliases of prompts that are in force, by name."""
        found = (one for one in self.control.of(Alias).values() if one.of == "prompt")
        chosen = (one for one in found if name in (None, _prompt_of(one.name)))
        return sorted(chosen, key=lambda one: one.name)

    def get(self, reference: str) -> PromptVersion:
        """The version that a reference stands for. Raises NoSuchPrompt."""
        found = resolve(self.control, "prompt", reference)
        if found.wrong is not None:
            raise NoSuchPrompt(f"{found.wrong}; {_SEE}")
        return self.control.all(PromptVersion)[found.version]

    def drafted(
        self, name: str, fields: dict[str, Any], source: object, said: Said
    ) -> PromptVersion:
        """The next version of a prompt, of this definition, not yet written.

        Raises:
            InvalidPromptFile: it is none, as `source` has it.
            PromptRefused: it is unsound.
        """
        number = max((one.version for one in self.versions(name)), default=0) + 1
        return self.numbered(name, number, fields, source, said)

    def numbered(
        self, name: str, number: int, fields: dict[str, Any], source: object, said: Said
    ) -> PromptVersion:
        """A version of this number, likewise."""
        made = files.draft(fields, source, name=name, version=number, **said._asdict())
        if wrong := faults(made):
            raise PromptRefused(f"{source}: {'; '.join(wrong)}")
        return made

    async def add(self, prompt: PromptVersion) -> None:
        """Write a version that was drafted. Raises Conflict."""
        await self._put(prompt)

    async def point(
        self, name: str, reference: str, said: Said, *, expected: str | None = None
    ) -> Alias | None:
        """Let an alias stand for what a reference stands for; None where it does already.

        Raises:
            NoSuchPrompt: there is nothing that the reference stands for.
            PromptRefused: it is another prompt's, or the alias is not at `expected`.
            Conflict: somebody else moved it.
        """
        if is_version(name):
            raise PromptRefused(f"{name} is a version, which never changes; an alias has a name")
        target = self.get(reference)
        if target.name != _prompt_of(name):
            raise PromptRefused(f"{name} cannot stand for a version of another prompt, {reference}")
        version = f"{target.name}@{target.version}"
        known = self._alias(name)
        stands = known.target if known is not None and not known.removed else "nothing"
        if expected not in (None, stands):
            raise PromptRefused(f"{name} stands for {stands}, not for {expected}")
        if stands == version:
            return None
        before = [known.target, *known.before][:MAX_BEFORE] if known is not None else []
        return await self._move(name, version, before, said)

    async def rollback(self, name: str, said: Said) -> Alias:
        """Let an alias stand for what it stood for before.

        Raises:
            NoSuchPrompt: there is no such alias, or it never stood for anything else.
            Conflict: somebody else moved it.
        """
        known = self._alias(name)
        if known is None or known.removed:
            raise NoSuchPrompt(f"the prompt alias {name} is not set; {_SEE}")
        for place, target in enumerate(known.before):
            if resolve(self.control, "prompt", target).wrong is None:
                return await self._move(name, target, known.before[place + 1 :], said)
        raise NoSuchPrompt(f"{name} stood for nothing before that there still is; {_SEE}")

    async def remove(self, reference: str, said: Said) -> None:
        """Take a version or an alias out of use. Raises NoSuchPrompt, PromptRefused, Conflict."""
        kept = self.get(reference) if is_version(reference) else self._alias(reference)
        if kept is None or kept.removed:
            raise NoSuchPrompt(f"the prompt alias {reference} is not set; {_SEE}")
        if users := self._users(reference):
            raise PromptRefused(f"{reference} is in use: {', '.join(users)}")
        revision = self.control.revision(key_of(kept)) + 1
        await self._put(replace(kept, removed=True, revision=revision, **said._asdict()))

    def wrong(self) -> list[tuple[str, str]]:
        """What names a prompt or a model that is not there, and why."""
        return list(dangling(self.control))

    def _users(self, reference: str) -> list[str]:
        """What names a version or an alias."""
        aliases = [one.name for one in self.aliases() if one.target == reference]
        routes = [
            f"the route {route.name}"
            for route in self.control.of(Route).values()
            if any(branch.prompt == reference for branch in route.branches)
        ]
        return aliases + routes

    def _alias(self, name: str) -> Alias | None:
        return self.control.all(Alias).get(f"prompt/{name}")

    async def _move(self, name: str, version: str, before: list[str], said: Said) -> Alias:
        revision = self.control.revision(f"alias/prompt/{name}") + 1
        moved = Alias(
            name=name,
            of="prompt",
            target=version,
            before=before,
            revision=revision,
            **said._asdict(),
        )
        await self._put(moved)
        return moved

    async def _put(self, change: PromptVersion | Alias) -> None:
        try:
            decode_as(type(change), encode(change))
        except InvalidEvent as error:
            raise PromptRefused(f"{key_of(change)}: {error}") from None
        await put(self._log, change, self._built_in)
        self.control.observe(change)


def refused_by(model: str, prompt: PromptVersion) -> str | None:
    """Why a model would refuse every question with a sound prompt; None where it would not."""
    return unread(prompt) if model == EXTRACTIVE else None


async def changes(
    log: LogClient, built_in: Sequence[ControlEvent], name: str | None = None
) -> AsyncIterator[Change]:
    """Every change that counts, of one prompt or of all; by key in the order of the log."""
    control = Control(built_in)
    async for record in log.read(TOPIC):
        before = control.get((record.key or b"").decode(errors="replace"))
        event = take(control, record).event
        if isinstance(event, PromptVersion | Alias) and _concerns(event, name):
            assert before is None or isinstance(before, PromptVersion | Alias)
            yield Change(event, before)


def _concerns(event: PromptVersion | Alias, name: str | None) -> bool:
    if isinstance(event, PromptVersion):
        return name in (None, event.name)
    return event.of == "prompt" and name in (None, _prompt_of(event.name))


def _prompt_of(alias_name: str) -> str:
    return alias_name.rpartition("@")[0]
