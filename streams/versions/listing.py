"""Index versions as an operator looks at them."""

from msgspec import Struct

from processors.control import Control
from processors.indexversions import frozen, routes_using, versions
from schemas.control import IndexVersion
from streams.clients.errors import IndexFault
from streams.clients.kafka import LogClient
from streams.clients.milvus import MilvusIndex
from streams.config import Settings
from streams.versions.behind import Standing, standing
from streams.versions.change import in_force
from streams.versions.known import known


class Listed(Struct, frozen=True, kw_only=True):
    """A version, who uses it, and how far it is."""

    version: IndexVersion
    routes: list[str]
    standing: Standing | None
    """None of one that is retired."""
    rows: int | None
    """Readable or not; None where Milvus does not answer."""


async def listed(log: LogClient, settings: Settings, now: int) -> list[Listed]:
    """Every version, in the order of their names."""
    control = await in_force(log, settings)
    found = versions(control)
    return [await _listed(log, settings, control, found[name], now) for name in sorted(found)]


async def one(log: LogClient, settings: Settings, name: str, now: int) -> Listed:
    """One version. Raises NoSuchVersion."""
    control = await in_force(log, settings)
    return await _listed(log, settings, control, known(control, name), now)


async def _listed(
    log: LogClient, settings: Settings, control: Control, version: IndexVersion, now: int
) -> Listed:
    retired = version.state == "retired"
    return Listed(
        version=version,
        routes=routes_using(control, version.name),
        standing=None if retired else await standing(log, version.name, now, frozen(version)),
        rows=await _rows(settings, version.name),
    )


async def _rows(settings: Settings, name: str) -> int | None:
    index = MilvusIndex(settings.milvus, name)
    try:
        return await index.count()
    except IndexFault:
        return None
    finally:
        await index.close()
