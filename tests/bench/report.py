"""What every measurement has in common: the machine, figures over runs, the file, the table."""

import argparse
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil
from msgspec import Struct, to_builtins

from tests.bench.errors import CannotMeasureError

RESULTS = Path(__file__).parent / "results"
TABLE = RESULTS / "README.md"

_HEAD = """# What was measured

Written by `make bench`; do not edit. Each file beside this one has the parts of its figures.
Figures of one file were taken in one run on one machine, so compare within a file.

"""


class Line(Struct, frozen=True, kw_only=True):
    """A figure that matters; `target` is what it should reach, in words."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None


class Options(Struct, frozen=True):
    """The command line of a measurement."""

    data: Path | None
    runs: int
    out: Path

    def folder(self, name: str) -> Path:
        """A folder of the data. Raises CannotMeasureError."""
        if self.data is None:
            raise CannotMeasureError("name the data's folder: --data DIR, or FRESHET_DATA=DIR")
        folder = self.data / name
        if not folder.is_dir():
            raise CannotMeasureError(f"{folder} is missing: does --data name the right folder?")
        return folder


Measured = tuple[list[Line], dict[str, Any]]
"""The figures that matter, and everything else worth keeping."""


def machine() -> dict[str, Any]:
    """Where figures are taken, and how busy it was before: never a name or a path."""
    model = platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if cpu.exists() and (named := re.search(r"model name\s*:\s*(.+)", cpu.read_text())):
        model = named[1]
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """Median, 99th percentile and extremes; in milliseconds, by custom."""
    ordered = sorted(values)
    p99 = quantiles(ordered, n=100, method="inclusive")[98] if len(ordered) > 1 else ordered[0]
    figures = {"p50": median(ordered), "p99": p99, "min": ordered[0], "max": ordered[-1]}
    return {"n": len(ordered), **{name: round(value, digits) for name, value in figures.items()}}


def main(name: str, measure: Callable[[Options], Measured], *, runs: int = 1) -> int:
    """One measurement from its command line to its file; 1 when a target is missed."""
    options = _options(name, runs)
    here = machine()
    try:
        lines, details = measure(options)
    except CannotMeasureError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    write(options.out, here, lines, details)
    for line in lines:
        print(f"{_mark(line):<5}{line.what:<60}{line.figure:>18}  {line.target}")
    return int(any(line.met is False for line in lines))


def write(out: Path, here: dict[str, Any], lines: Sequence[Line], details: dict[str, Any]) -> None:
    """The file of one measurement."""
    out.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": here, "summary": to_builtins(lines), **details}
    out.write_text(json.dumps(found, indent=2) + "\n")


def table(folder: Path = RESULTS) -> str:
    """Every file's figures that matter, as Markdown."""
    parts = [_HEAD]
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text())
        parts.append(f"## {path.stem.replace('_', ' ')}\n\n{_on(found.get('machine', {}))}\n")
        parts.append("| | | target | |\n|---|---|---|---|\n")
        for line in found.get("summary", ()):
            met = {True: "met", False: "**missed**", None: ""}[line["met"]]
            parts.append(f"| {line['what']} | {line['figure']} | {line['target']} | {met} |\n")
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _options(name: str, runs: int) -> Options:
    parser = argparse.ArgumentParser(prog=f"python -m tests.bench.{name}")
    parser.add_argument("--data", type=Path, default=os.environ.get("FRESHET_DATA"))
    parser.add_argument("--runs", type=int, default=runs, help="the median of so many is given")
    parser.add_argument("--out", type=Path, default=RESULTS / f"{name}.json")
    given = parser.parse_args()
    return Options(given.data and Path(given.data), given.runs, given.out)


def _mark(line: Line) -> str:
    return {True: "ok", False: "MISS", None: ""}[line.met]


def _on(where: dict[str, Any]) -> str:
    named = [where.get("cpu"), f"{where['cores']} cores" if "cores" in where else None]
    if "memory_gb" in where:
        named.append(f"{where['memory_gb']} GB")
    if "load_before" in where:
        named.append(f"load {where['load_before']} before")
    return ", ".join(str(one) for one in named if one) + "\n"
