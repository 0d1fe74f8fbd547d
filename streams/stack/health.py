"""Whether a part really works: each check asks it something that only a ready one answers."""

import asyncio
import struct
from collections.abc import Awaitable, Callable

from streams.stack.ports import Address

Probe = Callable[[int | None], Awaitable[bool]]
"""Is given the part's pid, if it is one of ours; raises StackError when only a restart helps."""

TIMEOUT_S = 5.0

_METADATA = 3
_MAX_FRAME = 1 << 20


async def kafka_ready(address: Address) -> bool:
    """Whether the broker is registered and serves: it lists itself in its metadata."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _kafka_brokers(address) > 0
    except (OSError, TimeoutError, asyncio.IncompleteReadError, struct.error):
        return False


async def http_ready(address: Address, *paths: str) -> bool:
    """Whether GET answers 200 for every path."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            for path in paths:
                if await _http_status(address, path) != 200:
                    return False
            return True
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        return False


class MilvusProbe:
    """Whether Milvus lists its collections.

    One call is made by hand over gRPC: importing pymilvus takes longer than Milvus needs to start.
    """

    METHOD = "/milvus.proto.milvus.MilvusService/ShowCollections"

    def __init__(self, address: Address) -> None:
        self._address = address

    async def __call__(self, _pid: int | None = None) -> bool:
        """Ask once."""
        import grpc.aio

        async with grpc.aio.insecure_channel(str(self._address)) as channel:
            try:
                await channel.unary_unary(self.METHOD)(b"", timeout=TIMEOUT_S)
            except grpc.aio.AioRpcError:
                return False
            return True


async def _kafka_brokers(address: Address) -> int:
    """The number of brokers in a Metadata v1 response (kafka.apache.org/protocol)."""
    client = b"freshet"
    body = struct.pack(">hhih", _METADATA, 1, 1, len(client)) + client + struct.pack(">i", 0)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(struct.pack(">i", len(body)) + body)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        if not 8 <= size <= _MAX_FRAME:
            return 0
        _, brokers = struct.unpack_from(">ii", await reader.readexactly(size))
        return int(brokers)
    finally:
        writer.close()


async def _http_status(address: Address, path: str) -> int:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
        line = await reader.readline()
        return int(line.split()[1]) if len(line.split()) > 1 else 0
    finally:
        writer.close()
