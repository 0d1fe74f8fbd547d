"""A log without anybody who works on it, and archives of it."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from schemas.topics import TOPICS, index_topics
from streams.archive.layout import Layout
from streams.clients.kafka import Headers, Log, Position, Record, client_options, ensure_topics
from streams.config import ROOT
from tests.doubles.stack import TestStack

Sent = tuple[str, str | None, bytes | None, Headers]
"""Topic, key, value, headers."""


_EXECUTORS = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
"""What those of a cluster on this machine run by, and where they listen."""


class Archived:
    """An archive of a broker that stands alone."""

    def __init__(self, folder: Path, **changes: dict[str, object]) -> None:
        self.stack = TestStack(folder, only=("kafka",), **changes)
        self.layout = Layout(folder / "archive")

    async def make_topics(self, *versions: str) -> None:
        """All of ours, and those of index versions."""
        kafka = self.stack.settings.kafka
        await ensure_topics(kafka, 1000, versions)
        for name in (*TOPICS, *(topic.name for each in versions for topic in index_topics(each))):
            await Log(kafka).ends(name)  # answered once the partitions have their leaders

    async def send(self, records: Iterable[Sent], partition: int | None = None) -> list[Position]:
        """All of them, in order."""
        async with Log(self.stack.settings.kafka) as log:
            pending = [await log.submit(*each, partition) for each in records]
            return list(await asyncio.gather(*pending))

    async def cut(self, topic: str, before: Mapping[int, int]) -> None:
        """What retention does: offsets before these are gone."""
        admin = AIOKafkaAdminClient(**client_options(self.stack.settings.kafka))
        await admin.start()
        try:
            await admin.delete_records(
                {TopicPartition(topic, each): RecordsToDelete(at) for each, at in before.items()}
            )
        finally:
            await admin.close()

    async def log(self, topic: str) -> list[Record]:
        """What the log holds, in order of partition and offset."""
        records = [record async for record in Log(self.stack.settings.kafka).read(topic)]
        return sorted(records, key=lambda record: record[1:3])

    def command(self, *arguments: str, master: str = "local[2]") -> tuple[str, ...]:
        """`freshet archive ..` for this archive."""
        where = ("--out", str(self.layout.folder), "--master", master)
        return (sys.executable, "-m", "streams.cli", "archive", *arguments, *where)

    def run(
        self, *arguments: str, limits: str = "", **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """The command to its end; `limits` is what the shell says before it."""
        command = ("sh", "-c", f'{limits}\nexec "$@"', "sh", *self.command(*arguments, **more))
        return subprocess.run(
            command,
            env={**self.stack.environment, **_EXECUTORS},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """The command, in a group of processes of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.stack.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def commits(self, topic: str) -> int:
        """How many commits the Delta table of a topic has."""
        return len(list((Path(self.layout.table(topic)) / "_delta_log").glob("*.json")))


def well(done: "subprocess.CompletedProcess[str]") -> str:
    """What a command printed that did what it was asked for."""
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def per_topic(positions: Iterable[Position]) -> Counter[str]:
    """How many records went where."""
    return Counter(position.topic for position in positions)


def noise(size: int) -> bytes:
    """What no compression makes smaller."""
    return os.urandom(size)
