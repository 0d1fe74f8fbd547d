"""The models that a replay asks, with their errors told apart: what is the question's own fate,
and what stops the run so that it can go on later."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

from processors.judge.findings import Judged
from processors.ports import NONE, Generation, Judge, Reader
from processors.replay.replayer import Failed
from processors.tokens import Tokenizer
from schemas.responses import Error, ErrorType, Finish
from streams.clients.errors import ModelDeadline, ModelRejected
from streams.config import Triton

_JUDGE_S = 120.0


class Models(Protocol):
    """What a task asks."""

    tokenizer: Tokenizer

    async def reader(self, model: str) -> Reader:
        """The reader of `name@version`. Raises Failed where it is gone."""
        ...

    @property
    def judge(self) -> Judge:
        """The judge in force."""
        ...

    async def close(self) -> None:
        """Let go of them."""
        ...


class TritonModels:
    """Those of Triton; belongs to one event loop."""

    def __init__(self, settings: Triton, missing: Collection[str]) -> None:
        from streams.clients.judging import TritonJudge
        from streams.clients.readers import TritonReaders
        from streams.clients.tokenizer import tokenizer

        self.tokenizer = tokenizer(settings)
        self._missing = frozenset(missing)
        self._readers = TritonReaders(settings.grpc)
        self._judge = TritonJudge(settings.grpc, settings.judge, timeout_s=_JUDGE_S)
        self.judge: Judge = TellingJudge(self._judge)

    async def reader(self, model: str) -> Reader:
        """The reader of `name@version`. Raises Failed where it is gone, else the model errors."""
        if model in self._missing:
            message = f"the model {model} is not served any more"
            raise Failed(Error(type="model_unavailable", message=message))
        return TellingReader(await self._readers.get(model))

    async def close(self) -> None:
        """Close every channel."""
        await self._readers.close()
        await self._judge.close()


class TellingReader:
    """The port `Reader`, over another: raises Failed for what the live worker answers with."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def version(self) -> str:
        """The reader's."""
        return self._reader.version

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        timeout_s: float,
        sampling: Mapping[str, object] = NONE,
    ) -> Generation:
        """As the reader's."""
        return _Telling(
            self._reader.generate(
                prompt, max_tokens=max_tokens, timeout_s=timeout_s, sampling=sampling
            )
        )


class TellingJudge:
    """The port `Judge`, likewise: Failed says what its evaluation says of it."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    async def judge(
        self, claims: Sequence[str], evidence: Sequence[str], allowed: Sequence[Sequence[bool]]
    ) -> Judged:
        """As the judge's."""
        try:
            return await self._judge.judge(claims, evidence, allowed)
        except ModelRejected:
            raise Failed(Error(type="internal", message="model_rejected")) from None


class _Telling:
    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self.input_tokens = 0
        self.output_tokens = 0
        self.finish: Finish = "stop"

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        try:
            return await anext(self._generation)
        except ModelRejected as error:
            raise _answered("invalid_query", str(error)) from None
        except ModelDeadline:
            raise _answered("deadline_exceeded", "the model took too long") from None
        finally:
            self.input_tokens = self._generation.input_tokens
            self.output_tokens = self._generation.output_tokens
            self.finish = self._generation.finish

    async def aclose(self) -> None:
        await self._generation.aclose()


def _answered(error_type: ErrorType, message: str) -> Failed:
    return Failed(Error(type=error_type, message=message), answered=True)
