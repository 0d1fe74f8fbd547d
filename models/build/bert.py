"""all-MiniLM-L6-v2 as a plain ONNX graph, mean pooling and normalisation inside.

The architecture is BERT (Devlin et al. 2018, arXiv:1810.04805) with the head of Sentence-BERT
(Reimers and Gurevych 2019, arXiv:1908.10084): the mean of the last layer over real tokens, scaled
to length one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
IR_VERSION = 9
LAYERS = 6
HEADS = 12
HIDDEN = 384
EPSILON = 1e-12
MASKED = float(np.finfo(np.float32).min)

Weights = Mapping[str, NDArray[np.float32]]


class Graph:
    """Nodes and constants, collected in order."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def const(self, name: str, value: NDArray[np.generic]) -> str:
        """Add a constant once; returns its name."""
        if all(known.name != name for known in self.constants):
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def ints(self, *values: int) -> str:
        """A constant vector of int64."""
        return self.const("i_" + "_".join(map(str, values)), np.array(values, np.int64))

    def floats(self, name: str, value: float) -> str:
        """A constant scalar of float32."""
        return self.const(name, np.array(value, np.float32))

    def op(self, kind: str, inputs: Sequence[str], out: str, **attributes: object) -> str:
        """Add a node with one output; returns the output's name."""
        self.nodes.append(helper.make_node(kind, inputs, [out], name=out, **attributes))
        return out


def build(weights: Weights) -> onnx.ModelProto:
    """The graph: input_ids, attention_mask int64 [batch, length] -> embedding float32 [batch, 384].

    Raises KeyError when a weight is missing and onnx's ValidationError when the graph is not sound.
    """
    graph = Graph()
    hidden = _embeddings(graph, weights)
    bias = _attention_bias(graph)
    for layer in range(LAYERS):
        hidden = _layer(graph, weights, f"encoder.layer.{layer}", hidden, bias)
    _pool(graph, hidden)
    return _model(graph)


def _model(graph: Graph) -> onnx.ModelProto:
    shape = ["batch", "length"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", HIDDEN])
    proto = helper.make_graph(graph.nodes, "minilm-l6", inputs, [output], graph.constants)
    model = helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _embeddings(graph: Graph, weights: Weights) -> str:
    """Word + position + the one segment there is, normalised."""
    words = graph.const("words", weights["embeddings.word_embeddings.weight"])
    segment = weights["embeddings.token_type_embeddings.weight"][0]
    positions = weights["embeddings.position_embeddings.weight"] + segment
    looked_up = graph.op("Gather", [words, "input_ids"], "word")
    length = graph.op("Shape", ["input_ids"], "length", start=1, end=2)
    table = graph.const("positions", positions)
    placed = graph.op("Slice", [table, graph.ints(0), length, graph.ints(0)], "position")
    summed = graph.op("Add", [looked_up, placed], "embedded")
    return _norm(graph, weights, "embeddings.LayerNorm", summed)


def _attention_bias(graph: Graph) -> str:
    """0 at real tokens and the least float at padding, as [batch, 1, 1, length]."""
    mask = graph.op("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    padding = graph.op("Sub", [graph.floats("one", 1.0), mask], "padding")
    bias = graph.op("Mul", [padding, graph.floats("masked", MASKED)], "bias")
    return graph.op("Unsqueeze", [bias, graph.ints(1, 2)], "bias4")


def _layer(graph: Graph, weights: Weights, at: str, hidden: str, bias: str) -> str:
    attended = _attention(graph, weights, at, hidden, bias)
    out = _dense(graph, weights, f"{at}.attention.output.dense", attended)
    summed = graph.op("Add", [out, hidden], f"{at}.attention.sum")
    middle = _norm(graph, weights, f"{at}.attention.output.LayerNorm", summed)
    wide = _dense(graph, weights, f"{at}.intermediate.dense", middle)
    bent = graph.op("Gelu", [wide], f"{at}.gelu")
    narrow = _dense(graph, weights, f"{at}.output.dense", bent)
    total = graph.op("Add", [narrow, middle], f"{at}.sum")
    return _norm(graph, weights, f"{at}.output.LayerNorm", total)


def _attention(graph: Graph, weights: Weights, at: str, hidden: str, bias: str) -> str:
    here = f"{at}.attention"
    query = _heads(graph, weights, f"{here}.self.query", hidden, [0, 2, 1, 3])
    key = _heads(graph, weights, f"{here}.self.key", hidden, [0, 2, 3, 1])
    value = _heads(graph, weights, f"{here}.self.value", hidden, [0, 2, 1, 3])
    raw = graph.op("MatMul", [query, key], f"{here}.raw")
    scale = graph.floats("scale", float(1.0 / np.sqrt(HIDDEN // HEADS)))
    scaled = graph.op("Mul", [raw, scale], f"{here}.scaled")
    biased = graph.op("Add", [scaled, bias], f"{here}.biased")
    shares = graph.op("Softmax", [biased], f"{here}.shares", axis=-1)
    mixed = graph.op("MatMul", [shares, value], f"{here}.mixed")
    turned = graph.op("Transpose", [mixed], f"{here}.turned", perm=[0, 2, 1, 3])
    return graph.op("Reshape", [turned, graph.ints(0, 0, HIDDEN)], f"{here}.joined")


def _heads(graph: Graph, weights: Weights, at: str, hidden: str, order: list[int]) -> str:
    """A projection split into heads, its axes in the given order."""
    flat = _dense(graph, weights, at, hidden)
    split = graph.op("Reshape", [flat, graph.ints(0, 0, HEADS, HIDDEN // HEADS)], f"{at}.split")
    return graph.op("Transpose", [split], f"{at}.heads", perm=order)


def _dense(graph: Graph, weights: Weights, at: str, hidden: str) -> str:
    matrix = graph.const(f"{at}.W", weights[f"{at}.weight"].T)
    product = graph.op("MatMul", [hidden, matrix], f"{at}.product")
    return graph.op("Add", [product, graph.const(f"{at}.b", weights[f"{at}.bias"])], f"{at}.out")


def _norm(graph: Graph, weights: Weights, at: str, hidden: str) -> str:
    scale = graph.const(f"{at}.g", weights[f"{at}.weight"])
    shift = graph.const(f"{at}.b", weights[f"{at}.bias"])
    inputs = [hidden, scale, shift]
    return graph.op("LayerNormalization", inputs, f"{at}.out", axis=-1, epsilon=EPSILON)


def _pool(graph: Graph, hidden: str) -> str:
    """The mean over real tokens, scaled to length one."""
    kept = graph.op("Unsqueeze", ["mask", graph.ints(2)], "kept")
    real = graph.op("Mul", [hidden, kept], "real")
    total = graph.op("ReduceSum", [real, graph.ints(1)], "total", keepdims=0)
    count = graph.op("ReduceSum", ["mask", graph.ints(1)], "count", keepdims=1)
    mean = graph.op("Div", [total, count], "mean")
    length = graph.op("ReduceL2", [mean, graph.ints(1)], "norm", keepdims=1)
    return graph.op("Div", [mean, length], "embedding")
