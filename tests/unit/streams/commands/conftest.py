"""A log that the commands take for Kafka's."""

import pytest

from tests.doubles.opinions import CommandLog, empty_log


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CommandLog:
    """What the commands take for the log."""
    made = empty_log()
    monkeypatch.setattr("streams.clients.kafka.Log", lambda _settings: made)
    return made
