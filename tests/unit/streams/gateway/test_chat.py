"""OpenAI's requests become questions, and responses become OpenAI's answers."""

from typing import Any

import msgspec
import pytest

from schemas.codec import decode_as, encode
from schemas.queries import Query, WriteReceipt
from schemas.responses import Usage
from streams.gateway.auth import Caller
from streams.gateway.chat import (
    UNANSWERABLE,
    ChatRequest,
    Writer,
    content_of,
    details_of,
    query_of,
)
from streams.gateway.errors import ApiError
from tests.doubles.answerer import ANSWER, response_to

ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "When?"}]}
CALLER = Caller("acme", "0123456789ab")


def query(**request: Any) -> Query:
    """The question in a request."""
    return query_of(decode_as(ChatRequest, msgspec.json.encode(ASKED | request)), "q-1", CALLER)


def refused(**request: Any) -> ApiError:
    """The error that a request ends in."""
    with pytest.raises(ApiError) as caught:
        query(**request)
    return caught.value


def test_the_question_is_the_last_user_message() -> None:
    """Whatever was said before it and after it."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "She."},
        {"role": "user", "content": "When?"},
        {"role": "assistant", "content": None},
    ]
    assert query(messages=messages).text == "When?"


def test_text_parts_are_joined() -> None:
    """As the official clients may send them."""
    parts = [{"type": "text", "text": "When"}, {"type": "text", "text": "and where?"}]
    assert query(messages=[{"role": "user", "content": parts}]).text == "When\nand where?"


def test_the_fields_under_freshet_become_the_question_s() -> None:
    """Each under its own name."""
    options = {
        "as_of": "2025-10-09T08:53:20Z",
        "after": {"topic": "documents", "partition": 2, "offset": 41},
        "max_staleness_ms": 500,
        "top_k": 3,
        "filters": {"product": "httpx", "year": [2024, 2025]},
        "session_id": "s-1",
        "variables": {"language": "Dutch"},
    }
    assert query(freshet=options, max_tokens=64) == Query(
        query_id="q-1",
        text="When?",
        tenant="acme",
        key_id="0123456789ab",
        as_of="2025-10-09T08:53:20Z",
        after=WriteReceipt(topic="documents", partition=2, offset=41),
        max_staleness_ms=500,
        top_k=3,
        filters={"product": "httpx", "year": [2024, 2025]},
        session_id="s-1",
        variables={"language": "Dutch"},
        max_tokens=64,
    )


def test_openai_s_newer_name_of_the_bound_wins() -> None:
    """`max_tokens` is the older one."""
    assert query(max_completion_tokens=9, max_tokens=64).max_tokens == 9


def test_the_user_stands_for_the_session_where_none_is_given() -> None:
    """So that a client without `extra_body` has one."""
    assert query(user="u-1").session_id == "u-1"


def test_the_key_and_the_user_are_told_so_that_each_can_have_a_budget() -> None:
    """A user that is empty is none; the session is another matter where it is given."""
    asked = query(user="u-1", freshet={"session_id": "s-1"})
    assert (asked.key_id, asked.user, asked.session_id) == ("0123456789ab", "u-1", "s-1")
    assert query(user="").user is None


def test_fields_without_a_meaning_here_are_left_out() -> None:
    """As clients send them all the time."""
    assert query(temperature=0.2, tools=[], seed=7) == query()


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"freshet": {"top_k": -1}}, "freshet.top_k"),
        ({"freshet": {"top_k": 51}}, "freshet.top_k"),
        ({"freshet": {"top_k": "5"}}, "freshet.top_k"),
        ({"freshet": {"as_of": "yesterday"}}, "freshet.as_of"),
        ({"freshet": {"as_of": "2025-02-30T00:00:00Z"}}, "freshet.as_of"),
        ({"freshet": {"as_of": -1}}, "freshet.as_of"),
        ({"freshet": {"after": {"topic": "documents"}}}, "freshet.after"),
        ({"freshet": {"max_staleness_ms": -1}}, "freshet.max_staleness_ms"),
        ({"freshet": {"session_id": "a\nb"}}, "freshet.session_id"),
        ({"freshet": {"variables": {"a b": "x"}}}, "freshet.variables"),
        ({"user": "a\nb"}, "user"),
        ({"max_tokens": 100_000}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"messages": [{"role": "user", "content": " \n"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x" * 20_000}]}, "messages"),
        ({"messages": [{"role": "system", "content": "Be brief."}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(request_: dict[str, Any], param: str) -> None:
    """400, with the field in `param`."""
    error = refused(**request_)
    assert (error.status, error.param) == (400, param)


def test_a_model_that_there_is_not_is_refused_as_openai_does() -> None:
    """404 and `model_not_found`."""
    error = refused(model="gpt-4o")
    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")


def test_a_completion_holds_the_answer_its_tokens_and_its_proof() -> None:
    """Citations and receipt are where the documentation says."""
    asked = query()
    response = response_to(asked)
    body = Writer(asked, 1).completion(response, details_of(response, {"gateway": 3.0}))
    assert body["choices"][0]["message"]["content"] == ANSWER
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["total_tokens"] == 224
    assert body["freshet"]["citations"][0]["quote"] == "Pools close"
    assert body["freshet"]["receipt"]["applied"] == {"documents/0": 7}
    assert body["freshet"]["timings_ms"] == {"search": 4.25, "gateway": 3.0}


def test_an_answer_as_long_as_it_may_be_says_so() -> None:
    """`length`, so that a client may ask for more."""
    asked = query(max_tokens=14)
    response = response_to(asked, usage=Usage(input_tokens=1, output_tokens=14))
    assert Writer(asked, 1).completion(response, {})["choices"][0]["finish_reason"] == "length"


def test_an_answer_that_was_cut_where_its_tokens_ended_says_so() -> None:
    """However few they are: the last chunk of a stream has it too."""
    asked = query(max_tokens=100)
    response = response_to(asked, finish="length")
    writer = Writer(asked, 1)
    whole = writer.completion(response, {})["choices"][0]["finish_reason"]
    (end,) = writer.last(response, {})
    assert (whole, end["choices"][0]["finish_reason"]) == ("length", "length")


def test_unanswerable_is_a_plain_sentence() -> None:
    """And the status is there for who looks."""
    response = response_to(query(), status="unanswerable", answer="", citations=[])
    assert content_of(response) == UNANSWERABLE
    assert details_of(response, {})["status"] == "unanswerable"


def test_usage_has_a_chunk_of_its_own_where_it_is_asked_for() -> None:
    """As OpenAI's stream ends: no choice in it, and `usage` null in all before."""
    asked = query()
    response = response_to(asked)
    writer = Writer(asked, 1, includes_usage=True)
    end, usage = writer.last(response, {"query_id": "q-1"})
    assert (end["usage"], end["freshet"]) == (None, {"query_id": "q-1"})
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 14)


def test_what_a_client_gets_can_be_written_as_an_event_again() -> None:
    """The question is within every bound of its schema."""
    assert decode_as(Query, encode(query())) == query()
