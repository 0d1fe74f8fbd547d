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
from tests.doubles.opinions import CommandLog

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
    put("--tenant", "acme", "--concurrent", "8", "--priority", "high")
    put("--tenant", "acme", "--tokens-per-minute", "none")
    record = log.all("control")[-1]
    quota = decode_as(Quota, record.value or b"")
    assert (record.key, quota.revision, quota.why) == (b"quota/acme", 3, "a trial")
    assert (quota.tokens_per_minute, quota.concurrent, quota.priority) == (None, 8, "high")


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
