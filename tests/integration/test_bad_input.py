"""Whatever is sent has a stated outcome, and the stream goes on."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.errors import KafkaError

from schemas.common import MAX_TEXT
from streams.clients.kafka import MAX_MESSAGE_BYTES
from tests.doubles.client import Client, assert_quotes_are_exact, receipt
from tests.doubles.stack import TestStack

DAY_US = 86_400_000_000


@pytest.fixture(autouse=True)
async def _goes_on(client: Client) -> AsyncIterator[None]:
    """After each of these tests a good document is indexed and a good question answered."""
    yield
    word = uuid4().hex
    text = f"# Well\n\nThe password of the well is {word}.\n"
    write = await client.put("bad/then-good", text, acl=["good"])
    response = await client.ask(
        "What is the password of the well?", tenant="good", after=receipt(write)
    )
    assert word in response.answer


def document(**fields: Any) -> bytes:
    """A document as a stranger's program might write it."""
    return json.dumps(
        {"doc_id": "bad/one", "text": "Some text.", "content_type": "text/plain", **fields}
    ).encode()


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        pytest.param("bad/one", b"certainly { not json", "not_json", id="not JSON"),
        pytest.param("bad/one", b"\xff\xfe\x00", "not_json", id="not UTF-8"),
        pytest.param("bad/one", b"", "not_json", id="nothing at all"),
        pytest.param("bad/one", b"[1, 2]", "invalid", id="another shape"),
        pytest.param("bad/one", document(text=7), "invalid", id="a number for text"),
        pytest.param("bad/one", document(acl="me"), "invalid", id="a word for a list"),
        pytest.param("bad/one", document(content_type="text/klingon"), "invalid", id="its type"),
        pytest.param("bad/one", document(updated_at="yesterday"), "invalid", id="its time"),
        pytest.param("bad/one", document(text="\ud800"), "not_json", id="a lone surrogate"),
        pytest.param("bad/one", document(text="x" * (MAX_TEXT + 1)), "invalid", id="too long"),
        pytest.param("bad/one", document(doc_id="bad/two"), "key_mismatch", id="another's key"),
        pytest.param("bad\u0007", document(doc_id="bad\u0007"), "invalid", id="its id"),
        pytest.param("", document(doc_id=""), "missing_key", id="an empty key"),
    ],
)
async def test_a_bad_document_is_a_dead_letter_with_reason_and_origin(
    client: Client, key: str | None, value: bytes, reason: str
) -> None:
    """It is put aside as it was received, and nothing of it is indexed."""
    origin = await client.raw("documents", key, value)
    letter = await client.dead_letter(origin)
    assert letter.reason == reason
    assert letter.role == "indexer"
    assert letter.key == (None if key is None else key.encode())
    assert letter.value is None or letter.value == value
    assert {change.status for change in await client.changes("bad/one")} <= {"rejected"}


async def test_a_document_without_a_key_is_refused_by_the_log_itself(client: Client) -> None:
    """A compacted topic takes none; and what the same producer sends next is taken."""
    with pytest.raises(KafkaError):
        await client.raw("documents", None, document())
    for number in range(2 * client.settings.kafka.partitions):
        await client.put_shown(f"bad/next/{number}", "The next one is good.", acl=["next"])


async def test_the_log_refuses_what_is_larger_than_any_message(stack: TestStack) -> None:
    """50 MB of text: the command says so, skips the file, and exits with 1."""
    large = stack.state_dir / "large.txt"
    large.write_bytes(b"word " * 10_000_000)
    assert large.stat().st_size > MAX_MESSAGE_BYTES
    done = stack.freshet("documents", "put", str(large))
    assert done.returncode == 1
    assert "too large" in done.stderr


@pytest.mark.parametrize(
    "text", ["", " \n\n\t\n", "\u0000\u0001", "# \n", "<!-- -->", "\u200b"], ids=ascii
)
async def test_a_document_without_words_is_there_and_says_nothing(
    client: Client, text: str
) -> None:
    """It is a document like others, so that it can replace one that had words."""
    await client.put_shown("bad/empty", "# Ink\n\nThe ink is violet.\n", acl=["empty"])
    await client.put_shown("bad/empty", text, acl=["empty"])
    response = await client.ask("Which colour is the ink?", tenant="empty")
    assert response.status == "unanswerable"
    assert (await client.changes("bad/empty"))[-1].status == "indexed"


async def test_a_section_of_a_megabyte_without_a_blank_line_is_indexed(client: Client) -> None:
    """It is cut all the same, and found by what stands in its midst."""
    filler = "The same dull words follow one another without an end in sight. " * 8_000
    text = f"# Dull\n\n{filler}The treasure lies under the old oak. {filler}\n"
    assert len(text) > 1_000_000
    await client.put_shown("bad/dull", text, acl=["dull"])
    response = await client.ask("Where does the treasure lie?", tenant="dull")
    assert "under the old oak" in response.answer
    assert_quotes_are_exact(response, {"bad/dull": text})


async def test_a_megabyte_without_a_space_is_indexed(client: Client, own: str) -> None:
    """One endless word harms nobody."""
    await client.put_shown(f"{own}/endless", "x" * 1_000_000, acl=[own])
    parts = await client.changes(f"{own}/endless")
    assert {part.status for part in parts} == {"indexed"}
    assert parts[0].parts == len(parts)


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        pytest.param(
            "# Bell\n\nThe bell \u0007 rings at \u0000 seven \u001b[31m o'clock.\r\n",
            "When does the bell ring?",
            "seven",
            id="control characters",
        ),
        pytest.param(
            "# המגדלור\n\nהמגדלור נבנה בשנת 1911 על ידי עדה.\n",
            "מתי נבנה המגדלור בשנת?",
            "1911",
            id="right to left",
        ),
        pytest.param(
            "# \U0001f981 Zoo\n\nThe \U0001f981 lion eats at noon e\u0301very day.\n",
            "When does the lion eat?",
            "noon",
            id="beyond the basic plane",
        ),
    ],
)
async def test_unusual_text_is_answered_with_exact_quotes(
    client: Client, text: str, question: str, answer: str
) -> None:
    """Offsets count the characters of the source, whatever they are."""
    await client.put_shown("bad/unusual", text, acl=["unusual"])
    response = await client.ask(question, tenant="unusual")
    assert answer in response.answer, response
    assert_quotes_are_exact(response, {"bad/unusual": text})


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"text": "why " * 262_144}, id="a megabyte"),
        pytest.param({"text": ""}, id="no text"),
        pytest.param({"text": " \n "}, id="blank text"),
        pytest.param({"top_k": -1}, id="a negative top_k"),
        pytest.param({"top_k": "five"}, id="a word for a number"),
        pytest.param({"as_of": "yesterday"}, id="no time"),
        pytest.param({"as_of": "2026-02-30T00:00:00Z"}, id="no such day"),
        pytest.param({"after": {"topic": "queries"}}, id="half a receipt"),
        pytest.param({"filters": {"a b": "c"}}, id="a filter's name"),
    ],
)
async def test_a_bad_question_is_refused_to_its_asker(
    client: Client, fields: dict[str, Any]
) -> None:
    """A response says what is wrong with it."""
    query = {"query_id": str(uuid4()), "text": "Why?", "tenant": "bad", **fields}
    await client.raw("queries", "bad", json.dumps(query).encode())
    response = await client.response(query["query_id"])
    assert response.status == "refused"
    assert response.error is not None
    assert response.error.type == "invalid_query"
    assert next(iter(fields)) in response.error.message


async def test_a_question_that_names_nobody_is_a_dead_letter(client: Client) -> None:
    """There is nobody to tell."""
    for value in (b"not json", b'{"text": "Why?"}', b'{"query_id": "", "tenant": "*"}'):
        letter = await client.dead_letter(await client.raw("queries", "bad", value))
        assert letter.role == "admission"


@pytest.mark.parametrize(
    ("days", "error"), [(1, "as_of_in_future"), (-400, "as_of_beyond_horizon")]
)
async def test_a_time_that_cannot_be_asked_is_told_apart(
    client: Client, days: int, error: str
) -> None:
    """Neither the future nor what is beyond the horizon has an answer."""
    now = await client.put_shown("bad/time", "The clock is blue.", acl=["time"])
    response = await client.ask("?", tenant="time", as_of=now + days * DAY_US)
    assert response.status == "failed"
    assert response.error is not None
    assert response.error.type == error


async def test_a_receipt_of_no_write_is_refused(client: Client) -> None:
    """`after` must name a partition that documents have."""
    wrong = {"topic": "documents", "partition": 4711, "offset": 0}
    query = {"query_id": str(uuid4()), "text": "Why?", "tenant": "bad", "after": wrong}
    await client.raw("queries", "bad", json.dumps(query).encode())
    response = await client.response(query["query_id"])
    assert response.error is not None
    assert response.error.type == "invalid_query"


async def test_a_plain_message_without_headers_is_a_document(client: Client) -> None:
    """Any Kafka client can produce, with nothing of ours installed."""
    text = "The harbour master is called Nils."
    value = document(doc_id="bad/plain", text=text, acl=["plain"])
    await client.shown(await client.raw("documents", "bad/plain", value))
    response = await client.ask("What is the harbour master called?", tenant="plain")
    assert "Nils" in response.answer
    assert_quotes_are_exact(response, {"bad/plain": text})


async def test_a_document_in_the_wrong_partition_is_put_right(client: Client) -> None:
    """A producer with another partitioner does no harm: the event is sent on."""
    value = document(doc_id="bad/astray", text="The ghost is called Vera.", acl=["astray"])
    home = await client.raw("documents", "bad/astray", None)
    astray = (home.partition + 1) % client.settings.kafka.partitions
    await client.shown(await client.log.send("documents", "bad/astray", value, (), astray))
    await client.until(
        lambda: client.progress.applied().get(f"documents/{home.partition}", -1) > home.offset,
        "the event to be applied at home",
    )
    response = await client.ask("What is the ghost called?", tenant="astray")
    assert "Vera" in response.answer


async def test_a_question_under_another_key_is_answered(client: Client) -> None:
    """Its key is not its tenant: it is sent on, and answered once."""
    await client.put_shown("bad/key", "The baker is called Rosa.", acl=["keyed"])
    query = {"query_id": str(uuid4()), "text": "What is the baker called?", "tenant": "keyed"}
    await client.raw("queries", None, json.dumps(query).encode())
    assert "Rosa" in (await client.response(query["query_id"])).answer


async def test_nothing_of_all_this_has_harmed_the_index(client: Client) -> None:
    """`verify` counts zero."""
    report = await client.verify()
    assert report.total == 0, report.faults
