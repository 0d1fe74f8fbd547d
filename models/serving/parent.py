"""A model process must not outlive the server that started it, nor leave its memory behind.

Triton's Python stub ends by itself when an idle server is killed, but one that was at work stays
for ever, and so does the shared memory that it is told of on its command line.
"""

import os
import threading
import time
from pathlib import Path

EVERY_S = 0.5
REGION = "triton_python_backend_shm_region_"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where shm_open puts what Triton makes


def end_with_parent() -> None:
    """From now on, end this process within a second of its parent's end."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(parent,), name="end-with-parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY_S)
    for region in regions(Path("/proc/self/cmdline").read_bytes()):
        (SHARED_MEMORY / region).unlink(missing_ok=True)
    os._exit(1)


def regions(command_line: bytes) -> list[str]:
    """The shared memory regions that a command line (its words ended by NUL) names."""
    words = (word.decode("utf-8", "replace") for word in command_line.split(b"\0"))
    return [word for word in words if word.startswith(REGION) and "/" not in word]
