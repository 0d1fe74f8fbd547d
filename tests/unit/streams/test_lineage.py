"""Jobs tell where data went, as OpenLineage has it, and no server's mood stops them."""

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import jsonschema
import pytest

from streams import lineage
from streams.lineage import Job, folder, told, topic
from streams.replay import runfiles

_TEXT = {"type": "string", "minLength": 1}
_FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": _TEXT, "_schemaURL": {"type": "string", "format": "uri"}},
    },
}
_NAMED = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {"namespace": _TEXT, "name": _TEXT, "facets": _FACETS},
}
RUN_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT.*[+]00:00$"},
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "producer": _TEXT,
        "schemaURL": {"pattern": "OpenLineage.json#/\\$defs/RunEvent$"},
        "run": {
            "required": ["runId"],
            "properties": {"runId": {"pattern": "^[0-9a-f-]{36}$"}, "facets": _FACETS},
        },
        "job": _NAMED,
        "inputs": {"type": "array", "items": _NAMED},
        "outputs": {"type": "array", "items": _NAMED},
    },
}
"""What version 2 of the specification asks of a run's event."""


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """As set up by nobody."""
    monkeypatch.delenv("OPENLINEAGE_URL", raising=False)


def events(state: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (state / lineage.FILE).read_text().splitlines()]


def job(tmp_path: Path) -> Job:
    return Job(
        "archive", [topic("localhost:9092,other:9092", "queries", "0:0-9")], [folder(tmp_path)]
    )


def test_a_job_tells_of_its_begin_and_its_end(tmp_path: Path) -> None:
    """Under one id, from what to what."""
    with told(job(tmp_path), tmp_path):
        assert [one["eventType"] for one in events(tmp_path)] == ["START"]
    start, end = events(tmp_path)
    assert end["eventType"] == "COMPLETE"
    assert start["run"] == end["run"]
    (read,) = end["inputs"]  # type: ignore[misc]
    assert (read["namespace"], read["name"]) == ("kafka://localhost:9092", "queries")
    assert read["facets"]["version"]["datasetVersion"] == "0:0-9"
    for one in (start, end):
        jsonschema.validate(one, RUN_EVENT)


def test_a_job_that_fails_tells_why_and_fails(tmp_path: Path) -> None:
    """Whatever ended it."""
    with pytest.raises(KeyboardInterrupt), told(job(tmp_path), tmp_path):
        raise KeyboardInterrupt
    failed = events(tmp_path)[-1]
    assert failed["eventType"] == "FAIL"
    assert "KeyboardInterrupt" in json.dumps(failed)
    jsonschema.validate(failed, RUN_EVENT)


def test_a_replay_names_the_topics_that_it_reads(tmp_path: Path) -> None:
    """With their offsets; what a run was made of is a version of its folder."""
    read = {"queries": {"1": [0, 4], "0": [3, 9]}}
    found = lineage.replaying(tmp_path, read, "localhost:9092")
    assert found.inputs == [topic("localhost:9092", "queries", "0:3-9,1:0-4")]
    assert found.outputs == [folder(tmp_path)]
    runfiles.write_whole(tmp_path / "run.json", b"{}")
    one = lineage.run_folder(tmp_path)
    runfiles.write_whole(tmp_path / "run.json", b"{ }")
    assert one.name == lineage.run_folder(tmp_path).name
    assert one.version != lineage.run_folder(tmp_path).version


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """One that takes what it is sent."""
    taken: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep it."""
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    http = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=http.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{http.server_port}")
    yield taken
    http.shutdown()
    http.server_close()


def test_a_server_that_is_named_is_told(tmp_path: Path, server: list[dict[str, object]]) -> None:
    """And no file is written then."""
    with told(job(tmp_path), tmp_path):
        pass
    assert [one["eventType"] for one in server] == ["START", "COMPLETE"]
    assert not (tmp_path / lineage.FILE).exists()


def test_a_server_that_is_away_stops_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said on stderr."""
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    with told(job(tmp_path), tmp_path):
        pass
    assert "took no lineage" in capsys.readouterr().err


def test_where_the_client_is_missing_jobs_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the workers' image."""
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    with told(job(tmp_path), tmp_path):
        pass
    assert "no lineage" in capsys.readouterr().err
