"""Feedback joined to the answer: late or early, twice, contradicting, by a stranger."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.feedback.agreement import Agreement
from processors.feedback.cases import MemoryStore
from processors.feedback.join import MAX_VOICES, FeedbackJoin, Joined, Pair, Step
from schemas.evaluations import Evaluation, Score
from schemas.feedback import Feedback
from tests.unit.processors.feedback.stories import GIVEN, SPEC, evaluation, feedback, join


@dataclass(frozen=True)
class Given:
    """Feedback as it is delivered."""

    feedback: Feedback
    event_id: str
    at: int


def take(joining: FeedbackJoin, event: Evaluation | Given) -> Step:
    if isinstance(event, Evaluation):
        return joining.evaluation(event)
    return joining.feedback(event.feedback, event_id=event.event_id, at=event.at)


def test_what_nobody_has_seen_nobody_has_spoken_of() -> None:
    """A shadow's answer has no thumbs, not even those that name it."""
    joining = join()
    unseen = replace(evaluation("q~s"), shadow_of="q")
    joining.feedback(feedback("q~s"), event_id="f", at=GIVEN + 1)
    assert joining.evaluation(unseen) == Step((), ())
    assert joining.advance(GIVEN + SPEC.window + 2).outcomes == ("unknown",)


def test_feedback_is_joined_whichever_comes_first() -> None:
    """Both ways the pair is the same; what comes early waits."""
    first, second = join(), join()
    first.evaluation(evaluation())
    after = first.feedback(feedback(), event_id="f", at=GIVEN + 1)
    waiting = second.feedback(feedback(), event_id="f", at=GIVEN + 1)
    before = second.evaluation(evaluation())
    assert after.outcomes == before.outcomes == ("joined",)
    assert waiting == Step(("waiting",), ())
    assert after.joined == before.joined
    pair = Pair(
        tenant="acme",
        route="default",
        judge="judge@1",
        answered_at=GIVEN,
        probability=0.9,
        raw=0.9,
        judged=True,
        people=True,
        basis="thumb",
    )
    assert after.joined == (Joined("q", None, pair),)


def test_feedback_for_an_unknown_answer_waits_its_window_and_is_then_counted() -> None:
    """Not before, and once."""
    joining = join()
    joining.feedback(feedback(), event_id="f", at=GIVEN)
    joining.feedback(feedback(reviewer="ana"), event_id="g", at=GIVEN + 50)
    assert joining.advance(GIVEN + SPEC.window - 1) == Step((), ())
    assert joining.advance(GIVEN + SPEC.window).outcomes == ("unknown",)
    assert joining.evaluation(evaluation()).outcomes == ("joined",)
    assert joining.advance(GIVEN + SPEC.window + 50).outcomes == ()


def test_feedback_outside_the_window_is_late_by_event_time() -> None:
    """However promptly it is delivered; one who waited learns it when the answer comes."""
    joining = join()
    joining.feedback(feedback(), event_id="f", at=GIVEN + SPEC.window + 1)
    assert joining.evaluation(evaluation()) == Step(("late",), ())
    edge = joining.feedback(feedback(), event_id="g", at=GIVEN + SPEC.window)
    beyond = joining.feedback(feedback(reviewer="ana"), event_id="h", at=GIVEN + SPEC.window + 1)
    assert (edge.outcomes, beyond.outcomes) == (("joined",), ("late",))


def test_an_answer_is_forgotten_with_what_it_counted() -> None:
    """So the agreement is that of a sliding time; feedback after that is for an unknown answer."""
    joining = join()
    joining.evaluation(evaluation())
    pair = joining.feedback(feedback(), event_id="f", at=GIVEN).joined[0].after
    assert joining.advance(GIVEN + SPEC.kept).joined == (Joined("q", pair, None),)
    later = joining.feedback(feedback(), event_id="g", at=GIVEN + SPEC.kept)
    assert later.outcomes == ("waiting",)
    assert joining.advance(GIVEN + SPEC.kept + SPEC.window).outcomes == ("unknown",)


def test_the_same_event_again_is_a_duplicate() -> None:
    """Joined or waiting."""
    joining = join()
    joining.feedback(feedback(), event_id="f", at=GIVEN)
    assert joining.feedback(feedback(), event_id="f", at=GIVEN) == Step(("duplicate",), ())
    joining.evaluation(evaluation())
    assert joining.feedback(feedback(), event_id="f", at=GIVEN) == Step(("duplicate",), ())


def test_who_speaks_again_replaces_what_they_said_by_event_time() -> None:
    """The older of the two changes nothing even where it comes later; 0 takes it back."""
    joining = join()
    joining.evaluation(evaluation())
    up = joining.feedback(feedback(rating=1), event_id="f", at=GIVEN + 2).joined[0].after
    older = joining.feedback(feedback(rating=-1), event_id="g", at=GIVEN + 1)
    assert older == Step(("replaced",), ())
    back = joining.feedback(feedback(rating=0), event_id="h", at=GIVEN + 3)
    assert back == Step(("replaced",), (Joined("q", up, None),))


def test_what_waits_is_not_replaced_by_what_turns_out_to_be_late() -> None:
    """Who spoke in time and again too late has spoken in time."""
    joining = join()
    joining.feedback(feedback(rating=-1), event_id="f", at=GIVEN)
    joining.feedback(feedback(rating=1), event_id="g", at=GIVEN + SPEC.window)
    joining.feedback(feedback(rating=0), event_id="h", at=GIVEN + SPEC.window + 1)
    found = joining.evaluation(evaluation())
    assert found.outcomes == ("joined", "replaced", "late")
    assert [change.after.people for change in found.joined if change.after] == [True]


def test_another_tenants_feedback_is_never_joined() -> None:
    """Before the answer or after, and it replaces nobody's voice."""
    joining = join()
    joining.feedback(feedback(rating=1), event_id="f", at=GIVEN)
    joining.feedback(feedback(rating=-1, tenant="evil"), event_id="g", at=GIVEN + 1)
    found = joining.evaluation(evaluation())
    assert Counter(found.outcomes) == {"joined": 1, "foreign": 1}
    assert [change.after.people for change in found.joined if change.after] == [True]
    again = joining.feedback(feedback(rating=-1, tenant="evil"), event_id="h", at=GIVEN + 2)
    assert again == Step(("foreign",), ())


def test_an_answer_judged_again_changes_sides_without_counting_twice() -> None:
    """Delivered twice it changes nothing; an older evaluation does not come back."""
    joining = join()
    joining.evaluation(evaluation())
    old = joining.feedback(feedback(), event_id="f", at=GIVEN).joined[0].after
    newer = evaluation(probability=0.2, judge="judge@2", at=GIVEN + 20)
    changed = joining.evaluation(newer)
    assert changed.outcomes == ()
    assert [change.before for change in changed.joined] == [old]
    assert [c.after.judge for c in changed.joined if c.after] == ["judge@2"]
    assert joining.evaluation(newer) == joining.evaluation(evaluation()) == Step((), ())


def test_nobody_takes_an_answer_over_by_its_id() -> None:
    """An evaluation of another tenant's answer with the same id is left out."""
    joining = join()
    joining.evaluation(evaluation())
    assert joining.evaluation(evaluation(tenant="evil", at=GIVEN + 99)) == Step((), ())
    assert joining.feedback(feedback(), event_id="f", at=GIVEN).outcomes == ("joined",)


def test_the_people_of_one_answer_are_bounded() -> None:
    """Whoever invents reviewers fills no memory; those who are kept may still speak again."""
    joining = join()
    joining.evaluation(evaluation())
    for number in range(MAX_VOICES):
        given = feedback(reviewer=f"r{number}")
        assert joining.feedback(given, event_id=f"{number}", at=GIVEN).outcomes == ("joined",)
    more = joining.feedback(feedback(reviewer="one more"), event_id="more", at=GIVEN)
    again = joining.feedback(feedback(reviewer="r0"), event_id="again", at=GIVEN + 1)
    assert (more.outcomes, again.outcomes) == (("too_many",), ("replaced",))


def test_what_waits_for_one_answer_is_bounded() -> None:
    """However often it is spoken of before it is judged, or if it never is."""
    joining = join()
    for number in range(MAX_VOICES):
        joining.feedback(feedback(), event_id=f"{number}", at=GIVEN)
    assert joining.feedback(feedback(), event_id="more", at=GIVEN).outcomes == ("too_many",)


def test_an_answer_that_could_not_be_judged_joins_and_counts_on_no_side() -> None:
    """People's opinion is kept; the judge's is None."""
    joining, agreement = join(), Agreement()
    joining.evaluation(evaluation(probability=None, label="no_claims"))
    step = joining.feedback(feedback(), event_id="f", at=GIVEN)
    assert [(c.after.people, c.after.judged) for c in step.joined if c.after] == [(True, None)]
    agreement.add(step.joined[0])
    assert agreement.figures()[0].table.pairs == 0


@pytest.mark.parametrize(
    ("judge", "told", "raw"),
    [("judge@1", None, 0.9), ("judge@2", 0.4, 0.4), ("judge@2", None, None)],
)
def test_what_the_model_itself_said_is_kept_for_the_next_calibration(
    judge: str, told: float | None, raw: float | None
) -> None:
    """It is the first version's score; a later version says it beside its own, or it is unknown."""
    found = evaluation(judge=judge)
    if told is not None:
        found.scores.append(Score(name="groundedness_raw", score=told))
    joining = join()
    joining.evaluation(found)
    step = joining.feedback(feedback(), event_id="f", at=GIVEN)
    assert [(c.after.probability, c.after.raw) for c in step.joined if c.after] == [(0.9, raw)]


evaluations = st.builds(
    lambda number, probability, judge, later: evaluation(
        f"q{number}", probability, judge=judge, at=GIVEN + later
    ),
    st.integers(0, 2),
    st.sampled_from([None, 0.1, 0.45, 0.7, 1.0]),
    st.sampled_from(["judge@1", "judge@2"]),
    st.integers(0, 3),
)
feedbacks = st.builds(
    lambda number, rating, reviewer, labels, tenant, later: Given(
        feedback(f"q{number}", rating, reviewer=reviewer, labels=labels, tenant=tenant),
        f"{number}{rating}{reviewer}{labels}{tenant}{later}",
        GIVEN + later,
    ),
    st.integers(0, 2),
    st.sampled_from([-1, 0, 1]),
    st.sampled_from([None, "ana", "ben"]),
    st.sampled_from([None, ["grounded"], ["incorrect"]]),
    st.sampled_from(["acme", "acme", "acme", "evil"]),
    st.sampled_from([0, 1, 99, 101]),
)
histories = st.lists(st.one_of(evaluations, feedbacks), max_size=30).map(
    lambda events: list({_moment(event): event for event in events}.values())
)


def _moment(event: Evaluation | Given) -> tuple[str, ...]:
    if isinstance(event, Evaluation):  # one judge says one thing at one moment
        return event.query_id, event.judge, str(event.at)
    return event.feedback.query_id, event.event_id


@settings(max_examples=500, deadline=None)
@given(histories, st.data())
def test_any_order_and_any_repetition_comes_to_the_same(
    history: list[Evaluation | Given], data: st.DataObject
) -> None:
    """The agreement is that of each event once, in any order."""
    shuffled = data.draw(st.permutations([*history, *history[::2]]))
    found = []
    for events in (history, shuffled):
        joining, agreement = join(), Agreement()
        for event in events:
            for change in take(joining, event).joined:
                agreement.add(change)
        found.append(agreement.figures())
    assert found[0] == found[1]


@given(histories)
def test_every_feedback_event_comes_to_one_end(history: list[Evaluation | Given]) -> None:
    """Outcomes but `waiting`, and what waits no more when time has passed, are all events."""
    joining, ends = join(), Counter[str]()
    for event in history:
        ends.update(take(joining, event).outcomes)
    ends.update(joining.advance(GIVEN + 10 * SPEC.kept).outcomes)
    del ends["waiting"]
    assert ends.total() == sum(isinstance(event, Given) for event in history)


@given(histories, st.integers(0, 30))
def test_it_goes_on_from_a_snapshot_and_forgets_to_the_last(
    history: list[Evaluation | Given], cut: int
) -> None:
    """Interrupted anywhere the steps are the same; when all is forgotten nothing is counted."""
    store = MemoryStore()
    whole, interrupted = join(), join(store)
    agreement = Agreement()
    for number, event in enumerate(history):
        if number == cut:
            interrupted = join(MemoryStore(store.snapshot()))
            agreement = Agreement(agreement.snapshot())
        step = take(interrupted, event)
        assert step == take(whole, event)
        for change in step.joined:
            agreement.add(change)
    for change in interrupted.advance(GIVEN + 10 * SPEC.kept).joined:
        agreement.add(change)
    assert agreement.figures()[0].table.pairs == 0
