"""Versions of a judge: which calibrations are in force, and which of them judges an answer."""

from collections.abc import Iterable
from hashlib import blake2b

from schemas.control import Calibration

_PLACES = 2**53
"""As many as a float tells apart between 0 and 1."""


class Calibrations:
    """A fold of the calibrations in `control`."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], Calibration] = {}

    def observe(self, event: Calibration) -> bool:
        """Take an event, in the order of the log; returns whether it counts.

        It does where it goes on from the revision in force and leaves the curve as it was. The
        first of a version counts whatever its revision: those before it may be compacted away.
        """
        key = (event.name, event.version)
        before = self._found.get(key)
        if before is not None and not _follows(before, event):
            return False
        self._found[key] = event
        return True

    def get(self, name: str, version: int) -> Calibration | None:
        """A version, removed or not."""
        return self._found.get((name, version))

    def all(self) -> list[Calibration]:
        """Every version there ever was, by name and version."""
        return [self._found[key] for key in sorted(self._found)]

    def of(self, name: str) -> list[Calibration]:
        """The versions of a judge that are not removed, the newest first."""
        found = [one for one in self.all() if one.name == name and not one.removed]
        return found[::-1]

    def newest(self, name: str) -> int:
        """The highest version that a judge ever had: 1, the model as it is, where there is none."""
        return max((version for judge, version in self._found if judge == name), default=1)


def calibration_for(
    calibrations: Iterable[Calibration], query_id: str, route: str
) -> Calibration | None:
    """The version that judges an answer; None for the model's own word.

    `calibrations` are those of one judge. Each takes its share of all answers, the newest first;
    what they leave is the model's. An answer falls to the same version each time, and stays with
    it while that version's share grows and those of newer ones stand still.
    """
    place = _place(query_id)
    taken = 0.0
    for one in sorted(calibrations, key=lambda one: one.version, reverse=True):
        if one.removed or (one.routes is not None and route not in one.routes):
            continue
        taken += one.share
        if place < taken:
            return one
    return None


def _place(query_id: str) -> float:
    """Between 0 and 1 (left out), the same for one id everywhere and always."""
    digest = blake2b(query_id.encode(), digest_size=8, person=b"judge").digest()
    return int.from_bytes(digest) % _PLACES / _PLACES


def _follows(before: Calibration, event: Calibration) -> bool:
    return event.revision == before.revision + 1 and _curve(event) == _curve(before)


def _curve(one: Calibration) -> tuple[object, ...]:
    return one.method, one.points, one.threshold, one.labels
