"""A run worked out: which questions, which indexes, which models; all that its tasks need."""

from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from processors.builtin import built_in
from processors.control import Control
from processors.indexversions import versions
from processors.replay.question import Question
from processors.replay.variant import (
    MOST,
    Variant,
    faults,
    plan_for,
    prompt_of,
    same_units,
    spec_for,
)
from processors.version import spec_of
from schemas.control import IndexVersion
from schemas.queries import Plan
from streams.clients.kafka import MissingTopic
from streams.config import Settings
from streams.replay import runplan
from streams.replay.folds import ChangesGone
from streams.replay.gather import ControlHistory, Gathered, Say, Wanted, gather, questions
from streams.replay.histories import History
from streams.replay.indexes import Embedders, copied, file_name, rebuilt, remember
from streams.replay.runfiles import told_when_full, whole
from streams.replay.runplan import LanePlan, Request, RunPlan, VariantPlan
from streams.replay.source import Source
from streams.replay.variantfile import BadVariant
from streams.replay.vectors import RememberingEmbedder, VectorStore

Served = Callable[[str], Awaitable[bool | None]]
"""Whether a model, `name@version`, is there; None where no server says so."""


class Means(NamedTuple):
    """Where a run gets what it is made of."""

    settings: Settings
    source: Source
    store: VectorStore
    embedders: Embedders
    served: Served
    say: Say


class Asks(Struct, kw_only=True):
    """What a variant's questions come to."""

    pairs: set[tuple[str, str]]
    """The index version that they were asked of, and the one that they are now."""
    models: set[str]
    prompts: dict[str, str]


class Chosen(NamedTuple):
    """Questions, and what was in force."""

    history: ControlHistory
    gathered: Gathered
    asks: list[Asks]
    """By variant."""


async def choose(means: Means, request: Request, wanted: Wanted, folder: Path) -> Chosen:
    """Gather the questions into `folder`, and see what the variants make of them.

    Raises:
        BadVariant: one names what there is not.
        NothingToReplay: there is no question.
    """
    history = ControlHistory(built_in(means.settings.triton.reader))
    await history.load(means.source)
    _check(request.variants, history.now)
    gathered = await gather(means.source, wanted, history, folder, means.say)
    asks = [_asks(variant, folder, gathered, history.now) for variant in request.variants]
    return Chosen(history, gathered, asks)


async def prepare(means: Means, request: Request, wanted: Wanted, run: Path) -> RunPlan:
    """Put into a run's folder all that its tasks need, the plan last.

    Raises:
        BadVariant: a variant names what there is not.
        NothingToReplay: there is no question.
        NoRoom: the disk is full.
        ClientError: a model does not answer.
    """
    with told_when_full(run):
        return await _prepared(means, request, wanted, run)


async def _prepared(means: Means, request: Request, wanted: Wanted, run: Path) -> RunPlan:
    chosen = await choose(means, request, wanted, runplan.questions_folder(run))
    builder = _Builder(means, chosen, run)
    planned = [
        await _planned(builder, variant, asks)
        for variant, asks in zip(request.variants, chosen.asks, strict=True)
    ]
    await _embed_questions(means, chosen, planned, run)
    models = sorted({model for one in chosen.asks for model in one.models})
    plan = RunPlan(
        request=request,
        wanted=wanted,
        gathered=chosen.gathered,
        variants=planned,
        read=builder.read,
        missing_models=await _missing(means, models) if request.answers else [],
        triton=means.settings.triton.model_dump(mode="json"),
        prices=means.settings.prices,
        timeout_s=means.settings.limits.answer_deadline_s,
    )
    runplan.save(run, plan, chosen.history.events)
    return plan


def lanes(variant: Variant, asks: Asks, control: Control) -> Iterator[LanePlan]:
    """The indexes that a variant asks, of those whose versions are known."""
    there = versions(control)
    for was, asked in sorted(asks.pairs):
        if was in there and asked in there:
            yield _lane(variant, there[was], there[asked])


class _Builder:
    """Makes each index once, whichever variants ask it."""

    def __init__(self, means: Means, chosen: Chosen, run: Path) -> None:
        self._means = means
        self._chosen = chosen
        self._run = run
        self._whole_from: dict[str, int] = {}
        self._remembered: set[str] = set()
        self.control = chosen.history.now
        self.read = {topic: dict(spans) for topic, spans in chosen.gathered.read.items()}

    async def build(self, lane: LanePlan) -> LanePlan | None:
        """The lane with its index made; None where that cannot be had any more."""
        if lane.file not in self._whole_from:
            try:
                await self._build(lane)
            except (MissingTopic, ChangesGone) as error:
                self._means.say(f"{lane.was}: {error}")
                return None
        return LanePlan(
            was=lane.was,
            asked=lane.asked,
            spec=lane.spec,
            file=lane.file,
            rebuilt=lane.rebuilt,
            whole_from=self._whole_from[lane.file],
        )

    async def _build(self, lane: LanePlan) -> None:
        means, path = self._means, runplan.work(self._run) / lane.file
        history = History(means.source, lane.was, self._chosen.gathered.newest)
        await history.check()
        if not lane.rebuilt:
            means.say(f"reading the changes of {lane.was}")
            await copied(history, path)
        else:
            await self._remember(lane)
            means.say(f"making {lane.spec.name} of the documents")
            await rebuilt(
                history,
                lane.spec,
                path,
                known=means.store,
                embedder=means.embedders(lane.spec),
                partitions=await partitions_of_documents(means),
            )
        self._whole_from[lane.file] = history.whole_from
        for topic, spans in history.read.items():
            self.read.setdefault(topic, {}).update(spans)

    async def _remember(self, lane: LanePlan) -> None:
        """What the log has of an embedder's vectors need not be paid for again."""
        embedder, until = lane.spec.embedder, self._chosen.gathered.newest
        if embedder in self._remembered:
            return
        self._remembered.add(embedder)
        names = same_vectors(self.control, embedder)
        await remember(self._means.source, names, until, self._means.store)


async def partitions_of_documents(means: Means) -> int:
    """How many there are; an archive knows only those that have records."""
    found = await means.source.spans("documents")
    if means.source.name == "log":
        return len(found)
    return max(means.settings.kafka.partitions, 1 + max(found, default=0))


def same_vectors(control: Control, embedder: str) -> list[str]:
    """The index versions that have vectors of an embedder."""
    return sorted(name for name, one in versions(control).items() if one.embedder == embedder)


def _check(variants: list[Variant], control: Control) -> None:
    names = [variant.name for variant in variants]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadVariant(f"two variants are called {', '.join(twice)}; `name:` tells them apart")
    if len(variants) > MOST:
        raise BadVariant(f"{len(variants)} variants are more than the {MOST} that a run may have")
    for variant in variants:
        if wrong := list(faults(variant, control)):
            raise BadVariant(f"the variant {variant.name}: {'; '.join(wrong)}")


def _asks(variant: Variant, folder: Path, gathered: Gathered, control: Control) -> Asks:
    found = Asks(pairs=set(), models=set(), prompts={})
    for part in sorted(map(int, gathered.parts)):
        for question in questions(folder, part):
            plan = plan_for(variant, question.plan, question.query, control)
            if plan is not None:
                _note(found, variant, question, plan, control)
    return found


def _note(found: Asks, variant: Variant, question: Question, plan: Plan, control: Control) -> None:
    found.pairs.add((question.plan.index_version, plan.index_version))
    found.models.add(plan.model)
    prompt = prompt_of(variant, plan, control)
    if plan.prompt not in found.prompts and prompt is not None:
        template = prompt.template.encode("utf-8", "surrogatepass")
        found.prompts[plan.prompt] = sha256(template).hexdigest()


def _lane(variant: Variant, was: IndexVersion, asked: IndexVersion) -> LanePlan:
    spec = spec_for(variant, spec_of(asked))
    anew = not same_units(spec, spec_of(was))
    file = file_name(was.name, spec, rebuilt=anew)
    return LanePlan(was=was.name, asked=asked.name, spec=spec, file=file, rebuilt=anew)


async def _planned(builder: _Builder, variant: Variant, asks: Asks) -> VariantPlan:
    made = [await builder.build(lane) for lane in lanes(variant, asks, builder._chosen.history.now)]
    return VariantPlan(
        variant=variant,
        lanes=[lane for lane in made if lane is not None],
        models=sorted(asks.models),
        prompts=dict(sorted(asks.prompts.items())),
    )


async def _embed_questions(
    means: Means, chosen: Chosen, planned: list[VariantPlan], run: Path
) -> None:
    """Once, before the tasks begin: they then need no embedder, and agree on every bit."""
    specs = {lane.spec.embedder: lane.spec for one in planned for lane in one.lanes}
    for name, spec in sorted(specs.items()):
        means.say(f"embedding questions by {name}")
        embedder = RememberingEmbedder(means.embedders(spec), means.store)
        for part in sorted(map(int, chosen.gathered.parts)):
            texts = [one.query.text for one in questions(runplan.questions_folder(run), part)]
            vectors = await embedder.embed(texts)
            path = runplan.vectors_file(run, name, part)
            with whole(path) as unfinished, unfinished.open("wb") as file:
                np.save(file, vectors)


async def _missing(means: Means, models: list[str]) -> list[str]:
    """Those that a server says it has not."""
    return [model for model in models if await means.served(model) is False]
