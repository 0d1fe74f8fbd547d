"""The demo's steps that change, live, how questions are answered: budgets, prompts, indexes."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import uuid4

from msgspec import json

from processors.builtin import PRODUCTION, built_in
from processors.prompt import PROMPT
from schemas.codec import decode_as
from schemas.control import IndexVersion, Quota
from schemas.index import IndexChange, IndexEvent
from schemas.responses import Response
from schemas.topics import changes_topic
from schemas.usage import Settled
from streams import quotas
from streams.demo.questions import QUESTIONS
from streams.demo.stage import Stage
from streams.prompts import files
from streams.prompts.registry import Prompts
from streams.said import said
from streams.versions.build import Wishes, begin, finish
from streams.versions.change import TooSoon, in_force, retire, switch

_BUDGET = 3_000
"""Tokens: a few answers."""
_MOST_ASKED = 12
_SHORTER = ("the one to three sentences that answer it", "the one sentence that answers it best")
_WIDER = {"passage_target": "1000", "passage_max": "1600"}
"""Longer passages of the same units: another index, and nothing to embed."""
_NAME = "wide"


class Control:
    """What operators decide, while questions flow."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._version: str | None = None

    async def run(self) -> None:
        """All steps in order."""
        for step in (self._quota, self._prompt, self._index):
            await step()

    async def _quota(self) -> None:
        """A tenant's budget is used up, and not a token more."""
        stage = self._stage
        stage.title(f"5. A tenant gets {_BUDGET} tokens a day, and asks until they are used up")
        tenant = f"demo-{uuid4().hex[:8]}"
        why = said("the demo")
        await quotas.change(stage.log, Quota, tenant, {"tokens_per_day": _BUDGET}, why)
        refused: Response | None = None
        answered = 0
        while refused is None and answered < _MOST_ASKED:
            text = QUESTIONS[answered % len(QUESTIONS)].text
            response = await stage.answer_to(text, tenant=tenant)
            if response.status == "quota_exceeded":
                refused = response
            else:
                answered += 1
        if refused is not None and refused.error is not None:
            stage.console.print(f"  {answered} answers, then: {refused.error.message}")
        spent = await self._spent(tenant)
        stage.held(
            f"refused once {spent} of {_BUDGET} tokens were used",
            refused is not None and answered > 0 and spent <= _BUDGET,
        )

    async def _spent(self, tenant: str) -> int:
        spent = 0
        async for record in self._stage.log.read("usage"):
            if record.key == tenant.encode() and b'"settled"' in (record.value or b""):
                one = decode_as(Settled, record.value or b"")
                spent += one.input_tokens + one.output_tokens
        return spent

    async def _prompt(self) -> None:
        """Another prompt, and back, without anything being started anew."""
        stage = self._stage
        stage.title("6. The prompt is changed under running questions, and rolled back")
        base = built_in(stage.settings.triton.reader)
        prompts = await Prompts.read(stage.log, base)
        alias = f"{PROMPT.partition('@')[0]}@{PRODUCTION}"
        before = prompts.get(alias)
        fields = files.definition(before)
        fields["template"] = fields["template"].replace(*_SHORTER)
        why = said("the demo")
        made = prompts.drafted(before.name, fields, "the demo", why)
        await prompts.add(made)
        new = f"{made.name}@{made.version}"
        for what, moved in (
            (f"changed to {new}", prompts.point(alias, new, why)),
            ("rolled back", prompts.rollback(alias, why)),
        ):
            change = await moved
            wanted = new if change is None else change.target
            took = await self._until_answered_by(wanted)
            stage.held(f"{what}: answers are {wanted}'s {took * 1000:.0f} ms later", took <= 1.0)

    async def _until_answered_by(self, prompt: str) -> float:
        """Seconds until a question is asked whose answer comes of a prompt."""
        began = time.monotonic()
        while True:
            asked = time.monotonic() - began
            response = await self._stage.answer_to(QUESTIONS[0].text)
            if response.receipt is not None and response.receipt.prompt == prompt:
                return asked
            if asked > self._stage.settings.limits.answer_deadline_s:
                return asked

    async def _index(self) -> None:
        """Another index is built beside the first, answered from, and left again."""
        stage, settings = self._stage, self._stage.settings
        stage.title("7. An index with longer passages is built beside the first, and switched to")
        author = said("the demo")
        known = (await in_force(stage.log, settings)).all(IndexVersion)
        name = next(name for n in range(1, 1000) if (name := f"{_NAME}{n}") not in known)
        self._version = name
        began = time.monotonic()
        wishes = Wishes(name, settings.index_version, _WIDER, {}, {}, None)
        await begin(stage.log, settings, wishes, author)
        await finish(stage.log, settings, name, author, lambda _done, _all: None)
        embedded = await self._embedded(name)
        stage.console.print(
            f"  {name} is built in {time.monotonic() - began:.1f} s, {embedded} units embedded"
        )
        stage.held("what is embedded already is not embedded again", embedded == 0)
        base = settings.index_version
        flow = [
            await self._while_asking(lambda: self._switch(name)),
            await self._while_asking(lambda: self._switch(base)),
        ]
        whole = Counter(
            one.receipt.index_version if one.receipt is not None else one.status
            for responses in flow
            for one in responses
        )
        last = [one.receipt.index_version if one.receipt else "" for one in (r[-1] for r in flow)]
        stage.console.print(f"  answered meanwhile: {dict(whole)}")
        stage.held("every question has one answer, from one of the two", set(whole) <= {name, base})
        stage.held(f"switched to {name} and back at once", last == [name, base])

    async def _switch(self, name: str) -> None:
        settings = self._stage.settings
        await switch(self._stage.log, settings, name, ["default"], said("the demo"), within_s=10.0)

    async def _while_asking(self, change: Callable[[], Awaitable[None]]) -> list[Response]:
        """Make a change while questions flow, and ask one more after it."""
        asking = [
            asyncio.create_task(self._stage.answer_to(question.text)) for question in QUESTIONS
        ]
        await change()
        await asyncio.sleep(1.0)
        return [*await asyncio.gather(*asking), await self._stage.answer_to(QUESTIONS[0].text)]

    async def _embedded(self, version: str) -> int:
        units = 0
        async for record in self._stage.log.read(changes_topic(version)):
            event = _event(record.value or b"")
            if isinstance(event, IndexChange) and event.part == 0:
                units += event.units_embedded
        return units

    async def leave(self) -> None:
        """Take the index out of use that was built for the demo."""
        if self._version is None:
            return
        with suppress(TooSoon):
            await retire(
                self._stage.log, self._stage.settings, self._version, said("the demo is over")
            )


_event = json.Decoder(IndexEvent).decode
