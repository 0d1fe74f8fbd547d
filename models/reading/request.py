"""What a request asks of the reader, checked; the tensors are those of Triton's vLLM backend."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from models.reading.prompt import InvalidPrompt, Prompt, parse

DEFAULT_MAX_TOKENS = 256
MAX_PACE_MS = 10_000


class Asked(NamedTuple):
    """A request. `prefix` is what stands before the answer in what is not streamed.

    `pace_s` is how long to wait between pieces; None leaves it to the server.
    """

    prompt: Prompt
    text: str
    max_tokens: int
    stream: bool
    prefix: str
    pace_s: float | None


def read(
    text: bytes, sampling: bytes | None, stream: bool | None, exclude_input: bool | None
) -> Asked:
    """Check a request. Raises InvalidPrompt, its message for the caller."""
    try:
        prompt = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidPrompt(f"text_input is not UTF-8: {error}") from error
    streamed = bool(stream)
    repeated = not exclude_input if exclude_input is not None else not streamed
    if streamed and repeated:
        raise InvalidPrompt("a streamed answer cannot have the input in front of it")
    wishes = _object(sampling or b"{}")
    prefix = prompt if repeated else ""
    return Asked(parse(prompt), prompt, _max_tokens(wishes), streamed, prefix, _pace_s(wishes))


def _object(sampling: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(sampling)
    except ValueError as error:
        raise InvalidPrompt(f"sampling_parameters is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidPrompt("sampling_parameters is not a JSON object")
    return value


def _max_tokens(sampling: Mapping[str, object]) -> int:
    value = sampling.get("max_tokens", DEFAULT_MAX_TOKENS)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidPrompt("max_tokens must be a whole number of at least 1")
    return value


def _pace_s(sampling: Mapping[str, object]) -> float | None:
    value = sampling.get("pace_ms")
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 <= value <= MAX_PACE_MS:
        raise InvalidPrompt(f"pace_ms must be a number from 0 to {MAX_PACE_MS}")
    return value / 1000
