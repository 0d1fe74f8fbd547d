"""The CPU judge in Triton's Python backend: claims and evidence in, scores out."""

import os
import sys
from pathlib import Path
from typing import Any

import triton_python_backend_utils as triton

sys.path.append(str(Path(__file__).resolve().parents[4]))

from models.judging.judge import Judge
from models.judging.request import InvalidRequest, read, tensors
from models.judging.scoring import load
from models.judging.vectors import WordVectors
from models.serving.encoder import models_dir
from models.serving.parent import end_with_parent

POLITENESS = 10


class TritonPythonModel:
    """One process; requests are judged one after another."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read weights and word vectors, and judge once, so that the first answer need not wait."""
        end_with_parent()
        # Nobody waits for a judgement, but people wait for answers, so these come first.
        os.nice(POLITENESS)
        weights = load(Path(__file__).parent / "weights.json")
        self._judge = Judge(weights, WordVectors.load(models_dir()))
        self._judge.judge(["It is ready."], ["It is ready now."], [[True]])

    def execute(self, requests: list[Any]) -> list[Any]:
        """Judge every request; a bad one fails alone."""
        return [self._response(request) for request in requests]

    def _response(self, request: Any) -> Any:
        try:
            asked = read(*(_value(request, name) for name in ("claims", "evidence", "allowed")))
        except InvalidRequest as error:
            refusal = triton.TritonError(str(error), triton.TritonError.INVALID_ARG)
            return triton.InferenceResponse(error=refusal)
        findings = self._judge.judge(asked.claims, asked.evidence, asked.allowed)
        found = tensors(findings, self._judge.version)
        return triton.InferenceResponse([triton.Tensor(*pair) for pair in found.items()])


def _value(request: Any, name: str) -> Any:
    tensor = triton.get_input_tensor_by_name(request, name)
    return None if tensor is None else tensor.as_numpy()
