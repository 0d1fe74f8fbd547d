"""One call to Triton over gRPC: the channel, deadlines, retries, tensors and errors."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc
import numpy as np
import stamina
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from streams.clients.errors import ModelDeadline, ModelError, ModelRejected, ModelUnavailable

LEAST_S = 0.05

_ERRORS: dict[str, type[ModelError]] = {
    "StatusCode.INVALID_ARGUMENT": ModelRejected,
    "StatusCode.DEADLINE_EXCEEDED": ModelDeadline,
}
_CHANNEL = [
    ("grpc.max_send_message_length", 2**31 - 1),
    ("grpc.max_receive_message_length", 2**31 - 1),
    # gRPC would wait two minutes before it looks for a restarted server again.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


class Connection:
    """A channel, opened on first use because it belongs to the loop that it is opened in."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: InferenceServerClient | None = None

    @property
    def client(self) -> InferenceServerClient:
        """The client, its channel open."""
        if self._opened is None:
            self._opened = InferenceServerClient(self._url, channel_args=_CHANNEL)
        return self._opened

    async def close(self) -> None:
        """Close the channel; the next use opens another."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()


def attempts(deadline: float) -> Any:
    """Tries (with backoff) of what raises ModelUnavailable, until the deadline."""
    return stamina.retry_context(
        on=ModelUnavailable,
        attempts=None,
        timeout=left(deadline),
        wait_initial=0.05,
        wait_max=1.0,
    )


def left(deadline: float) -> float:
    """Seconds until the deadline, but enough to hear why a server does not answer."""
    return max(LEAST_S, deadline - asyncio.get_running_loop().time())


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of gRPC and its client into ours."""
    try:
        yield
    except InferenceServerException as error:
        _fail(str(error.status()), str(error.message()), error)
    except grpc.aio.AioRpcError as error:
        _fail(str(error.code()), str(error.details()), error)


def _fail(code: str, message: str, cause: Exception) -> NoReturn:
    raise _ERRORS.get(code, ModelUnavailable)(f"{message} ({code})") from cause


@contextmanager
def first_error() -> Iterator[None]:
    """Let a group of failed requests appear as the first of them."""
    try:
        yield
    except* ModelError as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None


def encoded(text: str) -> bytes:
    """UTF-8. Raises ModelRejected for what it cannot carry (lone surrogates)."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ModelRejected(f"a text that UTF-8 cannot carry: {error}") from error


def bytes_tensor(name: str, values: Sequence[bytes], shape: list[int]) -> InferInput:
    """An input tensor of byte strings."""
    tensor = InferInput(name, shape, "BYTES")
    tensor.set_data_from_numpy(np.array(values, dtype=np.object_).reshape(shape))
    return tensor


def true_tensor(name: str) -> InferInput:
    """An input tensor of one boolean, true."""
    tensor = InferInput(name, [1], "BOOL")
    tensor.set_data_from_numpy(np.array([True]))
    return tensor


async def once(request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """The stream of a single request; the client writes defaults into it, hence the copy."""
    yield dict(request)


def text_of(result: Any) -> str:
    """The text of one response of a reader."""
    pieces = result.as_numpy("text_output")
    return "".join(piece.decode("utf-8") for piece in pieces.reshape(-1))


def number(result: Any, name: str) -> int:
    """The number in an output tensor, 0 when the response has none of that name."""
    array = result.as_numpy(name)
    return 0 if array is None or not array.size else int(array.reshape(-1)[0])


def word(result: Any, name: str) -> str:
    """The word in an output tensor, empty when the response has none of that name."""
    array = result.as_numpy(name)
    if array is None or not array.size:
        return ""
    value = array.reshape(-1)[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
