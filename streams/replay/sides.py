"""A variant of a run as a side of a comparison: read, and measured against gold questions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from processors.evaluation.gold import (
    Gold,
    Golds,
    InvalidGold,
    gold_of_labelled,
    gold_of_outcome,
    parse,
)
from processors.evaluation.metrics import EMBEDDING_F1, KS, measure, told, wanted
from processors.evaluation.pairs import Measured
from processors.evaluation.semantic import embedding_f1
from processors.feedback.dataset import LabelledAnswer
from processors.ports import Embedder
from streams.dataset import LINEAGE, ROWS
from streams.errors import FreshetError
from streams.replay import runfiles

Figures = Mapping[str, float]


class GoldError(FreshetError):
    """Gold questions that cannot be used."""


class Side(NamedTuple):
    """One variant of one run."""

    run: Path
    variant: str

    def __str__(self) -> str:
        return f"{self.run}:{self.variant}"


def side(text: str, default: str | None = None) -> Side:
    """The side that `RUN` or `RUN:VARIANT` names.

    Without a variant it is `default`, else the run's only one. Raises FreshetError.
    """
    run, sign, variant = text.rpartition(":")
    if not sign or Path(text).is_dir():
        run, variant = text, ""
    known = runfiles.variants(Path(run))
    name = variant or default or (known[0] if len(known) == 1 else "")
    if name not in known:
        wrong = f"has no variant {name!r}" if name else "has several variants"
        raise FreshetError(f"{run} {wrong}: name one, {run}:VARIANT, of {', '.join(known)}")
    return Side(Path(run), name)


def two(run: str, baseline: str | None, candidate: str | None) -> tuple[Side, Side]:
    """The sides of a comparison within a run: by default its first variant and its second.

    A name may be a variant of the run, or `OTHER_RUN:VARIANT`. Raises FreshetError.
    """
    known = runfiles.variants(Path(run))
    one = _named(run, known, baseline or known[0])
    if candidate is None:
        others = [name for name in known if (Path(run), name) != one]
        if len(others) != 1:
            raise FreshetError(
                f"{run} has {len(known)} variants: name two with --baseline and --candidate, of "
                f"{', '.join(known)}, or OTHER_RUN:VARIANT"
            )
        candidate = others[0]
    other = _named(run, known, candidate)
    if one == other:
        raise FreshetError(f"{one} on both sides: name another --candidate")
    return one, other


def read(one: Side, golds: Golds | None, ks: Sequence[int] = KS) -> list[Measured]:
    """All outcomes of a side with their figures. Raises NoRun."""
    taken = {name: sum(steps.values()) for name, steps in runfiles.latencies(*one) if steps}
    found = []
    for outcome in runfiles.outcomes(*one):
        gold = None if golds is None else golds.of(outcome)
        figures = {}
        if outcome.unreplayed is None:
            figures = measure(outcome, gold, taken.get(outcome.query_id), ks)
        found.append(Measured(outcome, figures, gold))
    return found


async def embedded(measured: Sequence[Measured], embedder: Embedder) -> list[Measured]:
    """The same with `embedding_f1`, where a gold question says what the answer should be."""
    asked = [
        (at, told(one.outcome), right)
        for at, one in enumerate(measured)
        if one.gold is not None and one.figures and any(right := wanted(one.gold))
    ]
    scores = await embedding_f1([one[1] for one in asked], [one[2] for one in asked], embedder)
    found = list(measured)
    for (at, _, _), score in zip(asked, scores, strict=True):
        one = found[at]
        found[at] = Measured(one.outcome, {**one.figures, EMBEDDING_F1: score}, one.gold)
    return found


def golds_of(sources: Iterable[str]) -> Golds | None:
    """Gold questions of all sources together; None without any.

    A source is a file of JSON lines, a folder that `freshet feedback export` made, or
    `RUN:VARIANT`: the answers that were given then. Raises GoldError.
    """
    found: list[Gold] = []
    for source in sources:
        golds = list(_golds(source))
        if not golds:
            raise GoldError(f"{source} says of no question what a good answer is")
        found += golds
    try:
        return Golds(found) if found else None
    except InvalidGold as error:
        raise GoldError(str(error)) from None


def _golds(source: str) -> Iterator[Gold]:
    path = Path(source)
    if path.is_file():
        return iter(_curated(path))
    if (path / LINEAGE).is_file():
        return _labelled(path)
    if (path / runfiles.RUN).is_file() or ":" in source:
        return filter(None, map(gold_of_outcome, runfiles.outcomes(*side(source))))
    raise GoldError(
        f"--gold {source}: neither a file of gold questions, nor a folder made by `freshet "
        "feedback export`, nor RUN:VARIANT"
    )


def _curated(path: Path) -> list[Gold]:
    try:
        with path.open("rb") as lines:
            return parse(lines)
    except (InvalidGold, OSError) as error:
        raise GoldError(f"{path}: {error}; docs/evaluation-offline.md shows the form") from None


def _labelled(folder: Path) -> Iterator[Gold]:
    try:
        with (folder / f"{ROWS}.jsonl").open("rb") as lines:
            for text in lines:
                row = msgspec.json.decode(text, type=LabelledAnswer)
                if (gold := gold_of_labelled(row)) is not None:
                    yield gold
    except FileNotFoundError:
        raise GoldError(f"{folder} has no rows as JSONL: export it with --format both") from None
    except msgspec.DecodeError as error:
        raise GoldError(f"{folder}: {error}; export it anew") from None


def _named(run: str, known: Sequence[str], name: str) -> Side:
    if name in known:
        return Side(Path(run), name)
    if ":" in name:
        return side(name)
    raise FreshetError(f"{run} has no variant {name!r}; it has {', '.join(known)}")
