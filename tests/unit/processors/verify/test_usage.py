"""Each way in which the token ledger can be wrong is found, and what is right is no fault."""

from datetime import UTC, datetime
from typing import Any

import pytest

from processors.verify.report import Fault
from processors.verify.usage import Scope, UsageCheck
from schemas.responses import Response
from schemas.usage import Charge
from tests.doubles.spending import (
    BEGIN,
    MINUTE,
    PRICE,
    SECOND,
    Written,
    answered,
    bound,
    pool,
    released,
    reserved,
    settled,
)

MINUTE_S = 60
DAY_S = 86_400


def check(
    *log: Written,
    admitted: dict[str, int] | None = None,
    responses: tuple[Response, ...] = (),
    **scope: Any,
) -> UsageCheck:
    """The check of a log; without `admitted`, whoever was reserved for was let through."""
    usual = {"now": BEGIN, "grace": MINUTE, "admitted_until": 0 if admitted is None else None}
    made = UsageCheck(Scope(**{**usual, **scope}))
    for request, tokens in (admitted or {}).items():
        made.add_admitted(request, tokens)
    for response in responses:
        made.add_response(response)
    for offset, (seconds, event) in enumerate(log):
        made.add(offset, BEGIN + int(seconds * SECOND), event)
    return made


def faults(*log: Written, **given: Any) -> list[tuple[str, str]]:
    """Kind and message of each fault."""
    return [(one.kind, one.message) for one in check(*log, **given).compare()]


def grants(*log: Written) -> list[int | None]:
    """What each record of a log grants."""
    made = UsageCheck(Scope(now=BEGIN, grace=0))
    return [made.add(n, BEGIN + int(s * SECOND), event) for n, (s, event) in enumerate(log)]


WELL = ((0, reserved("q", 500, bound())), (1, settled("q", 400, 50)))


def test_what_is_reserved_let_through_settled_and_answered_is_well() -> None:
    """And counted."""
    found = check(*WELL, admitted={"q": 500}, responses=(answered("q", 400, 50),))
    assert list(found.compare()) == []
    assert (found.reservations, found.ends, found.bounds, found.open) == (1, 1, 2, 0)
    ((name, counts),) = found.used().items()
    assert (str(name), counts) == ("acme:tokens_per_minute (tokens a minute)", (450, 0))


def test_the_same_end_again_is_no_fault_and_charges_nothing() -> None:
    """A worker that died in between wrote it twice; so with the reservation."""
    again = (2, settled("q", 400, 50)), (2, reserved("q", 500, bound())), (3, released("q"))
    found = check(*WELL, *again)
    assert list(found.compare()) == []
    assert list(found.used().values()) == [(450, 0)]


def test_a_request_that_is_charged_twice_is_found() -> None:
    """With another sum than before."""
    assert faults(*WELL, (2, settled("q", 400, 60))) == [("doubled", "q ended before, otherwise")]


def test_tokens_that_are_settled_after_a_release_are_found() -> None:
    """They are charged to nobody."""
    log = (0, reserved("q", 500, bound())), (1, released("q", "expired")), (2, settled("q", 9))
    assert faults(*log, responses=(answered("q", 9),)) == [
        ("doubled", "q ended before, otherwise"),
        ("different", "q: charged (0, 0), answered with (9, 0)"),
    ]


def test_a_reservation_that_nobody_ends_is_found_when_its_time_is_up() -> None:
    """Not before, and not within the grace."""
    log = ((0, reserved("q", 500, bound())),)
    assert faults(*log, now=BEGIN + 2 * MINUTE) == []
    assert faults(*log, now=BEGIN + 2 * MINUTE + 1) == [
        ("missing", "q never ended, and its time is up")
    ]


def test_a_response_whose_reservation_never_ended_is_found_at_once() -> None:
    """What it used was to be charged before it was given; that it used nothing is said after."""
    log = ((0, reserved("q", 500, bound())),)
    assert faults(*log, responses=(answered("q", 9),)) == [
        ("missing", "q has its response, and was never charged")
    ]
    failed = answered("q", 0, status="failed")
    assert faults(*log, responses=(failed,)) == []


def test_more_used_than_was_reserved_is_found() -> None:
    """Though the bound would have had room for it."""
    log = (0, reserved("q", 500, bound())), (1, settled("q", 400, 101))
    assert faults(*log) == [("overspent", "q came to 501 tokens of 500")]


def test_a_bound_that_is_overshot_is_found() -> None:
    """By what was used beyond what was reserved."""
    log = (0, reserved("q", 1000, bound())), (1, settled("q", 1000, 1))
    assert faults(*log) == [
        ("overspent", "q came to 1001 tokens of 1000"),
        ("overspent", "acme:tokens_per_minute (tokens a minute): 1001 of 1000"),
    ]


def test_who_was_let_through_with_more_than_fitted_is_found() -> None:
    """And with less; and without anything."""
    log = (0, reserved("a", 900, bound())), (1, reserved("b", 900, bound(), least=10))
    admitted = {"a": 900, "b": 900}
    assert faults(*log, admitted=admitted) == [
        ("overspent", "let through with 900 tokens, reserved were [100]")
    ]
    assert faults(*log, admitted={"a": 900, "b": 99})[0][0] == "different"
    assert faults(*log, admitted={"a": 900, "c": 5}) == [
        ("missing", "it was let through without a reservation")
    ]


def test_who_was_let_through_though_nothing_fitted_is_found() -> None:
    """A refused reservation is none."""
    log = (0, reserved("a", 900, bound())), (1, reserved("b", 101, bound()))
    assert faults(*log, admitted={"a": 900, "b": 101}) == [
        ("missing", "it was let through without a reservation")
    ]


def test_a_charge_that_is_not_what_the_response_says_is_found() -> None:
    """Token by token, in and out."""
    assert faults(*WELL, responses=(answered("q", 401, 49),)) == [
        ("different", "q: charged (400, 50), answered with (401, 49)")
    ]


def test_a_wrong_price_is_found() -> None:
    """By that of its reservation."""
    priced = reserved("q", 500, bound(), price=PRICE)
    right = 400 * PRICE.input + 50 * PRICE.output
    assert faults((0, priced), (1, settled("q", 400, 50, right))) == []
    assert faults((0, priced), (1, settled("q", 400, 50, right + 1))) == [
        ("different", f"q costs {right}, not {right + 1}")
    ]


def test_who_is_charged_and_was_never_let_through_is_found() -> None:
    """As far back as it is known who was."""
    assert faults(*WELL, admitted={}) == [("left_over", "q was charged, and never let through")]
    assert faults(*WELL, admitted={}, admitted_since=BEGIN) == []
    assert faults(*WELL, admitted={}, admitted_until=1) == []


def test_an_end_without_a_reservation_is_found() -> None:
    """If it charges anything, and its reservation is not gone with the beginning of the log."""
    assert faults((0, settled("q", 9))) == [("left_over", "q was never reserved")]
    assert faults((0, released("q"))) == []
    assert faults((0, settled("q", 9)), is_cut=True) == []


def test_a_log_without_its_beginning_decides_nothing_about_bounds() -> None:
    """For as long as a month; what lies before may have counted."""
    log = ((0, reserved("q", 500, bound())), (1, settled("q", 400)))
    early = check(*log, admitted={"q": 300}, is_cut=True)
    late = check((-32 * DAY_S, released("p")), *log, admitted={"q": 300}, is_cut=True)
    assert (list(early.compare()), early.bounds) == ([], 0)
    assert [one.kind for one in late.compare()] == ["different"]


def test_a_partial_grant_is_the_most_that_fits_every_bound() -> None:
    """At most what was asked, at least what is of use."""
    log = [
        (0, reserved("a", 700, bound(), bound(2000, "other"))),
        (1, reserved("b", 700, bound(), bound(2000, "other"), least=300)),
        (2, reserved("c", 1, bound())),
    ]
    assert grants(*log) == [700, 300, None]


def test_a_rolling_window_gives_back_step_by_step() -> None:
    """A six-hundredth of a window late at most; never early."""
    full = reserved("b", 1000, bound())
    used = (0, reserved("a", 1000, bound())), (0, settled("a", 1000))
    for late in (-0.001, 0.0):
        assert grants(*used, (MINUTE_S + late, full))[-1] is None
    assert grants(*used, (MINUTE_S + 0.1, full))[-1] == 1000


@pytest.mark.parametrize(
    ("window", "ends"),
    [
        ("minute", "2025-10-09T08:54:00"),
        ("hour", "2025-10-09T09:00:00"),
        ("day", "2025-10-10T00:00:00"),
        ("week", "2025-10-13T00:00:00"),
        ("month", "2025-11-01T00:00:00"),
    ],
)
def test_a_calendar_s_window_begins_anew(window: str, ends: str) -> None:
    """In UTC; weeks on Mondays. `BEGIN` is 2025-10-09T08:53:20Z."""
    charge = bound(window=window, calendar=True)
    seconds = datetime.fromisoformat(ends).replace(tzinfo=UTC).timestamp() - BEGIN / SECOND
    used = (0, reserved("a", 1000, charge)), (0, settled("a", 1000))
    assert grants(*used, (seconds - 0.001, reserved("b", 1, charge)))[-1] is None
    assert grants(*used, (seconds, reserved("b", 1000, charge)))[-1] == 1000


def test_a_bucket_drains_by_its_limit() -> None:
    """100 at once, 60 a minute: one a second comes back."""
    charge = bound(60, burst=100)
    log = [
        (0, reserved("a", 100, charge)),
        (0, settled("a", 100)),
        (9.5, reserved("b", 10, charge)),
        (10, reserved("c", 10, charge)),
    ]
    assert grants(*log) == [100, None, None, 10]


def test_a_bucket_that_was_empty_for_long_holds_no_more_than_it_does() -> None:
    """What drains from an empty one is nothing."""
    charge = bound(60, burst=100)
    log = [
        (0, reserved("a", 5, charge)),
        (0, settled("a", 5)),
        (3600, reserved("b", 100, charge)),
        (3600, settled("b", 100)),
        (3601, reserved("c", 2, charge)),
    ]
    assert grants(*log) == [5, None, 100, None, None]


def test_requests_count_one_each_and_places_only_while_they_are_taken() -> None:
    """Whatever their tokens."""
    both = bound(2, "n", unit="requests"), bound(1, "at once", unit="concurrent")
    log = [
        (0, reserved("a", 700, *both)),
        (1, reserved("b", 700, *both)),
        (2, settled("a", 1)),
        (3, reserved("b", 700, *both)),
        (4, released("b")),
        (5, reserved("c", 700, *both)),
        (6, settled("c", 1)),
        (7, reserved("d", 700, *both)),
    ]
    assert grants(*log) == [700, None, None, 700, None, 700, None, None]


def test_money_is_held_by_the_dearer_price() -> None:
    """And counted by what it came to."""
    charge = bound(600 * 100, unit="nanousd")
    log = [
        (0, reserved("a", 200, charge, price=PRICE, least=10)),
        (1, settled("a", 40, 10, 40 * 150 + 10 * 600)),
        (2, reserved("b", 200, charge, price=PRICE, least=10)),
        (3, reserved("free", 200, charge)),
    ]
    assert grants(*log) == [100, None, 80, 200]


def test_a_shadow_refuses_nobody_and_counts_all_the_same() -> None:
    """Nothing is overspent."""
    shadow = bound(10, shadow=True)
    found = check((0, reserved("a", 700, shadow)), (1, settled("a", 700)))
    assert list(found.compare()) == []
    assert list(found.used().values()) == [(700, 0)]


def test_what_does_not_fit_its_own_budget_goes_to_the_pool_as_a_whole() -> None:
    """Where that has more room; else it stays."""
    own = bound(300, "own", pool=pool(1000))
    found = check(
        (0, reserved("a", 200, own)),
        (1, reserved("b", 900, own)),
        (2, reserved("c", 500, own, least=10)),
    )
    held = {name.budget: held for name, (_, held) in found.used().items()}
    assert held == {"own": 300, "everybody": 900}


def test_a_request_known_of_old_is_a_new_one() -> None:
    """An hour after it was settled; after a release at once."""
    anew = reserved("q", 500, bound(5000))
    assert grants(*WELL, (3600.9, anew))[-1] is None
    assert grants(*WELL, (3601, anew))[-1] == 500
    assert grants((0, anew), (1, released("q")), (2, anew))[-1] == 500


def test_faults_name_the_record() -> None:
    """So that it can be looked at."""
    assert list(check(*WELL, (2, settled("q", 9))).compare()) == [
        Fault("doubled", "usage/0@2", "q ended before, otherwise")
    ]


def test_time_never_goes_back() -> None:
    """A broker whose clock was set back gives nothing back early."""
    charge: Charge = bound(window="minute", calendar=True)
    log = [
        (40, reserved("a", 1000, charge)),
        (40, settled("a", 1000)),
        (0, reserved("b", 1, charge)),
    ]
    assert grants(*log) == [1000, None, None]
