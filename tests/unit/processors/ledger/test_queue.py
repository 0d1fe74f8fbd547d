from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.ledger.ledger import Ledger, Verdict
from processors.ledger.queue import AGAIN, Queue, Step
from schemas.usage import Charge, Reserved
from tests.unit.processors.ledger.entries import (
    NOW,
    SECOND,
    charge,
    examples,
    pooled,
    reserved,
    settled,
)

LATER = NOW + 2 * SECOND


def queue(*asked: Reserved, ledger: Ledger | None = None, until: int = LATER) -> Queue[str]:
    """Those that ask, each with its own id as the item."""
    made: Queue[str] = Queue(ledger or Ledger())
    for one in asked:
        made.add(one, until, one.request_id)
    return made


def tried(step: Step[str]) -> list[str]:
    return [one.item for one in step.tries]


def refused(step: Step[str]) -> dict[str, str]:
    """Item to the budget that refused it."""
    return {one.item: short.budget for one, short in step.refused}


def write(made: Queue[str], ledger: Ledger, step: Step[str], now: int = NOW) -> None:
    """Write what is tried, and take the verdicts."""
    for one in step.tries:
        verdict = ledger.observe(one.asked, now)
        assert verdict is not None
        made.tried(one, verdict, now)


def test_no_more_are_let_try_than_fit_together():
    """What is on its way counts as held, so that one worker is never in its own way."""
    bound = charge(limit=100)
    made = queue(*(reserved(f"q{n}", 30, bound) for n in range(5)))
    assert tried(made.step(NOW)) == ["q0", "q1", "q2"]
    assert tried(made.step(NOW)) == []
    assert (len(made), made.parked) == (5, 2)


def test_what_is_used_up_is_refused_and_what_is_held_is_waited_for():
    """Waiting brings back what is held and comes to less, and nothing else."""
    ledger = Ledger()
    bound = charge(limit=100)
    ledger.observe(reserved("used", 50, bound), NOW)
    ledger.observe(settled("used", 50), NOW)
    ledger.observe(reserved("held", 40, bound), NOW)
    made = queue(reserved("q1", 40, bound), reserved("q2", 46, bound), ledger=ledger)
    step = made.step(NOW)
    assert (tried(step), len(made)) == ([], 2)
    ledger.observe(settled("held", 5), NOW)
    step = made.step(NOW)
    write(made, ledger, step)
    assert (tried(step), refused(step)) == (["q1"], {"q2": "b"})
    assert len(made) == 0


def test_requests_under_way_are_not_waited_for_where_requests_are_counted():
    """They come to requests made, unless they fail."""
    ledger = Ledger()
    bound = charge("often", "requests", 1, window="minute")
    ledger.observe(reserved("held", 1, bound), NOW)
    assert refused(queue(reserved("q1", 1, bound), ledger=ledger).step(NOW)) == {"q1": "often"}


def test_who_has_waited_for_long_enough_is_refused():
    """By the bound that has no room."""
    bound = charge("places", "concurrent", 1)
    ledger = Ledger()
    ledger.observe(reserved("held", 1, bound), NOW)
    made = queue(reserved("q1", 1, bound), ledger=ledger)
    assert refused(made.step(LATER - 1)) == {}
    assert refused(made.step(LATER)) == {"q1": "places"}


def test_one_that_waits_holds_back_those_behind_it_that_share_its_bound():
    """Else small ones would pass for ever. Others go on."""
    ledger = Ledger()
    bound, other = charge(limit=100), charge("other", limit=100)
    ledger.observe(reserved("held", 60, bound), NOW)
    made = queue(
        reserved("large", 80, bound),
        reserved("small", 10, bound),
        reserved("elsewhere", 10, other),
        reserved("both", 10, bound, other),
        ledger=ledger,
    )
    assert tried(made.step(NOW)) == ["elsewhere"]


def test_higher_priorities_go_first():
    """In order of arrival among themselves."""
    bound = charge("places", "concurrent", 2)
    made = queue(
        *(
            reserved(name, 1, bound, priority=name.split()[0])
            for name in ("low 1", "normal 1", "high 1", "low 2", "high 2")
        )
    )
    assert tried(made.step(NOW)) == ["high 1", "high 2"]


def test_one_that_another_worker_was_faster_than_stays_in_its_place():
    """It is tried again a little later, and nobody behind it meanwhile."""
    bound = charge(limit=100)
    made = queue(reserved("q1", 60, bound), reserved("q2", 30, bound))
    first, second = made.step(NOW).tries
    assert not made.tried(first, Verdict(None, bound), NOW)
    made.tried(second, Verdict(30), NOW)
    made.add(reserved("q3", 1, bound), LATER, "q3")
    assert tried(made.step(NOW + AGAIN - 1)) == []
    assert tried(made.step(NOW + AGAIN)) == ["q1", "q3"]


def test_one_that_may_not_wait_leaves_with_its_verdict():
    """Whatever it is."""
    bound = charge(limit=100)
    made = queue(reserved("q1", 60, bound), until=NOW)
    (one,) = made.step(NOW).tries
    assert made.tried(one, Verdict(None, bound), NOW)
    assert len(made) == 0


def test_one_that_is_known_needs_no_try():
    """A crash came between its grant and its answer."""
    ledger = Ledger()
    bound = charge(limit=10)
    ledger.observe(reserved("q1", 10, bound), NOW)
    made = queue(reserved("q1", 10, bound), ledger=ledger)
    assert [one.item for one in made.step(NOW).known] == ["q1"]
    assert len(made) == 0


def test_what_is_dropped_is_forgotten_unless_it_is_tried():
    """A verdict on its way has to be taken."""
    bound = charge("places", "concurrent", 1)
    made = queue(reserved("q1", 1, bound), reserved("q2", 1, bound))
    (one,) = made.step(NOW).tries
    made.drop(lambda item: True)
    assert len(made) == 1
    assert made.tried(one, Verdict(1), NOW)
    assert len(made) == 0


_BOUNDS = [
    charge("a", limit=100),
    charge("b", "concurrent", 3),
    charge("c", "requests", 6),
    charge("d", limit=40, pool=pooled(charge("pool", limit=60))),
    charge("e", limit=30, shadow=True),
]


@st.composite
def _asked(draw: st.DrawFn, number: int) -> Reserved:
    bounds: list[Charge] = draw(st.lists(st.sampled_from(_BOUNDS), unique_by=lambda b: b.budget))
    tokens = draw(st.integers(1, 60))
    level: Any = draw(st.sampled_from(["low", "normal", "high"]))
    least = draw(st.integers(1, tokens))
    return reserved(f"q{number}", tokens, *bounds, least=least, priority=level)


@examples
@given(st.data())
def test_whatever_comes_every_request_leaves_and_alone_it_never_tries_in_vain(data: st.DataObject):
    """With settles in between, at any moment."""
    ledger = Ledger()
    made: Queue[str] = Queue(ledger)
    asked = [data.draw(_asked(number)) for number in range(data.draw(st.integers(1, 12)))]
    left: list[str] = []
    for one in asked:
        made.add(one, LATER, one.request_id)
    for now in (NOW, NOW + SECOND, LATER):
        for _ in range(data.draw(st.integers(1, 3))):
            step = made.step(now)
            left += refused(step)
            for each in step.tries:
                verdict = ledger.observe(each.asked, now)
                assert verdict is not None
                assert verdict.granted is not None
                assert made.tried(each, verdict, now)
                left.append(each.item)
            for name in data.draw(st.sets(st.sampled_from([*ledger.holds, "nobody"]))):
                ledger.observe(settled(name, 1), now)
    assert len(made) == 0
    assert sorted(left) == sorted(one.request_id for one in asked)


@pytest.mark.parametrize("least", [1, 30])
def test_a_part_is_taken_by_who_has_waited_for_more_long_enough(least: int):
    """If it is of use: what others hold most likely comes to less, and then there is more."""
    ledger = Ledger()
    bound = charge(limit=100)
    ledger.observe(reserved("held", 80, bound), NOW)
    made = queue(reserved("q1", 60, bound, least=least), ledger=ledger)
    assert tried(made.step(NOW)) == []
    late = made.step(LATER)
    assert (tried(late), refused(late)) == ((["q1"], {}) if least == 1 else ([], {"q1": "b"}))


def test_a_part_is_taken_at_once_where_nothing_is_held():
    """Waiting brings back nothing of what is used."""
    ledger = Ledger()
    bound = charge(limit=100)
    ledger.observe(reserved("used", 80, bound), NOW)
    ledger.observe(settled("used", 80), NOW)
    made = queue(reserved("q1", 60, bound, least=1), ledger=ledger)
    assert tried(made.step(NOW)) == ["q1"]
