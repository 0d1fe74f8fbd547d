"""`freshet tenants`: groups, limits, and who changed them."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.codec import decode_as
from schemas.control import Tenant
from streams.cli import app
from streams.control import Conflict
from streams.errors import FreshetError
from tests.doubles.opinions import CommandLog

WHY = ("--why", "a trial")


def run(*arguments: str, group: str = "tenants") -> str:
    """Standard output; an expected error is raised."""
    done = CliRunner().invoke(app, [group, *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def put(*arguments: str) -> dict[str, Any]:
    """What `set` has put in force for `acme`."""
    made: dict[str, Any] = json.loads(run("set", "acme", *arguments, *WHY, "--json"))
    return made


@pytest.mark.usefixtures("log")
def test_a_tenant_is_changed_field_by_field_and_the_rest_stays() -> None:
    """`none` takes a limit, a prefix or all groups away."""
    put("--group", "group:staff", "--prefix", "acme/", "--top-k", "9", "--in-hand", "4")
    made = put("--join", "group:board", "--leave", "group:staff", "--past", "7d", "--top-k", "none")
    assert made["groups"] == ["group:board"]
    assert made["limits"] == {"past_s": 7 * 86400, "in_hand": 4}
    assert (made["prefix"], made["revision"]) == ("acme/", 2)
    made = put("--group", "none", "--prefix", "none", "--priority", "high")
    assert (made["groups"], made["prefix"], made["priority"]) == ([], None, "high")


def test_a_change_says_who_made_it_and_why(log: CommandLog) -> None:
    """In its event."""
    put("--top-k", "9")
    (record,) = log.all("control")
    tenant = decode_as(Tenant, record.value or b"")
    assert (record.key, tenant.why, tenant.revision) == (b"tenant/acme", "a trial", 1)
    assert tenant.by


@pytest.mark.parametrize(
    "arguments",
    [
        ("--group", "staff"),
        ("--join", "group:"),
        ("--leave", "group:staff"),
        ("--top-k", "51"),
        ("--top-k", "many"),
        ("--in-hand", "0"),
        ("--past", "1w"),
        ("--priority", "highest"),
        (),
    ],
)
def test_what_makes_no_sense_is_refused(log: CommandLog, arguments: tuple[str, ...]) -> None:
    """And nothing is written."""
    with pytest.raises(FreshetError):
        put(*arguments)
    assert log.all("control") == []


@pytest.mark.usefixtures("log")
def test_no_tenant_is_named_like_a_group() -> None:
    """It would find what the group was given."""
    with pytest.raises(FreshetError):
        run("set", "group:staff", "--top-k", "9", *WHY)


@pytest.mark.usefixtures("log")
def test_who_saw_an_older_state_is_told_to_look_again() -> None:
    """Nobody's change is lost without a word."""
    put("--top-k", "9")
    put("--top-k", "8", "--revision", "1")
    with pytest.raises(Conflict):
        put("--top-k", "7", "--revision", "1")
    assert json.loads(run("show", "acme", "--json"))["limits"] == {"top_k": 8}


def test_a_tenant_is_suspended_and_resumed(log: CommandLog) -> None:
    """Its limits stay; to do it twice changes nothing."""
    put("--top-k", "9")
    for command in ("suspend", "suspend"):
        run(command, "acme", *WHY)
    assert json.loads(run("show", "acme", "--json"))["suspended"] is True
    run("resume", "acme", *WHY)
    found = json.loads(run("show", "acme", "--json"))
    assert (found["suspended"], found["limits"]) == (False, {"top_k": 9})
    assert len(log.all("control")) == 3


@pytest.mark.usefixtures("log")
def test_tenants_are_listed_that_were_changed_or_have_a_key() -> None:
    """Each with its state."""
    run("create", "--tenant", "umbrella", group="keys")
    run("suspend", "acme", *WHY)
    listed = [json.loads(line) for line in run("list", "--json").splitlines()]
    assert [(one["name"], one["suspended"], len(one["keys"])) for one in listed] == [
        ("acme", True, 0),
        ("umbrella", False, 1),
    ]
    assert run("list").splitlines()[0].split("\t")[:2] == ["acme", "suspended"]
    assert "top_k" not in run("show", "umbrella")


@pytest.mark.usefixtures("log")
def test_a_tenant_s_log_has_its_own_changes_and_those_of_its_keys() -> None:
    """The oldest first, and nobody else's."""
    put("--top-k", "9")
    made = json.loads(run("create", "--tenant", "acme", "--json", group="keys"))
    run("create", "--tenant", "umbrella", group="keys")
    run("revoke", made["id"], group="keys")
    run("suspend", "acme", *WHY)
    entries = [json.loads(line) for line in run("log", "acme", "--json").splitlines()]
    assert sorted((one["key"], one["outcome"]) for one in entries) == sorted(
        [
            ("tenant/acme", "made"),
            (f"key/{made['id']}", "made"),
            (f"key/{made['id']}", "removed"),
            ("tenant/acme", "changed"),
        ]
    )
