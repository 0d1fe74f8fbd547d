"""Whether a changed schema still reads yesterday's events: `python -m schemas.compat [--release]`.

`released/` holds the schemas as they were last released. Compared with them, today's must be

- backward compatible: every event that was valid still is, and still says the same;
- for the public topics forward compatible as well: every event that is valid today can be read
  by programs that know the released schemas.

Breaks are listed and the exit code is 1. A type that has to break gets a new name (`.v2`) and
keeps the old one readable. `--release` accepts today's schemas where nothing breaks; a type
that nobody has written yet may be changed at will by deleting its released file first.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from schemas.generate import HERE, as_json
from schemas.json_schema import Schema, event_types, schema_of, short_name
from schemas.subset import Gap, gaps
from schemas.topics import TOPICS

RELEASED = HERE / "released"


class Break(NamedTuple):
    """One way in which a type no longer keeps its word."""

    type: str
    direction: str
    """`backward`: old events are affected. `forward`: old readers are."""
    gap: Gap

    def __str__(self) -> str:
        return f"{self.type} {self.direction}: {self.gap.path}: {self.gap.what}"


def breaks(released: Mapping[str, Schema], today: Mapping[str, Schema]) -> Iterator[Break]:
    """What is broken between two sets of schemas, by short name; a new type breaks nothing."""
    public = public_types()
    for name, old in released.items():
        new = today.get(name)
        if new is None:
            yield Break(name, "backward", Gap("$", "the type is gone"))
            continue
        yield from (Break(name, "backward", gap) for gap in gaps(reader=new, writer=old))
        if name in public:
            yield from (
                Break(name, "forward", gap)
                for gap in gaps(reader=old, writer=new, ignored_is_loss=False)
            )


def public_types() -> frozenset[str]:
    """Short names of the types that the outside reads and writes."""
    return frozenset(
        short_name(name) for topic in TOPICS.values() if topic.public for name in topic.types
    )


def today() -> dict[str, Schema]:
    """The schemas that the types make now, by short name."""
    return {short_name(name): schema_of(name) for name in event_types()}


def released() -> dict[str, Schema]:
    """The schemas as last released, by short name."""
    return {path.name.removesuffix(".json"): _load(path) for path in RELEASED.glob("*.json")}


def release() -> None:
    """Take today's schemas as released."""
    RELEASED.mkdir(exist_ok=True)
    for name, schema in today().items():
        (RELEASED / f"{name}.json").write_text(as_json(schema), encoding="utf-8")


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    if arguments not in ([], ["--release"]):
        print(__doc__, file=sys.stderr)
        return 2
    before = released()
    found = list(breaks(before, today()))
    for one in found:
        print(one)
    if found:
        return 1
    if arguments:
        release()
    for name in sorted(set(today()) - set(before)):
        print(f"{name} is new", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
