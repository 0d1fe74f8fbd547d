"""The judge in Triton, over gRPC: `TritonJudge`."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import DecodeError, convert
from tritonclient.grpc import InferInput

from processors.judge.findings import Finding, Judged
from schemas.common import Versioned
from streams.clients.errors import ModelDeadline, ModelRejected, ModelUnavailable
from streams.clients.triton_calls import (
    Connection,
    attempts,
    bytes_tensor,
    encoded,
    left,
    translated,
)


class TritonJudge:
    """The port `Judge`, for any model with the tensors of `models/repository/judge`.

    `in_flight` calls are with the server at once, the others wait their turn. The time of a call
    begins with its turn: a judge that has fallen behind is waited for, one that is lost is not.
    """

    def __init__(
        self, url: str, model: str = "judge", *, timeout_s: float = 60.0, in_flight: int = 4
    ) -> None:
        self._connection = Connection(url)
        self._model = model
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(in_flight)

    async def judge(
        self, claims: Sequence[str], evidence: Sequence[str], allowed: Sequence[Sequence[bool]]
    ) -> Judged:
        """Judge n claims by m texts; `allowed` is [n][m]. An empty claim is in no source.

        Raises ModelRejected for more than the model takes (512 claims, 256 texts, 1 MB), for a
        text that UTF-8 cannot carry and for a finding that cannot be, ModelUnavailable when the
        server does not answer within the deadline or makes no sense, ModelDeadline when it is too
        slow.
        """
        inputs = [
            bytes_tensor("claims", [encoded(text) for text in claims], [len(claims)]),
            bytes_tensor("evidence", [encoded(text) for text in evidence], [len(evidence)]),
            _mask([list(row) for row in allowed], [len(claims), len(evidence)]),
        ]
        async with self._slots:
            return _judged(await self._infer(inputs), len(claims), len(evidence))

    async def close(self) -> None:
        """Close the channel."""
        await self._connection.close()

    async def _infer(self, inputs: list[InferInput]) -> Any:
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        async for attempt in attempts(deadline):
            with attempt, translated():
                return await self._connection.client.infer(
                    self._model, inputs, client_timeout=left(deadline)
                )
        raise ModelDeadline("no time was left to ask")


def _mask(allowed: list[list[bool]], shape: list[int]) -> InferInput:
    tensor = InferInput("allowed", shape, "BOOL")
    tensor.set_data_from_numpy(np.array(allowed, bool).reshape(shape))
    return tensor


def _judged(result: Any, claims: int, texts: int) -> Judged:
    """What a response says of so many claims and texts.

    Raises ModelUnavailable when it is none that a judge gives, and ModelRejected when it says of
    these claims what cannot be: of others it may be right.
    """
    try:
        names = ("supported", "contradicted", "verdict", "support", "fault")
        columns = [_plain(result, name) for name in names]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        for row in rows:
            row["support"] = row["support"] if row["support"][0] >= 0 else None
        (version,) = _plain(result, "version")
        judged = Judged(convert(rows, list[Finding]), convert(version, Versioned))
    except (DecodeError, TypeError, ValueError) as error:
        raise ModelUnavailable(f"the judge's answer makes no sense: {error}") from error
    if len(judged.findings) != claims:
        raise ModelUnavailable(f"the judge found {len(judged.findings)} of {claims} claims")
    for finding in judged.findings:
        if not _is_possible(finding, texts):
            raise ModelRejected(f"the judge found what cannot be: {finding}")
    return judged


def _is_possible(finding: Finding, texts: int) -> bool:
    """Whether its numbers are probabilities, and its support is of one of so many texts."""
    number, start, end = finding.support or (0, 0, 0)
    known = finding.support is None or number < texts
    chances = (finding.supported, finding.contradicted)
    return known and 0 <= start <= end and all(0 <= chance <= 1 for chance in chances)


def _plain(result: Any, name: str) -> list[Any]:
    values = np.asarray(result.as_numpy(name)).tolist()
    return [value.decode("utf-8") if isinstance(value, bytes) else value for value in values]
