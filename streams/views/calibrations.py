"""The calibrations in force, followed live in `control`."""

from processors.feedback.versions import Calibrations
from streams.clients.kafka import LogClient, Record
from streams.judges import TOPIC, calibration_in
from streams.views.follower import Follower


class CalibrationView:
    """Reads `control` from its beginning, then follows it."""

    def __init__(self, log_client: LogClient) -> None:
        self._log = log_client
        self._follower = Follower(log_client, self._take)
        self.calibrations = Calibrations()

    async def start(self) -> None:
        """Read what there is; from then on changes count as they come."""
        ends = await self._log.ends(TOPIC)
        async for record in self._log.read(TOPIC):
            self._take(record)
        self._follower.start({TOPIC: ends})

    async def stop(self) -> None:
        """Stop following."""
        await self._follower.stop()

    def check(self) -> None:
        """Raise what ended the following, if anything did."""
        self._follower.check()

    def _take(self, record: Record) -> None:
        if (calibration := calibration_in(record)) is not None:
            self.calibrations.observe(calibration)
