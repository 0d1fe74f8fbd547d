"""Files that are made from code and committed: held beside what they should say, and written."""

import sys
from collections.abc import Collection, Mapping
from pathlib import Path


def outdated(wanted: Mapping[Path, str], there: Collection[Path]) -> list[Path]:
    """The files that differ or are missing, and those of `there` that nothing describes."""
    differ = [path for path, text in wanted.items() if _read(path) != text]
    return sorted([*differ, *(set(there) - set(wanted))])


def write(wanted: Mapping[Path, str], changed: Collection[Path]) -> None:
    """Bring the changed files up to date."""
    for path in changed:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()


def run(
    arguments: list[str],
    usage: str | None,
    root: Path,
    wanted: Mapping[Path, str],
    there: Collection[Path],
) -> int:
    """The command line of a generator, with paths told from `root`; returns the exit code."""
    if arguments not in ([], ["--check"]):
        print(usage, file=sys.stderr)
        return 2
    changed = outdated(wanted, there)
    for path in changed:
        print(path.relative_to(root))
    if arguments:
        return 1 if changed else 0
    write(wanted, changed)
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
