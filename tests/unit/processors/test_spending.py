"""What was used, by whom and of which budgets, is what was settled and nothing else."""

from processors.ledger.accounts import key_of
from processors.spending import Spending, totals
from tests.doubles.spending import (
    BEGIN,
    SECOND,
    Written,
    bound,
    pool,
    released,
    reserved,
    settled,
)


def fold(*log: Written) -> Spending:
    """What a log comes to."""
    made = Spending()
    for seconds, event in log:
        made.observe(event, BEGIN + int(seconds * SECOND))
    return made


def test_a_request_counts_once_when_it_is_settled() -> None:
    """Not while it is held, not when it is released, and not again."""
    found = fold(
        (0, reserved("a", 500, bound())),
        (1, settled("a", 400, 50, 7)),
        (1, settled("a", 400, 50, 7)),
        (2, reserved("a", 500, bound())),
        (2, settled("a", 400, 50, 7)),
        (3, reserved("b", 100, bound())),
        (4, released("b")),
        (5, reserved("c", 100, bound())),
        (6, settled("never reserved", 9)),
    )
    ((at, asked, read, written, nanousd),) = found.uses
    assert (at, asked.request_id, read, written, nanousd) == (BEGIN + SECOND, "a", 400, 50, 7)
    assert found.began == BEGIN


def test_a_refused_request_that_fits_later_is_the_later_one() -> None:
    """By whoever asked then."""
    found = fold(
        (0, reserved("a", 1001, bound(), user="ana")),
        (1, reserved("a", 900, bound(), user="bo")),
        (2, settled("a", 5)),
    )
    assert [use.asked.user for use in found.uses] == ["bo"]


def test_each_account_is_spent_of_in_its_unit() -> None:
    """Where it went: of a pool, if its own budget was too full."""
    own = bound(100, "own", pool=pool(1000))
    requests, money = bound(9, "n", unit="requests"), bound(9, "usd", unit="nanousd")
    found = fold((0, reserved("a", 500, own, requests, money)), (1, settled("a", 300, 0, 4)))
    spent = {key: [one.amount for one in spent] for key, spent in found.spent.items()}
    assert spent == {
        key_of(pool(1000)): [300],
        key_of(requests): [1],
        key_of(money): [4],
    }


def test_totals_are_told_apart_by_any_part() -> None:
    """What has none is told of too; the most tokens come first."""
    found = fold(
        (0, reserved("a", 9, user="ana", key_id="0123456789ab")),
        (0, settled("a", 1, 2, 3)),
        (0, reserved("b", 9, user="bo", model="reader@1")),
        (0, settled("b", 5, 2)),
        (0, reserved("c", 9, user="ana")),
        (0, settled("c", 1)),
    )
    by_user = totals(found.uses, ["user"])
    assert [(one.of, one.requests, one.input_tokens) for one in by_user] == [
        ({"user": "bo"}, 1, 5),
        ({"user": "ana"}, 2, 2),
    ]
    by_key = totals(found.uses, ["key", "model"])
    assert [one.of for one in by_key] == [
        {"key": "", "model": "reader@1"},
        {"key": "0123456789ab", "model": ""},
        {"key": "", "model": ""},
    ]
    assert [one.nanousd for one in totals(found.uses, [])] == [3]
