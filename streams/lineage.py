"""Where data went: OpenLineage events of the jobs that archive, replay and compare.

They go to the server that `OPENLINEAGE_URL` names (with `OPENLINEAGE_API_KEY`, if it wants one),
else to `lineage/openlineage.jsonl` in the state folder, a line each. A server that is away stops
no job: it is said, and the job goes on.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from streams.replay.runfiles import RUN

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

PRODUCER = "urn:freshet"
NAMESPACE = "freshet"
FILE = Path("lineage") / "openlineage.jsonl"
_URL, _KEY = "OPENLINEAGE_URL", "OPENLINEAGE_API_KEY"
_TIMEOUT_S = 5.0


class Place(NamedTuple):
    """Data by its name, as OpenLineage's naming has it."""

    namespace: str
    name: str
    version: str | None = None
    """Of the data: offsets of a topic, a digest of files."""


class Job(NamedTuple):
    """What ran, from what, to what."""

    name: str
    inputs: list[Place]
    outputs: list[Place]


def topic(bootstrap: str, name: str, version: str | None = None) -> Place:
    """One of Kafka's; of `bootstrap`, as the settings have it, the first server counts."""
    return Place(f"kafka://{bootstrap.split(',')[0].strip()}", name, version)


def offsets(spans: Mapping[str, list[int]]) -> str:
    """First and last offset of each partition, as the version of a topic's data."""
    return ",".join(f"{name}:{first}-{last}" for name, (first, last) in sorted(spans.items()))


def folder(path: Path, version: str | None = None) -> Place:
    """Files on this machine."""
    return Place("file", str(path.resolve()), version)


def run_folder(run: Path) -> Place:
    """A replay's run: equal inputs are one version of it."""
    return folder(run, sha256((run / RUN).read_bytes()).hexdigest())


def replaying(run: Path, read: Mapping[str, Mapping[str, list[int]]], bootstrap: str) -> Job:
    """The job that makes a run's folder.

    `read`: of each topic and partition the first and the last offset that is used.
    """
    inputs = [topic(bootstrap, name, offsets(read[name])) for name in sorted(read)]
    return Job("replay.run", inputs, [folder(run)])


@contextmanager
def told(job: Job, state_dir: Path) -> Iterator[None]:
    """Tell of a job's begin, and of its end or failure."""
    run_id = str(uuid4())
    _tell(job, "START", run_id, state_dir)
    try:
        yield
    except BaseException as error:
        _tell(job, "FAIL", run_id, state_dir, repr(error)[:1000])
        raise
    _tell(job, "COMPLETE", run_id, state_dir)


def event(job: Job, state: str, run_id: str, at: datetime, error: str = "") -> "RunEvent":
    """One event, as OpenLineage 2 has it. `state`: START, COMPLETE or FAIL."""
    from openlineage.client import event_v2
    from openlineage.client.facet_v2 import error_message_run, job_type_job

    kind = job_type_job.JobTypeJobFacet(
        processingType="BATCH", integration="FRESHET", jobType="JOB", producer=PRODUCER
    )
    failure = error_message_run.ErrorMessageRunFacet(
        message=error, programmingLanguage="PYTHON", producer=PRODUCER
    )
    return event_v2.RunEvent(
        eventType=event_v2.RunState[state],
        eventTime=at.isoformat(),
        run=event_v2.Run(runId=run_id, facets={"errorMessage": failure} if error else {}),
        job=event_v2.Job(namespace=NAMESPACE, name=job.name, facets={"jobType": kind}),
        inputs=[_dataset(event_v2.InputDataset, place) for place in job.inputs],
        outputs=[_dataset(event_v2.OutputDataset, place) for place in job.outputs],
        producer=PRODUCER,
    )


def send(told: "RunEvent", state_dir: Path) -> None:
    """To the server, where one is named, else to the file."""
    if not os.environ.get(_URL):
        _write(told, state_dir / FILE)
        return
    from openlineage.client import OpenLineageClient

    transport: dict[str, Any] = {
        "type": "http",
        "url": os.environ[_URL],
        "timeout": _TIMEOUT_S,
        "retry": {"total": 1},
    }
    if key := os.environ.get(_KEY):
        transport["auth"] = {"type": "api_key", "apiKey": key}
    try:
        OpenLineageClient(config={"transport": transport}).emit(told)
    except Exception as error:
        # Whatever a server answers, the job itself is well.
        print(f"freshet: {os.environ[_URL]} took no lineage: {error}", file=sys.stderr)


def _tell(job: Job, state: str, run_id: str, state_dir: Path, error: str = "") -> None:
    try:
        send(event(job, state, run_id, datetime.now(UTC), error), state_dir)
    except ModuleNotFoundError:
        print("freshet: no lineage is told, for openlineage-python is missing", file=sys.stderr)


def _write(told: "RunEvent", file: Path) -> None:
    from openlineage.client.serde import Serde

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lines:
        lines.write(Serde.to_json(told).encode() + b"\n")


def _dataset(kind: Any, place: Place) -> Any:
    from openlineage.client.facet_v2 import dataset_version_dataset

    facets = {}
    if place.version is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=place.version, producer=PRODUCER
        )
    return kind(namespace=place.namespace, name=place.name, facets=facets)
