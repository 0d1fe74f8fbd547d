"""Readiness checks, against servers that answer well, badly and not at all."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from streams.stack import health, ports
from streams.stack.ports import Address

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[Address]:
    """Sends `answer` to whoever says anything, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
        yield Address("127.0.0.1", running.sockets[0].getsockname()[1])


def nobody() -> Address:
    return Address("127.0.0.1", ports.free())


def metadata(brokers: int) -> bytes:
    """The start of a Metadata response: size, correlation id, number of brokers."""
    return struct.pack(">iii", 8, 1, brokers)


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 503 Not Ready\r\n\r\n", False),
        (b"HTTP/1.1 404\r\n\r\n", False),
        (b"not http\r\n", False),
        (b"", False),
    ],
)
async def test_http_is_ready_at_200_alone(answer: bytes, ready: bool):
    """Anything else, and nothing, is not."""
    async with server(answer) as address:
        assert await health.http_ready(address, "/ready") is ready


async def test_http_is_ready_when_every_path_is():
    """One model that is not loaded makes Triton not ready."""
    async with server(b"HTTP/1.0 200 OK\r\n\r\n") as address:
        assert await health.http_ready(address, "/a", "/b")


@pytest.mark.parametrize(
    ("answer", "ready"),
    [(metadata(1), True), (metadata(0), False), (b"", False), (b"HTTP/1.1 400\r\n\r\n", False)],
)
async def test_kafka_is_ready_when_it_lists_a_broker(answer: bytes, ready: bool):
    """A broker that is fenced answers, and lists nobody."""
    async with server(answer) as address:
        assert await health.kafka_ready(address) is ready


async def test_nobody_listening_is_not_ready():
    """A refused connection is an answer, not an error."""
    assert not await health.kafka_ready(nobody())
    assert not await health.http_ready(nobody(), "/ready")
    assert not await health.MilvusProbe(nobody())()
