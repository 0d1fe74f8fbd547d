"""A stack of small parts under the real supervisor: `python -m tests.doubles.small_stack FOLDER`.

`base` leaves a grandchild behind in a session of its own that ignores every polite signal;
`top` needs `base`; `stubborn` ignores SIGTERM. Each writes its name to FOLDER/stops as it stops.
With `broken` as second argument there is also a part that ends at once. With `guests` there are
parts that come when the others are ready: `guest`, which goes when FOLDER/retired is there, and
`bad`, which ends at once.
"""

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Any

from streams.config import ROOT, Settings, Stack
from streams.errors import FreshetError
from streams.stack import parts, ports, supervisor
from streams.stack import versions as guests
from streams.stack.part import Command, Part

GRANDCHILD = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
PART = """
import signal, subprocess, sys, threading
from pathlib import Path
name, folder = sys.argv[1], Path(sys.argv[2])
def stop(*_):
    with (folder / "stops").open("a") as file: file.write(name + "\\n")
    if name != "stubborn": sys.exit(0)
signal.signal(signal.SIGTERM, stop)
if name == "base":
    subprocess.Popen([sys.executable, "-c", sys.argv[3]], start_new_session=True)
(folder / (name + ".up")).touch()
threading.Event().wait()
"""


BROKEN = "raise SystemExit('no such thing')"


def part(folder: Path, name: str, needs: tuple[str, ...] = (), script: str = PART) -> Part:
    """A part that is ready once it has said so in a file."""

    async def ready(_: int | None) -> bool:
        return (folder / f"{name}.up").exists()

    def prepare() -> Command:
        (folder / f"{name}.up").unlink(missing_ok=True)
        argv = (sys.executable, "-c", script, name, str(folder), GRANDCHILD)
        return Command(argv, {"LD_LIBRARY_PATH": "/nowhere"}, ROOT)

    address = ports.Address("127.0.0.1", ports.free())
    return Part(name, (ports.Listener(address, f"test.{name}"),), prepare, ready, needs)


class Guests:
    """Stands for `streams.stack.versions.VersionParts`."""

    def __init__(self, folder: Path, *more: Any) -> None:
        self._folder = folder
        self._host: guests.Host = more[3]

    async def run(self) -> None:
        """Two come, and one goes."""
        self._host.add(part(self._folder, "guest", ("base",)))
        self._host.add(part(self._folder, "bad", script=BROKEN))
        while not (self._folder / "retired").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await self._host.remove("guest")
        await asyncio.Event().wait()


def main(folder: Path, *extra: str) -> None:
    """Run until a signal."""
    built = [part(folder, "base"), part(folder, "stubborn"), part(folder, "top", ("base",))]
    if "broken" in extra:
        built.append(part(folder, "broken", script=BROKEN))
    if "guests" in extra:
        guests.ROLES = ("base",)
        guests.VersionParts = partial(Guests, folder)  # type: ignore[assignment,misc]
    parts.build = lambda *_: built
    settings = Settings(state_dir=folder, stack=Stack(stop_grace_s=1.0))
    supervisor.run(settings, (), lambda news: print(news, flush=True))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *sys.argv[2:])
    except FreshetError as error:
        sys.exit(str(error))
