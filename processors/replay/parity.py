"""What was told online beside what a replay of the same log tells: equal, or a difference each.

The comparison is by event. It forgives nothing but what cannot be the same: when something was
computed and how long that took, and a last digit of a model's arithmetic is a difference, too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from schemas.evaluations import Evaluation
from schemas.monitoring import Alert, Drift

SHOWN = 100
"""Differences that are told with their place; the rest are counted."""


class Difference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event that online and replay do not agree on."""

    what: str
    """`retrieval`, `evaluations`, `drift`, `alerts` or `quotas`."""
    where: str
    """Its place in the log, or its id."""
    message: str
    """What online says, and what the replay says."""
    why: str | None = None
    """As far as that is known."""


class Part(Struct, kw_only=True):
    """One kind of events, compared."""

    compared: int = 0
    differences: int = 0
    waiting: int = 0
    """That the live worker, or the replay of what was there, has not come to: no difference."""
    unknown: int = 0
    """That nobody can decide: the log no longer has all that they were made of, or scores are as
    good as equal."""


class Parity(Struct, kw_only=True):
    """A comparison in the course of being made."""

    parts: dict[str, Part] = {}
    found: list[Difference] = []
    """The first of them."""

    def part(self, what: str) -> Part:
        """The counts of one kind."""
        return self.parts.setdefault(what, Part())

    def differs(self, difference: Difference) -> None:
        """Count a difference."""
        self.part(difference.what).differences += 1
        if len(self.found) < SHOWN:
            self.found.append(difference)

    @property
    def differences(self) -> int:
        """Of all kinds."""
        return sum(part.differences for part in self.parts.values())


def unlike(online: Struct, replayed: Struct) -> list[str]:
    """The fields in which two events differ, each with both values, shortened."""
    one, other = to_builtins(online), to_builtins(replayed)
    names = [*one, *(name for name in other if name not in one)]
    return [
        f"{name}: online {_short(one.get(name))}, replayed {_short(other.get(name))}"
        for name in names
        if one.get(name) != other.get(name)
    ]


def timeless(evaluation: Evaluation) -> Evaluation:
    """Without what differs from run to run: when it was judged, and how long that took."""
    return replace(evaluation, at=0, duration_ms=0.0)


def compare_evaluations(
    parity: Parity, where: str, online: Evaluation | None, replayed: Sequence[Evaluation]
) -> None:
    """One response's evaluation beside what the judge says of it now.

    `replayed` has several where a change of `control` came while it was judged, so that nobody can
    tell which of two states it was judged by; either will do.
    """
    part = parity.part("evaluations")
    part.compared += 1
    if online is None:
        if replayed:
            message = f"{replayed[0].query_id} has no evaluation online"
            parity.differs(Difference(what="evaluations", where=where, message=message))
        return
    if not replayed:
        message = f"{online.query_id} is evaluated online, and its response cannot be read"
        parity.differs(Difference(what="evaluations", where=where, message=message))
        return
    said = [unlike(timeless(online), timeless(one)) for one in replayed]
    if all(said):
        fewest = min(said, key=len)
        message = f"{online.query_id}: {'; '.join(fewest)}"
        parity.differs(
            Difference(
                what="evaluations", where=where, message=message, why=_judged_why(online, replayed)
            )
        )


def compare_told(
    parity: Parity,
    what: str,
    online: Mapping[str, Sequence[Drift | Alert]],
    replayed: Mapping[str, Drift | Alert],
    *,
    settled: int,
) -> None:
    """Drift events or alerts by their ids; `online` has each as often as it is in the log.

    From `settled` (event time) on the live monitor, or the replay, may not have come to all of it.
    """
    part = parity.part(what)
    for name in [*online, *(name for name in replayed if name not in online)]:
        there, again = online.get(name, ()), replayed.get(name)
        alone = again if not there else there[0] if again is None else None
        if alone is not None and alone.at >= settled:
            part.waiting += 1
            continue
        part.compared += 1
        if not there:
            parity.differs(Difference(what=what, where=name, message="not told online", why=_LATE))
        elif again is None:
            parity.differs(
                Difference(what=what, where=name, message="told online alone", why=_LATE)
            )
        else:
            for one in there:
                if message := "; ".join(unlike(one, again)):
                    parity.differs(Difference(what=what, where=name, message=message))
            if len(there) > 1:
                message = f"told {len(there)} times online"
                parity.differs(Difference(what=what, where=name, message=message))


_LATE = (
    "other settings of the monitor, events that retention has removed since, or an answer that was "
    "judged after its window had closed: `freshet_monitor_observations_total` counts the late ones"
)


def _judged_why(online: Evaluation, replayed: Sequence[Evaluation]) -> str | None:
    names = Counter(one.judge for one in replayed)
    if online.judge not in names:
        return f"judged online by {online.judge}, replayed by {', '.join(names)}"
    if any("no longer" in (claim.explanation or "") for one in replayed for claim in one.claims):
        return "a passage of its receipt is no longer in index.changes: retention"
    return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
