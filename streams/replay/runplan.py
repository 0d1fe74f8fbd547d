"""What a run is to do, worked out once and kept in its folder: every task reads it there."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from processors.builtin import built_in
from processors.control import Control
from processors.replay.variant import Variant
from processors.version import IndexSpec
from schemas.control import ControlEvent
from streams.replay.gather import Gathered, Wanted
from streams.replay.runfiles import WORK, NoRun, plain, write_whole


class Request(Struct, frozen=True, kw_only=True):
    """What was asked for, as it was asked: a folder that has another request is another run's."""

    variants: list[Variant]
    since: str
    until: str | None
    limit: int | None
    share: float | None
    source: str
    judge: bool
    answers: bool


class LanePlan(Struct, frozen=True, kw_only=True):
    """An index that a variant asks in place of another."""

    was: str
    """The version that the questions were asked of: index times are its own."""
    asked: str
    """The version whose settings the variant goes by."""
    spec: IndexSpec
    file: str
    """Its changes, in the run's folder."""
    rebuilt: bool
    """They were made for the run."""
    whole_from: int = 0
    """The index time from which it is as it would have been."""


class VariantPlan(Struct, frozen=True, kw_only=True):
    """A variant with what it comes to."""

    variant: Variant
    lanes: list[LanePlan]
    models: list[str]
    prompts: dict[str, str]
    """SHA-256 of the template of each."""


class RunPlan(Struct, frozen=True, kw_only=True):
    """All that decides what comes of a run."""

    request: Request
    wanted: Wanted
    gathered: Gathered
    variants: list[VariantPlan]
    read: dict[str, dict[str, list[int]]]
    """Of each topic and partition the first and the last offset that was used."""
    missing_models: list[str]
    """That no server has any more."""
    triton: dict[str, Any]
    """Where the models are, as the settings have it."""
    prices: dict[str, tuple[float, float]]
    timeout_s: float

    def of(self, name: str) -> VariantPlan:
        """A variant by its name."""
        return next(one for one in self.variants if one.variant.name == name)


def work(run: Path) -> Path:
    """Where a run keeps what it needs until it is done."""
    return run / WORK


def questions_folder(run: Path) -> Path:
    """Where its questions are, by part."""
    return work(run) / "questions"


def vectors_file(run: Path, embedder: str, part: int) -> Path:
    """The vectors of a part's questions, float32 [questions, dimensions], in their order."""
    return work(run) / "vectors" / embedder.replace("/", "_") / f"part-{part:05d}.npy"


def save(run: Path, plan: RunPlan, control: list[ControlEvent]) -> None:
    """Keep a plan: the plan itself last, so that where it is, all is."""
    write_whole(work(run) / "control.json", plain(control))
    write_whole(work(run) / "plan.json", plain(plan))


def load(run: Path) -> RunPlan | None:
    """The plan of a run that was begun; None where none was. Raises NoRun."""
    path = work(run) / "plan.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunPlan)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise NoRun(f"{path} cannot be read: {error}; choose another folder") from None


def load_control(run: Path, plan: RunPlan) -> Control:
    """What was in force when the run was planned."""
    events = msgspec.json.decode((work(run) / "control.json").read_bytes(), type=list[ControlEvent])
    control = Control(built_in(plan.triton["reader"]))
    for event in events:
        control.observe(event)
    return control
