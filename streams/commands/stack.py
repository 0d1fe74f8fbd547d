"""`freshet up | down | status | logs`: the stack on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import StackError

if TYPE_CHECKING:
    from streams.config import Settings
    from streams.stack.status import StackStatus

DOWN_S = 60.0
_POLL_S = 0.1

Only = Annotated[
    str, typer.Option(help="Start these parts alone, named with commas between.", metavar="PARTS")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, down, status, logs):
        app.command()(command)


def up(
    only: Only = "",
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when all is ready; it runs on.")
    ] = False,
) -> None:
    """Start the stack and keep it running until Ctrl-C."""
    from streams import config
    from streams.stack import supervisor

    settings = config.load()
    names = [name for name in only.split(",") if name]
    if detach:
        _detach(settings, only)
    else:
        supervisor.run(settings, names, _say)


def down() -> None:
    """Stop the stack; returns when nothing of it is left."""
    from streams import config
    from streams.stack import lock

    state_dir = config.load().state_dir
    pid = lock.supervisor(state_dir)
    if pid is None and not lock.is_held(state_dir):
        _say("nothing is running")
        return
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_S
    while lock.is_held(state_dir):
        if time.monotonic() > deadline:
            raise StackError(f"the stack (supervisor pid {pid}) did not stop in {DOWN_S:g} s")
        time.sleep(_POLL_S)
    _say("stopped")


def status(as_json: Json = False) -> None:
    """Show each part; exit code 1 unless all are ready."""
    from streams import config
    from streams.stack import status as statuses

    found = statuses.read(config.load().state_dir)
    if as_json:
        print(json.dumps(asdict(found) if found else None, indent=1))
    elif found is None:
        print("nothing is running; `freshet up` starts the stack")
    else:
        print("\n".join(_table(found, time.time())))
    raise typer.Exit(0 if found and found.is_ready else 1)


def logs(
    part: Annotated[str, typer.Argument(help="One part; all of them without it.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="How many to begin with.")
    ] = 50,
) -> None:
    """Print the ends of the parts' logs."""
    from streams import config
    from streams.stack import logs as files

    settings = config.load()
    names = [part] if part else _parts(settings)
    found = {name: files.path(settings.state_dir, name) for name in names}
    if part and not found[part].exists():
        raise StackError(f"{part} has no log in {found[part].parent}; the parts are {config.PARTS}")
    for name, log in found.items():
        for line in files.tail(log, lines):
            _print_line(part, name, line)
    if follow:
        for name, line in files.follow(found):
            _print_line(part, name, line)


def _parts(settings: "Settings") -> list[str]:
    """Those that there may be, and those that run besides."""
    from streams.config import PARTS
    from streams.stack import status as statuses

    running = statuses.read(settings.state_dir)
    also = [part.name for part in running.parts] if running else []
    return list(dict.fromkeys((*PARTS, *also)))


def _detach(settings: "Settings", only: str) -> None:
    """Run the supervisor in a session of its own, and show its news until all is ready."""
    from streams.stack import lock, status
    from streams.stack import logs as files

    lock.StackLock(settings.state_dir).check()
    log = files.path(settings.state_dir, "supervisor")
    command = (sys.executable, "-m", "streams.cli", "up", *(("--only", only) if only else ()))
    with files.opened(log) as output:
        at = output.tell()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        while True:
            ended = child.poll()
            at = _show(log, at)
            if ended is not None:
                raise typer.Exit(ended or 1)
            now = status.read(settings.state_dir)
            if now is not None and now.pid == child.pid and now.ready_in_s is not None:
                _show(log, at)
                return
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise


def _show(log: Path, at: int) -> int:
    from streams.stack import logs as files

    lines, after = files.read_from(log, at)
    for line in lines:
        _say(line)
    return after


def _table(found: "StackStatus", now: float) -> list[str]:
    wide = max(10, *(len(part.name) for part in found.parts))
    head = (
        f"{'part':<{wide}} {'state':<9} {'pid':>8} {'up':>9} {'restarts':>8} {'RSS MB':>8}  address"
    )
    rows = [
        f"{part.name:<{wide}} {part.state:<9} {part.pid or '-':>8} {_span(now - part.since):>9} "
        f"{part.restarts:>8} {part.rss_mb if part.rss_mb is not None else '-':>8}  {part.address}"
        for part in found.parts
    ]
    return [head, *rows]


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _print_line(one: str, name: str, line: str) -> None:
    print(line if one else f"{name:<10} {line}", flush=True)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
