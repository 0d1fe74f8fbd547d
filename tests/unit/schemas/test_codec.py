"""Bytes come from anybody. Every outcome here is stated, and the stream goes on after each."""

import json
from math import inf, nan
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import InvalidEvent, decode, decode_as, encode
from schemas.deadletters import DeadLetter, Reason
from schemas.documents import Document
from schemas.envelope import Envelope
from schemas.examples import EXAMPLES
from schemas.index import IndexChange, IndexTick
from schemas.queries import Cancellation, Query
from schemas.responses import Citation, ResponseDelta
from schemas.topics import TOPICS

DOCUMENT: dict[str, Any] = {"doc_id": "d", "text": "t", "content_type": "text/plain"}
QUERY: dict[str, Any] = {"query_id": "q", "text": "t", "tenant": "acme"}


def document(**changed: Any) -> bytes:
    return json.dumps({**DOCUMENT, **changed}).encode()


def query(**changed: Any) -> bytes:
    return json.dumps({**QUERY, **changed}).encode()


def without(fields: dict[str, Any], name: str) -> bytes:
    return json.dumps({key: value for key, value in fields.items() if key != name}).encode()


def refused(topic: str, value: bytes | None, envelope: Envelope | None = None) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        decode(topic, value, envelope)
    assert len(str(caught.value)) <= 240
    return caught.value


def outcome(topic: str, value: bytes) -> msgspec.Struct | InvalidEvent:
    try:
        return decode(topic, value)
    except InvalidEvent as error:
        return error


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"hello",
        b"{",
        b'{"doc_id": "d"',
        b"\x00\x01\x02",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        document() + b"}",
        document() + document(),
        b"{'doc_id': 'd'}",
        b'{"doc_id": "d",}',
        b'{"doc_id": "\xff", "text": "t", "content_type": "text/plain"}',
        document()[:-1] + b', "metadata": {"a": NaN}}',
        document()[:-1] + b', "metadata": {"a": Infinity}}',
        document()[:-1] + b', "later": -Infinity}',
    ],
)
def test_what_is_not_json_is_refused_as_such(value: bytes):
    """NaN and the infinities, half an object, two objects and a byte order mark among it."""
    assert refused("documents", value).reason == "not_json"


@pytest.mark.parametrize(
    "escaped", [rb"\ud800", rb"\udc00 a", rb"a\ud83d\u0041", rb"\ud800\ud800", rb"\udfff"]
)
@pytest.mark.parametrize("field", ["doc_id", "text", "content_type", "later"])
def test_a_lone_surrogate_is_refused_wherever_it_stands(escaped: bytes, field: str):
    """It could be read but never be written as UTF-8 again."""
    value = json.dumps({**DOCUMENT, field: "@"}).encode().replace(b"@", escaped)
    assert refused("documents", value).reason == "not_json"


def test_a_surrogate_pair_is_a_character():
    """Escaped as JSON does it."""
    value = document(text="😀")
    assert rb"\ud83d\ude00" in value
    assert decode_as(Document, value).text == "😀"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("around", [b"", b'{"later":', b'{"metadata":{"a":'])
def test_deep_nesting_is_refused_without_a_crash(opening: bytes, around: bytes):
    """A million brackets exhaust no stack."""
    assert refused("documents", around + opening * 1_000_000).reason in ("not_json", "invalid")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"null", "$: "),
        (b"[]", "$: "),
        (b'"text"', "$: "),
        (without(DOCUMENT, "doc_id"), "$: Object missing required field `doc_id`"),
        (without(DOCUMENT, "text"), "$: Object missing required field `text`"),
        (without(DOCUMENT, "content_type"), "$: Object missing required field `content_type`"),
        (document(doc_id=7), "$.doc_id: "),
        (document(doc_id=""), "$.doc_id: "),
        (document(doc_id="x" * 513), "$.doc_id: "),
        (document(doc_id="a\x00b"), "$.doc_id: "),
        (document(doc_id="a\x1bb"), "$.doc_id: "),
        (document(doc_id="a\x85"), "$.doc_id: "),
        (document(doc_id="a\u2028"), "$.doc_id: "),
        (document(doc_id="a\n"), "$.doc_id: "),
        (document(text=None), "$.text: "),
        (document(text=["t"]), "$.text: "),
        (document(text="x" * (8 * 1024 * 1024 + 1)), "$.text: "),
        (document(content_type="application/pdf"), "$.content_type: "),
        (document(content_type="text/plain; charset=utf-8"), "$.content_type: "),
        (document(updated_at="yesterday"), "$.updated_at: "),
        (document(updated_at=5), "$.updated_at: "),
        (document(acl="acme"), "$.acl: "),
        (document(acl=["*"]), "$.acl[0]: "),
        (document(acl=["acme\n"]), "$.acl[0]: "),
        (document(acl=["a"] * 257), "$.acl: "),
        (document(metadata={"a": {"b": 1}}), "$.metadata[...]: "),
        (document(metadata={"a": None}), "$.metadata[...]: "),
        (document(metadata={"a": 2**63}), "$.metadata[...]: "),
        (document(metadata={"a b": 1}), "$.metadata (key): "),
        (document(metadata={f"k{n}": n for n in range(65)}), "$.metadata: "),
        (document()[:-1] + b', "metadata": {"a": 1e999}}', "$.metadata[...]: "),
        (document()[:-1] + b', "metadata": {"a": ' + b"9" * 5000 + b"}}", "$.metadata[...]: "),
    ],
)
def test_a_bad_document_is_refused_by_field(value: bytes, message: str):
    """The dead letter says where to look."""
    error = refused("documents", value)
    assert error.reason == "invalid"
    assert str(error).startswith(message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (query(text="x" * 1024 * 1024), "$.text: "),
        (query(text=""), "$.text: "),
        (query(top_k=-1), "$.top_k: "),
        (query(top_k=0), "$.top_k: "),
        (query(top_k=51), "$.top_k: "),
        (query(top_k=2.5), "$.top_k: "),
        (query(top_k="5"), "$.top_k: "),
        (query(top_k=True), "$.top_k: "),
        (query(top_k=10**30), "$.top_k: "),
        (query(max_tokens=4097), "$.max_tokens: "),
        (query(tenant="*"), "$.tenant: "),
        (query(tenant="acme\n"), "$.tenant: "),
        (query(tenant="a" * 129), "$.tenant: "),
        (query(query_id="a\tb"), "$.query_id: "),
        (query(as_of="2024-13-40"), "$.as_of: "),
        (query(as_of=-1), "$.as_of: "),
        (query(as_of=2**62 + 1), "$.as_of: "),
        (query(after={"topic": "documents", "partition": -1, "offset": 0}), "$.after.partition: "),
        (query(after={"topic": "documents"}), "$.after: "),
        (query(filters={"a": {"b": 1}}), "$.filters[...]: "),
        (query(filters={"a": ["x"] * 257}), "$.filters[...]: "),
        (query(max_staleness_ms=-1), "$.max_staleness_ms: "),
    ],
)
def test_a_bad_question_is_refused_by_field(value: bytes, message: str):
    """A question of a megabyte and a negative `top_k` among them."""
    error = refused("queries", value)
    assert error.reason == "invalid"
    assert str(error).startswith(message)


def test_a_value_beyond_the_topics_bound_is_not_even_parsed():
    """50 MB of text costs no more than its length."""
    error = refused("documents", b'{"text": "' + b"x" * 50_000_000)
    assert error.reason == "too_large"
    assert "50000010 bytes" in str(error)


def test_a_refusal_never_repeats_what_it_refuses():
    """Dead letters and logs must not carry a secret, or a megabyte."""
    error = refused("documents", document(content_type="secret " * 1000))
    assert str(error).count("secret") < 10


def test_a_null_value_is_no_event():
    """Deletions are the caller's to see first."""
    assert refused("queries", None).reason == "invalid"


def test_right_to_left_text_and_odd_characters_are_text():
    """What a document says is nobody's business here."""
    text = "שלום \u202e مرحبا \x00\x07 \ufeff"
    assert decode_as(Document, document(doc_id="עברית", text=text)).text == text


def test_of_a_field_given_twice_the_last_counts():
    """Everywhere the same, since everything reads with this reader."""
    value = document()[:-1] + b', "doc_id": "second"}'
    assert decode_as(Document, value).doc_id == "second"


def test_fields_of_tomorrow_are_left_out():
    """An older reader reads a newer event."""
    assert decode("documents", document(later={"a": [1]})) == decode("documents", document())


def test_the_type_decides_how_a_value_is_read():
    """A cancellation is a question's neighbour on its topic."""
    value = query()
    plain = decode("queries", value)
    cancelled = decode("queries", value, Envelope("s", "i", "dev.freshet.query.cancelled.v1"))
    assert isinstance(plain, Query)
    assert isinstance(cancelled, Cancellation)


@pytest.mark.parametrize(
    "event_type",
    [
        "com.example.order",
        "dev.freshet.document.deleted.v1",
        "dev.freshet.query.asked.v1",
        "x" * 512,
    ],
)
def test_a_type_that_the_topic_does_not_take_is_refused(event_type: str):
    """Whatever the value looks like."""
    error = refused("documents", document(), Envelope("s", "i", event_type))
    assert error.reason == "wrong_type"


def test_a_topic_that_is_not_there_is_the_programs_mistake():
    """It is no property of the event."""
    with pytest.raises(KeyError):
        decode("document", document())


def test_tagged_events_need_no_envelope():
    """Changes and ticks share a topic and tell themselves apart."""
    for struct in (IndexChange, IndexTick):
        assert decode("index.changes", encode(EXAMPLES[struct])) == EXAMPLES[struct]


@pytest.mark.parametrize(
    ("topic", "event_type", "struct"),
    [(t.name, name, struct) for t in TOPICS.values() for name, struct in t.types.items()],
)
def test_every_event_survives_the_way_through_its_topic(
    topic: str, event_type: str, struct: type[msgspec.Struct]
):
    """Written and read, with and without the other fields' defaults."""
    event = EXAMPLES[struct]
    assert decode(topic, encode(event), Envelope("s", "i", event_type)) == event


def test_equal_events_are_equal_bytes():
    """In whichever order their labels were put in."""
    one = Document(doc_id="d", text="", content_type="text/plain", metadata={"a": 1, "b": 2})
    other = Document(doc_id="d", text="", content_type="text/plain", metadata={"b": 2, "a": 1})
    assert encode(one) == encode(other)


def test_a_lone_surrogate_cannot_be_written():
    """A typed error where the event is made, not a crash on the way to the log."""
    with pytest.raises(InvalidEvent, match="surrogate"):
        encode(ResponseDelta(query_id="q", attempt="a", index=0, text="\ud800"))


@pytest.mark.parametrize("number", [nan, inf, -inf])
def test_a_number_that_json_cannot_write_is_refused(number: float):
    """Otherwise it would be written as null, and fail at the reader."""
    citation = Citation(
        doc_id="d", passage_id="p", start=0, end=1, quote="x", score=number, marker=1
    )
    with pytest.raises(InvalidEvent, match=r"\$\.score"):
        encode(citation)


def test_a_dead_letter_carries_any_bytes():
    """What could not be read can be sent again exactly."""
    value = bytes(range(256))
    letter = DeadLetter(
        topic="documents",
        partition=0,
        offset=0,
        reason="not_json",
        message="m",
        role="indexer",
        at=0,
        key=value,
        value=value,
        headers=[("x", value)],
    )
    assert decode_as(DeadLetter, encode(letter)) == letter


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([DOCUMENT, QUERY]), st.data())
def test_any_change_of_a_field_is_read_or_refused_with_a_reason(
    fields: dict[str, Any], data: st.DataObject
):
    """Nothing but the typed error is ever raised, and what is read can be written."""
    name = data.draw(st.sampled_from([*fields, "top_k", "acl", "metadata", "filters", "as_of"]))
    value = json.dumps({**fields, name: data.draw(JSON)}).encode()
    found = outcome("documents" if fields is DOCUMENT else "queries", value)
    if isinstance(found, InvalidEvent):
        assert found.reason in get_args(Reason)
        assert len(str(found)) <= 240
    else:
        assert decode_as(type(found), encode(found)) == found


@given(st.sampled_from(sorted(TOPICS)), st.binary(max_size=200))
def test_any_bytes_on_any_topic_are_read_or_refused(topic: str, value: bytes):
    """A worker never falls over a record."""
    with pytest.raises(InvalidEvent):
        decode(topic, value)
