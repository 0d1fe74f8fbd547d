"""The embedder in Triton's Python backend: TEXT [n, 1] -> EMBEDDING float32 [n, 384]."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as triton

sys.path.append(str(Path(__file__).resolve().parents[4]))

from models.serving.encoder import FOLDER, Encoder, models_dir, threads
from models.serving.parent import end_with_parent
from models.serving.texts import InvalidText, decode


class TritonPythonModel:
    """One process, one network, all the cores it may use."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the network and run it once, so that the first question does not pay for it."""
        end_with_parent()
        self._encoder = Encoder(models_dir() / FOLDER, threads())
        self._encoder.encode(["ready"])

    def execute(self, requests: list[Any]) -> list[Any]:
        """Embed the texts of all requests together; a bad request fails alone."""
        read = [_read(request) for request in requests]
        texts = [text for part in read if isinstance(part, list) for text in part]
        vectors = iter(self._encoder.encode(texts))
        return [_response(part, vectors) for part in read]


def _read(request: Any) -> list[str] | InvalidText:
    values = triton.get_input_tensor_by_name(request, "TEXT").as_numpy()
    try:
        return decode(values.reshape(-1))
    except InvalidText as error:
        return error


def _response(part: list[str] | InvalidText, vectors: Any) -> Any:
    if isinstance(part, InvalidText):
        error = triton.TritonError(str(part), triton.TritonError.INVALID_ARG)
        return triton.InferenceResponse(error=error)
    rows = np.stack([next(vectors) for _ in part])
    return triton.InferenceResponse([triton.Tensor("EMBEDDING", rows)])
