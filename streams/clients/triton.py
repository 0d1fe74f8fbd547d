"""The models in Triton, over gRPC: `TritonEmbedder`, `TritonReader` and `TritonHealth`."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferRequestedOutput

from processors.ports import NONE
from processors.version import IndexSpec
from schemas.responses import Finish
from streams.clients.errors import ModelDeadline, ModelError, ModelRejected
from streams.clients.triton_calls import (
    Connection,
    attempts,
    bytes_tensor,
    encoded,
    first_error,
    left,
    number,
    once,
    text_of,
    translated,
    true_tensor,
    word,
)
from streams.config import Triton

DIMENSIONS = 384
MAX_TEXTS = 32
TOKEN_BUDGET = 2048
MAX_READ = 4096
"""Characters that an estimate looks at: the network reads 256 tokens at most."""
URGENT, ORDINARY = 1, 2
PROBE = "Question: ready?\n\nAnswer:"
VERSION = "freshet_version"
"""The parameter in a model's configuration that says what receipts call it."""

_FLAGS = (
    "stream",
    "exclude_input_in_output",
    "return_num_input_tokens",
    "return_num_output_tokens",
    "return_finish_reason",
)
_WORD = re.compile(r"\w+|[^\w\s]")

Vectors = NDArray[np.float32]


class TritonHealth:
    """Whether the models answer.

    Triton goes on calling a model ready after its process has died, so each is asked to work: one
    word is embedded, and a question is read without passages (which runs no network).
    """

    def __init__(self, url: str, embedder: str = "embedder", reader: str = "reader") -> None:
        self._embedder = TritonEmbedder(url, embedder, urgent=True)
        self._reader = TritonReader(url, reader)

    async def ready(self, timeout_s: float = 2.0) -> bool:
        """True when both models answered within the time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._embedder.embed(["ready"])
                pieces = self._reader.generate(PROBE, max_tokens=1, timeout_s=timeout_s)
                return bool([piece async for piece in pieces])
        except (ModelError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the channels."""
        await self._embedder.close()
        await self._reader.close()


class TritonEmbedder:
    """The port `Embedder`: texts to vectors, several requests in flight, retried until a deadline.

    `urgent` puts its requests before the ordinary ones that wait in the server: for questions.
    """

    def __init__(
        self,
        url: str,
        model: str = "embedder",
        version: str = "minilm-l6@1",
        *,
        dimensions: int = DIMENSIONS,
        timeout_s: float = 60.0,
        in_flight: int = 4,
        urgent: bool = False,
    ) -> None:
        self._connection = Connection(url)
        self._dimensions = dimensions
        self._model = model
        self._version = version
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(in_flight)
        self._priority = URGENT if urgent else ORDINARY

    @classmethod
    def of(
        cls,
        settings: Triton,
        spec: IndexSpec,
        *,
        timeout_s: float | None = None,
        urgent: bool = False,
    ) -> Self:
        """The embedder of an index version. Raises ConfigError where no model is named for it."""
        return cls(
            settings.grpc,
            settings.embedder(spec.embedder),
            spec.embedder,
            dimensions=spec.dimensions,
            timeout_s=settings.embed_timeout_s if timeout_s is None else timeout_s,
            urgent=urgent,
        )

    @property
    def version(self) -> str:
        """Name and version of the embedder."""
        return self._version

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors float32 [n, dimensions] of length one, in the order of the texts.

        Raises ModelRejected for an empty text or one that UTF-8 cannot carry, or a model of other
        dimensions, ModelUnavailable when the server does not answer within the deadline,
        ModelDeadline when it is too slow.
        """
        vectors = np.empty((len(texts), self._dimensions), np.float32)
        coded = [encoded(text) for text in texts]
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        with first_error():
            async with asyncio.TaskGroup() as tasks:
                for chunk in chunks([estimate(text) for text in texts]):
                    tasks.create_task(self._fill(vectors, coded, chunk, deadline))
        return vectors

    async def dimensions(self) -> int:
        """Of the vectors that the model gives. Raises as `embed` does."""
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        return int((await self._infer([b"dimensions"], deadline)).shape[-1])

    async def close(self) -> None:
        """Close the channel."""
        await self._connection.close()

    async def _fill(
        self, vectors: Vectors, coded: Sequence[bytes], chunk: list[int], deadline: float
    ) -> None:
        async with self._slots:
            async for attempt in attempts(deadline):
                with attempt:
                    vectors[chunk] = self._checked(
                        await self._infer([coded[at] for at in chunk], deadline)
                    )

    def _checked(self, vectors: Vectors) -> Vectors:
        if vectors.shape[-1] != self._dimensions:
            raise ModelRejected(
                f"{self._model} gives vectors of {vectors.shape[-1]} dimensions; the index version "
                f"is made for {self._dimensions}"
            )
        return vectors

    async def _infer(self, texts: Sequence[bytes], deadline: float) -> Vectors:
        tensor = bytes_tensor("TEXT", texts, [len(texts), 1])
        with translated():
            result = await self._connection.client.infer(
                self._model,
                [tensor],
                outputs=[InferRequestedOutput("EMBEDDING")],
                priority=self._priority,
                client_timeout=left(deadline),
            )
        vectors: Vectors = result.as_numpy("EMBEDDING")
        return vectors


class Generation(AsyncIterator[str]):
    """Pieces of an answer, with the tokens of what came so far."""

    def __init__(self) -> None:
        self.input_tokens = 0
        self.output_tokens = 0
        self.finish: Finish = "stop"
        self._pieces: AsyncGenerator[str, None] | None = None

    def reading(self, pieces: AsyncGenerator[str, None]) -> Self:
        """Where the pieces come from."""
        self._pieces = pieces
        return self

    def count(self, result: Any) -> None:
        """Add what one response says was used."""
        self.input_tokens = number(result, "num_input_tokens") or self.input_tokens
        self.output_tokens += number(result, "num_output_tokens")
        if word(result, "finish_reason") == "length":
            self.finish = "length"

    async def __anext__(self) -> str:
        """The next piece. Raises the model errors of `streams.clients.errors`."""
        if self._pieces is None:
            raise StopAsyncIteration
        return await anext(self._pieces)

    async def aclose(self) -> None:
        """Stop; what the server has not made yet it will not make."""
        if self._pieces is not None:
            await self._pieces.aclose()


class TritonReader:
    """The port `Reader`, for any model with the tensors of Triton's vLLM backend.

    `number` is Triton's version of the model; empty, it is the one that the server prefers.
    `sampling` holds the usual parameters; a request's own go over them, and its `max_tokens`.
    """

    def __init__(
        self,
        url: str,
        model: str = "reader",
        number: str = "",
        *,
        sampling: Mapping[str, object] = MappingProxyType({"temperature": 0.0}),
    ) -> None:
        self._connection = Connection(url)
        self._sampling = sampling
        self._model = model
        self._number = number
        self._version = f"{model}@{number or 1}"

    @property
    def version(self) -> str:
        """Name and version of the reader: its own, once `look` was told; else Triton's."""
        return self._version

    async def look(self, timeout_s: float) -> None:
        """Ask the server which version is served. Raises the errors of `generate`."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        async for attempt in attempts(deadline):
            with attempt, translated():
                found = await self._connection.client.get_model_config(
                    self._model, self._number, client_timeout=left(deadline)
                )
                own = found.config.parameters[VERSION].string_value
                self._version = own or f"{self._model}@{self._number or 1}"

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        timeout_s: float,
        sampling: Mapping[str, object] = NONE,
    ) -> Generation:
        """Pieces of the answer to a prompt, as they are made.

        Until the first piece a server that is not there is tried again; later it is not. Raises
        ModelRejected, ModelUnavailable or ModelDeadline from the iterator. Closing the iterator,
        or cancelling the task that reads it, cancels the request in the server.
        """
        generation = Generation()
        asked = {**self._sampling, **sampling, "max_tokens": max_tokens}
        return generation.reading(self._pieces(generation, prompt, asked, timeout_s))

    async def close(self) -> None:
        """Close the channel."""
        await self._connection.close()

    async def _pieces(
        self,
        generation: Generation,
        prompt: str,
        sampling: Mapping[str, object],
        timeout_s: float,
    ) -> AsyncGenerator[str, None]:
        deadline = asyncio.get_running_loop().time() + timeout_s
        request = self._request(prompt, sampling)
        results, first = await self._begin(request, deadline)
        async with aclosing(results):
            if first is not None:
                generation.count(first)
                yield text_of(first)
                async for result in results:
                    generation.count(result)
                    yield text_of(result)

    async def _begin(
        self, request: dict[str, Any], deadline: float
    ) -> tuple[AsyncGenerator[Any, None], Any]:
        """A stream, and its first result (None when it has none)."""
        async for attempt in attempts(deadline):
            with attempt:
                results = self._results(request, deadline)
                return results, await anext(results, None)
        raise ModelDeadline("no time was left to ask")

    async def _results(self, request: dict[str, Any], deadline: float) -> AsyncGenerator[Any, None]:
        stream = self._connection.client.stream_infer(
            once(request),
            stream_timeout=left(deadline),
            headers={"triton_grpc_error": "true"},
        )
        try:
            with translated():
                async for result, error in stream:
                    if error is not None:
                        raise error
                    yield result
        finally:
            stream.cancel()

    def _request(self, prompt: str, sampling: Mapping[str, object]) -> dict[str, Any]:
        inputs = [
            bytes_tensor("text_input", [encoded(prompt)], [1]),
            bytes_tensor("sampling_parameters", [json.dumps(sampling).encode()], [1]),
            *(true_tensor(name) for name in _FLAGS),
        ]
        return {"model_name": self._model, "model_version": self._number, "inputs": inputs}


def estimate(text: str) -> int:
    """About how many tokens a text is: one a word or sign, more for long words."""
    return 2 + sum(1 + len(word) // 6 for word in _WORD.findall(text[:MAX_READ]))


def chunks(
    tokens: Sequence[int], max_texts: int = MAX_TEXTS, token_budget: int = TOKEN_BUDGET
) -> list[list[int]]:
    """Split texts (by their tokens) into requests; gives lists of positions.

    Longest first, so that texts of like length travel together and the server pads little, and so
    that the last request in flight is a short one. A text over the budget travels alone.
    """
    made: list[list[int]] = []
    total = 0
    for position in sorted(range(len(tokens)), key=lambda at: -tokens[at]):
        total += tokens[position]
        if made and len(made[-1]) < max_texts and total <= token_budget:
            made[-1].append(position)
        else:
            made.append([position])
            total = tokens[position]
    return made
