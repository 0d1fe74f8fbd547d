"""Pieces and responses reach who waits for them: in order, once, and whatever crashes."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.queries import Query
from schemas.responses import Response, ResponseDelta
from streams.clients.kafka import Record
from streams.gateway.waiters import Awaited, Diverged, TooManyWaiting, Waiters
from tests.doubles.answerer import response_to

QUERY = Query(query_id="q-1", text="When?", tenant="acme")


def piece(index: int, text: str, attempt: str = "a") -> ResponseDelta:
    """A piece of the answer to `QUERY`."""
    return ResponseDelta(query_id="q-1", attempt=attempt, index=index, text=text)


def response(answer: str, **more: object) -> Response:
    """The response to `QUERY`."""
    return response_to(QUERY, answer=answer, **more)


def record(event: Response | ResponseDelta) -> Record:
    """An event as it is read from the log."""
    topic = "responses" if isinstance(event, Response) else "response.deltas"
    return Record(topic, 0, 0, event.query_id.encode(), encode(event))


async def shown(awaited: Awaited) -> str:
    """All that a caller is shown."""
    return "".join([text async for text in awaited.pieces()])


@given(order=st.permutations(range(6)), again=st.lists(st.integers(0, 5), max_size=6))
def test_pieces_are_put_in_order_and_count_once(order: list[int], again: list[int]) -> None:
    """Whatever the order, and however often a piece comes, the text is the same."""
    awaited = Awaited()
    for index in [*order, *again]:
        awaited.add(piece(index, f"{index} "))
    assert awaited.text == "0 1 2 3 4 5 "


async def test_each_piece_is_shown_as_it_comes() -> None:
    """A caller need not wait for the response to see how it begins."""
    awaited = Awaited()
    pieces = awaited.pieces()
    awaited.add(piece(0, "Five"))
    first = await anext(pieces)
    awaited.add(piece(1, " seconds."))
    second = await anext(pieces)
    assert (first, second) == ("Five", " seconds.")


async def test_a_response_that_overtakes_its_pieces_fills_them_in() -> None:
    """Pieces and responses travel on two topics."""
    awaited = Awaited()
    pieces = awaited.pieces()
    awaited.add(piece(0, "\nFive"))
    begun = await anext(pieces)
    awaited.finish(response("Five seconds."))
    rest = [text async for text in pieces]
    assert (begun, rest) == ("\nFive", [" seconds."])


async def test_white_space_after_the_answer_is_no_difference() -> None:
    """The model may write a line end that the response leaves out."""
    awaited = Awaited()
    pieces = awaited.pieces()
    awaited.add(piece(0, "Five seconds.\n"))
    await anext(pieces)
    awaited.finish(response("Five seconds."))
    assert [text async for text in pieces] == []


async def test_a_new_attempt_that_begins_the_same_goes_on_where_the_old_one_stopped() -> None:
    """An answerer that is killed and started again is not seen in the stream."""
    awaited = Awaited()
    pieces = awaited.pieces()
    awaited.add(piece(0, "Five sec"))
    begun = await anext(pieces)
    awaited.add(piece(0, "Five ", "b"))
    awaited.add(piece(1, "seconds.", "b"))
    awaited.finish(response("Five seconds."))
    assert begun + "".join([text async for text in pieces]) == "Five seconds."


async def test_a_new_attempt_that_differs_ends_the_stream() -> None:
    """Nobody is shown half of one answer and half of another."""
    awaited = Awaited()
    pieces = awaited.pieces()
    awaited.add(piece(0, "Five sec"))
    await anext(pieces)
    awaited.add(piece(0, "Ten", "b"))
    with pytest.raises(Diverged):
        await anext(pieces)


async def test_a_response_that_differs_from_what_was_shown_ends_the_stream() -> None:
    """The response is the answer; the pieces were a courtesy."""
    awaited = Awaited()
    pieces = awaited.pieces()
    awaited.add(piece(0, "Five"))
    await anext(pieces)
    awaited.finish(response("Ten seconds."))
    with pytest.raises(Diverged):
        await anext(pieces)


def test_pieces_of_an_attempt_given_up_count_no_more() -> None:
    """An answerer that was only slow may wake up and go on writing."""
    awaited = Awaited()
    awaited.add(piece(0, "Fi"))
    awaited.add(piece(0, "Five", "b"))
    awaited.add(piece(1, "ve"))
    assert awaited.text == "Five"


async def test_records_reach_only_who_waits_for_them() -> None:
    """By query_id."""
    waiters = Waiters()
    with waiters.join("q-1") as mine, waiters.join("q-2") as other:
        waiters.dispatch(record(piece(0, "Five")))
        waiters.dispatch(record(response("Five")))
        assert await shown(mine) == "Five"
        assert other.response is None


async def test_two_callers_of_one_question_are_both_shown_all_of_it() -> None:
    """The second one comes late."""
    waiters = Waiters()
    with waiters.join("q-1") as first:
        waiters.dispatch(record(piece(0, "Five")))
        with waiters.join("q-1") as second:
            waiters.dispatch(record(response("Five seconds.")))
            both = await asyncio.gather(shown(first), shown(second))
    assert both == ["Five seconds.", "Five seconds."]


def test_a_response_of_late_is_there_at_once() -> None:
    """A caller who asks again after it was given does not wait."""
    waiters = Waiters()
    given = response("Five seconds.")
    waiters.dispatch(record(given))
    with waiters.join("q-1") as awaited:
        assert awaited.response == given


def test_of_two_responses_the_first_counts() -> None:
    """One question has one answer."""
    waiters = Waiters()
    waiters.dispatch(record(response("Five.")))
    waiters.dispatch(record(response("Ten.")))
    with waiters.join("q-1") as awaited:
        assert awaited.response is not None
        assert awaited.response.answer == "Five."


@pytest.mark.parametrize("is_awaited", [False, True])
def test_what_is_not_shown_answers_nobody(is_awaited: bool) -> None:
    """Whoever asks by a shadow's id, then or later, waits in vain."""
    waiters = Waiters()
    unseen = response("Six.", shadow_of="q-0")
    if not is_awaited:
        waiters.dispatch(record(unseen))
    with waiters.join("q-1") as awaited:
        waiters.dispatch(record(unseen))
        assert awaited.response is None


def test_responses_are_remembered_within_a_bound_of_bytes() -> None:
    """The oldest ones are forgotten first."""
    size = len(encode(response("Five.")))
    waiters = Waiters(remembered=2 * size)
    for name in ("q-1", "q-2", "q-3"):
        event = response_to(Query(query_id=name, text="?", tenant="acme"), answer="Five.")
        waiters.dispatch(record(event))
    found = []
    for name in ("q-1", "q-2", "q-3"):
        with waiters.join(name) as awaited:
            found.append(awaited.response is not None)
    assert found == [False, True, True]


def test_what_is_no_event_answers_nobody() -> None:
    """Anybody may write to the topic."""
    waiters = Waiters()
    with waiters.join("q-1") as awaited:
        waiters.dispatch(Record("responses", 0, 0, b"q-1", b"{"))
        waiters.dispatch(Record("response.deltas", 0, 0, b"q-1", b'{"text": 1}'))
        waiters.dispatch(Record("responses", 0, 0, None, b"{}"))
        assert awaited.response is None


def test_more_than_the_limit_do_not_wait() -> None:
    """They are told to come back, and there is room again when one has left."""
    waiters = Waiters(limit=1)
    with waiters.join("q-1"), pytest.raises(TooManyWaiting), waiters.join("q-2"):
        pass
    with waiters.join("q-2"):
        assert waiters.count == 1
    assert waiters.count == 0
