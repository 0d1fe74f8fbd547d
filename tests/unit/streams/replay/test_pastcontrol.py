"""What was in force at a moment, and between which moments that changed for a judge."""

from typing import Any

from schemas.codec import encode
from schemas.control import Calibration, Quota, key_of
from schemas.envelope import headers
from schemas.topics import type_of
from streams.replay.pastcontrol import Epochs, PastControl, control_records
from tests.doubles.log import MemoryLog

SECOND = 1_000_000
SAID: dict[str, Any] = {"by": "somebody", "why": "a test"}


class Clock:
    now = 0

    def __call__(self) -> int:
        """The broker's time."""
        return self.now


def calibration(revision: int, share: float) -> Calibration:
    return Calibration(
        revision=revision,
        at=0,
        name="words",
        version=2,
        method="platt",
        points=[(0.0, 0.0), (1.0, 1.0)],
        threshold=0.5,
        labels=40,
        share=share,
        **SAID,
    )


def logged() -> MemoryLog:
    """A share of nothing at 10 s, something else at 20 s, a share of all at 30 s; and nonsense."""
    clock = Clock()
    log = MemoryLog(2, clock)
    quota = Quota(revision=1, at=0, tenant="acme", **SAID)
    for number, event in enumerate([calibration(1, 0.0), quota, calibration(2, 1.0)], start=1):
        clock.now = number * 10 * SECOND
        name = headers(type_of(event), source="test", time=0)
        log.append("control", key_of(event), encode(event), name, number % 2)
    log.append("control", "index/x", b"{", ())
    return log


async def test_only_a_change_of_calibration_begins_an_epoch() -> None:
    """Before the first, between them, and behind the last; both where it may be either."""
    epochs = Epochs(await control_records(logged()))
    assert epochs.between(5 * SECOND, 5 * SECOND) == [0]
    assert epochs.between(25 * SECOND, 25 * SECOND) == [1]
    assert epochs.between(29 * SECOND, 31 * SECOND) == [1, 3]
    assert epochs.between(99 * SECOND, 99 * SECOND) == [3]


async def test_control_is_what_it_was() -> None:
    """After so many records, and not one more."""
    log = logged()
    for count, share in ((1, 0.0), (3, 1.0)):
        control = PastControl(log, await control_records(log))
        await control.start()
        control.upto(count)
        assert control.control.of(Calibration)["words@2"].share == share
        control.check()
        await control.stop()
