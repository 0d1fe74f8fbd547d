"""How fast objectives are missed: events in, alerts out, each once when it begins and when it ends.

Events are counted by event time in buckets of a tenth of a rule's shortest window. A window ends
with the bucket that `now` lies in, so it may be a bucket longer or shorter than it says. What
order events come in makes no difference, unless one is too late for every window.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from processors.alerts.rules import Burn, Rule
from schemas.monitoring import Alert

Taken = Literal["counted", "late", "missing", "unwatched"]
"""`late`: older than the longest window; `missing`: without a value, so neither good nor bad;
`unwatched`: no rule is about that figure."""

_BUCKETS = 10
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


class Bucket(Struct):
    """Events of one stretch of time."""

    total: int = 0
    bad: int = 0


class Watch(Struct, kw_only=True):
    """A rule, what was counted for it, and the alert that it has out."""

    rule: Rule
    buckets: dict[int, Bucket]
    firing: Alert | None = None
    looked: int | None = None
    """The bucket that time was in when it was last looked at, if nothing was counted since: what is
    said of it then stays so until the next bucket."""


class BurnState(Struct, kw_only=True):
    """All that `BurnRates` remembers."""

    now: int | None
    watches: list[Watch]


class Level(Struct, frozen=True):
    """One pair of windows, looked at: the burn rates, and the events of the long one."""

    burn: Burn
    long: float
    short: float
    counted: Bucket

    def holds(self, rule: Rule) -> bool:
        """Whether it burns too fast."""
        enough = self.counted.total >= rule.minimum
        return enough and min(self.long, self.short) > self.burn.factor


class BurnRates:
    """Counts, and compares. What is observed must be each event once."""

    def __init__(self, rules: Iterable[Rule], state: bytes | None = None) -> None:
        """Start anew, or from what `snapshot` gave.

        A rule whose objective or windows are others than they were counts anew; its alert stays
        until it no longer holds. The alert of a rule that is gone ends.
        """
        kept = None if state is None else msgspec.msgpack.decode(state, type=BurnState)
        before = {watch.rule.name: watch for watch in (kept.watches if kept else ())}
        self._now = kept.now if kept else None
        self._watches = [_watch(rule, before.pop(rule.name, None)) for rule in rules]
        self._gone = [watch for watch in before.values() if watch.firing is not None]

    def observe(self, metric: str, value: float | None, at: int) -> Taken:
        """Count one event of event time `at`. NaN is a missing value; an infinity is a value."""
        watches = [watch for watch in self._watches if watch.rule.metric == metric]
        if not watches:
            return "unwatched"
        if value is None or value != value:
            return "missing"
        taken = [_count(watch, value, at, self._now) for watch in watches]
        return "counted" if any(taken) else "late"

    def evaluate(self, now: int) -> list[Alert]:
        """What began and what ended by `now` (microseconds), which must not go back."""
        self._now = now
        due = [one for one in self._watches if one.looked != now // _length(one.rule)]
        alerts = [alert for watch in due for alert in _look(watch, now)]
        alerts += [_resolved(watch, 0.0, now, "the rule is gone") for watch in self._gone]
        self._gone = []
        return alerts

    @property
    def idle(self) -> bool:
        """Whether nothing is counted and no alert is out: there is nothing to evaluate."""
        return not self._gone and not any(one.buckets or one.firing for one in self._watches)

    def firing(self) -> list[Alert]:
        """The alerts that are out."""
        found = [watch.firing for watch in (*self._watches, *self._gone)]
        return [alert for alert in found if alert is not None]

    def snapshot(self) -> bytes:
        """What it remembers."""
        state = BurnState(now=self._now, watches=[*self._watches, *self._gone])
        return msgspec.msgpack.encode(state)


def _watch(rule: Rule, before: Watch | None) -> Watch:
    if before is None:
        return Watch(rule=rule, buckets={})
    same = _counting(rule) == _counting(before.rule)
    return Watch(rule=rule, buckets=before.buckets if same else {}, firing=before.firing)


def _counting(rule: Rule) -> tuple[object, ...]:
    return rule.metric, rule.good, rule.bound, _length(rule), _longest(rule)


def _length(rule: Rule) -> int:
    return max(1, min(burn.short for burn in rule.burns) // _BUCKETS)


def _longest(rule: Rule) -> int:
    return max(burn.long for burn in rule.burns)


def _count(watch: Watch, value: float, at: int, now: int | None) -> bool:
    """False where the event is too late. Of more buckets than two of the longest windows the
    oldest goes: so nothing that lies far ahead can fill the memory, or push the present out."""
    rule, buckets = watch.rule, watch.buckets
    length, longest = _length(rule), _longest(rule)
    if now is not None and at // length <= (now - longest) // length:
        return False
    watch.looked = None
    bucket = buckets.setdefault(at // length, Bucket())
    bucket.total += 1
    bucket.bad += not rule.is_good(value)
    if len(buckets) > 2 * (longest // length + 1):
        oldest = min(buckets)
        del buckets[oldest]
        return oldest != at // length
    return True


def _look(watch: Watch, now: int) -> Iterator[Alert]:
    rule, length = watch.rule, _length(watch.rule)
    watch.looked = now // length
    edge = (now - _longest(rule)) // length
    for old in [number for number in watch.buckets if number <= edge]:
        del watch.buckets[old]
    levels = [_level(watch, burn, now) for burn in rule.burns]
    worst = max(levels, key=lambda level: (level.holds(rule), level.long / level.burn.factor))
    if worst.holds(rule) and watch.firing is None:
        watch.firing = _alert(rule, worst, now)
        yield watch.firing
    elif watch.firing is not None and not worst.holds(rule):
        yield _resolved(watch, worst.long, now, _told(rule, worst))


def _level(watch: Watch, burn: Burn, now: int) -> Level:
    counted, recent = _sum(watch, burn.long, now), _sum(watch, burn.short, now)
    allowed = watch.rule.allowed
    return Level(burn, _rate(counted, allowed), _rate(recent, allowed), counted)


def _sum(watch: Watch, window: int, now: int) -> Bucket:
    length = _length(watch.rule)
    first, last = (now - window) // length + 1, now // length
    found = [one for number, one in watch.buckets.items() if first <= number <= last]
    return Bucket(sum(one.total for one in found), sum(one.bad for one in found))


def _rate(counted: Bucket, allowed: float) -> float:
    return counted.bad / counted.total / allowed if counted.total else 0.0


def _alert(rule: Rule, level: Level, now: int) -> Alert:
    return Alert(
        metric=rule.metric,
        rule=rule.name,
        state="firing",
        severity=rule.severity,
        summary=_told(rule, level),
        value=level.long,
        threshold=level.burn.factor,
        since=now,
        at=now,
        runbook=rule.runbook,
    )


def _resolved(watch: Watch, value: float, now: int, summary: str) -> Alert:
    began, watch.firing = watch.firing, None
    assert began is not None
    return msgspec.structs.replace(began, state="resolved", value=value, at=now, summary=summary)


def _told(rule: Rule, level: Level) -> str:
    counted = level.counted
    if counted.total < rule.minimum:
        return f"{rule.says}: {counted.total} in the last {_span(level.burn.long)}, too few to say"
    return (
        f"{rule.says}: {counted.total - counted.bad} of {counted.total} in the last "
        f"{_span(level.burn.long)}; {rule.objective:.4g} of them should be "
        f"(burn rate {level.long:.3g}, told above {level.burn.factor:g})"
    )


def _span(microseconds: int) -> str:
    seconds = microseconds / 1e6
    for size, name in _UNITS:
        if seconds >= size:
            count = seconds / size
            return f"{count:.3g} {name}{'' if count == 1 else 's'}"
    return f"{seconds:.3g} seconds"
