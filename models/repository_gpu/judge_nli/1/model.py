"""A judge that asks a natural language inference model: the tensors of repository/judge."""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import triton_python_backend_utils as triton
from transformers import AutoModelForSequenceClassification, AutoTokenizer

sys.path.append(str(Path(__file__).resolve().parents[4]))

from models.judging.nli import Inferred, findings, labels, pairs
from models.judging.request import Asked, InvalidRequest, read, tensors
from models.serving.parent import end_with_parent

AT_ONCE = 64
MOST_TOKENS = 512


class TritonPythonModel:
    """One network in one process, on the GPU that Triton names."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the checkpoint that `config.pbtxt` names."""
        end_with_parent()
        named = json.loads(args["model_config"])["parameters"]
        name = named["checkpoint"]["string_value"]
        revision = named["revision"]["string_value"]
        self._device = f"cuda:{args['model_instance_device_id']}"
        self._tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
        network = AutoModelForSequenceClassification.from_pretrained(
            name, revision=revision, torch_dtype=torch.float16
        )
        self._network = network.to(self._device).eval()
        self._entailment, self._contradiction = labels(network.config.id2label)
        self._version = f"{name.rpartition('/')[2]}@{revision}"

    def execute(self, requests: list[Any]) -> list[Any]:
        """Judge every request; a bad one fails alone."""
        return [self._response(request) for request in requests]

    def _response(self, request: Any) -> Any:
        try:
            asked = read(*(_value(request, name) for name in ("claims", "evidence", "allowed")))
        except InvalidRequest as error:
            refusal = triton.TritonError(str(error), triton.TritonError.INVALID_ARG)
            return triton.InferenceResponse(error=refusal)
        found = tensors(self._judge(asked), self._version)
        return triton.InferenceResponse([triton.Tensor(*pair) for pair in found.items()])

    def _judge(self, asked: Asked) -> Any:
        held = pairs(asked.claims, asked.evidence, asked.allowed)
        inferred: list[Inferred] = []
        for first in range(0, len(held), AT_ONCE):
            some = held[first : first + AT_ONCE]
            premises = [asked.evidence[text] for _, text in some]
            inferred += self._infer(premises, [asked.claims[claim] for claim, _ in some])
        return findings(len(asked.claims), asked.evidence, held, inferred)

    def _infer(self, premises: list[str], hypotheses: list[str]) -> list[Inferred]:
        read_in = self._tokenizer(
            premises,
            hypotheses,
            padding=True,
            # The claim must be read whole; what is too long is the evidence.
            truncation="only_first",
            max_length=MOST_TOKENS,
            return_tensors="pt",
        ).to(self._device)
        with torch.inference_mode():
            shares = self._network(**read_in).logits.float().softmax(dim=-1).cpu()
        chosen = shares[:, [self._entailment, self._contradiction]].tolist()
        return [Inferred(*one) for one in chosen]


def _value(request: Any, name: str) -> Any:
    tensor = triton.get_input_tensor_by_name(request, name)
    return None if tensor is None else tensor.as_numpy()
