"""`python -m tests.bench [NAME …]`: measure all or some, and write the table of results.

Each measurement is a module and a process of its own, so none runs in another's memory. Ends
with 1 when a target is missed or a measurement could not be made.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.bench import report

NAMES = (
    "edit_cost",
    "retrieval_offline",
    "found",
    "freshness",
    "loading",
    "answering",
    "startup",
    "reading",
    "judge",
    "drift",
    "monitoring",
    "judging",
    "routes",
    "ledger",
    "tenants",
    "reproduce",
    "replayed",
)


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME")
    parser.add_argument("--data", type=Path, help="default: FRESHET_DATA")
    given = parser.parse_args()
    environment = dict(os.environ)
    if given.data is not None:
        environment["FRESHET_DATA"] = str(given.data)
    codes = {}
    for name in given.names or NAMES:
        print(f"-- {name}", flush=True)
        command = (sys.executable, "-m", f"tests.bench.{name}")
        codes[name] = subprocess.run(command, env=environment, check=False).returncode
    report.TABLE.write_text(report.table())
    for name, code in codes.items():
        if code:
            print(f"{name}: {'a target was missed' if code == 1 else f'exit code {code}'}")
    return int(any(codes.values()))


if __name__ == "__main__":
    sys.exit(main())
