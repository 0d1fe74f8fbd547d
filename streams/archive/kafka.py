"""What Spark's Kafka source is told: where the log is, and how it lets us in."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient

from streams.clients.kafka import Log, client_options, reached
from streams.config import Kafka
from streams.errors import ConfigError

_JAVA = {"security_protocol": "security.protocol", "sasl_mechanism": "sasl.mechanism"}
_LOGIN = {
    "PLAIN": "plain.PlainLoginModule",
    "SCRAM-SHA-256": "scram.ScramLoginModule",
    "SCRAM-SHA-512": "scram.ScramLoginModule",
}
_USER = ("sasl_plain_username", "sasl_plain_password")


def source_options(settings: Kafka) -> dict[str, str]:
    """The options of a reader of `format("kafka")`. Raises ConfigError."""
    given = {name: secret.get_secret_value() for name, secret in settings.security.items()}
    if strange := sorted(set(given) - set(_JAVA) - set(_USER)):
        raise ConfigError(
            f"the archive cannot pass kafka.security.{strange[0]} on to Spark; it knows "
            f"{', '.join((*_JAVA, *_USER))}"
        )
    options = {f"kafka.{java}": given[ours] for ours, java in _JAVA.items() if ours in given}
    if _USER[0] in given:
        options["kafka.sasl.jaas.config"] = _jaas(given)
    return {"kafka.bootstrap.servers": settings.bootstrap, "includeHeaders": "true", **options}


def _jaas(given: Mapping[str, str]) -> str:
    module = _LOGIN[given.get("sasl_mechanism", "PLAIN")]
    user, password = (given.get(name, "").replace('"', '\\"') for name in _USER)
    return (
        f"org.apache.kafka.common.security.{module} required "
        f'username="{user}" password="{password}";'
    )


class LogBounds:
    """Where the log's topics begin and end, for code that is not on an event loop."""

    def __init__(self, settings: Kafka) -> None:
        self._settings = settings
        self._log = Log(settings)

    def topics(self) -> set[str]:
        """The names of all topics, with their prefix. Raises NoBroker."""
        return asyncio.run(self._topics())

    def starts(self, topic: str) -> dict[int, int]:
        """The first offset that is still held, by partition."""
        return asyncio.run(self._log.starts(topic))

    def bounds(self, topics: Sequence[str]) -> dict[str, tuple[dict[int, int], dict[int, int]]]:
        """The first offset and the one after the last, by partition, of each topic."""

        async def all_of_them() -> dict[str, tuple[dict[int, int], dict[int, int]]]:
            return {
                topic: (await self._log.starts(topic), await self._log.ends(topic))
                for topic in topics
            }

        return asyncio.run(all_of_them())

    async def _topics(self) -> set[str]:
        admin = AIOKafkaAdminClient(**client_options(self._settings))
        async with reached(self._settings, admin.close):
            await admin.start()
        try:
            return set(await admin.list_topics())
        finally:
            await admin.close()
