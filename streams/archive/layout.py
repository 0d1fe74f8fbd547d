"""Where an archive keeps what: one folder, which the driver and every executor see.

tables/TOPIC/       a Delta table: a record a row, partitioned by the day of the event
gaps/               a Delta table: offsets that the log had lost before they were archived
checkpoints/TOPIC/  how far the log is read, as Spark keeps it
lock                held by who writes
"""

import re
from pathlib import Path
from typing import NamedTuple

from schemas.topics import TOPICS, topic_named
from streams.errors import FreshetError

DELTA_LOG = "_delta_log"


class NoArchive(FreshetError):
    """There is no archive where one is to be read, or it lacks a topic."""


class Layout(NamedTuple):
    """The places of one archive."""

    folder: Path

    def table(self, topic: str) -> str:
        """The Delta table of a topic."""
        return str(self.folder / "tables" / topic)

    def checkpoint(self, topic: str) -> Path:
        """Spark's checkpoint of a topic."""
        return self.folder / "checkpoints" / topic

    @property
    def gaps(self) -> str:
        """The Delta table of what the log had lost."""
        return str(self.folder / "gaps")

    @property
    def lock(self) -> Path:
        """The file that a writer locks."""
        return self.folder / "lock"

    def has(self, topic: str) -> bool:
        """Whether the topic's table is there."""
        return is_table(self.table(topic))

    def topics(self) -> list[str]:
        """The topics that have a table, in order. Raises NoArchive where there is none."""
        there = self.folder / "tables"
        found = sorted(path.name for path in there.glob("*") if self.has(path.name))
        if not found:
            raise NoArchive(f"there is no archive in {self.folder}; `freshet archive` makes one")
        return found

    def chosen(self, wanted: list[str]) -> list[str]:
        """Those of the topics that are wanted; all where none are named. Raises NoArchive."""
        found = self.topics()
        if missing := [topic for topic in wanted if topic not in found]:
            raise NoArchive(
                f"the archive in {self.folder} has no {', '.join(missing)}; "
                f"it has {', '.join(found)}"
            )
        return wanted or found


def named(path: str) -> str:
    """A Delta table in SQL."""
    return "delta.`" + path.replace("`", "``") + "`"


def is_table(path: str) -> bool:
    """Whether a Delta table with at least one commit is there."""
    return any((Path(path) / DELTA_LOG).glob("*.json"))


def archivable(names: set[str], prefix: str, wanted: list[str]) -> list[str]:
    """The topics to archive, without their prefix, of those that a broker has.

    Without `wanted`: every one of ours, those of index versions too. Raises FreshetError for one
    that is not ours or not there.
    """
    there = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
    ours = sorted(name for name in there if is_ours(name))
    if unknown := [topic for topic in wanted if topic not in ours]:
        raise FreshetError(
            f"there is no topic {', '.join(unknown)} to archive; there are {', '.join(ours)}"
            if ours
            else "the broker has no topics of this environment; `freshet up` creates them"
        )
    return sorted(set(wanted)) or ours


def is_ours(topic: str) -> bool:
    """Whether a name is a topic's of Freshet."""
    if topic in TOPICS:
        return True
    try:
        topic_named(topic)
    except KeyError:
        return False
    return re.fullmatch(r"[a-z0-9._-]+", topic) is not None
