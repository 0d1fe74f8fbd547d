"""`freshet quota`: what may be used is set, changed and taken away."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.codec import decode_as, encode
from schemas.control import Budget, ControlEvent, Quota, key_of
from schemas.envelope import headers
from schemas.topics import type_of
from streams.cli import app
from streams.control import Conflict
from streams.errors import FreshetError
from tests.doubles.opinions import GIVEN, CommandLog
from tests.doubles.spending import bound, reserved, settled

BECAUSE = ("--why", "a trial")


def run(*arguments: str) -> str:
    """Standard output; an expected error is raised."""
    done = CliRunner().invoke(app, ["quota", *arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def put(*arguments: str) -> dict[str, Any]:
    """What `set` has put in force."""
    made: dict[str, Any] = json.loads(run("set", *arguments, *BECAUSE, "--json"))
    return made


def append(log: CommandLog, change: ControlEvent) -> None:
    """Somebody else's change."""
    name = headers(type_of(change), source="test", time=1)
    log.append("control", key_of(change), encode(change), name)


def test_a_tenant_s_quota_is_set_and_the_rest_stays(log: CommandLog) -> None:
    """Each change is a revision, with its author and its reason; `none` takes a bound away."""
    assert run("set", "--tenant", "acme", "--tokens-per-minute", "1e5", *BECAUSE) == (
        "quota/acme is in force, revision 1\n"
    )
    put("--tenant", "acme", "--concurrent", "8")
    put("--tenant", "acme", "--tokens-per-minute", "none")
    record = log.all("control")[-1]
    quota = decode_as(Quota, record.value or b"")
    assert (record.key, quota.revision, quota.why) == (b"quota/acme", 3, "a trial")
    assert (quota.tokens_per_minute, quota.concurrent) == (None, 8)


def test_a_budget_is_set_with_all_that_it_has(log: CommandLog) -> None:
    """Whom it bounds, by how much, and how."""
    put("everybody", "--limit", "100", "--unit", "usd", "--window", "month", "--shared")
    made = put(
        *("research", "--tenant", "acme", "--key", "9f86d081884c", "--model", "reader"),
        *("--route", "default", "--each", "user", "--limit", "2.5", "--unit", "usd"),
        *("--burst", "5", "--keep", "high=0.1", "--keep", "normal=0.2"),
        *("--pool", "everybody", "--shadow"),
    )
    assert made["kept"] == {"high": 0.1, "normal": 0.2}
    assert (made["limit"], made["burst"], made["each"]) == (2.5, 5.0, "user")
    assert (made["pool"], made["shadow"], made["key_id"]) == ("everybody", True, "9f86d081884c")
    enforced = put("research", "--enforce", "--keep", "none", "--each", "none")
    assert enforced.keys() & {"shadow", "kept", "each"} == set()
    assert enforced["tenant"] == "acme"


def test_what_is_removed_is_begun_anew(log: CommandLog) -> None:
    """Nothing of it comes back."""
    put("team", "--limit", "9", "--unit", "requests", "--user", "ana")
    assert run("remove", "team", *BECAUSE) == "budget/team is removed, revision 2\n"
    with pytest.raises(FreshetError, match="there is no budget/team"):
        run("remove", "team", *BECAUSE)
    made = put("team", "--limit", "9", "--unit", "requests")
    assert (made["revision"], "user" in made) == (3, False)


def test_a_tenant_s_quota_is_removed(log: CommandLog) -> None:
    """By its tenant."""
    put("--tenant", "acme", "--concurrent", "8")
    assert json.loads(run("remove", "--tenant", "acme", *BECAUSE, "--json"))["removed"] is True


def test_who_saw_another_revision_is_told(log: CommandLog) -> None:
    """Nothing is overwritten, nothing is written."""
    put("team", "--limit", "9", "--unit", "requests")
    put("team", "--limit", "10", "--revision", "1")
    with pytest.raises(Conflict, match="is at revision 2, not 1"):
        put("team", "--limit", "11", "--revision", "1")
    assert len(log.all("control")) == 2


def test_who_is_second_is_told_whose_change_counts(log: CommandLog) -> None:
    """Also where both looked at the same moment."""
    append_first(
        log, Budget(name="team", unit="tokens", limit=5, revision=1, by="bo", why="", at=1)
    )
    with pytest.raises(Conflict, match="changed by bo"):
        put("team", "--limit", "9", "--unit", "requests")


def append_first(log: CommandLog, change: ControlEvent) -> None:
    """Somebody else's change, between another's look and their write."""

    def before(_record: object) -> None:
        log.before_append = None
        append(log, change)

    log.before_append = before


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "name a budget, or --tenant"),
        (("--tenant", "acme", "--limit", "9"), "--limit: name a budget"),
        (("team", "--tokens-per-day", "9"), "--tokens-per-day: that is of a tenant's quota"),
        (("--tenant", "acme", "--concurrent", "many"), "a number, or `none`"),
        (("--tenant", "acme", "--concurrent", "nan"), "a number, or `none`"),
        (("--tenant", "acme", "--concurrent", "1.5"), "there can be no such quota/acme"),
        (("--tenant", "a b", "--concurrent", "1"), "there can be no such"),
        (("team", "--unit", "requests"), "missing required field `limit`"),
        (("team", "--limit", "9", "--unit", "words"), "Invalid enum value 'words'"),
        (("team", "--limit", "-1", "--unit", "tokens"), "there can be no such"),
        (("team", "--limit", "9", "--unit", "tokens", "--keep", "high"), "such as high=0.1"),
        (("team", "--limit", "9", "--unit", "tokens", "--keep", "low=0.1"), "low"),
        (("team", "--limit", "9", "--unit", "tokens", "--pool", "none-such"), "no shared budget"),
        (("team", "--limit", "9", "--unit", "concurrent", "--calendar"), "has no window"),
        (
            ("team", "--limit", "9", "--unit", "tokens", "--calendar", "--burst", "9"),
            "has no burst",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    log: CommandLog, arguments: tuple[str, ...], why: str
) -> None:
    """And not written."""
    with pytest.raises(FreshetError, match=why):
        put(*arguments)
    assert log.all("control") == []


def test_a_pool_is_not_taken_from_those_who_are_charged_to_it(log: CommandLog) -> None:
    """Nor has it a pool of its own."""
    put("pool", "--limit", "9", "--unit", "tokens", "--shared")
    put("team", "--limit", "9", "--unit", "tokens", "--pool", "pool")
    changes: tuple[Callable[[], object], ...] = (
        lambda: run("remove", "pool", *BECAUSE),
        lambda: put("pool", "--not-shared"),
        lambda: put("pool", "--pool", "pool"),
    )
    for change in changes:
        with pytest.raises(FreshetError, match="pool"):
            change()
    assert len(log.all("control")) == 2


LATE = GIVEN // 1_000_000 + 100_000
"""Seconds since the epoch by the log's clock: its broker stamps every record with it."""


def spend(log: CommandLog, request: str, tokens: int, *, end: bool = True, **who: Any) -> None:
    """A request, under the bounds that `budgets` sets; half of its tokens come out of the model."""
    usual = {"tenant": "acme", "user": "ana", "model": "reader@1", "route": "default"}
    fields = {**usual, **who}
    charges = (
        bound(1000, f"{fields['tenant']}:tokens_per_day", window="day"),
        bound(
            5_000_000_000,
            "team",
            bucket=f"acme {fields['user']}",
            unit="nanousd",
            window="month",
        ),
        bound(10, "watched", unit="requests", window="hour", shadow=True),
    )
    usage(log, reserved(request, tokens, *charges, **fields))
    if end:
        half = tokens // 2
        usage(log, settled(request, half, tokens - half, nanousd=1_500_000))


def usage(log: CommandLog, event: Any) -> None:
    name = headers(type_of(event), source="test", time=1)
    log.append("usage", "acme", encode(event), name, 0)


@pytest.fixture
def budgets(log: CommandLog, monkeypatch: pytest.MonkeyPatch) -> CommandLog:
    """A tenant's quota, a budget for each of its users in money, and one that only counts."""
    monkeypatch.setattr("streams.commands.quota._now", lambda: LATE * 1_000_000)
    put("--tenant", "acme", "--tokens-per-day", "1000", "--concurrent", "4")
    money = ("--limit", "5", "--unit", "usd", "--window", "month")
    put("team", "--tenant", "acme", "--each", "user", *money)
    put("watched", "--limit", "10", "--unit", "requests", "--window", "hour", "--shadow")
    return log


def test_every_bound_is_shown_as_it_stands(budgets: CommandLog) -> None:
    """Used, held and left; of a budget apart for each of many, each that was used."""
    spend(budgets, "q1", 200)
    spend(budgets, "q2", 300, end=False, user="bo")
    lines = [json.loads(line) for line in run("show", "--json").splitlines()]
    found = {(one["budget"], one["bucket"]): one for one in lines}
    day = found["acme:tokens_per_day", ""]
    assert (day["used"], day["held"], day["remaining"]) == (200, 300, 500)
    assert found["acme:concurrent", ""]["window"] is None
    assert found["team", "acme ana"]["used"] == 1_500_000
    assert found["team", "acme bo"]["used"] == 0
    assert (found["watched", ""]["shadow"], found["watched", ""]["used"]) == (True, 1)
    shown = run("show")
    assert "acme:tokens_per_day\t1000 tokens a day\t200 used, 300 held\t500 left" in shown
    assert "team acme ana\t$5 a month\t$0.0015 used" in shown
    assert "shadow: would have refused 0" in shown


def test_what_bounds_a_tenant_is_shown_alone(budgets: CommandLog) -> None:
    """Or a budget, by its name."""
    put("--tenant", "other", "--concurrent", "4")
    tenants = run("show", "--tenant", "other").splitlines()
    assert [line.partition("\t")[0] for line in tenants] == ["other:concurrent", "watched"]
    assert len(run("show", "team").splitlines()) == 1
    assert run("show", "nobody") == ""


def test_usage_is_told_by_whom_and_by_what(budgets: CommandLog) -> None:
    """In requests, tokens and money; what is still under way does not count."""
    spend(budgets, "q1", 200)
    spend(budgets, "q2", 301, user="bo")
    spend(budgets, "q3", 9, end=False)
    by_user = run("usage", "--by", "user", "--by", "tenant")
    assert by_user.splitlines() == [
        "acme\tbo\t1 requests\t150 tokens in, 151 out\t$0.0015",
        "acme\tana\t1 requests\t100 tokens in, 100 out\t$0.0015",
    ]
    (total,) = map(json.loads, run("usage", "--json").splitlines())
    assert (total["of"], total["requests"], total["nanousd"]) == ({"tenant": "acme"}, 2, 3_000_000)
    assert run("usage", "--tenant", "other") == ""
    assert run("usage", "--since", "2h", "--until", "1h") == ""
    with pytest.raises(FreshetError, match="--by 'planet'"):
        run("usage", "--by", "planet")
    with pytest.raises(FreshetError, match="--since"):
        run("usage", "--since", "yesterday")


def test_a_forecast_says_when_nothing_is_left(budgets: CommandLog) -> None:
    """With its rate and the interval; what has no window has no forecast."""
    spend(budgets, "q1", 200)
    found = {
        one["budget"]: one["forecast"]
        for one in map(json.loads, run("forecast", "--json").splitlines())
    }
    assert set(found) == {"acme:tokens_per_day", "team", "watched"}
    day = found["acme:tokens_per_day"]
    assert day["rate"]["low"] <= day["rate"]["mean"] <= day["rate"]["high"]
    assert "used up" in run("forecast", "team")
