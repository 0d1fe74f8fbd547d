"""References in `control` that lead nowhere, counted and told."""

import logging

from monitoring import metrics
from processors.registry import dangling
from schemas.control import ControlEvent
from streams.views.control import ControlView

log = logging.getLogger(__name__)


class DanglingWatch:
    """Says once of each reference that it dangles, and once that it does no longer."""

    def __init__(self, control: ControlView) -> None:
        self._control = control
        self._known = frozenset[tuple[str, str]]()
        self._is_stale = True
        control.listen(self._changed)

    async def start(self) -> None:
        """Read what is in force, and follow it."""
        await self._control.start()
        self.look()

    async def stop(self) -> None:
        """Stop following."""
        await self._control.stop()

    def look(self) -> None:
        """Look again, if anything has changed. Raises what ended the following."""
        self._control.check()
        if not self._is_stale:
            return
        self._is_stale = False
        found = frozenset(dangling(self._control.control))
        for key, wrong in sorted(found - self._known):
            log.warning("%s: %s; what was in force before stays in force", key, wrong)
        for key, wrong in sorted(self._known - found):
            log.info("%s: no longer: %s", key, wrong)
        self._known = found
        metrics.gauge(metrics.STEWARD_DANGLING).set(len(found))

    def _changed(self, _change: ControlEvent) -> None:
        self._is_stale = True
