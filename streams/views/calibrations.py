"""The calibrations in force, followed live in `control`."""

from processors.feedback.versions import Calibrations
from schemas.codec import InvalidEvent, decode
from schemas.control import Calibration, key_of
from schemas.envelope import Envelope, InvalidEnvelope
from streams.clients.kafka import LogClient, Record
from streams.views.follower import Follower

TOPIC = "control"


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


def calibration_in(record: Record) -> Calibration | None:
    """The calibration in a record of `control`; None for all else, and for what is no event."""
    try:
        event = decode(TOPIC, record.value or b"", Envelope.from_headers(record.headers))
    except (InvalidEvent, InvalidEnvelope):
        return None
    if not isinstance(event, Calibration) or record.key != key_of(event).encode():
        return None
    return event
