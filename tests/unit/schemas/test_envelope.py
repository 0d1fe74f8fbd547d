from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Envelope, Header, InvalidEnvelope, Trace, headers, traceparent_in

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PLAIN: dict[str, bytes] = {
    "ce_specversion": b"1.0",
    "ce_id": b"1",
    "ce_source": b"/app",
    "ce_type": b"dev.freshet.query.asked.v1",
}


def given_headers(**changed: bytes | None) -> list[Header]:
    merged: dict[str, bytes | None] = {**PLAIN, **changed}
    return [(name, value) for name, value in merged.items() if value is not None]


def test_what_is_written_is_read():
    """All attributes and the trace come back."""
    written = headers("t", source="/app", id="7", time=1_500_000, traceparent=TRACE)
    assert Envelope.from_headers(written) == Envelope("/app", "7", "t", 1_500_000, TRACE)
    assert dict(written)["ce_time"] == b"1970-01-01T00:00:01.500000Z"
    assert dict(written)["content-type"] == b"application/json"


def test_an_id_is_made_where_none_is_given():
    """Two events are two, unless their makers say otherwise."""
    one, other = (dict(headers("t", source="/app", time=0))["ce_id"].decode() for _ in range(2))
    assert UUID(one).version == 4
    assert one != other


@pytest.mark.parametrize("given", [None, [], [("content-type", b"text/plain"), ("x", None)]])
def test_a_plain_message_has_no_envelope_and_is_fine(given: list[Header] | None):
    """`kcat` sends no `ce_*` headers."""
    assert Envelope.from_headers(given) is None


def test_time_and_trace_may_be_absent():
    """CloudEvents asks for four attributes."""
    assert Envelope.from_headers(given_headers()) == Envelope(
        "/app", "1", "dev.freshet.query.asked.v1"
    )


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"ce_id": None}, "ce_id"),
        ({"ce_id": b""}, "ce_id"),
        ({"ce_source": None}, "ce_source"),
        ({"ce_type": None}, "ce_type"),
        ({"ce_specversion": None}, "ce_specversion"),
        ({"ce_specversion": b"0.3"}, "ce_specversion"),
        ({"ce_id": b"a\nb"}, "ce_id"),
        ({"ce_id": b"a\x00"}, "ce_id"),
        ({"ce_id": "a\u2028".encode()}, "ce_id"),
        ({"ce_id": b"\xff"}, "ce_id"),
        ({"ce_id": b"\xed\xa0\x80"}, "ce_id"),
        ({"ce_id": b"x" * 513}, "ce_id"),
        ({"ce_source": b"a b"}, "ce_source"),
        ({"ce_time": b"yesterday"}, "ce_time"),
        ({"ce_extra": b"x" * 70_000}, "headers"),
        ({"content-type": b"application/cloudevents+json"}, "structured"),
    ],
)
def test_a_malformed_envelope_is_a_typed_error_that_names_the_header(
    changed: dict[str, bytes | None], named: str
):
    """Whoever sent it can see what to mend."""
    with pytest.raises(InvalidEnvelope, match=named) as caught:
        Envelope.from_headers(given_headers(**changed))
    assert len(str(caught.value)) < 600


def test_an_attribute_given_twice_is_an_error():
    """Two readers would otherwise take different ones."""
    with pytest.raises(InvalidEnvelope, match="twice"):
        Envelope.from_headers([*given_headers(), ("ce_id", b"2")])


def test_headers_are_bounded_in_number():
    """A flood of headers costs nothing but its count."""
    with pytest.raises(InvalidEnvelope, match="65 headers"):
        Envelope.from_headers([("x", b"")] * 65)


NO_SPACE = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20)
PRINTED = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)


@given(st.tuples(NO_SPACE, PRINTED), st.tuples(NO_SPACE, PRINTED))
def test_events_share_a_key_only_if_source_and_id_are_the_same(
    one: tuple[str, str], other: tuple[str, str]
):
    """No id can be chosen so that it meets another source's."""
    keys = [Envelope(source, id, "t").dedupe_key for source, id in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


@given(st.lists(st.tuples(st.sampled_from([*PLAIN, "ce_time", "x"]), st.binary(max_size=30))))
def test_any_headers_give_an_envelope_none_or_the_typed_error(given: list[tuple[str, bytes]]):
    """Nothing else is ever raised."""
    try:
        found = Envelope.from_headers(given)
    except InvalidEnvelope:
        return
    assert found is None or found.source


def test_a_child_keeps_the_trace_and_its_flags():
    """Spans of one question hang together."""
    trace = Trace.parse(TRACE)
    assert trace is not None
    child = trace.child()
    assert (child.trace_id, child.flags) == (trace.trace_id, trace.flags)
    assert child.span_id != trace.span_id
    assert Trace.parse(str(child)) == child


def test_a_new_trace_can_be_read():
    """What is begun here is well formed."""
    trace = Trace.new()
    assert Trace.parse(str(trace)) == trace


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        TRACE.upper(),
        TRACE[:-1],
        TRACE + "-00",
        "ff" + TRACE[2:],
        "00-" + "0" * 32 + TRACE[35:],
        TRACE[:36] + "0" * 16 + "-01",
        TRACE + "\n",
    ],
)
def test_a_malformed_trace_counts_as_absent(text: str | None):
    """W3C: a new trace begins; the event itself is fine."""
    assert Trace.parse(text) is None


def test_a_later_version_of_the_trace_is_read_as_far_as_it_is_known():
    """W3C: the first four fields keep their places."""
    assert Trace.parse("cc" + TRACE[2:] + "-what-comes") == Trace.parse(TRACE)


def test_the_trace_of_a_plain_message_is_found():
    """A trace does not need an envelope."""
    assert traceparent_in([("traceparent", TRACE.encode())]) == TRACE
    assert traceparent_in([("traceparent", b"\xff")]) is None
