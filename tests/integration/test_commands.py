"""The command line: help that is enough, results on stdout, errors in one line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from streams.config import ROOT
from tests.doubles.client import Client
from tests.doubles.stack import TestStack, free_ports

HEAVY = (
    *("aiokafka", "faust", "pymilvus", "tritonclient", "numpy", "markdown_it", "grpc"),
    "mlflow",
)


def freshet(*arguments: str, env: dict[str, str], stdin: str = "") -> tuple[int, str, str]:
    """Run a command to its end: its exit code, what it printed, what it complained."""
    done = subprocess.run(
        (sys.executable, "-m", "streams.cli", *arguments),
        cwd=ROOT,
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def commands() -> list[list[str]]:
    """Every command there is, as the command line itself lists them."""
    script = (
        "import json, typer; from streams.cli import app\n"
        "def walk(command, path):\n"
        "    yield path\n"
        "    for name, sub in getattr(command, 'commands', {}).items():\n"
        "        yield from walk(sub, [*path, name])\n"
        "print(json.dumps(list(walk(typer.main.get_command(app), []))))"
    )
    done = subprocess.run(
        (sys.executable, "-c", script), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture
def nothing_runs(tmp_path: Path) -> dict[str, str]:
    """An environment in which no server answers."""
    ports = free_ports(6)
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("FRESHET_")},
        "FRESHET_STATE_DIR": str(tmp_path),
        "FRESHET_KAFKA__BOOTSTRAP": f"127.0.0.1:{ports[0]}",
        "FRESHET_MILVUS__URI": f"http://127.0.0.1:{ports[1]}",
        "FRESHET_TRITON__GRPC": f"127.0.0.1:{ports[2]}",
        "FRESHET_TRITON__HTTP": f"127.0.0.1:{ports[3]}",
        "FRESHET_TRITON__METRICS": f"127.0.0.1:{ports[4]}",
        "FRESHET_GATEWAY__PORT": str(ports[5]),
    }


def test_every_command_says_what_it_does_and_loads_nothing_heavy_for_it() -> None:
    """`--help` names the command, explains every option, and imports no client of a server."""
    script = (
        "import json, sys; from streams.cli import app; from typer.testing import CliRunner\n"
        "for path in json.loads(sys.argv[1]):\n"
        "    done = CliRunner().invoke(app, [*path, '--help'], prog_name='freshet')\n"
        "    print(json.dumps([path, done.exit_code, done.output]))\n"
        "print(json.dumps([name for name in json.loads(sys.argv[2]) if name in sys.modules]))"
    )
    done = subprocess.run(
        (sys.executable, "-c", script, json.dumps(commands()), json.dumps(HEAVY)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    *helps, heavy = [json.loads(line) for line in done.stdout.splitlines()]
    assert heavy == []
    assert len(helps) > 20
    for path, code, output in helps:
        assert code == 0, path
        usage, _, rest = output.partition("\n")
        assert " ".join(["freshet", *path]) in usage, output
        assert rest.strip().partition("\n\n")[0].endswith("."), output
        assert _unexplained(output) == [], output


def _unexplained(output: str) -> list[str]:
    """Options without a word behind them."""
    _, _, options = output.partition("Options:")
    entries = re.split(r"\n  (?=-)", options.partition("\n\n")[0])[1:]
    return [entry for entry in entries if not re.search(r"\s{2,}\S", entry)]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("ask", "Why?"), id="ask"),
        pytest.param(("verify",), id="verify"),
        pytest.param(("report", "drift"), id="report drift"),
        pytest.param(("tail", "responses", "-n", "1"), id="tail"),
        pytest.param(("documents", "put", "README.md"), id="put"),
        pytest.param(("documents", "delete", "x", "--wait"), id="delete"),
        pytest.param(("documents", "packages"), id="packages"),
        pytest.param(("dead-letters", "list"), id="dead-letters list"),
        pytest.param(("dead-letters", "retry", "0@0"), id="dead-letters retry"),
        pytest.param(("keys", "create", "--tenant", "x"), id="keys create"),
        pytest.param(("topics",), id="topics"),
    ],
)
def test_a_stack_that_is_down_is_one_line_that_says_what_to_do(
    nothing_runs: dict[str, str], arguments: tuple[str, ...]
) -> None:
    """No traceback, no log of a library: one line, and exit code 1."""
    code, out, err = freshet(*arguments, env=nothing_runs)
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("freshet: ")
    assert "`freshet up`" in line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("ask", "Why?", "--after", "yesterday"), "PARTITION@OFFSET", id="receipt"),
        pytest.param(("ask", "Why?", "--tenant", "*"), "cannot be asked", id="tenant"),
        pytest.param(("ask", "x" * 20_000), "cannot be asked", id="long question"),
        pytest.param(("verify", "--as-of", "soon"), "--as-of", id="time"),
        pytest.param(("report", "drift", "--every", "soon"), "--every", id="length"),
        pytest.param(("tail", "gossip"), "no topic 'gossip'", id="topic"),
        pytest.param(("worker", "gardener"), "no role 'gardener'", id="role"),
        pytest.param(("documents", "sync", "/nowhere/at/all"), "not a folder", id="folder"),
        pytest.param(("dead-letters", "show", "here"), "PARTITION@OFFSET", id="place"),
        pytest.param(("logs", "gardener"), "gardener has no log", id="log"),
        pytest.param(("up", "--only", "gardener"), "no part 'gardener'", id="part"),
    ],
)
def test_a_wrong_argument_is_one_line_that_names_it(
    nothing_runs: dict[str, str], arguments: tuple[str, ...], told: str
) -> None:
    """And exit code 1, before anything is connected to."""
    code, out, err = freshet(*arguments, env=nothing_runs)
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert told in line


def test_a_wrong_setting_is_one_line_that_names_it(nothing_runs: dict[str, str]) -> None:
    """Whichever command reads it."""
    env = {**nothing_runs, "FRESHET_KAFKA__PARTITIONS": "many", "FRESHET_LIMITS__TICK_S": "often"}
    code, out, err = freshet("verify", env=env)
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert "kafka.partitions" in line
    assert "limits.tick_s" in line


def test_status_of_nothing_says_so(nothing_runs: dict[str, str]) -> None:
    """In words and as JSON, with exit code 1."""
    code, out, _ = freshet("status", env=nothing_runs)
    assert code == 1
    assert "nothing is running" in out
    assert freshet("status", "--json", env=nothing_runs)[:2] == (1, "null\n")


def test_put_ask_verify_and_delete_as_a_reader_of_the_readme_would(
    stack: TestStack, tmp_path: Path
) -> None:
    """The commands work together: a receipt goes into `--after`, a time into `--as-of`."""
    file = tmp_path / "gate.md"
    file.write_text("# Gate\n\nThe keeper of the gate is called Magnhild.\n")
    put = stack.freshet(
        "documents", "put", str(file), "--id", "cli/gate", "--acl", "cli", "--wait", "--json"
    )
    assert put.returncode == 0, put.stderr
    written = json.loads(put.stdout)
    question = ("ask", "What is the keeper of the gate called?", "--tenant", "cli")
    asked = stack.freshet(*question, "--after", written["receipt"], "--json")
    response = json.loads(asked.stdout)
    assert asked.returncode == 0
    assert "Magnhild" in response["answer"]
    assert response["receipt"]["as_of"] >= written["index_time"]
    deleted = stack.freshet("documents", "delete", "cli/gate", "--wait")
    assert "no read at or after index time" in deleted.stderr
    gone = stack.freshet(*question)
    assert gone.returncode == 0
    assert "The documents do not say." in gone.stdout
    then = stack.freshet(*question, "--stream", "--as-of", str(written["index_time"]))
    assert "Magnhild" in then.stdout
    for more in ((), ("--as-of", str(written["index_time"]))):
        verified = stack.freshet("verify", "--json", *more)
        assert verified.returncode == 0, verified.stdout
        counts = json.loads(verified.stdout)["counts"]
        assert set(counts.values()) == {0}


async def test_tail_prints_what_the_topic_holds(stack: TestStack, client: Client) -> None:
    """From the beginning, as JSON, with key, place and headers."""
    await client.put_shown("cli/tail", "The tail of the kite is red.", acl=["cli"])
    done = stack.freshet("tail", "documents", "--from-beginning", "-n", "1", "--json")
    (line,) = done.stdout.splitlines()
    record = json.loads(line)
    assert record["topic"] == "documents"
    assert record["key"]
    assert {"partition", "offset", "timestamp_ms", "headers", "value"} <= record.keys()


async def test_a_dead_letter_is_listed_shown_mended_and_sent_again(
    stack: TestStack, client: Client
) -> None:
    """The mended event is indexed under its own key, as if it had come like this."""
    bad = b'{"doc_id": "cli/mend", "text": "The mill has four wings."}'
    origin = await client.raw("documents", "cli/mend", bad)
    await client.dead_letter(origin)
    place = client.dead_places[origin]
    listed = stack.freshet("dead-letters", "list")
    assert f"{place}\tinvalid\tdocuments/{origin.partition}@{origin.offset}\t" in listed.stdout
    shown = stack.freshet("dead-letters", "show", place)
    assert bad.decode() in shown.stdout
    assert "content_type" in shown.stdout
    mended = stack.state_dir / "mended.json"
    mended.write_bytes(bad[:-1] + b', "content_type": "text/plain", "acl": ["mill"]}')
    retried = stack.freshet("dead-letters", "retry", place, "--value", str(mended))
    assert retried.returncode == 0, retried.stderr
    partition, offset = retried.stdout.strip().removeprefix("documents/").split("@")
    await client.shown(origin._replace(partition=int(partition), offset=int(offset)))
    response = await client.ask("How many wings has the mill?", tenant="mill")
    assert "four" in response.answer
