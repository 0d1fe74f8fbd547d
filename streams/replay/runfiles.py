"""A run's folder: what it was made of, what came of it, and how long that took.

    run.json                                 what was asked for and what was read; equal for equal
                                             inputs
    outcomes/variant=NAME/part-00042.jsonl   one outcome a line, by `asked_at` and `query_id`
    latencies/variant=NAME/part-00042.jsonl  `{"query_id": .., "seconds": {step: ..}}`: the one
                                             thing that differs from one run to the next
    .work/                                   what the run itself needs; of no use afterwards

A question's part is a hash of its `query_id`, so neither workers nor partitions of Spark change a
byte. A file appears whole, by rename, or not at all.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from processors.replay.outcome import Outcome
from schemas.codec import InvalidEvent, decode_as, encode
from streams.errors import FreshetError

PARTS = 64
"""How many parts the outcomes of a variant come in; runs are compared by it, so it is fixed."""

RUN, OUTCOMES, LATENCIES, WORK = "run.json", "outcomes", "latencies", ".work"
_UNFINISHED = ".unfinished"
_FULL = (ENOSPC, EDQUOT)


class NoRun(FreshetError):
    """A folder that holds no run, or one that is damaged."""


class NoRoom(FreshetError):
    """The disk is full; what was finished stays, and the same command goes on from there."""


class _Latency(msgspec.Struct, frozen=True):
    query_id: str
    seconds: dict[str, float]


def part_of(query_id: str) -> int:
    """The part in which a question's outcome stands, whatever the variant."""
    digest = blake2b(query_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PARTS


def digest_of(*parts: bytes) -> str:
    """32 hexadecimal digits that name a sequence of byte strings."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.hexdigest()


def plain(value: Any) -> bytes:
    """JSON whose bytes depend on the value alone, with a line end behind it."""
    encoded = msgspec.json.encode(value, order="sorted")
    return msgspec.json.format(encoded, indent=2) + b"\n"


def read_run(run: Path) -> dict[str, Any]:
    """What `run.json` says. Raises NoRun."""
    try:
        found = msgspec.json.decode((run / RUN).read_bytes())
    except FileNotFoundError:
        raise NoRun(f"{run} holds no run: `freshet replay run --out {run}` makes one") from None
    except (OSError, msgspec.DecodeError) as error:
        raise NoRun(f"{run / RUN} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise NoRun(f"{run / RUN} is not a run's description")
    return found


def variants(run: Path) -> list[str]:
    """The names of a run's variants, in the order in which they were asked for. Raises NoRun."""
    try:
        return [str(one["name"]) for one in read_run(run)["variants"]]
    except (KeyError, TypeError):
        raise NoRun(f"{run / RUN} does not name its variants") from None


def outcomes(run: Path, variant: str) -> Iterator[Outcome]:
    """What a variant came to, part by part; within a part by `asked_at` and `query_id`.

    Raises:
        NoRun: there is no such variant, or a part is damaged.
    """
    for path in _parts(run, OUTCOMES, variant):
        for number, line in enumerate(_lines(path), start=1):
            yield _read(Outcome, path, number, line)


def latencies(run: Path, variant: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Of each question that was replayed its id and the seconds of each step. Raises NoRun."""
    for path in _parts(run, LATENCIES, variant):
        for number, line in enumerate(_lines(path), start=1):
            found = _read(_Latency, path, number, line)
            yield found.query_id, found.seconds


def part_path(run: Path, kind: str, variant: str, part: int) -> Path:
    """Where a part stands; `kind` is `OUTCOMES` or `LATENCIES`."""
    return run / kind / f"variant={variant}" / f"part-{part:05d}.jsonl"


def write_part(
    run: Path,
    variant: str,
    part: int,
    found: Iterable[Outcome],
    seconds: Mapping[str, Mapping[str, float]],
) -> str:
    """Write a part, its outcomes last: where they are, all of it is. Gives their digest.

    Raises:
        NoRoom: the disk is full; nothing of the part is left then.
    """
    rows = sorted(found, key=lambda outcome: (outcome.asked_at, outcome.query_id))
    slow = [_Latency(one.query_id, dict(seconds.get(one.query_id, {}))) for one in rows]
    write_whole(
        part_path(run, LATENCIES, variant, part),
        b"".join(msgspec.json.encode(one, order="deterministic") + b"\n" for one in slow),
    )
    body = b"".join(encode(one) + b"\n" for one in rows)
    write_whole(part_path(run, OUTCOMES, variant, part), body)
    return digest_of(body)


def write_whole(path: Path, body: bytes) -> None:
    """A file that is there with all its bytes or not at all, after a crash too. Raises NoRoom."""
    with whole(path) as unfinished:
        unfinished.write_bytes(body)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place to write a file to, which takes the name `path` once it is done. Raises NoRoom."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{_UNFINISHED}")
    try:
        with told_when_full(path):
            yield unfinished
            _sync(unfinished)
            unfinished.replace(path)
            _sync(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def told_when_full(path: Path) -> Iterator[None]:
    """Raise NoRoom where anything within says that the disk is full."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        full = getattr(error, "errno", None) in _FULL
        if full or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise NoRoom(
                f"no room is left for {path}: make some, then run the same command again; it "
                "goes on where it stopped"
            ) from None
        raise


def clean(run: Path) -> None:
    """Remove what writers that were killed have left unfinished."""
    for left in run.rglob(f"*{_UNFINISHED}"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """To the disk: a rename that outlives a power cut must not name an empty file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parts(run: Path, kind: str, variant: str) -> list[Path]:
    known = variants(run)
    if variant not in known:
        raise NoRun(f"{run} has no variant {variant!r}; it has {', '.join(known)}")
    return sorted((run / kind / f"variant={variant}").glob("part-*.jsonl"))


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as lines:
        yield from lines


def _read(kind: Any, path: Path, number: int, line: bytes) -> Any:
    try:
        return decode_as(kind, line)
    except InvalidEvent as error:
        raise NoRun(
            f"{path}:{number} cannot be read: {error.message}; remove the file and run "
            "`freshet replay run` again with what run.json says: it makes that part anew"
        ) from None
