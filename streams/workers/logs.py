"""What a worker logs: one line an event, to standard error, where the supervisor keeps it."""

import logging
import time

_EVERY_S = 10.0


class Sparing(logging.Filter):
    """Lets the same message through once in ten seconds: a broker's outage is one piece of news."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is news."""
        place = (record.pathname, record.lineno)
        now = time.monotonic()
        if now - self._last.get(place, -_EVERY_S) < _EVERY_S:
            return False
        self._last[place] = now
        return True


def configure() -> None:
    """Set up logging for this process."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("streams").setLevel(logging.INFO)
    sparing = Sparing()
    for name in ("aiokafka", "faust", "mode"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It writes a traceback for every call that fails; who called it says what came of that.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    handler.addFilter(lambda record: record.name.startswith("streams") or sparing.filter(record))
