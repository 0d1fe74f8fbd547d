"""A stack of small parts under the real supervisor: `python -m tests.doubles.small_stack FOLDER`.

`base` leaves a grandchild behind in a session of its own that ignores every polite signal;
`top` needs `base`; `stubborn` ignores SIGTERM. Each writes its name to FOLDER/stops as it stops.
With `broken` as second argument there is also a part that ends at once.
"""

import sys
from pathlib import Path

from streams.config import ROOT, Settings, Stack
from streams.errors import FreshetError
from streams.stack import parts, ports, supervisor
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


def main(folder: Path, *extra: str) -> None:
    """Run until a signal."""
    built = [part(folder, "base"), part(folder, "stubborn"), part(folder, "top", ("base",))]
    if extra:
        built.append(part(folder, "broken", script="raise SystemExit('no such thing')"))
    parts.build = lambda *_: built
    settings = Settings(state_dir=folder, stack=Stack(stop_grace_s=1.0))
    supervisor.run(settings, (), lambda news: print(news, flush=True))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *sys.argv[2:])
    except FreshetError as error:
        sys.exit(str(error))
