"""`freshet routes`: routes made, changed and looked at; what could not be used is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from schemas.codec import encode
from schemas.control import Alias, ControlEvent, PromptVersion, Route, key_of
from streams.cli import app
from streams.control import Conflict
from streams.errors import FreshetError
from streams.routing.registry import NoSuchRoute, RouteRefused
from tests.doubles.opinions import CommandLog
from tests.unit.processors.test_shares import branch, route

SAID: dict[str, Any] = {"revision": 1, "by": "ana", "why": "test", "at": 1}
TERSE = PromptVersion(
    name="answer", version=2, template="Short.\n{{passages}}\n{{question}}", **SAID
)
TWO = ("--branch", "main", "--branch", "terse:share=0.1,prompt=answer@2,top_k=3")


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool | None]:
    """What the model server says of a model: that it is there, unless a test says otherwise."""
    found: dict[str, bool | None] = {}

    async def is_served(_url: str, model: str) -> bool | None:
        return found.get(model, True)

    monkeypatch.setattr("streams.clients.readers.is_served", is_served)
    return found


@pytest.fixture(autouse=True)
def prompt(log: CommandLog) -> None:
    put(log, TERSE)


def put(log: CommandLog, event: ControlEvent) -> None:
    log.append("control", key_of(event), encode(event))


def run(*arguments: str, stdin: str | None = None) -> str:
    """Standard output; an expected error is raised."""
    done = CliRunner().invoke(app, ["routes", *arguments], input=stdin)
    if done.exception is not None:
        raise done.exception
    return done.stdout


def change(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--why", "a test", "--json"))
    return found


def listed() -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in map(json.loads, run("list", "--json").splitlines())}


def shares(name: str = "default") -> dict[str, float]:
    return {one["name"]: one["share"] for one in listed()[name]["branches"]}


def test_without_any_event_there_is_what_is_built_in(log: CommandLog) -> None:
    """Listed, shown, and nothing that could be taken away."""
    assert shares() == {"default": 1.0}
    assert "built in" in run("list")
    assert "answer@production (answer@1)" in run("show", "default")
    with pytest.raises(RouteRefused, match="built in"):
        run("remove", "default", "--why", "a test")


def test_a_route_is_set_and_what_is_not_said_is_as_it_was(log: CommandLog) -> None:
    """Shares that are not said are what the others leave."""
    made = change("set", "default", *TWO)
    assert shares() == {"main": 0.9, "terse": 0.1}
    terse = made["branches"][1]
    assert (terse["prompt"], terse["model"], terse["top_k"]) == ("answer@2", "reader@1", 3)
    again = change("set", "default", "--branch", "terse:share=0.5", "--branch", "main")
    assert again["revision"] == 2
    assert again["branches"][0]["top_k"] == 3
    assert "top_k" not in change("set", "default", "--branch", "terse:top_k=")["branches"][0]


def test_a_share_is_shifted_and_the_others_keep_their_proportions(log: CommandLog) -> None:
    """All the way, and back."""
    change("set", "default", *TWO)
    change("shift", "default", "terse", "1")
    assert shares() == {"main": 0.0, "terse": 1.0}
    assert "revision 3" in run("shift", "default", "terse", "0.25", "--why", "too early")
    assert shares() == {"main": 0.75, "terse": 0.25}
    with pytest.raises(RouteRefused, match="'none'"):
        run("shift", "default", "none", "0.5", "--why", "a test")


def test_a_shadow_is_put_beside_and_taken_away(log: CommandLog) -> None:
    """It is like the first branch but for what is said; setting the others leaves it alone."""
    change("set", "default", *TWO)
    made = change("shadow", "default", "llm", "--model", "llm@1", "--share", "0.2")
    unseen = made["branches"][2]
    assert (unseen["shadow"], unseen["share"], unseen["model"]) == (True, 0.2, "llm@1")
    assert unseen["prompt"] == "answer@production"
    assert change("shadow", "default", "llm", "--share", "0.5")["branches"][2]["model"] == "llm@1"
    change("set", "default", "--branch", "main")
    assert shares() == {"main": 1.0, "llm": 0.5}
    assert "llm 50% unseen" in run("list")
    change("shadow", "default", "llm", "--off")
    assert shares() == {"main": 1.0}
    with pytest.raises(NoSuchRoute, match="no shadow"):
        run("shadow", "default", "llm", "--off", "--why", "a test")
    with pytest.raises(RouteRefused, match="is no shadow"):
        run("shadow", "default", "main", "--why", "a test")


def test_tenants_have_a_route_of_their_own_until_it_is_removed(log: CommandLog) -> None:
    """It begins as everybody's, and nobody has two."""
    made = change("set", "own", "--branch", "own:prompt=answer@2", "--tenant", "acme")
    assert (made["tenants"], made["branches"][0]["index_version"]) == (["acme"], "v1")
    with pytest.raises(RouteRefused, match="acme is served by the route 'own' already"):
        run("set", "other", "--branch", "a", "--tenant", "acme", "--why", "a test")
    with pytest.raises(RouteRefused, match="serves nobody"):
        run("set", "other", "--branch", "a", "--why", "a test")
    assert change("remove", "own")["removed"]
    assert set(listed()) == {"default"}
    change("set", "other", "--branch", "a", "--tenant", "acme")


@pytest.mark.parametrize(
    ("branches", "what"),
    [
        (["a:prompt=answer@9"], "the prompt answer@9"),
        (["a:prompt=answer@canary"], "the prompt alias answer@canary"),
        (["a:model=llm@live"], "the model alias llm@live"),
        (["a:index=v9"], "no index version v9"),
        (["a:share=0.5", "b:share=0.4"], "sum to 0.9"),
        (["a", "a:share=0.5"], "two branches are called a"),
        (["a b"], "branches"),
        (["a:top_k=99"], "top_k"),
        (["a:colour=red"], "'colour' is none of"),
        (["a:share=much"], "'much' is no share"),
    ],
)
def test_what_could_not_be_used_is_refused(log: CommandLog, branches: list[str], what: str) -> None:
    """With what is wrong, and nothing is written."""
    before = len(log.all("control"))
    options = [word for one in branches for word in ("--branch", one)]
    with pytest.raises(FreshetError, match=what):
        run("set", "default", *options, "--why", "a test")
    assert len(log.all("control")) == before


def test_a_model_that_is_not_served_is_refused(
    log: CommandLog, models: dict[str, bool | None]
) -> None:
    """By the model's version that its alias stands for; a server out of reach is no reason."""
    put(log, Alias(name="llm@live", of="model", target="llm@3", **SAID))
    models["llm@3"] = False
    for arguments in (
        ["set", "default", "--branch", "a:model=llm@live"],
        ["shadow", "default", "s", "--model", "llm@live"],
    ):
        with pytest.raises(RouteRefused, match="no model llm@3"):
            run(*arguments, "--why", "a test")
    models["llm@3"] = None
    assert change("set", "default", "--branch", "a:model=llm@live")["branches"][0]["share"] == 1


def test_questions_can_be_moved_from_a_branch_that_has_lost_its_prompt(log: CommandLog) -> None:
    """What was wrong already does not stand in the way of mending it."""
    change("set", "default", *TWO, "--branch", "third:share=0.2,prompt=answer@2")
    put(log, replace(TERSE, revision=2, removed=True))
    assert "was removed" in run("show", "default")
    assert "lacks" in run("list")
    change("shift", "default", "terse", "0")
    with pytest.raises(RouteRefused, match="branch fourth: the prompt answer@2"):
        run("set", "default", "--branch", "fourth:prompt=answer@2", "--why", "a test")


def test_a_file_that_is_out_of_date_is_a_conflict(log: CommandLog, tmp_path: Path) -> None:
    """Two people take the route, change it and put it back: the second one is told."""
    change("set", "default", *TWO)
    mine, yours = (json.loads(run("show", "default", "--json")) for _ in range(2))
    mine["branches"][0]["top_k"] = 7
    file = tmp_path / "route.json"
    file.write_text(json.dumps(mine))
    assert change("set", "default", "--file", str(file))["branches"][0]["top_k"] == 7
    with pytest.raises(Conflict, match="made from 1"):
        run("set", "default", "--file", "-", "--why", "a test", stdin=json.dumps(yours))
    with pytest.raises(FreshetError, match="is no route"):
        run("set", "default", "--file", "-", "--why", "a test", stdin="[]")
    with pytest.raises(FreshetError, match="--file"):
        run("set", "default", "--file", str(tmp_path / "none"), "--why", "a test")
    with pytest.raises(FreshetError, match="either --branch"):
        run("set", "default", "--why", "a test")


def test_of_two_at_the_same_time_one_is_told(log: CommandLog) -> None:
    """The other's change counts, and stays."""

    def meanwhile(_: object) -> None:
        log.before_append = None
        put(log, route(branch("theirs")))

    log.before_append = meanwhile
    with pytest.raises(Conflict):
        run("set", "default", *TWO, "--why", "a test")
    assert shares() == {"theirs": 1.0}


def test_the_log_tells_who_changed_what_and_why(log: CommandLog) -> None:
    """Of one route or of all."""
    change("set", "default", *TWO)
    change("set", "own", "--branch", "a", "--tenant", "acme")
    change("shift", "default", "terse", "0.5")
    told = [json.loads(line) for line in run("log", "default", "--json").splitlines()]
    assert [one["revision"] for one in told] == [1, 2]
    assert told[1]["why"] == "a test"
    assert "main 50%, terse 50%" in run("log", "default")
    assert len(run("log").splitlines()) == 3


def test_a_route_that_is_not_there_is_an_error_that_says_what_to_do(log: CommandLog) -> None:
    """Whatever is asked of it."""
    for arguments in (["show", "none"], ["results", "none"], ["remove", "none", "--why", "x"]):
        with pytest.raises(NoSuchRoute, match="freshet routes list"):
            run(*arguments)


def test_what_was_written_past_the_commands_is_shown_with_what_it_lacks(log: CommandLog) -> None:
    """It counts, but some of it cannot be used."""
    broken: Route = route(branch("a", 0.5), branch("b", 0.5, index_version="v9"))
    put(log, broken)
    assert listed()["default"]["lacks"] == ["branch b: there is no index version v9"]
