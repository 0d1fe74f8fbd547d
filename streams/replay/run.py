"""A run from its request to its `run.json`: begun, gone on with, finished."""

import fcntl
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from processors.replay.outcome import Outcome
from processors.version import settings_of
from schemas.times import format_time
from streams.errors import FreshetError
from streams.replay import runplan
from streams.replay.gather import Wanted
from streams.replay.runfiles import (
    OUTCOMES,
    RUN,
    NoRun,
    clean,
    digest_of,
    part_path,
    plain,
    read_run,
    write_whole,
)
from streams.replay.runplan import Request, RunPlan, VariantPlan

_FORMAT = 1
_LOCK = "lock"


class OtherRun(FreshetError):
    """The folder belongs to something else."""


class _Begun(Struct, frozen=True):
    request: Request
    wanted: Wanted


@contextmanager
def alone(run: Path) -> Iterator[None]:
    """Nobody else writes this run meanwhile. Raises OtherRun."""
    runplan.work(run).mkdir(parents=True, exist_ok=True)
    with (runplan.work(run) / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OtherRun(f"another command writes {run} at this moment") from None
        try:
            yield
        finally:
            if [path.name for path in runplan.work(run).glob("*")] == [_LOCK]:
                forget(run)  # nothing was begun: the folder is left as it was found


def begin(run: Path, request: Request, wanted: Wanted) -> Wanted | None:
    """The range of a run, which one that goes on takes over; None where it is finished.

    Raises:
        OtherRun: the folder holds another run, or what is no run.
    """
    if (run / RUN).exists():
        if _asked_for(read_run(run)) == _plain_request(request):
            return None
        raise OtherRun(f"{run} holds a run that asks for something else: choose another folder")
    begun = _begun(run)
    if begun is None:
        _check_empty(run)
        begun = _Begun(request, wanted)
        write_whole(_request_file(run), plain(begun))
    elif begun.request != request:
        raise OtherRun(
            f"{run} holds a run that was begun and asks for something else: choose another "
            "folder, or remove this one"
        )
    clean(run)
    return begun.wanted


def finish(run: Path, plan: RunPlan) -> dict[str, Any]:
    """Describe a run of which every part is there, and let go of what it was made by.

    Raises:
        NoRun: a part is damaged.
    """
    described = {
        "format": _FORMAT,
        "request": _plain_request(plan.request),
        "from": format_time(plan.wanted.since),
        "to": format_time(plan.wanted.until),
        "questions": plan.gathered.questions,
        "question_digests": plan.gathered.parts,
        "read": plan.read,
        "bad_records": plan.gathered.bad,
        "removed_by_retention": plan.gathered.removed,
        "missing_models": plan.missing_models,
        "prices": plan.prices,
        "variants": [_described(run, plan, one) for one in plan.variants],
    }
    write_whole(run / RUN, plain(described))
    forget(run)
    return described


def forget(run: Path) -> None:
    """Let go of what a finished run was made by."""
    shutil.rmtree(runplan.work(run), ignore_errors=True)


def _described(run: Path, plan: RunPlan, planned: VariantPlan) -> dict[str, Any]:
    name = planned.variant.name
    parts = sorted(map(int, plan.gathered.parts))
    return {
        "name": name,
        "changes": msgspec.to_builtins(planned.variant),
        "indexes": [
            {
                "asked_of": lane.was,
                "answered_from": lane.spec.name,
                "rebuilt": lane.rebuilt,
                "settings": settings_of(lane.spec),
            }
            for lane in planned.lanes
        ],
        "models": planned.models,
        "prompts": planned.prompts,
        "digests": {
            str(part): digest_of(part_path(run, OUTCOMES, name, part).read_bytes())
            for part in parts
        },
        **_counts(_each(run, name, parts)),
    }


def _each(run: Path, name: str, parts: list[int]) -> Iterator[Outcome]:
    decode = msgspec.json.Decoder(Outcome).decode
    for part in parts:
        path = part_path(run, OUTCOMES, name, part)
        with path.open("rb") as lines:
            try:
                yield from map(decode, lines)
            except msgspec.DecodeError as error:
                raise NoRun(f"{path} cannot be read: {error}; remove it and run again") from None


def _counts(found: Iterator[Outcome]) -> dict[str, Any]:
    statuses: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    for outcome in found:
        if outcome.unreplayed is not None:
            lost[outcome.unreplayed.type] += 1
            continue
        statuses[outcome.response.status] += 1
        tokens["input_tokens"] += outcome.response.usage.input_tokens
        tokens["output_tokens"] += outcome.response.usage.output_tokens
        tokens["nanousd"] += outcome.nanousd or 0
    return {"statuses": dict(statuses), "unreplayed": dict(lost), **tokens}


def _asked_for(described: dict[str, Any]) -> Any:
    return described.get("request")


def _plain_request(request: Request) -> Any:
    return msgspec.json.decode(msgspec.json.encode(request))


def _begun(run: Path) -> _Begun | None:
    path = _request_file(run)
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Begun)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise NoRun(f"{path} cannot be read: {error}; choose another folder") from None


def _request_file(run: Path) -> Path:
    return runplan.work(run) / "request.json"


def _check_empty(run: Path) -> None:
    there = sorted(path.name for path in run.iterdir() if path != runplan.work(run))
    if there:
        raise OtherRun(
            f"{run} is not empty ({', '.join(there[:3])}), and holds no run: choose another folder"
        )
