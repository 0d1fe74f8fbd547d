"""Connections of strangers: bounded in number, and in how long they may say nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import uvicorn

from streams.gateway import body
from streams.gateway.protocol import Bounded
from tests.doubles.client import eventually
from tests.doubles.front import Front

HEAD = b"GET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n"


class Hasty(Bounded):
    """Waits a tenth of a second for a head."""

    head_timeout_s = 0.1


@asynccontextmanager
async def listening(front: Front, most: int = 100) -> AsyncIterator[int]:
    """The gateway on a port of its own."""
    config = uvicorn.Config(
        front.app,
        port=0,
        http=Hasty,
        lifespan="off",
        log_config=None,
        access_log=False,
        limit_concurrency=most,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    port = await eventually(partial(_port, server), "the gateway to listen", 5)
    try:
        yield port
    finally:
        server.should_exit = True
        await serving


async def _port(server: uvicorn.Server) -> int | None:
    return int(server.servers[0].sockets[0].getsockname()[1]) if server.started else None


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """What is said before the connection ends, which must not take long."""
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            return await reader.read()
        return b""


@pytest.mark.parametrize("said", [b"", b"GET /heal", HEAD[:-2], HEAD + b"GET /again"])
async def test_who_never_finishes_a_head_is_hung_up_on(front: Front, said: bytes) -> None:
    """Also where it sends nothing at all, or was answered before."""
    async with listening(front) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        answers = await until_closed(reader)
        assert answers.count(b"HTTP/1.1 200") == said.count(HEAD)
        writer.close()


async def test_a_head_that_comes_drop_by_drop_gains_no_time(front: Front) -> None:
    """The bound is of the whole head."""
    async with listening(front) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        closed = asyncio.create_task(until_closed(reader))
        for drop in b"GET /healthz HTTP/1.1\r\nx: " + b"y" * 500:
            if closed.done():
                break
            with suppress(ConnectionError):
                writer.write(bytes([drop]))
                await writer.drain()
            await asyncio.sleep(0.01)
        assert await closed == b""
        writer.close()


async def test_a_request_in_hand_is_not_hung_up_on(front: Front) -> None:
    """However long its answer takes."""
    async with listening(front) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        key = front.client.headers["authorization"].encode()
        head = b"PUT /v1/documents/slow?wait=true HTTP/1.1\r\nhost: g\r\nauthorization: " + key
        writer.write(head + b"\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\n")
        front.gateway.documents.wait_s = 0.3
        await asyncio.sleep(0.2)
        writer.write(b"x")
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 202")
        writer.close()


async def test_who_was_refused_and_goes_on_sending_is_hung_up_on(front: Front) -> None:
    """A byte now and then keeps no connection open."""
    async with listening(front) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PUT /v1/documents/x HTTP/1.1\r\nhost: g\r\ncontent-length: 999\r\n\r\n")
        closed = asyncio.create_task(until_closed(reader))
        for _ in range(100):
            if closed.done():
                break
            with suppress(ConnectionError):
                writer.write(b"x")
                await writer.drain()
            await asyncio.sleep(0.02)
        assert (await closed).startswith(b"HTTP/1.1 401")
        writer.close()


async def test_a_body_that_does_not_come_is_given_up(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408; nothing is written."""
    monkeypatch.setattr(body, "BODY_S", 0.05)
    async with listening(front) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        key = front.client.headers["authorization"].encode()
        head = b"PUT /v1/documents/slow HTTP/1.1\r\nhost: g\r\nauthorization: " + key
        writer.write(head + b"\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\nx")
        assert (await until_closed(reader)).startswith(b"HTTP/1.1 408")
        writer.close()
    assert front.log.all("documents") == []


async def test_more_connections_than_may_be_are_turned_away_at_once(front: Front) -> None:
    """503; as soon as some have gone there is room again."""
    async with listening(front, most=4) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        writer.close()
        for silent, other in idle:
            assert await until_closed(silent) == b""
            other.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
