"""`freshet keys`: made, changed, rotated and revoked."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from schemas.codec import encode
from schemas.control import ApiKey, key_of
from streams.cli import app
from streams.errors import FreshetError
from streams.gateway.keys import KeyRing, read_keys
from streams.said import said
from tests.doubles.opinions import CommandLog

DAY = 24 * 3600 * 1_000_000


def run(*arguments: str) -> str:
    """Standard output; an expected error is raised."""
    done = CliRunner().invoke(app, ["keys", *arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def create(*arguments: str) -> dict[str, str]:
    """A new key of `acme`, as `create` prints it."""
    made: dict[str, str] = json.loads(run("create", "--tenant", "acme", "--json", *arguments))
    return made


def listed(*arguments: str) -> list[dict[str, Any]]:
    """The keys, as `list` has them."""
    return [json.loads(line) for line in run("list", "--json", *arguments).splitlines()]


def ring(log: CommandLog) -> KeyRing:
    """The keys in the log."""
    return asyncio.run(read_keys(log))


@pytest.mark.usefixtures("log")
def test_a_key_is_listed_with_what_it_may_do_and_never_with_its_hash() -> None:
    """By tenant, where that is asked for."""
    create("--name", "search page", "--scope", "ask", "--scope", "feedback", "--days", "30")
    run("create", "--tenant", "umbrella")
    (mine,) = listed("--tenant", "acme")
    assert (mine["label"], mine["scopes"], mine["state"]) == (
        "search page",
        ["ask", "feedback"],
        "valid",
    )
    assert "hash" not in mine
    assert len(run("list").splitlines()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "--tenant", "group:staff"),
        ("create", "--tenant", "a b"),
        ("create", "--tenant", "acme", "--scope", "everything"),
        ("set", "000000000000", "--name", "x"),
        ("rotate", "000000000000"),
        ("revoke", "000000000000"),
    ],
)
def test_what_cannot_be_is_refused(log: CommandLog, arguments: tuple[str, ...]) -> None:
    """And nothing is written."""
    with pytest.raises(FreshetError):
        run(*arguments)
    assert log.all("control") == []


@pytest.mark.usefixtures("log")
def test_label_scopes_and_expiry_of_a_key_change_and_the_rest_stays() -> None:
    """Each change is a revision."""
    made = create("--days", "1")
    assert listed()[0]["state"] == "expiring"
    run("set", made["id"], "--name", "kiosk", "--scope", "ask")
    run("set", made["id"], "--lasting", "--why", "asked for by ben")
    (key,) = listed()
    assert (key["label"], key["scopes"], key["revision"]) == ("kiosk", ["ask"], 3)
    assert (key["state"], key["why"]) == ("valid", "asked for by ben")
    with pytest.raises(FreshetError):
        run("set", made["id"])


def _rotated(log: CommandLog, old: str) -> tuple[ApiKey, ApiKey]:
    found = ring(log).all()
    return next(k for k in found if k.id == old), next(k for k in found if k.id != old)


def test_a_rotation_makes_a_key_alike_and_ends_the_old_one_after_a_grace(
    log: CommandLog,
) -> None:
    """Both work until then."""
    made = create("--name", "page", "--scope", "ask", "--days", "90")
    text = json.loads(run("rotate", made["id"], "--grace", "24h", "--json"))["key"]
    old, new = _rotated(log, made["id"])
    keys, now = ring(log), said("").at
    assert (new.tenant, new.label, new.scopes) == ("acme", "page", ["ask"])
    assert new.expires_at is not None
    assert new.expires_at > now + 89 * DAY
    assert keys.verify(made["key"], now) is not None
    assert keys.verify(made["key"], now + DAY) is None
    assert keys.verify(text, now + DAY) == new
    assert old.expires_at is not None


def test_a_grace_keeps_no_key_alive_beyond_its_own_end(log: CommandLog) -> None:
    """A rotation only ever shortens."""
    made = create("--days", "1")
    (before,) = ring(log).all()
    run("rotate", made["id"], "--grace", "7d")
    old, _ = _rotated(log, made["id"])
    assert old.expires_at == before.expires_at


def test_a_rotation_without_grace_ends_the_old_key_at_once(log: CommandLog) -> None:
    """It cannot be rotated again."""
    made = create()
    run("rotate", made["id"], "--grace", "0s")
    assert ring(log).verify(made["key"], said("").at) is None
    with pytest.raises(FreshetError, match="expired"):
        run("rotate", made["id"])


def test_where_the_old_key_cannot_be_ended_the_new_one_is_taken_back(
    log: CommandLog,
) -> None:
    """Somebody changed it between the reading and the writing: there is no key too many."""
    made = create()
    (old,) = ring(log).all()

    def between(record: Any) -> None:
        if record.topic == "control" and record.key != f"key/{old.id}".encode():
            log.after_append = None
            quicker = replace(old, label="quick", revision=2, by="ben")
            log.append("control", key_of(quicker), encode(quicker))

    log.after_append = between
    with pytest.raises(FreshetError, match="ben"):
        run("rotate", made["id"])
    states = {key.id: key.removed for key in ring(log).all()}
    assert states.pop(old.id) is False
    assert list(states.values()) == [True]


@pytest.mark.usefixtures("log")
def test_a_revoked_key_is_worthless_at_once_and_for_good() -> None:
    """To revoke it again changes nothing."""
    made = create()
    for _ in range(2):
        run("revoke", made["id"])
    assert [key["state"] for key in listed()] == ["revoked"]
    with pytest.raises(FreshetError, match="revoked"):
        run("set", made["id"], "--lasting")


@pytest.mark.parametrize("grace", ["", "1", "1w", "-1h", "h", "1.5h", "\u0661h"])
def test_a_grace_that_is_no_length_of_time_is_refused(log: CommandLog, grace: str) -> None:
    """With what would be one."""
    made = create()
    with pytest.raises(FreshetError, match="24h"):
        run("rotate", made["id"], "--grace", grace)
    assert len(log.all("control")) == 1
