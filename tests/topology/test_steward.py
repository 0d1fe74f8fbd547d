"""The steward: what does not count in `control` is put aside, and changes nothing for anybody."""

import asyncio

import pytest
from msgspec.structs import replace

from monitoring import metrics
from processors.builtin import built_in
from schemas.codec import decode_as, encode
from schemas.control import Alias, ControlEvent, PromptVersion, Route, key_of
from schemas.deadletters import DeadLetter
from schemas.examples import EXAMPLES
from streams.control import read_control
from streams.workers.steward import StewardHandler
from tests.doubles.log import MemoryLog
from tests.topology.roles import Group, ManualClock, Role, refuse

ALIAS: Alias = replace(EXAMPLES[Alias], revision=1)  # type: ignore[assignment]
BASE = built_in("reader")


class Stewardship:
    """A steward on a log in memory."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.log = MemoryLog(2, self.clock)
        self.role = Role(self._new, Group(self.log, "control"), 2)

    def _new(self) -> StewardHandler:
        return StewardHandler(self.log, self.clock, BASE)

    def put(self, event: ControlEvent) -> None:
        """A change."""
        self.log.append("control", key_of(event), encode(event))

    def put_aside(self) -> list[DeadLetter]:
        """What was put aside, each once."""
        found = (decode_as(DeadLetter, r.value or b"") for r in self.log.all("dead-letters"))
        return list({(one.partition, one.offset): one for one in found}.values())

    async def dangling(self) -> float:
        """How many references the steward counts that lead nowhere."""
        for _ in range(20):
            await asyncio.sleep(0)
        await self.role.handler.idle()
        return metrics.gauge(metrics.STEWARD_DANGLING)._value.get()  # type: ignore[no-any-return]

    async def in_force(self) -> dict[str, Alias]:
        """The aliases."""
        return (await read_control(self.log, BASE)).of(Alias)


@pytest.fixture
async def steward() -> Stewardship:
    made = Stewardship()
    await made.role.start()
    return made


async def test_what_counts_is_left_alone(steward: Stewardship) -> None:
    """Nothing is put aside, nothing is written."""
    steward.put(ALIAS)
    steward.put(replace(ALIAS, revision=2))
    await steward.role.drain()
    assert (len(steward.log.all("control")), steward.put_aside()) == (2, [])


async def test_what_does_not_count_changes_nothing_for_those_who_start_late(
    steward: Stewardship,
) -> None:
    """A conflict, what is no event, and a deletion: compaction would have kept each of them."""
    steward.put(ALIAS)
    steward.put(replace(ALIAS, revision=1, target="answer@9", by="ben"))
    steward.log.append("control", key_of(ALIAS), b"{")
    steward.log.append("control", key_of(ALIAS), None)
    before = await steward.in_force()
    await steward.role.drain()
    assert [one.reason for one in steward.put_aside()] == ["conflict", "not_json", "invalid"]
    assert {one.role for one in steward.put_aside()} == {"steward"}
    steward.log.compact("control")
    assert await steward.in_force() == before


async def test_a_record_under_a_key_of_nobody_is_put_aside(steward: Stewardship) -> None:
    """There is nothing to say again."""
    steward.log.append("control", None, b"x", partition=1)
    steward.log.append("control", b"\xff", encode(ALIAS), partition=1)
    await steward.role.drain()
    assert len(steward.put_aside()) == 2
    assert len(steward.log.all("control")) == 2


async def test_a_built_in_version_with_another_text_is_put_aside(steward: Stewardship) -> None:
    """What is in receipts stays what it was."""
    prompt = next(event for event in BASE if key_of(event) == "prompt/answer@1")
    assert isinstance(prompt, PromptVersion)
    steward.put(replace(prompt, template=f"{prompt.template} "))
    route = next(event for event in BASE if isinstance(event, Route))
    steward.put(replace(route, why="mine"))
    await steward.role.drain()
    (letter,) = steward.put_aside()
    assert (letter.key, letter.reason) == (b"prompt/answer@1", "conflict")


async def test_a_prompt_that_could_not_be_filled_is_put_aside(steward: Stewardship) -> None:
    """Its number stays free for a sound one; an alias for it leads to what is built in."""
    prompt = next(event for event in BASE if isinstance(event, PromptVersion))
    steward.put(replace(prompt, version=2, template="{{question}} to {{nobody}}"))
    steward.put(replace(ALIAS, target="answer@2", before=[]))
    await steward.role.drain()
    (letter,) = steward.put_aside()
    assert (letter.key, letter.reason) == (b"prompt/answer@2", "invalid")
    assert "{{passages}} is missing" in letter.message
    assert await steward.dangling() == 2  # the alias, and the route that names it
    steward.put(replace(prompt, version=2))
    await steward.role.drain()
    assert await steward.dangling() == 0


@pytest.mark.parametrize("topic", ["dead-letters", "control"])
async def test_a_steward_that_dies_in_between_finishes_when_it_is_back(
    steward: Stewardship, topic: str
) -> None:
    """Killed before it put something aside, or before it said what counts again."""
    steward.put(ALIAS)
    steward.put(replace(ALIAS, revision=7))
    steward.log.before_append = refuse(topic)
    await steward.role.dies()
    steward.log.before_append = None
    await steward.role.start()
    await steward.role.drain()
    assert len(steward.put_aside()) == 1
    steward.log.compact("control")
    assert (await steward.in_force())["prompt/answer@production"] == ALIAS
