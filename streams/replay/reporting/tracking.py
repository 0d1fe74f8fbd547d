"""A comparison as a run in MLflow: parameters, metrics, what it was made of, and its report.

MLflow takes seconds to import, so only the command that sends there imports this.
"""

import tempfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

from streams.prompts.mlflowstore import client, translated
from streams.replay import runfiles
from streams.replay.evaluating import Evaluated
from streams.replay.reporting.folder import FIGURES
from streams.replay.sides import Side

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric

EXPERIMENT = "freshet-replay"
DIGEST = "freshet.digest"
"""A tag: of the comparison that a run tells of."""
_TOLD = ("name", "changes", "indexes", "models", "prompts")
"""What of a variant's description are its parameters."""
_LONGEST = 500
_LOCAL = ("sqlite:", "file:")


def track(found: Evaluated, report: Path, uri: str, state_dir: Path) -> str:
    """Send a comparison and the folder of its report there; gives the id of its run.

    What is there already is not sent again. Raises RegistryRefused.
    """
    mlflow = client(uri)
    digest = sha256((report / FIGURES).read_bytes()).hexdigest()
    with translated(), tempfile.TemporaryDirectory() as folder:
        experiment = _experiment(mlflow, uri, state_dir)
        known = mlflow.search_runs(
            [experiment], f"tags.`{DIGEST}` = '{digest}' and attributes.status = 'FINISHED'"
        )
        if known:
            return str(known[0].info.run_id)
        name = f"{found.candidate.variant} against {found.baseline.variant}"
        run_id = str(
            mlflow.create_run(experiment, tags={DIGEST: digest}, run_name=name).info.run_id
        )
        _send(mlflow, run_id, found, report, Path(folder))
        mlflow.set_terminated(run_id)
    return run_id


def _send(
    mlflow: "MlflowClient", run_id: str, found: Evaluated, report: Path, folder: Path
) -> None:
    from mlflow.entities import Param

    params = [
        Param(f"{name}.{key}", value[:_LONGEST])
        for name, side in (("baseline", found.baseline), ("candidate", found.candidate))
        for key, value in _settings(side)
    ]
    params += [Param("questions", str(len(found.paired.pairs))), Param("gold", str(found.gold))]
    metrics = list(_metrics(found))
    for start in range(0, max(len(metrics), len(params)), 100):
        some, others = metrics[start : start + 100], params[start : start + 100]
        mlflow.log_batch(run_id, metrics=some, params=others)
    mlflow.log_inputs(run_id, [_dataset(side) for side in (found.baseline, found.candidate)])
    mlflow.log_artifacts(run_id, str(report), "report")
    for name, side in (("baseline", found.baseline), ("candidate", found.candidate)):
        copy = folder / f"{name}-{runfiles.RUN}"
        copy.write_bytes((side.run / runfiles.RUN).read_bytes())
        mlflow.log_artifact(run_id, str(copy))


def _experiment(mlflow: "MlflowClient", uri: str, state_dir: Path) -> str:
    found = mlflow.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    place = None
    if uri.startswith(_LOCAL):
        place = (state_dir / "mlflow" / "artifacts").resolve().as_uri()
    return str(mlflow.create_experiment(EXPERIMENT, artifact_location=place))


def _settings(side: Side) -> Iterator[tuple[str, str]]:
    yield "run", str(side.run)
    described = runfiles.read_run(side.run)
    for one in described["variants"]:
        if one["name"] == side.variant:
            yield from _flat("", {key: one[key] for key in _TOLD if key in one})


def _flat(name: str, plain: Any) -> Iterator[tuple[str, str]]:
    if isinstance(plain, Mapping):
        for key, value in plain.items():
            yield from _flat(f"{name}.{key}" if name else key, value)
    elif isinstance(plain, list):
        for at, value in enumerate(plain):
            yield from _flat(f"{name}.{at}", value)
    else:
        yield name, str(plain)


def _metrics(found: Evaluated) -> Iterator["Metric"]:
    from mlflow.entities import Metric

    at = time_ns() // 1_000_000
    for one in found.comparison.overall:
        for name, value in (
            ("baseline", one.baseline),
            ("candidate", one.candidate),
            ("difference", one.difference.value),
            ("difference_low", one.corrected.low),
            ("difference_high", one.corrected.high),
            ("p", one.holm),
        ):
            yield Metric(f"{one.metric.replace('@', '_at_')}.{name}", value, at, 0)


def _dataset(side: Side) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag

    body = (side.run / runfiles.RUN).read_bytes()
    dataset = Dataset(
        name=f"{side.run.resolve().name}:{side.variant}",
        digest=sha256(body).hexdigest()[:32],
        source_type="local",
        source=(side.run.resolve() / runfiles.OUTCOMES / f"variant={side.variant}").as_uri(),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])
