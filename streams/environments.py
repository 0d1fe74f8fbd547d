"""Whose the topics are: dev's, staging's or production's.

The first stack that names its environment takes the topics behind its prefix for it, by an event
in `control`. From then on no process starts on them that calls itself something else, or nothing.
"""

from processors.control import Control
from schemas.control import Environment
from streams.clients.kafka import Log, LogClient
from streams.config import Settings
from streams.control import Conflict, put, read_control
from streams.errors import WrongEnvironment
from streams.said import Said, said

KEY = "environment/this"


async def hold(settings: Settings) -> None:
    """Before a process starts: see that it may. Raises WrongEnvironment."""
    log, name = Log(settings.kafka), settings.environment
    owner = owner_of(await read_control(log))
    if owner or not name:
        check(owner, name, "these topics", "kafka.prefix")
        return
    async with log:
        await claim(log, name, said("started on topics that were nobody's"))


async def claim(log: LogClient, name: str, who: Said) -> None:
    """Take the topics for an environment where they are nobody's; "" takes nothing.

    Raises:
        WrongEnvironment: they are another's.
    """
    control = await read_control(log)
    if owner_of(control) == "" and name:
        event = Environment(name=name, revision=control.revision(KEY) + 1, **who._asdict())
        try:
            await put(log, event)
        except Conflict:
            control = await read_control(log)
        else:
            return
    check(owner_of(control), name, "these topics", "kafka.prefix")


def owner_of(control: Control) -> str:
    """The environment that the topics belong to; "" where they are nobody's yet."""
    found = control.get(KEY)
    return found.name if isinstance(found, Environment) and not found.removed else ""


def check(owner: str, name: str, what: str, setting: str) -> None:
    """Raise WrongEnvironment where something is another environment's."""
    if owner not in ("", name):
        mine = f"this is {name!r}" if name else "this process does not say which it is"
        raise WrongEnvironment(
            f"{what} belong to the environment {owner!r}, and {mine}: "
            f"set `environment`, or `{setting}` to what is its own"
        )
