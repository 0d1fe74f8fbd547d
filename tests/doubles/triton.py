"""A Triton of our own: the real protocol over a real socket, with models that a test can steer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import deserialize_bytes_tensor


class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Embeds a text as its length at its first place; reads a prompt as `words`, one by one."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[list[str]] = []
        self.priorities: list[int] = []
        self.failures: list[grpc.StatusCode] = []
        self.words = ["one", " two", " three"]
        self.pause_s = 0.0
        self.given = 0
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        """The embedder."""
        await self._fail(context)
        texts = [text.decode() for text in _strings(request)]
        self.requests.append(texts)
        self.priorities.append(request.parameters["priority"].uint64_param)
        vectors = np.zeros((len(texts), 384), np.float32)
        vectors[:, 0] = [len(text) for text in texts]
        return _response("EMBEDDING", "FP32", vectors.shape, vectors.tobytes())

    async def ModelStreamInfer(self, requests: Any, context: Any) -> Any:
        """The reader."""
        async for _ in requests:
            await self._fail(context)
            try:
                for word in self.words:
                    self.given += 1
                    self.began.set()
                    raw = len(word).to_bytes(4, "little") + word.encode()
                    response = _response("text_output", "BYTES", (1,), raw)
                    yield service_pb2.ModelStreamInferResponse(infer_response=response)
                    await asyncio.sleep(self.pause_s)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise

    async def _fail(self, context: Any) -> None:
        if self.failures:
            await context.abort(self.failures.pop(0), "as the test asked")


@asynccontextmanager
async def fake_triton() -> AsyncIterator[FakeTriton]:
    """Serve on a free port of this machine."""
    server, fake = grpc.aio.server(), FakeTriton()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(fake, server)
    fake.url = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(grace=None)


def _strings(request: Any) -> list[bytes]:
    return list(deserialize_bytes_tensor(request.raw_input_contents[0]))


def _response(name: str, datatype: str, shape: tuple[int, ...], raw: bytes) -> Any:
    response = service_pb2.ModelInferResponse(raw_output_contents=[raw])
    response.outputs.add(name=name, datatype=datatype, shape=shape)
    return response
