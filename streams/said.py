"""Who makes a change, why, and when."""

import time
from getpass import getuser
from typing import NamedTuple


class Said(NamedTuple):
    """What every event of `control` says of itself; `at` in microseconds since the epoch."""

    by: str
    why: str
    at: int


def said(why: str) -> Said:
    """Whoever runs this, now."""
    return Said(by=getuser(), why=why, at=time.time_ns() // 1000)
