"""One run of a part under its keeper."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from streams.stack import keeper, logs
from streams.stack.part import Command

KEEPER = keeper.__file__
SLACK_S = 2.0


class Process:
    """A started command. Its keeper ends it when this process dies."""

    def __init__(self, kept: asyncio.subprocess.Process, pid: int, grace_s: float) -> None:
        self._keeper = kept
        self._grace_s = grace_s
        self.pid = pid

    @classmethod
    async def start(cls, command: Command, log: Path, grace_s: float, lock_fd: int) -> Self:
        """Run the command, its output appended to `log`. Raises OSError."""
        report, told = os.pipe()
        try:
            with logs.opened(log) as output:
                kept = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-S", KEEPER),
                    *(str(os.getpid()), str(told), str(grace_s), *command.argv),
                    cwd=command.cwd,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    pass_fds=(told, lock_fd),
                )
        except BaseException:
            os.close(report)
            raise
        finally:
            os.close(told)
        _tell(kept, command.env)
        return cls(kept, await asyncio.to_thread(_read_pid, report), grace_s)

    async def wait(self) -> str:
        """Wait for the end of the part and everything it started; says how it ended."""
        return _ending(await self._keeper.wait())

    async def stop(self) -> None:
        """End it: politely, and after the grace by force. Returns when nothing of it is left."""
        if self._keeper.returncode is None:
            self._keeper.terminate()
        try:
            async with asyncio.timeout(self._grace_s + keeper.LEFTOVERS_GRACE_S + SLACK_S):
                await self._keeper.wait()
        except TimeoutError:
            self.kill()
            self._keeper.kill()
            await self._keeper.wait()

    def kill(self) -> None:
        """End it now."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _tell(kept: asyncio.subprocess.Process, environment: Mapping[str, str]) -> None:
    if kept.stdin is None:
        raise RuntimeError("the keeper was started without a pipe")
    pairs = (f"{name}={value}" for name, value in environment.items())
    kept.stdin.write(b"\0".join(os.fsencode(pair) for pair in pairs))
    kept.stdin.close()


def _read_pid(report: int) -> int:
    """The pid that the keeper tells; 0 when the keeper or the command could not start."""
    with os.fdopen(report) as pipe:
        return int(pipe.readline() or 0)


def _ending(code: int) -> str:
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"ended by {signal.Signals(number).name}"
    return f"ended with code {code}"
