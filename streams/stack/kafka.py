"""The log: one Kafka broker that is its own controller, from the jars that set-up verified."""

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from aiokafka.errors import KafkaError

from streams.clients.kafka import MAX_MESSAGE_BYTES, NoBroker, ensure_topics
from streams.config import Settings
from streams.errors import SetupError, StackError
from streams.stack import health, ports, prerequisites
from streams.stack.part import Command, Part

NODE = 1
FORMAT_TIMEOUT_S = 60
# The quick compiler alone brings the broker up in two thirds of the time and the processor's work;
# what the slow one would gain later, a broker of this size does not need.
JVM_FLAGS = (
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
)


def part(settings: Settings) -> Part:
    """The broker. It is ready when it serves and every topic exists."""
    address = ports.parse(settings.kafka.bootstrap, "kafka.bootstrap")

    return Part(
        name="kafka",
        listeners=(ports.Listener(address, "kafka.bootstrap"),),
        prepare=lambda: _prepare(settings, address),
        ready=lambda _: health.kafka_ready(address),
        after_ready=lambda: create_topics(settings),
        stall_s=45.0,
    )


async def create_topics(settings: Settings) -> None:
    """Create the topics that are missing. Raises StackError."""
    try:
        await ensure_topics(settings.kafka, settings.limits.horizon_ms, [settings.index_version])
    except (KafkaError, NoBroker, RuntimeError) as error:
        raise StackError(
            f"topics could not be created at {settings.kafka.bootstrap}: {error!r}"
        ) from error


def java(settings: Settings) -> str:
    """The `java` to run. Raises SetupError."""
    if found := prerequisites.find_java(settings.stack.java):
        return found
    raise SetupError("there is no `java`; install Java 17 or 21, or set JAVA_HOME")


def _prepare(settings: Settings, address: ports.Address) -> Command:
    folder = settings.state_dir.resolve() / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "server.properties"
    config.write_text(_properties(settings, address, folder / "data"))
    if not (folder / "data" / "meta.properties").exists():
        _format(settings, folder, config)
    heap = f"-Xmx{settings.stack.kafka_heap_mb}m"
    argv = (*_jvm(settings), heap, *JVM_FLAGS, "kafka.Kafka", str(config))
    return Command(argv, _environment(), folder)


def _jvm(settings: Settings) -> tuple[str, ...]:
    jars = settings.stack.install_dir.resolve() / "jars"
    if not any(jars.glob("kafka_*.jar")):
        raise SetupError(f"Kafka's jars are not in {jars}; run `make setup`")
    return (java(settings), "-cp", f"{jars}/*")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "CLASSPATH"}


def _format(settings: Settings, folder: Path, config: Path) -> None:
    """Give an empty data folder its cluster id."""
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = ("-Xmx128m", "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format")
    arguments = ("--ignore-formatted", "--cluster-id", f"f{cluster[1:]}", "--config", str(config))
    done = subprocess.run(
        (*_jvm(settings), *tool, *arguments),
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=FORMAT_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(
            f"Kafka's data folder could not be formatted: {done.stderr.strip()[-500:]}"
        )


def _properties(settings: Settings, address: ports.Address, data: Path) -> str:
    """One node, so every internal topic has one replica. The controller's port is any free one."""
    controller = ports.Address(address.host, ports.free(address.host))
    values = {
        "process.roles": "broker,controller",
        # How long a broker that was killed keeps its successor out: the default is 9 s.
        "broker.session.timeout.ms": 4000,
        "broker.heartbeat.interval.ms": 1000,
        "node.id": NODE,
        "controller.quorum.voters": f"{NODE}@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{address},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{address}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        "num.partitions": settings.kafka.partitions,
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "offsets.retention.minutes": max(1, settings.limits.horizon_ms // 60_000),
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
        "socket.request.max.bytes": 4 * MAX_MESSAGE_BYTES,
        "log.cleaner.dedupe.buffer.size": 16_777_216,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 2,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())
