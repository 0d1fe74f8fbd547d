"""Feedback joined with the judge's findings on the same answer, whichever comes first.

What each feedback event came to is its outcome; together the outcomes count every event once,
`waiting` apart, which is followed by another.

=========== =======================================================================================
joined      its answer is known, and within the window; the voice counts
waiting     no such answer was judged yet; the voice is kept
unknown     it waited the window through, and no such answer came
late        its event time is further from the answer's than the window
duplicate   this very event was here before
replaced    the person had spoken of this answer before: of the two, the newer counts
foreign     the answer is another tenant's; never joined, and nobody is told that there is one
too_many    so many people had spoken of this answer, or so much of what they said was waiting for
            it, that no more is kept
=========== =======================================================================================
"""

from hashlib import blake2b
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from processors.feedback.cases import Case, Judged, Store, judged_of
from processors.feedback.opinion import Basis, Voice, opinion_of, voice_of
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback

Outcome = Literal[
    "joined", "waiting", "unknown", "late", "duplicate", "replaced", "foreign", "too_many"
]

MAX_VOICES = 64
_MAX_SEEN = 256
_DAY = 24 * 3600 * 1_000_000


class JoinSpec(Struct, frozen=True, kw_only=True):
    """Lengths of event time, in microseconds."""

    window: int = 7 * _DAY
    """How far the event times of an answer and of its feedback may lie apart; and how long
    feedback waits for its answer."""
    kept: int = 14 * _DAY
    """How long after it was given an answer is remembered, and counts in the agreement. Feedback
    that comes between the two is known to be late; after that its answer is unknown."""


class Pair(Struct, frozen=True, kw_only=True):
    """What the judge and what people say of one answer."""

    tenant: str
    route: str
    judge: str
    answered_at: int
    probability: float | None
    raw: float | None
    """Before any calibration; None where that is not known."""
    judged: bool | None
    """Whether the judge calls it grounded; None, as `probability`, where it could not say."""
    people: bool
    basis: Basis


class Joined(Struct, frozen=True):
    """A change of what counts for one answer: `before` is to be taken back, `after` to be added."""

    query_id: str
    before: Pair | None
    after: Pair | None


class Step(NamedTuple):
    """What one call did."""

    outcomes: tuple[Outcome, ...]
    joined: tuple[Joined, ...]


class FeedbackJoin:
    """Holds nothing of its own: all state is in the store."""

    def __init__(self, spec: JoinSpec, store: Store) -> None:
        self._spec = spec
        self._store = store

    def evaluation(self, evaluation: Evaluation) -> Step:
        """Take an evaluation; the newest of an answer counts. Outcomes: of what had waited.

        One of an answer that nobody has seen is left out: of that nobody has spoken.
        """
        if evaluation.shadow_of is not None:
            return Step((), ())
        old = self._case(evaluation.query_id)
        judged = judged_of(evaluation)
        if old.judged is not None and not judged.replaces(old.judged):
            return Step((), ())
        new, outcomes = replace(old, judged=judged), tuple[Outcome, ...]()
        if old.judged is None:
            new, outcomes = self._settled(new, judged)
        return Step(outcomes, self._put(old, new))

    def feedback(self, feedback: Feedback, *, event_id: str, at: int) -> Step:
        """Take one feedback event. There is one outcome.

        `event_id` is the same for two deliveries of an event and unique otherwise (an envelope's
        `dedupe_key`). `at` is the event's time in microseconds, but no later than the broker's: a
        producer's clock that runs ahead would have the last word.
        """
        old = self._case(feedback.query_id)
        digest = blake2b(event_id.encode(), digest_size=8).digest()
        if digest in old.seen:
            return Step(("duplicate",), ())
        voice = voice_of(feedback, event_id=event_id, at=at)
        if old.judged is None:
            outcome, voices = _waiting(old.voices, voice)
        else:
            outcome, voices = self._taken(old.voices, voice, old.judged)
        new = replace(old, voices=voices, seen=(*old.seen, digest)[-_MAX_SEEN:])
        return Step((outcome,), self._put(old, new))

    def advance(self, now: int) -> Step:
        """Let event time pass to `now`, which both topics have come to.

        Feedback that waited in vain is unknown; of an answer that is forgotten the pair is taken
        back, so that the agreement is that of the last `kept`.
        """
        outcomes: list[Outcome] = []
        joined: list[Joined] = []
        for case in self._store.expire(now):
            if case.judged is None:
                left = tuple(v for v in case.voices if v.at + self._spec.window > now)
                outcomes += ["unknown"] * (len(case.voices) - len(left))
                if left:
                    self._put(case, replace(case, voices=left))
            elif (pair := pair_of(case)) is not None:
                joined.append(Joined(case.query_id, pair, None))
        return Step(tuple(outcomes), tuple(joined))

    def _case(self, query_id: str) -> Case:
        return self._store.get(query_id) or Case(query_id=query_id, until=0)

    def _put(self, old: Case, new: Case) -> tuple[Joined, ...]:
        before, after = pair_of(old), pair_of(new)
        self._store.put(replace(new, until=self._until(new)))
        return () if before == after else (Joined(new.query_id, before, after),)

    def _until(self, case: Case) -> int:
        if case.judged is not None:
            return case.judged.answered_at + self._spec.kept
        return min(voice.at for voice in case.voices) + self._spec.window

    def _settled(self, case: Case, judged: Judged) -> tuple[Case, tuple[Outcome, ...]]:
        """Of all that waited, what counts now that the answer is known."""
        outcomes: list[Outcome] = []
        voices: tuple[Voice, ...] = ()
        for voice in case.voices:
            outcome, voices = self._taken(voices, voice, judged)
            outcomes.append(outcome)
        return replace(case, voices=voices), tuple(outcomes)

    def _taken(
        self, voices: tuple[Voice, ...], voice: Voice, judged: Judged
    ) -> tuple[Outcome, tuple[Voice, ...]]:
        if voice.tenant != judged.tenant:
            return "foreign", voices
        if abs(voice.at - judged.answered_at) > self._spec.window:
            return "late", voices
        return _heard(voices, voice)


def pair_of(case: Case) -> Pair | None:
    """What counts for an answer; None until it is judged and people have an opinion."""
    judged, opinion = case.judged, opinion_of(case.voices)
    if judged is None or opinion is None:
        return None
    return Pair(
        tenant=judged.tenant,
        route=judged.route,
        judge=judged.judge,
        answered_at=judged.answered_at,
        probability=judged.probability,
        raw=judged.raw,
        judged=judged.grounded,
        people=opinion.grounded,
        basis=opinion.basis,
    )


def _waiting(voices: tuple[Voice, ...], voice: Voice) -> tuple[Outcome, tuple[Voice, ...]]:
    """All that a person says is kept: which of it lies in the window is not known yet."""
    if len(voices) == MAX_VOICES:
        return "too_many", voices
    return "waiting", (*voices, voice)


def _heard(voices: tuple[Voice, ...], voice: Voice) -> tuple[Outcome, tuple[Voice, ...]]:
    known = {one.person: one for one in voices}
    before = known.get(voice.person)
    if before is None and len(known) == MAX_VOICES:
        return "too_many", voices
    if before is None or voice.is_newer_than(before):
        known[voice.person] = voice
    ordered = sorted(known.values(), key=lambda one: (one.tenant, one.reviewer or ""))
    return "joined" if before is None else "replaced", tuple(ordered)
