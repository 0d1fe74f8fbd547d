"""What was asked, looked up behind the answers: each question read once, none made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.envelope import headers
from schemas.queries import AdmittedQuery, Cancellation, Query, Reservation
from schemas.topics import type_of
from streams.views import questions
from streams.views.questions import TOPIC, Questions
from tests.doubles.log import MemoryLog

MINUTE = 60_000_000


class Clock:
    now = 100 * MINUTE


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> MemoryLog:
    return MemoryLog(2, lambda: clock.now)


def ask(log: MemoryLog, name: str, text: str = "", partition: int = 0) -> None:
    """An admitted question."""
    query = Query(query_id=name, tenant="acme", text=text or f"What is {name}?")
    event = AdmittedQuery(query=query, reservation=Reservation(tokens=1), admitted_at=1, deadline=2)
    log.append(TOPIC, name, encode(event), headers(type_of(event), source="t", time=1), partition)


async def found(view: Questions, *names: str, partition: int = 0, at: int = 100 * MINUTE):
    """What it has of these, asked for together."""
    await view.seek([partition], at // 1000)
    await view.read(partition, names)
    return [view.take(name) for name in names]


async def test_a_question_is_found_and_given_once(log: MemoryLog):
    """Whoever asks again has judged it already."""
    ask(log, "q1")
    view = Questions(log)
    assert await found(view, "q1") == ["What is q1?"]
    assert await found(view, "q1") == [None]


async def test_what_was_never_asked_is_not_made_up(log: MemoryLog):
    """Nor what was cancelled, or is no event at all."""
    cancelled = Cancellation(query_id="q2", tenant="acme")
    name = headers(type_of(cancelled), source="t", time=1)
    log.append(TOPIC, "q2", encode(cancelled), name, 0)
    for bad in (b"{", None, b"[]"):
        log.append(TOPIC, "q3", bad, (), 0)
    log.append(TOPIC, "q3", b"{}", [("ce_id", b"broken")], 0)
    ask(log, "q4")
    assert await found(Questions(log), "q1", "q2", "q3", "q4") == [None, None, None, "What is q4?"]


async def test_answers_may_come_in_another_order_than_questions(log: MemoryLog):
    """What was passed on the way is remembered."""
    for name in ("q1", "q2", "q3"):
        ask(log, name)
    view = Questions(log)
    assert [await found(view, name) for name in ("q3", "q1", "q2")] == [
        ["What is q3?"],
        ["What is q1?"],
        ["What is q2?"],
    ]


async def test_only_what_is_wanted_is_read_and_nothing_twice(
    log: MemoryLog,
):
    """It goes on where it stopped."""
    for number in range(10):
        ask(log, f"q{number}")
    view = Questions(log)
    assert await found(view, "q3") == ["What is q3?"]
    assert view._next == {0: 4}
    assert await found(view, "q3", "q9") == [None, "What is q9?"]
    assert view._next == {0: 10}


async def test_partitions_are_read_apart(log: MemoryLog):
    """A question lies in the partition of its answer."""
    ask(log, "q1", partition=1)
    assert await found(Questions(log), "q1", partition=0) == [None]
    assert await found(Questions(log), "q1", partition=1) == ["What is q1?"]


async def test_it_begins_ahead_of_the_first_answer_and_not_with_the_log(
    log: MemoryLog, clock: Clock
):
    """A question waits minutes for its answer, not a day."""
    ask(log, "old")
    clock.now += 60 * MINUTE
    ask(log, "new")
    view = Questions(log)
    assert await found(view, "old", "new", at=clock.now + MINUTE) == [None, "What is new?"]


async def test_a_time_before_all_time_means_the_beginning(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
):
    """Kafka has no negative times, and refuses them."""
    ask(log, "q1")
    since, asked = log.since, list[int]()

    async def kafkas(topic: str, timestamp_ms: int) -> dict[int, int]:
        asked.append(timestamp_ms)
        return await since(topic, timestamp_ms)

    monkeypatch.setattr(log, "since", kafkas)
    assert await found(Questions(log), "q1", at=0) == ["What is q1?"]
    assert asked == [0]


async def test_partitions_that_come_back_are_sought_anew(log: MemoryLog):
    """Another worker has gone on in the meantime."""
    ask(log, "q1")
    view = Questions(log)
    assert await found(view, "q9") == [None]
    view.forget([0, 1])
    assert await found(view, "q1") == ["What is q1?"]


async def test_what_nobody_asks_for_is_forgotten_the_oldest_first(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
):
    """Questions that were never answered must not fill the memory."""
    monkeypatch.setattr(questions, "_MOST_CHARACTERS", 100)
    for number in range(9):
        ask(log, f"q{number}", "x" * 40)
    view = Questions(log)
    assert await found(view, "q8", "q7", "q6", "q0") == ["x" * 40, "x" * 40, None, None]


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=40))
async def test_a_question_in_the_log_is_known_until_it_is_taken(steps: list[tuple[int, bool]]):
    """Asked, asked again and answered in any order."""
    log = MemoryLog(1)
    view = Questions(log)
    waiting: set[str] = set()
    for number, answered in steps:
        name = f"q{number}"
        if answered:
            expected = f"What is {name}?" if name in waiting else None
            assert await found(view, name, at=0) == [expected]
            waiting.discard(name)
        elif name not in waiting:
            ask(log, name)
            waiting.add(name)
