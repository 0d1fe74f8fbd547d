"""How long the stack takes to start, and the demo on it, and how much memory each part has.

    python -m tests.bench.startup

Starts a whole stack twice in a folder of its own: empty, and again with what the first left; the
demo's steps run on the second. `startup_s` is from a part's own start, `at_s` from that of the
stack; `cpu_s` is the processor time it had used by the time all were ready, which other work on
the machine disturbs little.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from streams.demo.run import steps
from tests.bench.report import Line, Measured, Options, main
from tests.doubles.stack import TestStack

ALL_S, FIRST_ANSWER_S = 180.0, 60.0


def measure(_: Options) -> Measured:
    """Both starts, and the demo."""
    with tempfile.TemporaryDirectory() as folder:
        stack = TestStack(Path(folder))
        empty = _started(stack, demo=False)
        again = _started(stack, demo=True)
    return _summary({"empty": empty, "again": again}), {"runs": {"empty": empty, "again": again}}


def _summary(runs: dict[str, Any]) -> list[Line]:
    demo = runs["again"]["demo"]
    lines = [
        Line(
            what="the demo, from the stack's start to its last step",
            figure=f"{demo['all_s']:.0f} s",
            target=f"at most {ALL_S:.0f} s",
            met=demo["held"] and demo["all_s"] <= ALL_S,
        ),
        Line(
            what="first answer after the first document was sent",
            figure=f"{demo['first_answer_s']:.1f} s",
            target=f"at most {FIRST_ANSWER_S:.0f} s",
            met=demo["first_answer_s"] <= FIRST_ANSWER_S,
        ),
    ]
    for name, run in runs.items():
        lines.append(Line(what=f"{name}: all parts ready", figure=f"{run['ready_in_s']:.0f} s"))
        for part, found in run["parts"].items():
            figure = f"{found['startup_s']:.0f} s, {found['cpu_s']:.0f} s of cpu"
            what = f"{name}: {part}, {found['rss_mb']:.0f} MB"
            lines.append(Line(what=what, figure=figure))
    for part, megabytes in demo["rss_mb"].items():
        lines.append(Line(what=f"after the demo: {part}", figure=f"{megabytes:.0f} MB"))
    return lines


def _started(stack: TestStack, *, demo: bool) -> dict[str, Any]:
    """One start and stop."""
    began = time.monotonic()
    try:
        stack.start()
        status = stack.status()
        assert status is not None
        cpu = {part.name: _cpu_s(part.pid) for part in status.parts if part.pid}
        shown = {"demo": _demo(stack, began)} if demo else {}
    finally:
        stack.stop()
    fields = ("startup_s", "at_s", "rss_mb", "restarts")
    return {
        "ready_in_s": status.ready_in_s,
        "supervisor_rss_mb": status.rss_mb,
        "cpu_s": round(sum(cpu.values()), 1),
        "parts": {
            part.name: {field: getattr(part, field) for field in fields} | {"cpu_s": cpu[part.name]}
            for part in status.parts
        },
        **shown,
    }


def _demo(stack: TestStack, began: float) -> dict[str, Any]:
    """The demo's own steps, on a stack that is up."""
    with (stack.state_dir / "demo.out").open("w") as output:
        stage = asyncio.run(steps(stack.settings, Console(file=output)))
    took = time.monotonic() - began
    status = stack.status()
    return {
        "held": not stage.failed,
        "all_s": round(took, 1),
        "first_answer_s": round(stage.first_answer_s, 1),
        "rss_mb": {part.name: part.rss_mb for part in (status.parts if status else ())},
    }


def _cpu_s(pid: int) -> float:
    """Processor time of a process and its children so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return round(sum(each.user + each.system for each in times), 1)


if __name__ == "__main__":
    sys.exit(main("startup", measure))
