"""What every command of `freshet prompts` begins with."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from streams.connected import with_log

if TYPE_CHECKING:
    from schemas.control import ControlEvent, PromptVersion
    from streams.clients.kafka import LogClient
    from streams.prompts.mlflowstore import MlflowStore
    from streams.prompts.registry import Change, Prompts

_T = TypeVar("_T")


def with_prompts(work: Callable[["Prompts"], Awaitable[_T]]) -> _T:
    """The result of `work`, given the prompts as they stand now."""
    from streams.prompts.registry import Prompts

    async def on(log: "LogClient") -> _T:
        return await work(await Prompts.read(log, _built_in()))

    return asyncio.run(with_log(on))


def look() -> "Prompts":
    """The prompts as they stand now, to look at."""

    async def work(prompts: "Prompts") -> "Prompts":
        return prompts

    return with_prompts(work)


def changed(name: str | None) -> "list[Change]":
    """Every change of a prompt, or of all, the oldest first."""

    async def work(log: "LogClient") -> "list[Change]":
        from streams.prompts.registry import changes

        return [one async for one in changes(log, _built_in(), name)]

    return sorted(asyncio.run(with_log(work)), key=lambda one: one.event.at)


def mlflow_store(uri: str | None) -> "MlflowStore":
    """MLflow's registry; slow to import. Raises RegistryRefused."""
    from streams import config
    from streams.prompts.mlflowstore import MlflowStore, store

    return MlflowStore(store(uri, config.load().state_dir))


def model_name(given: str | None) -> str:
    """The model that a prompt is for."""
    from streams import config

    return config.load().triton.reader if given is None else given


def understood(prompt: "PromptVersion", model: str | None) -> None:
    """Raises PromptRefused for a prompt with which the model would refuse every question."""
    from streams.prompts.registry import PromptRefused, refused_by

    if wrong := refused_by(model_name(model), prompt):
        raise PromptRefused(f"{wrong}; --model names another model that it is for")


def _built_in() -> list["ControlEvent"]:
    from processors.builtin import built_in
    from streams import config

    return built_in(config.load().triton.reader)
