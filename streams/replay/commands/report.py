"""`freshet replay report | export`: a comparison to keep, and rows to train with."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import FreshetError
from streams.replay.commands.evaluate import (
    AsJson,
    Baseline,
    Candidate,
    Embed,
    GoldOption,
    Ks,
    Run,
    evaluate,
    ks,
)

if TYPE_CHECKING:
    from streams.replay.reporting.export import Format

Out = Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what an earlier call made there.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for command in (report, export):
        group.command()(command)


def report(
    run: Run,
    out: Out,
    baseline: Baseline = None,
    candidate: Candidate = None,
    gold: GoldOption = None,
    at: Ks = None,
    by: Annotated[
        str | None, typer.Option(metavar="METRIC", help="What the worst regressions go by.")
    ] = None,
    examples: Annotated[int, typer.Option(min=0, help="Of the worst regressions.")] = 20,
    to_mlflow: Annotated[
        bool, typer.Option("--mlflow", help="Send it to MLflow: MLFLOW_TRACKING_URI, or a file.")
    ] = False,
    embed: Embed = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Compare two variants in an HTML report, with tables, plots and answers side by side."""
    from streams import config, lineage
    from streams.prompts.mlflowstore import store
    from streams.replay.evaluating import Wishes
    from streams.replay.reporting import folder
    from streams.replay.sides import two

    target = out.absolute()
    folder.check_target(target, force=force)
    settings = config.load()
    sides = two(str(run), baseline, candidate)
    runs = [lineage.run_folder(path) for path in dict.fromkeys(side.run for side in sides)]
    with lineage.told(
        lineage.Job("replay.report", runs, [lineage.folder(target)]), settings.state_dir
    ):
        wishes = Wishes(by=by, most=examples, ks=ks(at))
        found = evaluate(sides, gold or [], wishes, embed=embed)
        made: dict[str, object] = {"out": str(target), "files": folder.write(found, target)}
        if to_mlflow:
            from streams.replay.reporting.tracking import track

            made["mlflow"] = uri = store(None, settings.state_dir)
            made["mlflow_run"] = track(found, target, uri, settings.state_dir)
    if as_json:
        print(json.dumps(made))
        return
    print(target / folder.INDEX)
    if to_mlflow:
        print(f"MLflow run {made['mlflow_run']} at {made['mlflow']}")


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="RUN or RUN:VARIANT.")],
    out: Out,
    kind: Annotated[str, typer.Option("--format", help="jsonl or parquet.")] = "jsonl",
    gold: GoldOption = None,
    least_groundedness: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of the answers to take; what was not judged is left out."),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write a variant's answers as messages to fine-tune with, and their lineage.

    Where a gold question has an answer, that one is taken.
    """
    from streams import config, dataset, lineage
    from streams.replay.reporting.export import examples, write
    from streams.replay.sides import golds_of, read, side

    made = _format(kind)
    target = out.absolute()
    dataset.check_target(target, force=force)
    one = side(run)
    job = lineage.Job("replay.export", [lineage.run_folder(one.run)], [lineage.folder(target)])
    with lineage.told(job, config.load().state_dir):
        rows, dropped = examples(read(one, golds_of(gold or [])), least_groundedness)
        if not rows:
            raise FreshetError(f"{one} has no answer to learn from: {_why(*dropped)}")
        said = {"gold": list(gold or []), "least_groundedness": least_groundedness}
        files = write(rows, target, made, one, {**said, "left_out": dropped._asdict()})
    if as_json:
        counts = {"rows": len(rows), **dropped._asdict()}
        print(json.dumps({"out": str(target), "files": files, **counts}))
    else:
        print(f"{target}: {len(rows)} rows; {_why(*dropped)}; {', '.join(files)}")


def _why(failed: int, below: int) -> str:
    return f"left out {failed} without an answer, {below} not grounded enough"


def _format(name: str) -> "Format":
    if name == "jsonl":
        return "jsonl"
    if name == "parquet":
        return "parquet"
    raise FreshetError(f"--format {name!r}: jsonl or parquet")
