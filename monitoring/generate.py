"""Write Prometheus' rules and Grafana's dashboards: `python -m monitoring.generate [--check]`.

What is out of date is named. With `--check` nothing is written, and the exit code is 1.
"""

import sys
from pathlib import Path

from monitoring import alerting
from monitoring.dashboards import DASHBOARDS, grafana
from schemas import generated

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
    return generated.outdated(files(), _there())


def _there() -> list[Path]:
    return list((HERE / "grafana" / "dashboards").glob("*.json"))


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    return generated.run(arguments, __doc__, HERE.parent, files(), _there())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
