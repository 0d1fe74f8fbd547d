import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.ledger.accounts import key_of
from processors.ledger.ledger import REMEMBERED, Ledger
from processors.ledger.windows import LENGTH
from schemas.usage import Bound, Price, Reserved, Settled, UsageEvent
from tests.unit.processors.ledger.entries import (
    FAR,
    NOW,
    SECOND,
    Entry,
    charge,
    examples,
    histories,
    pooled,
    released,
    reserved,
    settled,
)
from tests.unit.processors.ledger.oracle import Oracle

MINUTE = LENGTH["minute"]


def every_bound(history: list[Entry]) -> list[Bound]:
    """Each that a reservation was under, and their pools."""
    asked = [event for event, _ in history if isinstance(event, Reserved)]
    charges = [charge for one in asked for charge in one.charges]
    return [*charges, *(one.pool for one in charges if one.pool is not None)]


def honest(ledger: Ledger, entry: Entry) -> Entry:
    """The entry; what is settled is no more than what was granted."""
    event, at = entry
    if not isinstance(event, Settled):
        return entry
    hold = ledger.holds.get(event.request_id)
    tokens = min(event.input_tokens, hold.granted if hold else 0)
    dearest = max(hold.price.input, hold.price.output) if hold and hold.price else 0
    return settled(event.request_id, tokens, nanousd=tokens * dearest), at


@examples
@given(histories())
def test_verdicts_are_those_of_adding_up_every_entry(history: list[Entry]):
    """Whatever comes in whatever order; and so is what counts of each bound at the end."""
    ledger, oracle = Ledger(), Oracle()
    for event, at in history:
        verdict = ledger.observe(event, at)
        granted = oracle.observe((event, at))
        assert (verdict.granted if verdict else None) == granted
    for bound in every_bound(history):
        standing = ledger.standing(bound, ledger.now)
        assert standing.used + standing.held == oracle.counted(bound, ledger.now)


@examples
@given(histories())
def test_no_bound_is_ever_passed(history: list[Entry]):
    """At no record, by whatever priority, as long as nothing costs more than it was granted."""
    ledger, oracle = Ledger(), Oracle()
    for entry in history:
        entry = honest(ledger, entry)
        ledger.observe(*entry)
        oracle.observe(entry)
        for bound in every_bound(history):
            whole = bound.limit if bound.burst is None else bound.burst
            alone = getattr(bound, "shadow", False)
            assert alone or oracle.counted(bound, entry[1]) <= whole


@examples
@given(histories(), st.data())
def test_who_asks_in_between_changes_nothing(history: list[Entry], data: st.DataObject):
    """Even about times to come."""
    asked, unasked = Ledger(), Ledger()
    for event, at in history:
        later = at + data.draw(st.integers(0, 2 * MINUTE))
        if isinstance(event, Reserved):
            asked.preview(event, later)
            asked.fits_at(event, later)
        assert asked.observe(event, at) == unasked.observe(event, at)


@examples
@given(histories())
def test_a_preview_is_the_verdict_of_the_same_moment(history: list[Entry]):
    """Unless the request is known already."""
    ledger = Ledger()
    for event, at in history:
        if isinstance(event, Reserved) and ledger.known(event.request_id) is None:
            ledger.observe(released("nobody"), at)
            wanted = ledger.preview(event, at).granted
            verdict = ledger.observe(event, at)
            assert verdict is not None
            assert verdict.granted == wanted
        else:
            ledger.observe(event, at)


@examples
@given(histories())
def test_once_all_is_ended_and_time_has_passed_all_is_free(history: list[Entry]):
    """Nothing is held by nobody."""
    ledger = Ledger()
    for event, at in history:
        ledger.observe(event, at)
    for name in list(ledger.holds):
        ledger.observe(released(name), ledger.now)
    for bound in every_bound(history):
        assert ledger.standing(bound, ledger.now).held == 0
        assert ledger.standing(bound, ledger.now + 400 * LENGTH["day"]).remaining == bound.usable
    assert ledger.holds == {}


@examples
@given(histories(), histories())
def test_who_begins_late_enough_comes_to_the_same_verdicts(
    before: list[Entry], history: list[Entry]
):
    """Beyond the longest window, the longest hold and the time for which a request is known."""
    gap = LENGTH["hour"] + REMEMBERED
    for name in {event.request_id for event, _ in before}:
        before.append((released(name), before[-1][1]))
    shift = before[-1][1] + 2 * gap - NOW
    history = [(event, at + shift) for event, at in history]
    early, late = Ledger(), Ledger()
    for event, at in before:
        early.observe(event, at)
    for event, at in history:
        first, second = early.observe(event, at), late.observe(event, at)
        assert first == second


def test_what_fits_is_granted_whole_and_what_does_not_in_part():
    """As much as is left, unless it is of no use."""
    ledger = Ledger()
    bound = charge(limit=100)
    assert ledger.observe(reserved("q1", 80, bound), NOW).granted == 80
    assert ledger.observe(reserved("q2", 80, bound, least=21), NOW).granted is None
    verdict = ledger.observe(reserved("q3", 80, bound, least=20), NOW)
    assert (verdict.granted, verdict.short) == (20, bound)


def test_a_refused_attempt_leaves_nothing_and_a_later_one_may_fit():
    """It is decided anew each time."""
    ledger = Ledger()
    bound = charge(limit=100)
    ledger.observe(reserved("q1", 80, bound), NOW)
    assert ledger.observe(reserved("q2", 80, bound), NOW).granted is None
    assert ledger.standing(bound, NOW).held == 80
    ledger.observe(released("q1"), NOW)
    assert ledger.observe(reserved("q2", 80, bound), NOW).granted == 80


def test_a_request_is_charged_once_however_often_it_is_tried():
    """While it is held and after it was settled; retries and replays never charge twice."""
    ledger = Ledger()
    bound = charge(limit=100)
    ledger.observe(reserved("q1", 80, bound, least=1), NOW)
    again = ledger.observe(reserved("q1", 50, bound), NOW)
    assert (again.granted, again.known) == (80, True)
    for _ in range(2):
        ledger.observe(settled("q1", 30), NOW)
    again = ledger.observe(reserved("q1", 50, bound), NOW)
    assert (again.granted, again.known) == (80, True)
    assert ledger.standing(bound, NOW)[:2] == (30, 0)


def test_a_settled_request_is_known_for_an_hour():
    """After that its id is another request's."""
    bound = charge(limit=100)
    for later, known in ((REMEMBERED - 1, True), (REMEMBERED, False)):
        ledger = Ledger()
        ledger.observe(reserved("q1", 80, bound), NOW)
        ledger.observe(settled("q1", 30), NOW)
        assert ledger.observe(reserved("q1", 10, bound), NOW + later).known == known


def test_a_request_that_was_released_may_be_reserved_anew():
    """Its hold may have run out while nobody was there to answer."""
    ledger = Ledger()
    bound = charge(limit=100)
    ledger.observe(reserved("q1", 80, bound), NOW)
    ledger.observe(released("q1", "expired"), NOW)
    ledger.observe(settled("q1", 30), NOW)
    assert ledger.standing(bound, NOW)[:2] == (0, 0)
    assert not ledger.observe(reserved("q1", 80, bound), NOW).known
    ledger.observe(settled("q1", 30), NOW)
    assert ledger.standing(bound, NOW)[:2] == (30, 0)


def test_use_counts_from_when_it_was_settled_and_a_hold_for_as_long_as_it_stands():
    """A call that takes longer than the window is not forgotten meanwhile."""
    ledger = Ledger()
    bound = charge(limit=100, window="minute")
    ledger.observe(reserved("q1", 80, bound), NOW)
    assert ledger.observe(reserved("q2", 80, bound), NOW + 5 * MINUTE).granted is None
    ledger.observe(settled("q1", 80), NOW + 5 * MINUTE)
    assert ledger.observe(reserved("q3", 80, bound), NOW + 6 * MINUTE).granted is None
    assert ledger.observe(reserved("q4", 80, bound), NOW + 6 * MINUTE + SECOND).granted == 80


def test_the_ledgers_time_never_goes_back():
    """A broker's clock may."""
    ledger = Ledger()
    bound = charge(limit=100, window="minute")
    ledger.observe(reserved("q1", 80, bound), NOW + 5 * MINUTE)
    ledger.observe(settled("q1", 80), NOW)
    assert ledger.now == NOW + 5 * MINUTE
    assert ledger.standing(bound, NOW + 5 * MINUTE + MINUTE // 2).used == 80


def test_money_is_held_at_the_dearer_price_and_used_as_it_came_to():
    """What it is made of is not known before."""
    ledger = Ledger()
    bound = charge("b", "nanousd", 1000, window="day")
    price = Price(input=2, output=10)
    verdict = ledger.observe(reserved("q1", 200, bound, least=50, price=price), NOW)
    assert verdict.granted == 100
    assert ledger.standing(bound, NOW)[:3] == (0, 1000, 0)
    ledger.observe(settled("q1", 60, 4, nanousd=160), NOW)
    assert ledger.standing(bound, NOW)[:3] == (160, 0, 840)
    assert ledger.observe(reserved("q2", 10**9, bound), NOW).granted == 10**9, "it costs nothing"


def test_a_place_is_taken_while_a_request_is_under_way():
    """Its end, whatever it is, gives it back."""
    ledger = Ledger()
    bound = charge("b", "concurrent", 1)
    assert ledger.observe(reserved("q1", 5, bound), NOW).granted == 5
    assert ledger.observe(reserved("q2", 0, bound), NOW).granted is None
    ledger.observe(settled("q1", 5), NOW)
    assert ledger.observe(reserved("q2", 5, bound), NOW).granted == 5


def test_what_does_not_fit_whole_goes_to_the_pool_as_a_whole():
    """Where that has more room; else it stays with its own budget."""
    ledger = Ledger()
    pool = charge("pool", limit=70)
    mine = charge("mine", limit=50, pool=pooled(pool))
    other = charge("other", limit=50, pool=pooled(pool))
    for name, bound in (("q1", mine), ("q2", mine), ("q3", other)):
        assert ledger.observe(reserved(name, 40, bound), NOW).granted == 40
    assert [ledger.standing(one, NOW).held for one in (mine, other, pool)] == [40, 40, 40]
    assert ledger.observe(reserved("q4", 40, other, least=5), NOW).granted == 30
    assert ledger.observe(reserved("q5", 40, other, least=5), NOW).granted == 10
    assert [ledger.standing(one, NOW).held for one in (other, pool)] == [50, 70]


def test_what_its_pool_has_no_more_room_for_stays_with_its_own_budget():
    """The pool is for those who need it."""
    ledger = Ledger()
    pool = charge("pool", limit=30)
    mine = charge("mine", limit=30, pool=pooled(pool))
    assert ledger.observe(reserved("q1", 40, mine, least=5), NOW).granted == 30
    assert [ledger.standing(one, NOW).held for one in (mine, pool)] == [30, 0]


def test_what_is_kept_for_others_is_left_to_them():
    """A low priority stops short of the limit."""
    ledger = Ledger()
    low, high = charge(limit=100, usable=70), charge(limit=100)
    assert ledger.observe(reserved("q1", 80, low, least=1), NOW).granted == 70
    assert ledger.observe(reserved("q2", 10, low, least=1), NOW).granted is None
    assert ledger.observe(reserved("q3", 80, high, least=1), NOW).granted == 30


def test_a_burst_takes_the_whole_bucket_at_once_and_then_what_drips_in():
    """Ten a second, of which a hundred may be saved up."""
    ledger = Ledger()
    bound = charge(limit=600, window="minute", burst=100)
    ledger.observe(reserved("q1", 100, bound), NOW)
    ledger.observe(settled("q1", 100), NOW)
    assert ledger.observe(reserved("q2", 50, bound, least=1), NOW + SECOND).granted == 10
    ledger.observe(released("q2"), NOW + SECOND)
    assert ledger.fits_at(reserved("q3", 50, bound), NOW + SECOND) == NOW + 5 * SECOND


def test_a_bucket_whose_limit_changes_drains_by_the_new_one_from_then_on():
    """It changes with the next request that comes under it."""
    ledger = Ledger()
    slow = charge(limit=60, window="minute", burst=100)
    fast = charge(limit=6000, window="minute", burst=100)
    ledger.observe(reserved("q1", 100, slow), NOW)
    ledger.observe(settled("q1", 100), NOW)
    ledger.observe(reserved("q2", 1, fast), NOW + SECOND)
    assert ledger.standing(fast, NOW + SECOND)[:2] == (99, 1)
    ledger.observe(released("q2"), NOW + SECOND)
    assert ledger.standing(fast, NOW + SECOND + SECOND // 2).used == 49


def test_shadow_mode_refuses_nobody_and_counts_whom_it_would_have():
    """It goes by what all of them really use."""
    ledger = Ledger()
    shadow = charge("trial", limit=50, shadow=True)
    for name in ("q1", "q2", "q3"):
        assert ledger.observe(reserved(name, 40, shadow), NOW).granted == 40
    assert ledger.would_refuse == {"trial": 2}
    assert ledger.standing(shadow, NOW)[:3] == (0, 120, 0)


def test_a_changed_limit_goes_on_with_what_was_used():
    """Another window begins with nothing."""
    ledger = Ledger()
    before, after = charge(limit=100, window="hour"), charge(limit=30, window="hour")
    ledger.observe(reserved("q1", 40, before), NOW)
    ledger.observe(settled("q1", 40), NOW)
    assert ledger.observe(reserved("q2", 10, after), NOW).granted is None
    assert ledger.observe(reserved("q2", 10, charge(limit=30, window="day")), NOW).granted == 10


@pytest.mark.parametrize("end", [settled("q1", 10), released("q1")])
def test_it_is_foretold_what_would_fit_if_holds_came_to_nothing(end: UsageEvent):
    """That is what waiting may bring; what is used it does not bring back."""
    ledger = Ledger()
    bound = charge(limit=100)
    ledger.observe(reserved("q1", 80, bound), NOW)
    asked = reserved("q2", 90, bound)
    assert ledger.preview(asked, NOW).granted is None
    assert ledger.preview(asked, NOW, holds=False).granted == 90
    ledger.observe(end, NOW)
    assert ledger.preview(asked, NOW, holds=False).granted == 90
    ledger.observe(reserved("q3", 20, bound), NOW)
    ledger.observe(settled("q3", 20), NOW)
    assert ledger.preview(asked, NOW, holds=False).granted is None


def test_what_is_on_its_way_may_be_counted_as_held():
    """So that one worker asks for no more than there is."""
    bound = charge(limit=100)
    on_its_way = {key_of(bound): 30}
    found = Ledger().preview(reserved("q1", 90, bound, least=1), NOW, on_its_way)
    assert found.granted == 70


def test_holds_whose_time_is_up_are_named():
    """Whoever keeps the ledger releases them."""
    ledger = Ledger()
    ledger.observe(reserved("q1", 5, expires_at=NOW + SECOND), NOW)
    ledger.observe(reserved("q2", 5, expires_at=FAR), NOW)
    assert ledger.overdue(NOW) == []
    assert [name for name, _ in ledger.overdue(NOW + SECOND)] == ["q1"]


def test_accounts_of_which_nothing_counts_are_forgotten():
    """A budget for every user has many."""
    ledger = Ledger()
    for number in range(12_000):
        bound = charge("each", limit=10, window="minute", bucket=f"acme u{number}")
        ledger.observe(reserved(f"q{number}", 1, bound), NOW + number * SECOND)
        ledger.observe(settled(f"q{number}", 1), NOW + number * SECOND)
    assert len(ledger.accounts) < 6_000


@examples
@given(histories())
def test_the_time_that_is_foretold_is_when_it_fits(history: list[Entry]):
    """If nobody else uses anything; holds aside."""
    ledger = Ledger()
    for event, at in history:
        ledger.observe(event, at)
    for event, _ in history:
        if isinstance(event, Reserved) and all(c.unit != "requests" for c in event.charges):
            at = ledger.fits_at(event, ledger.now)
            if at is None:
                continue
            assert ledger.preview(event, at, holds=False).granted is not None


def test_of_entries_of_one_time_the_first_counts():
    """Two that do not both fit."""
    bound = charge(limit=10)
    for names in (("q1", "q2"), ("q2", "q1")):
        ledger = Ledger()
        verdicts = [ledger.observe(reserved(name, 10, bound), NOW) for name in names]
        assert [verdict and verdict.granted for verdict in verdicts] == [10, None]
