"""How long the stack takes to start, part by part, and how much memory each part has then.

    python -m tests.bench.startup [--out FILE]

Starts a whole stack twice in a folder of its own: empty, and again with what the first left.
`startup_s` is from a part's own start, `at_s` from that of the stack; `cpu_s` is the processor
time it had used by the time all were ready, which other work on the machine disturbs little.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import psutil

from tests.bench.report import Line, machine
from tests.doubles.stack import TestStack

OUT = Path(__file__).parent / "results" / "startup.json"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Start-up time and memory, part by part.")
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    here = machine()
    with tempfile.TemporaryDirectory() as folder:
        stack = TestStack(Path(folder))
        runs = {name: measured(stack) for name in ("empty", "again")}
    result = {
        "machine": here,
        "summary": [msgspec.to_builtins(line) for line in summary(runs)],
        "runs": runs,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def summary(runs: dict[str, Any]) -> list[Line]:
    """The whole and its parts, as lines of the table of results."""
    lines = []
    for name, run in runs.items():
        lines.append(Line(what=f"{name}: all parts ready", figure=f"{run['ready_in_s']:.0f} s"))
        for part, found in run["parts"].items():
            figure = f"{found['startup_s']:.0f} s, {found['cpu_s']:.0f} s of cpu"
            what = f"{name}: {part}, {found['rss_mb']:.0f} MB"
            lines.append(Line(what=what, figure=figure))
    return lines


def measured(stack: TestStack) -> dict[str, Any]:
    """One start and stop."""
    try:
        stack.start()
        status = stack.status()
        assert status is not None
        cpu = {part.name: cpu_s(part.pid) for part in status.parts if part.pid}
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
    }


def cpu_s(pid: int) -> float:
    """Processor time of a process and its children so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return round(sum(each.user + each.system for each in times), 1)


if __name__ == "__main__":
    main()
