"""What the supervisor knows of a part."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from streams.stack.health import Probe
from streams.stack.ports import Listener


@dataclass(frozen=True)
class Command:
    """How to run a part."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path


@dataclass(frozen=True)
class Part:
    """One server or worker of the stack.

    `prepare` is called in a thread before every start, may write files and raises SetupError or
    StackError. `ready` is the check that it must pass once to be ready and then keeps passing: a
    part that fails it for `stall_s` on end is started again. `after_ready` runs after each
    start, before the part counts as ready; when it raises FreshetError it is tried again.
    """

    name: str
    listeners: tuple[Listener, ...]
    prepare: Callable[[], Command]
    ready: Probe
    needs: tuple[str, ...] = ()
    stall_s: float = 60.0
    after_ready: Callable[[], Awaitable[None]] | None = None

    @property
    def address(self) -> str:
        """Where it is asked; empty where it listens nowhere."""
        return str(self.listeners[0].address) if self.listeners else ""
