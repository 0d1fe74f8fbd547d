"""What a source says was in force, and what an index held: folded from its records."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing

import msgspec

from processors.control import Control
from processors.replay.past import Past
from processors.version import IndexSpec
from schemas.control import ControlEvent
from schemas.index import IndexEvent
from schemas.topics import changes_topic
from streams.control import TOPIC, take
from streams.errors import FreshetError
from streams.replay.source import Source, Span

Say = Callable[[str], None]
"""Tells a person what is being done."""


class ChangesGone(FreshetError):
    """What an index held cannot be told any more: a part of its changes is not there."""


async def read_control(
    source: Source, built_in: Iterable[ControlEvent] = (), *, until_ms: int | None = None
) -> Control:
    """What was in force at a time of the broker's clock; None is now.

    The topic is compacted: of what was before the horizon, only the newest of each key is there.
    """
    control = Control(built_in)
    async for record in source.read(TOPIC, until_ms=until_ms):
        take(control, record)
    return control


async def read_past(source: Source, spec: IndexSpec, *, until: int | None = None) -> Past:
    """One index version up to an index time, or to where its changes end.

    Raises:
        MissingTopic: there is no such version, or its topics were deleted.
        ChangesGone: the changes do not begin at the beginning, or end before `until`.
    """
    topic, past = changes_topic(spec.name), Past(spec)
    spans = await source.spans(topic)
    check_beginning(source, topic, spans)
    behind = set(spans)
    async with aclosing(source.read(topic)) as records:
        async for record in records:
            event = event_of(record.value)
            if event is None or event.index_version != spec.name:
                continue
            if until is None or event.index_time <= until:
                past.add(record.partition, event)
            if until is not None and event.index_time >= until:
                behind.discard(record.partition)
                if not behind:
                    break
    if until is not None and behind:
        raise ChangesGone(f"{topic} in the {source.name} does not reach up to index time {until}")
    return past


def check_beginning(source: Source, topic: str, spans: Mapping[int, Span]) -> None:
    """See that the changes begin at the beginning. Raises ChangesGone."""
    for partition, span in spans.items():
        if span.first > 0:
            raise ChangesGone(
                f"{topic}/{partition} begins at offset {span.first} in the {source.name}: what "
                "came before is gone, and an index without it is another"
            )


def event_of(value: bytes | None) -> IndexEvent | None:
    """None for what is no event of ours: no worker makes anything of it either."""
    try:
        event: IndexEvent = _decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return event


_decode = msgspec.json.Decoder(IndexEvent).decode
