"""A change told: as a drift event, in a sentence, with examples."""

from collections.abc import Mapping

from processors.drift.alarm import Alarm
from processors.drift.windows import Part
from processors.monitor.observations import labels_of
from processors.monitor.stream import Moved
from schemas.monitoring import Drift, Example

_METHODS = {
    "novelty": "novelty_cusum",
    "mix": "mix_cusum",
    "value": "page_hinkley",
    "missing": "page_hinkley_missing",
}


def drift(figure: str, part: Part, moved: Moved, texts: Mapping[str, str]) -> Drift:
    """The event of one alarm; `texts` gives what an example shows, by its id."""
    alarm = moved.alarm
    return Drift(
        metric=figure,
        method=_METHODS[alarm.kind],
        value=alarm.value,
        threshold=alarm.threshold,
        drifted=alarm.state == "began",
        current=moved.current,
        reference=moved.reference,
        at=alarm.at,
        since=min(alarm.since, alarm.at) if alarm.since else None,
        labels=dict(labels_of(part)),
        kind=alarm.kind,
        direction=alarm.direction,
        share=alarm.share,
        summary=sentence(figure, alarm, moved.current.count),
        examples=[Example(id=name[:512], text=texts.get(name)) for name in alarm.examples],
    )


def name_of(event: Drift) -> str:
    """The id of the event: the same whenever the same change is told again."""
    part = "/".join(event.labels.get(name, "") for name in ("tenant", "route"))
    state = "began" if event.drifted else "ended"
    return f"{event.metric}/{part}/{event.kind}/{event.direction or ''}/{state}@{event.at}"


def sentence(figure: str, alarm: Alarm, events: int) -> str:
    """What moved, for a person."""
    if alarm.state == "ended":
        return f"{figure} is as it was in the reference again"
    match alarm.kind:
        case "novelty":
            share = f"about {alarm.share:.0%} of them" if alarm.share is not None else "some"
            return f"{figure}: unlike anything in the reference, {share}, for {events} events"
        case "mix":
            more = f"about {alarm.share:.0%} of the traffic" if alarm.share is not None else "more"
            return f"{figure}: {more} has moved to one known topic, for {events} events"
        case "missing":
            way = "more" if alarm.direction == "up" else "less"
            return f"{figure} is missing {way} often than in the reference"
        case _:
            way = "higher" if alarm.direction == "up" else "lower"
            return f"{figure} lies {way} than in the reference, for {events} events"
