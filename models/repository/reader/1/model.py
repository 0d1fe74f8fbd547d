"""The extractive reader in Triton's Python backend: a decoupled stream of the answer's words."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import triton_python_backend_utils as triton

sys.path.append(str(Path(__file__).resolve().parents[4]))

from models.reading import answer
from models.reading.prompt import InvalidPrompt, Prompt
from models.reading.request import Asked, read
from models.serving.encoder import FOLDER, Encoder, models_dir, threads
from models.serving.parent import end_with_parent

THREADS = 32
SLICE_S = 0.02
FINAL = triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL
COUNTS = ("finish_reason", "num_input_tokens", "num_output_tokens")


OUTCOMES = ("finished", "cancelled", "refused", "failed")


class Cancelled(Exception):
    """The client went away."""


class Outcomes:
    """How answers ended, counted at Triton's own /metrics."""

    def __init__(self) -> None:
        # The family must live as long as its metrics: without it Triton shows none.
        self._family = triton.MetricFamily(
            name="freshet_reader_answers_total",
            description="Answers of the extractive reader, by how they ended",
            kind=triton.MetricFamily.COUNTER,
        )
        self._metrics = {one: self._family.Metric(labels={"outcome": one}) for one in OUTCOMES}
        self._one_at_a_time = Lock()

    def count(self, outcome: str) -> None:
        """One more that ended so.

        A metric hands the server its value through memory of its own: two threads in it at once
        end the server by SIGSEGV.
        """
        with self._one_at_a_time:
            self._metrics[outcome].increment(1)


class TritonPythonModel:
    """Each request is answered in a thread of its own, so that a slow one holds up no other."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the network and run it once, so that the first question does not pay for it."""
        end_with_parent()
        self._encoder = Encoder(models_dir() / FOLDER, threads())
        self._encoder.encode(["ready"])
        self._pace_s = float(os.environ.get("FRESHET_READER_PACE_MS", "0")) / 1000
        self._ended = Outcomes()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="reader")

    def execute(self, requests: list[Any]) -> None:
        """Begin every request; answers come through the response senders."""
        for request in requests:
            self._pool.submit(self._serve, request, request.get_response_sender())

    def finalize(self) -> None:
        """Wait for the answers that are being given."""
        self._pool.shutdown(wait=True)

    def _serve(self, request: Any, sender: Any) -> None:
        self._ended.count(self._outcome(request, sender))

    def _outcome(self, request: Any, sender: Any) -> str:
        try:
            self._reply(request, sender)
        except Cancelled:
            _refuse(sender, "the request was cancelled", triton.TritonError.CANCELLED)
            return "cancelled"
        except InvalidPrompt as error:
            _refuse(sender, str(error), triton.TritonError.INVALID_ARG)
            return "refused"
        except Exception as error:  # the sender must hear of it, or the client waits for ever
            _refuse(sender, f"the reader failed: {error!r}", triton.TritonError.INTERNAL)
            return "failed"
        return "finished"

    def _reply(self, request: Any, sender: Any) -> None:
        asked = _asked(request)
        wanted = [name for name in COUNTS if _flag(request, f"return_{name}")]
        full = answer.write(self._chosen(asked.prompt, sender))
        pieces = list(answer.pieces(full, asked.max_tokens))
        reason = "stop" if "".join(pieces) == full else "length"
        if not asked.stream:
            pieces = [asked.prefix + "".join(pieces)]
        for piece in pieces[:-1]:
            sender.send(_response(piece, asked, wanted, "None"))
            _wait(self._pace_s if asked.pace_s is None else asked.pace_s, sender)
        last = pieces[-1] if pieces else ""
        sender.send(_response(last, asked, wanted, reason), flags=FINAL)

    def _chosen(self, prompt: Prompt, sender: Any) -> list[answer.Candidate]:
        sentences = answer.candidates(prompt)
        _stop_if_cancelled(sender)
        if not sentences:
            return []
        texts = [prompt.question, *(sentence.embedded for sentence in sentences)]
        vectors = self._encoder.encode(texts)
        _stop_if_cancelled(sender)
        return answer.choose(sentences, answer.scores(sentences, vectors[1:] @ vectors[0]))


def _wait(seconds: float, sender: Any) -> None:
    """Wait as a slow model would, and hear of a cancellation while waiting."""
    until = time.monotonic() + seconds
    _stop_if_cancelled(sender)
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, SLICE_S))
        _stop_if_cancelled(sender)


def _stop_if_cancelled(sender: Any) -> None:
    if sender.is_cancelled():
        raise Cancelled


def _asked(request: Any) -> Asked:
    sampling = _value(request, "sampling_parameters")
    return read(
        _value(request, "text_input"),
        sampling,
        _value(request, "stream"),
        _value(request, "exclude_input_in_output"),
    )


def _value(request: Any, name: str) -> Any:
    tensor = triton.get_input_tensor_by_name(request, name)
    return None if tensor is None else tensor.as_numpy().reshape(-1)[0]


def _flag(request: Any, name: str) -> bool:
    return bool(_value(request, name))


def _response(piece: str, asked: Asked, wanted: list[str], reason: str) -> Any:
    written = answer.tokens(piece.removeprefix(asked.prefix))
    counts = {
        "finish_reason": np.array([reason], np.object_),
        "num_input_tokens": np.array([answer.tokens(asked.text)], np.uint32),
        "num_output_tokens": np.array([written], np.uint32),
    }
    tensors = [triton.Tensor("text_output", np.array([piece.encode()], np.object_))]
    return triton.InferenceResponse(
        [*tensors, *(triton.Tensor(name, counts[name]) for name in wanted)]
    )


def _refuse(sender: Any, message: str, code: int) -> None:
    sender.send(triton.InferenceResponse(error=triton.TritonError(message, code)), flags=FINAL)
