"""The model as Triton runs it, with Triton's own module stood in for."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.judging.vectors import WordVectors
from tests.doubles.judging import WEIGHTS, vectors


class FakeTensor:
    def __init__(self, name: str, values: Any) -> None:
        self.name, self.values = name, values

    def as_numpy(self) -> Any:
        """What Triton would copy out."""
        return self.values


class FakeRequest(dict[str, FakeTensor]):
    """Tensors by name."""


def fake_triton() -> ModuleType:
    module = ModuleType("triton_python_backend_utils")
    parts = {
        "get_input_tensor_by_name": lambda request, name: request.get(name),
        "Tensor": FakeTensor,
        "InferenceResponse": lambda tensors=(), error=None: SimpleNamespace(
            tensors={one.name: one.values for one in tensors}, error=error
        ),
        "TritonError": type("TritonError", (Exception,), {"INVALID_ARG": 3}),
    }
    module.__dict__.update(parts)
    return module


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", fake_triton())
    path = WEIGHTS.parent / "model.py"
    # The servers' environment alone has the embedder's runtime, which the folder's name needs not.
    encoder = ModuleType("models.serving.encoder")
    encoder.__dict__["models_dir"] = lambda: Path("anywhere")
    monkeypatch.setitem(sys.modules, "models.serving.encoder", encoder)
    monkeypatch.setattr(WordVectors, "load", lambda _: vectors())
    spec = importlib.util.spec_from_file_location("served_judge", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "end_with_parent", lambda: None)
    monkeypatch.setattr(module.os, "nice", lambda _: None)
    served = module.TritonPythonModel()
    served.initialize({})
    return served


def request(claims: list[str], evidence: list[str]) -> FakeRequest:
    values = {"claims": claims, "evidence": evidence}
    return FakeRequest(
        {
            name: FakeTensor(name, np.array([text.encode() for text in texts], np.object_))
            for name, texts in values.items()
        }
    )


def test_each_claim_has_a_row_of_every_output(model: Any):
    text = "The library was released in 1998."
    found = model.execute([request([text, "Penguins swim."], [text])])[0].tensors
    assert found["verdict"].tolist() == [b"supported", b"not_in_sources"]
    assert found["support"].tolist() == [[0, 0, len(text)], [-1, 0, 0]]
    assert {len(found[name]) for name in ("supported", "contradicted", "fault")} == {2}


def test_a_bad_request_fails_alone(model: Any):
    bad = request([], [])
    bad["claims"] = FakeTensor("claims", np.array([b"\xff"], np.object_))
    refused, answered = model.execute([bad, request(["So it is."], ["So it is."])])
    assert "claim 0 is not UTF-8" in str(refused.error)
    assert answered.error is None
