"""An index version begun, and waited for."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from processors.control import Control
from processors.indexversions import frozen, versions
from processors.version import IndexSpec, InvalidSpec, changed, checked, spec_of
from schemas.control import IndexVersion
from streams.clients.kafka import LogClient, ensure_topics
from streams.clients.triton import TritonEmbedder
from streams.config import Settings, Triton
from streams.errors import FreshetError
from streams.replay.prepare import Means
from streams.replay.source import LogSource
from streams.said import Said
from streams.versions.archived import Still, put
from streams.versions.asof import shown_at, stood_still
from streams.versions.behind import DOCUMENTS, Step, caught_up
from streams.versions.change import declare_whole, in_force, make
from streams.versions.known import known

_PROBE_S = 20.0


class Wishes(NamedTuple):
    """What the new version should be: as `base`, but for these settings."""

    name: str
    base: str | None
    """None is the version of the settings, or what was begun under the name already."""
    chunk: Mapping[str, str]
    lexical: Mapping[str, str]
    fusion: Mapping[str, str]
    embedder: str | None
    as_of: int | None = None
    """The index time (µs) at which it is to stand still; None lets it follow the log."""


async def begin(
    log: LogClient,
    settings: Settings,
    wishes: Wishes,
    author: Said,
    archive: Means | None = None,
) -> IndexVersion:
    """Make its topics, and say that it is to be built; what is begun already goes on.

    One that is to stand still is made of `archive` where there is one, not of the log.

    Raises:
        FreshetError: it cannot be made so, or its embedder does not answer.
        Refused, Conflict: as `change.make`.
    """
    control = await in_force(log, settings)
    there = versions(control).get(wishes.name)
    spec = _spec(control, settings, wishes, there)
    if there is not None:
        if wishes.as_of not in (None, there.as_of):
            raise FreshetError(f"{there.name} does not stand still then: choose another name")
        return await make(log, settings, spec, author)
    if not author.why.strip():
        raise FreshetError("say with --why what it is for: it is kept with the index version")
    base = known(control, _base(settings, wishes))
    still = await _still(log, settings, base, wishes.as_of, author.at, archive)
    spec = await _with_dimensions(settings.triton, spec)
    # As many partitions as the documents have, whatever the settings say by now.
    partitions = len(await log.ends(DOCUMENTS))
    kafka = settings.kafka.model_copy(update={"partitions": partitions})
    await ensure_topics(kafka, settings.limits.horizon_ms, [spec.name])
    if still is None:
        return await make(log, settings, spec, author)
    if archive is not None:
        await put(log, archive, control, spec, still)
    return await make(log, settings, spec, author, still.at, still.applied)


async def finish(log: LogClient, settings: Settings, name: str, author: Said, step: Step) -> int:
    """Wait until it shows all that it is to show, and say so; gives the index time: all that is in
    the log now, or where it stands still."""
    still = frozen(known(await in_force(log, settings), name))
    if still is None:
        since = await caught_up(log, name, step)
    else:
        since = await stood_still(log, name, still, step)
    await declare_whole(log, settings, name, since, author)
    return since


async def _still(
    log: LogClient,
    settings: Settings,
    base: IndexVersion,
    as_of: int | None,
    now: int,
    archive: Means | None,
) -> Still | None:
    if as_of is None:
        return None
    if archive is not None:
        return Still(base.name, as_of, await shown_at(archive.source, base, as_of))
    horizon = now - settings.limits.horizon_ms * 1000
    return Still(base.name, as_of, await shown_at(LogSource(log), base, as_of, horizon))


def _base(settings: Settings, wishes: Wishes) -> str:
    return wishes.base or settings.index_version


def _spec(
    control: Control, settings: Settings, wishes: Wishes, there: IndexVersion | None
) -> IndexSpec:
    base = _base(settings, wishes) if there is None else wishes.base or wishes.name
    old = spec_of(known(control, base))
    try:
        return checked(
            name=wishes.name,
            embedder=wishes.embedder or old.embedder,
            dimensions=old.dimensions if there is None else there.dimensions,
            chunk=changed(old.chunk, wishes.chunk, "chunk", strict=False),
            lexical=changed(old.lexical, wishes.lexical, "lexical", strict=False),
            fusion=changed(old.fusion, wishes.fusion, "fusion", strict=False),
        )
    except InvalidSpec as error:
        raise FreshetError(f"no such index version can be made: {error}") from None


async def _with_dimensions(settings: Triton, spec: IndexSpec) -> IndexSpec:
    """The spec for vectors as its embedder gives them."""
    embedder = TritonEmbedder.of(settings, spec, timeout_s=_PROBE_S)
    try:
        return msgspec.structs.replace(spec, dimensions=await embedder.dimensions())
    finally:
        await embedder.close()
