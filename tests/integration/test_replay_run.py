"""A run of a replay on the real stack: killed, gone on with, and the same bytes as another one."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from processors.replay.outcome import Outcome
from schemas.responses import Response
from schemas.times import format_time
from streams.config import ROOT
from streams.replay.runfiles import OUTCOMES, latencies, outcomes, read_run, variants
from tests.doubles.client import Client
from tests.doubles.replaying import contents
from tests.doubles.stack import TestStack

TEXT = (
    "# Pools\n\nThe pool {n} keeps {n} connections. It closes idle ones after {n} seconds.\n\n"
    "A pool that is closed refuses every request that comes later. Nobody can open it again.\n"
)
QUESTIONS = 10
KILLED_WITHIN_S = 120.0
READ = ("queries", "queries.admitted", "responses", "documents", "index.changes", "control")
"""The topics that a replay rests on."""
PAST = "archived"
"""An index version."""


def arguments(out: Path, since: str, until: str, *more: str) -> list[str]:
    """Of a run of two variants."""
    folder = out.parent
    short = folder / "short.yaml"
    short.write_text("chunk:\n  unit_max: 60\n  unit_min: 10\ntop_k: 3\n")
    span = ("--from", since, "--to", until, "--out", str(out))
    return ["replay", "run", *span, "--variant", "live", "--variant", str(short), *more]


@pytest.mark.timeout(540)
async def test_a_run_that_was_killed_comes_to_what_another_one_comes_to(
    stack: TestStack, client: Client, own: str, tmp_path: Path
) -> None:
    """Whatever Spark has to work with; and what was asked as it was is answered as it was."""
    since = format_time(time.time_ns() // 1000)
    for number in range(1, 6):
        await client.put_shown(f"{own}/{number}.md", TEXT.format(n=number), title=f"Pool {number}")
    asked = [
        await client.send_query(f"How many connections does the pool {1 + n % 5} keep?", tenant=own)
        for n in range(QUESTIONS)
    ]
    responses = {each: await client.response(each) for each in asked}
    until = format_time(time.time_ns() // 1000)

    dry = arguments(tmp_path / "dry", since, until, "--dry-run", "--json")
    cost = json.loads(await freshet(stack, *dry))
    assert cost["questions"] >= QUESTIONS
    assert cost["variants"][1]["units_to_embed"] > 0

    cut, whole = tmp_path / "cut", tmp_path / "whole"
    command = arguments(cut, since, until, "--master", "local[1]")
    await asyncio.to_thread(kill_midway, stack, command, cut)
    await freshet(stack, *arguments(cut, since, until, "--master", "local[2]"))
    await freshet(stack, *arguments(whole, since, until, "--master", "local[1]"))
    assert contents(cut) == contents(whole)

    assert variants(cut) == ["live", "short"]
    live = {one.query_id: one for one in outcomes(cut, "live")}
    for query_id, response in responses.items():
        check_same(live[query_id], response)
    short = [one for one in outcomes(cut, "short") if one.query_id in responses]
    assert {len(one.passages) for one in short} <= {1, 2, 3}
    assert all(one.evaluation is not None for one in short)
    steps = {step for _, taken in latencies(cut, "live") for step in taken}
    assert {"search", "generate", "judge"} <= steps
    assert read_run(cut)["variants"][1]["indexes"][0]["rebuilt"]


@pytest.mark.timeout(540)
async def test_an_archive_gives_what_the_log_gives(
    stack: TestStack, client: Client, own: str, tmp_path: Path
) -> None:
    """The same questions, the same outcomes to the byte, and the documents of an earlier moment."""
    since = format_time(time.time_ns() // 1000)
    shown_at = await client.put_shown(f"{own}/1.md", TEXT.format(n=1), title="Pool 1")
    for _ in range(3):
        await client.ask("How many connections does the pool 1 keep?", tenant=own)
    until = format_time(time.time_ns() // 1000)
    await client.put_shown(f"{own}/1.md", TEXT.format(n=2), title="Pool 1")
    archive = tmp_path / "archive"
    where = ("--out", str(archive), "--master", "local[2]")
    await freshet(stack, "archive", "--topics", ",".join(READ), *where)
    for name, more in (("log", ()), ("archive-run", ("--archive", str(archive)))):
        given = ("--no-judge", "--master", "local[2]", *more)
        await freshet(stack, *arguments(tmp_path / name, since, until, *given))
    assert part_bytes(tmp_path / "archive-run") == part_bytes(tmp_path / "log")

    made_of = ("--as-of", str(shown_at), "--archive", str(archive), "--why", "the edit was wrong")
    await freshet(stack, "index", "build", PAST, *made_of)
    same = json.loads(await freshet(stack, "index", "diff", f"v1@{shown_at}", PAST, "--json"))
    assert (same["examples"], same["settings"]) == ([], {})
    (checked,) = (await freshet(stack, "verify", "--index-version", PAST, "--json")).splitlines()
    assert sum(json.loads(checked)["counts"].values()) == 0
    await freshet(stack, "index", "retire", PAST, "--now", "--why", "only a trial")


def part_bytes(run: Path) -> dict[str, bytes]:
    """The outcomes of a run."""
    return {name: body for name, body in contents(run).items() if name.startswith(OUTCOMES)}


def check_same(outcome: Outcome, was: Response) -> None:
    """All but how long it took."""
    assert outcome.response == replace(was, timings_ms={})


async def freshet(stack: TestStack, *command: str) -> str:
    """What a command prints; it must succeed."""
    done = await asyncio.to_thread(partial(stack.freshet, *command, timeout=240))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kill_midway(stack: TestStack, command: list[str], out: Path) -> None:
    """With -9, once a part is there and another is not."""
    said = out.parent / "said"
    with said.open("w") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", "streams.cli", *command),
            env=stack.environment,
            cwd=ROOT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + KILLED_WITHIN_S
    while not list((out / OUTCOMES).rglob("part-*.jsonl")):
        assert process.poll() is None, f"it ended before it could be killed: {said.read_text()}"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "run.json").exists()
