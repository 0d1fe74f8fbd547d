"""Write Prometheus' rules and Grafana's dashboards: `python -m monitoring.generate [--check]`.

What is out of date is named. With `--check` nothing is written, and the exit code is 1.
"""

import sys
from pathlib import Path

from monitoring import alerting
from monitoring.dashboards import DASHBOARDS, grafana

HERE = Path(__file__).parent


def files() -> dict[Path, str]:
    """What each generated file has to say."""
    found = {
        HERE / "grafana" / "dashboards" / f"{board.uid}.json": grafana.as_json(board)
        for board in DASHBOARDS
    }
    found[HERE / "rules" / "freshet.yml"] = alerting.as_yaml()
    return found


def outdated() -> list[Path]:
    """The files that differ, are missing, or show a dashboard that is gone."""
    wanted = files()
    differ = [path for path, text in wanted.items() if _read(path) != text]
    there = set((HERE / "grafana" / "dashboards").glob("*.json"))
    return sorted([*differ, *(there - set(wanted))])


def write() -> None:
    """Bring every generated file up to date."""
    wanted = files()
    for path in outdated():
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    changed = outdated()
    for path in changed:
        print(path.relative_to(HERE.parent))
    if arguments:
        return 1 if changed else 0
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
