"""Dropping what nobody can ask any more: the collections of index versions retired long ago."""

import logging

from processors.indexversions import versions
from streams.clients.kafka import LogClient
from streams.clients.milvus import MilvusIndex
from streams.config import Milvus
from streams.control import read_control

log = logging.getLogger(__name__)


async def drop_retired(log_client: LogClient, settings: Milvus, before: int) -> None:
    """Drop those of versions that were retired before a time (microseconds)."""
    control = await read_control(log_client)
    for name, version in versions(control).items():
        if version.state == "retired" and version.at < before:
            await drop(settings, name)


async def drop(settings: Milvus, version: str) -> int:
    """Drop a version's collections, as far as they are there; returns how many rows they had."""
    index = MilvusIndex(settings, version)
    try:
        rows = await index.count()
        if rows:
            log.info("dropping %d rows of the index version %s", rows, version)
        await index.drop()
        return rows
    finally:
        await index.close()
