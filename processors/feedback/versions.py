"""Versions of a judge: which calibrations are in force, and which of them judges an answer."""

from collections.abc import Iterable
from hashlib import blake2b

from processors.control import Control
from processors.routes import is_of
from schemas.control import Calibration

_PLACES = 2**53
"""As many as a float tells apart between 0 and 1."""


class Calibrations:
    """The calibrations in `control`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def get(self, name: str, version: int) -> Calibration | None:
        """A version, removed or not."""
        return self._control.all(Calibration).get(f"{name}@{version}")

    def all(self) -> list[Calibration]:
        """Every version there ever was, by name and version."""
        found = self._control.all(Calibration).values()
        return sorted(found, key=lambda one: (one.name, one.version))

    def of(self, name: str) -> list[Calibration]:
        """The versions of a judge that are not removed, the newest first."""
        found = [one for one in self.all() if one.name == name and not one.removed]
        return found[::-1]

    def newest(self, name: str) -> int:
        """The highest version that a judge ever had: 1, the model as it is, where there is none."""
        return max((one.version for one in self.all() if one.name == name), default=1)


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
        of_others = one.routes is not None and not any(is_of(route, name) for name in one.routes)
        if one.removed or of_others:
            continue
        taken += one.share
        if place < taken:
            return one
    return None


def _place(query_id: str) -> float:
    """Between 0 and 1 (left out), the same for one id everywhere and always."""
    digest = blake2b(query_id.encode(), digest_size=8, person=b"judge").digest()
    return int.from_bytes(digest) % _PLACES / _PLACES
