"""Prompts copied to MLflow's registry and back: a real store, in a file."""

import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from processors.builtin import built_in
from processors.prompt import PROMPT, TEMPLATE
from schemas.codec import encode
from schemas.control import PromptVersion, key_of
from schemas.examples import EXAMPLES
from streams.prompts import files
from streams.prompts.copies import Copied, Importer, give
from streams.prompts.mlflowstore import Entry, MlflowStore, RegistryRefused, store
from streams.prompts.registry import Prompts
from streams.said import Said
from tests.doubles.log import MemoryLog

BASE = built_in("reader")
SAID = Said(by="ana", why="shorter", at=1_760_000_000_000_000)
OWN: PromptVersion = EXAMPLES[PromptVersion]  # type: ignore[assignment]
SHORT = TEMPLATE.replace("one to three sentences", "one sentence")


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> MlflowStore:
    """One for all: it takes seconds to make. Tests have prompts of their own."""
    return MlflowStore(store(None, tmp_path_factory.mktemp("state")))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A prompt that no other test has."""
    return request.node.name.replace("[", ".").replace("]", "")


async def opened(log: MemoryLog | None = None) -> Prompts:
    return await Prompts.read(log or MemoryLog(), BASE)


async def added(prompts: Prompts, name: str, *templates: str) -> None:
    """The next versions of a prompt."""
    for template in templates:
        fields = {"template": template, "tags": {"team": "search"}}
        await prompts.add(prompts.drafted(name, fields, "a test", SAID))


async def taken(mlflow: MlflowStore, prompts: Prompts, name: str, **defaults: str) -> Copied:
    importer = Importer(mlflow, prompts, defaults, "reader", SAID._replace(why="from MLflow"))
    return await importer.take([name], aliases=True)


def foreign(template: str | None, **fields: Any) -> Entry:
    """A version that somebody else put into MLflow."""
    return Entry(0, template, **{"message": "", "tags": {}, "config": {}, **fields})


async def test_there_and_back_again_is_what_it_was(mlflow: MlflowStore, name: str) -> None:
    """Versions, numbers, aliases, messages, tags, variables, checks and parameters."""
    here, there = await opened(), await opened()
    await here.add(here.numbered(name, 1, files.definition(OWN), "a test", SAID))
    await added(here, name, SHORT)
    await here.point(f"{name}@production", f"{name}@1", SAID)
    given = give(mlflow, here, [name])
    assert given == Copied([f"{name}@1", f"{name}@2"], [f"{name}@production"], [], [])
    back = await taken(mlflow, there, name)
    assert back == given
    for version in (1, 2):
        one, other = (prompts.get(f"{name}@{version}") for prompts in (here, there))
        assert replace(other, tags=one.tags) == replace(one, by=other.by, at=other.at)
        assert other.tags.items() >= one.tags.items()
        assert (other.tags["freshet.by"], other.why) == ("ana", "shorter")
    assert there.get(f"{name}@production").version == 1


async def test_copying_twice_changes_nothing(mlflow: MlflowStore, name: str) -> None:
    """On either side: not even a line in the log."""
    log = MemoryLog()
    prompts = await opened()
    await added(prompts, name, TEMPLATE, SHORT)
    await prompts.point(f"{name}@beta", f"{name}@2", SAID)
    for expected in ([f"{name}@1", f"{name}@2"], []):
        assert give(mlflow, prompts, [name]).versions == expected
        assert (await taken(mlflow, await opened(log), name)).versions == expected
    assert give(mlflow, prompts, [name]).known == [f"{name}@1", f"{name}@2"]
    assert len(log.all("control")) == 3
    assert sorted(mlflow.entries(name)) == [1, 2]


async def test_numbers_of_removed_versions_stay_unused(mlflow: MlflowStore, name: str) -> None:
    """Else a receipt that names a version would mean another text there."""
    prompts = await opened()
    await added(prompts, name, TEMPLATE, SHORT, TEMPLATE)
    await prompts.remove(f"{name}@2", SAID)
    assert give(mlflow, prompts, [name]).versions == [f"{name}@1", f"{name}@3"]
    assert sorted(mlflow.entries(name)) == [1, 3]
    assert (await taken(mlflow, await opened(), name)).versions == [f"{name}@1", f"{name}@3"]


async def test_another_text_under_a_number_is_refused_on_both_sides(
    mlflow: MlflowStore, name: str
) -> None:
    """A version never changes, wherever it is kept; the rest is copied."""
    one, other = await opened(), await opened()
    await added(one, name, TEMPLATE)
    await added(other, name, SHORT, TEMPLATE)
    give(mlflow, one, [name])
    given = give(mlflow, other, [name])
    assert given.refused == [f"{name}@1: MLflow has another text of it"]
    assert given.versions == [f"{name}@2"]
    back = await taken(mlflow, other, name)
    assert back.refused == [f"{name}@1: there is another text here"]
    mlflow.remove(name, 2)
    assert give(mlflow, other, [name]).refused[1].startswith(f"{name}@2: MLflow has deleted")


async def test_a_moved_alias_moves_on_the_other_side(mlflow: MlflowStore, name: str) -> None:
    """In both directions, and never to a version that was not copied."""
    prompts = await opened()
    await added(prompts, name, TEMPLATE, SHORT)
    await prompts.point(f"{name}@production", f"{name}@1", SAID)
    give(mlflow, prompts, [name])
    await prompts.point(f"{name}@production", f"{name}@2", SAID)
    assert give(mlflow, prompts, [name]).aliases == [f"{name}@production"]
    assert mlflow.aliases(name, 2) == ["production"]
    mlflow.point(name, "production", 1)
    assert (await taken(mlflow, prompts, name)).aliases == [f"{name}@production"]
    assert prompts.get(f"{name}@production").version == 1
    bad = mlflow.add(name, foreign("no places"))
    mlflow.point(name, "production", bad)
    assert (await taken(mlflow, prompts, name)).aliases == []
    assert prompts.get(f"{name}@production").version == 1


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (foreign("Summarise {{ text }}."), "{{question}} is missing"),
        (foreign(f"Be {{{{ tone }}}}.\n{TEMPLATE}"), "{{tone}} is not declared"),
        (foreign("{% if a %}\n" + TEMPLATE), "a Jinja template"),
        (foreign(TEMPLATE + "\n"), "the reader wants"),
        (foreign(TEMPLATE, tags={"freshet.definition": "[]"}), "was not written by this command"),
        (foreign(TEMPLATE, tags={"freshet.definition": "{"}), "was not written by this command"),
        (foreign(TEMPLATE, tags={"freshet.definition": '{"variables": 1}'}), "is no prompt"),
        (foreign(TEMPLATE, tags={"k" * 200: "x"}), "is no prompt"),
        (foreign(TEMPLATE, config={"stop_sequences": ["a"]}), "is no prompt"),
    ],
    ids=range(9),
)
async def test_what_could_not_answer_is_not_taken(
    mlflow: MlflowStore, name: str, entry: Entry, why: str
) -> None:
    """Each with its reason; the next version is taken all the same."""
    mlflow.add(name, entry)
    mlflow.add(name, foreign(TEMPLATE))
    prompts = await opened()
    copied = await taken(mlflow, prompts, name)
    assert copied.versions == [f"{name}@2"]
    (refused,) = copied.refused
    assert why in refused


async def test_a_chat_is_not_taken(mlflow: MlflowStore, name: str) -> None:
    """A list of messages is more than one text."""
    mlflow._client.create_prompt(name)
    mlflow._client.create_prompt_version(name, [{"role": "user", "content": TEMPLATE}])
    assert "it is a chat" in (await taken(mlflow, await opened(), name)).refused[0]


async def test_a_variable_that_mlflow_knows_no_default_of_is_given_one(
    mlflow: MlflowStore, name: str
) -> None:
    """MLflow writes places with spaces; the text stays as it is, byte for byte."""
    text = f"Be {{{{ tone }}}} to {{{{ tenant }}}}.\n{TEMPLATE}"
    mlflow.add(name, foreign(text, message="m" * 5000, config={"temperature": 0.5}))
    prompts = await opened()
    assert (await taken(mlflow, prompts, name, tone="kind")).versions == [f"{name}@1"]
    made = prompts.get(f"{name}@1")
    assert (made.template, made.parameters) == (text, {"temperature": 0.5})
    assert [(one.name, one.default) for one in made.variables] == [("tone", "kind")]
    assert made.why == "m" * 1024
    assert (await taken(mlflow, prompts, name, tone="rude")).known == [f"{name}@1"]


async def test_what_mlflow_refuses_is_told(mlflow: MlflowStore, name: str) -> None:
    """A name it cannot have, a text that is too long for it, an alias that it keeps to itself."""
    prompts = await opened()
    await added(prompts, "with/slash", TEMPLATE)
    await added(prompts, name, TEMPLATE)
    await prompts.point(f"{name}@latest", f"{name}@1", SAID)
    copied = give(mlflow, prompts, ["with/slash", name, "none"])
    assert copied.versions == [f"{name}@1"]
    assert [one.partition(":")[0] for one in copied.refused] == [
        "with/slash",
        f"{name}@latest",
        "none",
    ]


async def test_everything_is_copied_where_no_name_is_given(mlflow: MlflowStore, name: str) -> None:
    """What is built in among it."""
    prompts = await opened()
    await added(prompts, name, TEMPLATE)
    assert {PROMPT, f"{name}@1"} <= {*give(mlflow, prompts, []).versions, PROMPT}
    importer = Importer(mlflow, await opened(), {}, "reader", SAID)
    copied = await importer.take([], aliases=False)
    assert f"{name}@1" in copied.versions
    assert PROMPT in copied.known
    assert copied.aliases == []


async def test_a_prompt_that_mlflow_lacks_is_told(mlflow: MlflowStore, name: str) -> None:
    """By its name."""
    assert (await taken(mlflow, await opened(), name)).refused == [
        f"{name}: MLflow has no such prompt"
    ]


def test_a_store_that_cannot_be_reached_is_an_error_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And soon."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryRefused, match="MLflow: "):
        MlflowStore("http://127.0.0.1:9").names()
    with pytest.raises(RegistryRefused, match="MLflow: "):
        MlflowStore("nonsense://x")


def test_where_mlflow_is_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers' image has none."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(RegistryRefused, match="not installed here"):
        MlflowStore("sqlite:///x.db")


def test_the_store_is_what_is_asked_for_or_mlflows_own_or_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In that order."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert store(None, tmp_path) == "http://mlflow:5000"
    assert store("sqlite:///x.db", tmp_path) == "sqlite:///x.db"


def test_what_is_written_is_an_event(name: str) -> None:
    """Guards `key_of` and the example, from which the definition above comes."""
    assert key_of(OWN) == "prompt/answer@1"
    assert encode(OWN)
