from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from schemas import compat


@pytest.fixture
def today() -> dict[str, Any]:
    return deepcopy(compat.today())


def test_todays_schemas_read_yesterdays_events():
    """And yesterday's readers read today's public events."""
    assert [str(found) for found in compat.breaks(compat.released(), compat.today())] == []


def test_every_type_is_released():
    """`python -m schemas.compat --release` takes a new one in."""
    assert set(compat.released()) == set(compat.today())


def test_a_new_required_field_breaks_both_ways(today: dict[str, Any]):
    """Old events lack it; of new ones the old reader knows nothing and is content."""
    released = deepcopy(today)
    query = today["query.asked.v1"]
    query["properties"]["mood"] = {"type": "string"}
    query["required"].append("mood")
    found = list(compat.breaks(released, today))
    assert [(one.type, one.direction, one.gap.path) for one in found] == [
        ("query.asked.v1", "backward", "$.mood")
    ]


def test_a_new_status_breaks_the_readers_of_a_public_topic_only(today: dict[str, Any]):
    """A client that knows five statuses is not ready for a sixth; our own workers move together."""
    released = deepcopy(today)
    today["response.given.v1"]["properties"]["status"]["enum"].append("postponed")
    today["index.changed.v1"]["properties"]["status"]["enum"].append("postponed")
    found = list(compat.breaks(released, today))
    assert [(one.type, one.direction) for one in found] == [("response.given.v1", "forward")]


def test_a_type_that_is_gone_is_a_break(today: dict[str, Any]):
    """Its events are still in the log."""
    released = deepcopy(today)
    del today["feedback.given.v1"]
    assert [str(one) for one in compat.breaks(released, today)] == [
        "feedback.given.v1 backward: $: the type is gone"
    ]


def test_a_type_that_is_new_breaks_nothing(today: dict[str, Any]):
    """Nobody has written one."""
    released = deepcopy(today)
    del released["feedback.given.v1"]
    assert list(compat.breaks(released, today)) == []


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compat, "RELEASED", tmp_path / "released")
    return tmp_path / "released"


def test_a_check_releases_nothing(elsewhere: Path):
    """Checks never change files."""
    assert compat.main([]) == 0
    assert not elsewhere.exists()


def test_a_release_is_refused_while_something_breaks(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
):
    """The break is named, the exit code is 1, and what was released stays."""
    assert compat.main(["--release"]) == 0
    path = elsewhere / "query.asked.v1.json"
    before = path.read_text().replace('"maximum": 50', '"maximum": 60')
    path.write_text(before)
    capsys.readouterr()
    assert compat.main(["--release"]) == 1
    assert capsys.readouterr().out == (
        "query.asked.v1 backward: $.top_k: maximum 60 is narrowed to 50\n"
    )
    assert path.read_text() == before


def test_an_unknown_argument_gets_the_usage():
    """Exit code 2."""
    assert compat.main(["--force"]) == 2
