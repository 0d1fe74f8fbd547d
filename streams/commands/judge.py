"""`freshet judge calibrate | versions | share`: what the judge's probabilities mean."""

import asyncio
import json
import sys
import time
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.connected import with_log
from streams.errors import FreshetError

if TYPE_CHECKING:
    from processors.feedback.calibrate import Fitted, Method
    from schemas.control import Calibration
    from streams.clients.kafka import LogClient
    from streams.labels import Chosen


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="The judge's versions.", no_args_is_help=True)
    for command in (calibrate, versions, share):
        group.command()(command)
    app.add_typer(group, name="judge")


def calibrate(
    method: Annotated[
        str, typer.Option(help="platt, or isotonic, which needs more labels.")
    ] = "platt",
    judge: Annotated[str | None, typer.Option(help="Which; default: the only one.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Of answers given from then on: RFC 3339.")
    ] = None,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Of the answers: those it will judge.")
    ] = 0.0,
    routes: Annotated[
        list[str] | None,
        typer.Option("--route", help="Learn from and judge only its answers; repeatable."),
    ] = None,
    least: Annotated[int, typer.Option(min=10, help="Labels that are needed.")] = 30,
    force: Annotated[bool, typer.Option("--force", help="Even if it does not help.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn from people's labels what the judge's probabilities mean: a new version of it."""
    from streams import labels
    from streams.control import put
    from streams.reporting import Reporter

    start, kind = labels.moment("--since", since), _method(method)

    async def work(log: "LogClient") -> tuple["Calibration", "Fitted"]:
        found = labels.since(await labels.pairs(log, Reporter(as_json=as_json).progress), start)
        chosen = labels.chosen(found, judge, routes)
        fitted = _fitted(chosen, kind, least, force)
        made = await _made(log, chosen.judge, fitted, share, routes)
        if not dry_run:
            await put(log, made)
        return made, fitted

    made, fitted = asyncio.run(with_log(work))
    print(_json(made, fitted) if as_json else _shown(made, fitted, dry_run=dry_run))


def versions(as_json: AsJson = False) -> None:
    """Every version that was learned: name, share, routes, method, labels, threshold, state."""
    from streams.judges import read_calibrations

    async def work(log: "LogClient") -> list["Calibration"]:
        return (await read_calibrations(log)).all()

    for one in asyncio.run(with_log(work)):
        print(json.dumps(_plain(one)) if as_json else _line(one))


def share(
    version: Annotated[str, typer.Argument(metavar="NAME@VERSION", help="As `versions` has it.")],
    part: Annotated[float, typer.Argument(metavar="SHARE", help="0 to 1; 0 takes it out of use.")],
) -> None:
    """Say which share of the answers a version judges; the newest version is asked first."""
    from streams.judges import share as set_share

    name, _, number = version.rpartition("@")
    if not name or not number.isdecimal():
        raise FreshetError(f"{version!r} is no NAME@VERSION; `freshet judge versions` shows them")
    if not 0 <= part <= 1:
        raise FreshetError(f"a share is 0 to 1, not {part:g}")

    async def work(log: "LogClient") -> "Calibration":
        return await set_share(log, name, int(number), part, by=getuser(), now=_now())

    print(_line(asyncio.run(with_log(work))))


def _method(name: str) -> "Method":
    import msgspec

    from processors.feedback.calibrate import Method

    try:
        return msgspec.convert(name, Method)  # type: ignore[no-any-return]
    except msgspec.ValidationError:
        raise FreshetError(f"--method {name!r}: platt or isotonic") from None


def _fitted(chosen: "Chosen", method: "Method", least: int, force: bool) -> "Fitted":
    from processors.feedback.calibrate import CalibrationError, WorseCalibrationError, fit

    if chosen.left_out:
        print(
            f"{chosen.left_out} answers are left out: what the model itself said is not known",
            file=sys.stderr,
        )
    try:
        return fit(chosen.labelled, method, least=least, force=force)
    except WorseCalibrationError as error:
        raise FreshetError(f"{chosen.judge}: {error}; --force makes it all the same") from None
    except CalibrationError as error:
        raise FreshetError(f"{chosen.judge}: {error}") from None


async def _made(
    log: "LogClient", name: str, fitted: "Fitted", share: float, routes: list[str] | None
) -> "Calibration":
    import msgspec

    from schemas.control import Calibration
    from streams.judges import read_calibrations

    version = (await read_calibrations(log)).newest(name) + 1
    fields = {
        "kind": "calibration",
        "name": name,
        "version": version,
        "method": fitted.method,
        "points": fitted.points,
        "threshold": fitted.threshold,
        "labels": fitted.labels,
        "share": share,
        "routes": routes or None,
        "revision": 1,
        "by": getuser(),
        "why": f"learned from {fitted.labels} labels by `freshet judge calibrate`",
        "at": _now(),
    }
    try:
        return msgspec.convert(fields, Calibration)
    except msgspec.ValidationError as error:
        raise FreshetError(f"no such version can be made: {error}") from None


def _shown(made: "Calibration", fitted: "Fitted", *, dry_run: bool) -> str:
    lines = (
        f"Brier score {fitted.brier_before:.4f} before, {fitted.brier_after:.4f} after "
        f"(on labels it was not learned from; {fitted.labels} in all)",
        f"supported from {fitted.threshold:.3f} on: balanced accuracy "
        f"{fitted.balanced_accuracy:.3f} on those labels",
        f"{_line(made)}{' (not written)' if dry_run else ''}",
    )
    return "\n".join(lines)


def _json(made: "Calibration", fitted: "Fitted") -> str:
    figures = {
        "brier_before": fitted.brier_before,
        "brier_after": fitted.brier_after,
        "balanced_accuracy": fitted.balanced_accuracy,
    }
    return json.dumps({**_plain(made), **figures})


def _line(one: "Calibration") -> str:
    parts = (
        f"{one.name}@{one.version}",
        "removed" if one.removed else f"share {one.share:g}",
        ",".join(one.routes) if one.routes else "every route",
        one.method,
        f"{one.labels} labels",
        f"threshold {one.threshold:.3f}",
    )
    return "\t".join(parts)


def _plain(one: "Calibration") -> dict[str, Any]:
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(one)
    return {"share": one.share, **{name: fields[name] for name in fields if name != "kind"}}


def _now() -> int:
    return time.time_ns() // 1000
