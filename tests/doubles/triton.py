"""A Triton of our own: the real protocol over a real socket, with models that a test can steer."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc
from tritonclient.utils import (
    deserialize_bytes_tensor,
    np_to_triton_dtype,
    serialize_byte_tensor,
)


class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Embeds a text as its length at its first place; reads a prompt as `words`, one by one.

    Its judge says of claims what `judged` holds: tensors by name.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[list[str]] = []
        self.priorities: list[int] = []
        self.failures: list[grpc.StatusCode] = []
        self.words = ["one", " two", " three"]
        self.judged: dict[str, NDArray[Any]] = {}
        self.allowed: list[NDArray[np.bool_]] = []
        self.at_once = self.most_at_once = 0
        self.pause_s = 0.0
        self.given = 0
        self.looked = 0
        self.served: dict[str, str] = {}
        self.read_by: list[tuple[str, str]] = []
        """Model and Triton's version of it, of each question."""
        self.sampling: list[dict[str, Any]] = []
        """The parameters of each question."""
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        """The embedder, and the judge."""
        await self._fail(context)
        if request.model_name == "judge":
            return await self._judge(request)
        texts = [text.decode() for text in _strings(request)]
        self.requests.append(texts)
        self.priorities.append(request.parameters["priority"].uint64_param)
        vectors = np.zeros((len(texts), 384), np.float32)
        vectors[:, 0] = [len(text) for text in texts]
        return _response("EMBEDDING", "FP32", vectors.shape, vectors.tobytes())

    async def _judge(self, request: Any) -> Any:
        self.requests.append([text.decode() for text in _strings(request)])
        mask = np.frombuffer(request.raw_input_contents[2], bool)
        self.allowed.append(mask.reshape(tuple(request.inputs[2].shape)))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.pause_s)
        self.at_once -= 1
        response = service_pb2.ModelInferResponse()
        for name, values in self.judged.items():
            datatype = np_to_triton_dtype(values.dtype)
            response.outputs.add(name=name, datatype=datatype, shape=values.shape)
            coded = serialize_byte_tensor(values).item() if datatype == "BYTES" else None
            response.raw_output_contents.append(coded or values.tobytes())
        return response

    async def ModelStreamInfer(self, requests: Any, context: Any) -> Any:
        """The reader."""
        async for request in requests:
            await self._fail(context)
            self.read_by.append((request.model_name, request.model_version))
            (sampling,) = deserialize_bytes_tensor(request.raw_input_contents[1])
            self.sampling.append(json.loads(sampling))
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

    async def ModelConfig(self, request: Any, context: Any) -> Any:
        """What a model says of itself: its version, where `served` has one."""
        await self._fail(context)
        self.looked += 1
        config = model_config_pb2.ModelConfig(name=request.name)
        if request.name in self.served:
            config.parameters["freshet_version"].string_value = self.served[request.name]
        return service_pb2.ModelConfigResponse(config=config)

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
