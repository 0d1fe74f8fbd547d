"""A request is checked before anything is computed."""

import json

import pytest

from models.reading.prompt import InvalidPrompt
from models.reading.request import DEFAULT_MAX_TOKENS, read

PROMPT = b"Question: who?\n\nAnswer:"


def test_what_is_not_given_has_its_default():
    """As in the vLLM backend: not streamed, the input in front."""
    asked = read(PROMPT, None, None, None)
    assert (asked.max_tokens, asked.stream) == (DEFAULT_MAX_TOKENS, False)
    assert asked.prefix == PROMPT.decode()


def test_sampling_parameters_are_read():
    """Those without meaning here are ignored."""
    asked = read(PROMPT, b'{"max_tokens": 7, "temperature": 0.5, "pace_ms": 20}', True, True)
    assert (asked.max_tokens, asked.pace_s, asked.prefix) == (7, 0.02, "")


@pytest.mark.parametrize(
    "sampling",
    [
        b"{",
        b"[]",
        b"\xff",
        *(json.dumps({"max_tokens": bad}).encode() for bad in (0, -1, 1.5, "many", True, None)),
        b'{"pace_ms": -1}',
        b'{"pace_ms": "x"}',
        b'{"pace_ms": NaN}',
    ],
)
def test_bad_sampling_parameters_are_refused(sampling: bytes):
    """With a message for the caller, never a crash."""
    with pytest.raises(InvalidPrompt):
        read(PROMPT, sampling, None, None)


def test_bytes_that_are_not_utf8_are_refused():
    """They cannot be a prompt."""
    with pytest.raises(InvalidPrompt, match="UTF-8"):
        read(b"\xff", None, None, None)


def test_a_stream_cannot_repeat_the_input():
    """The vLLM backend refuses it too."""
    with pytest.raises(InvalidPrompt, match="streamed"):
        read(PROMPT, None, True, False)
