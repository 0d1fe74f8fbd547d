"""The same model in float64 numpy, written apart from the graph: what the graph is held against."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

LAYERS = 6
HEADS = 12
EPSILON = 1e-12

Array = NDArray[np.float64]
_erf = np.vectorize(math.erf, otypes=[np.float64])


def embed(weights: Mapping[str, Array], ids: Sequence[int]) -> Array:
    """One text's token ids -> float64 [384], of length one."""
    hidden = weights["embeddings.word_embeddings.weight"][list(ids)]
    hidden = hidden + weights["embeddings.position_embeddings.weight"][: len(ids)]
    hidden = hidden + weights["embeddings.token_type_embeddings.weight"][0]
    hidden = _norm(weights, "embeddings.LayerNorm", hidden)
    for layer in range(LAYERS):
        hidden = _layer(weights, f"encoder.layer.{layer}", hidden)
    mean: Array = hidden.mean(axis=0)
    return mean / np.linalg.norm(mean)


def _layer(weights: Mapping[str, Array], at: str, hidden: Array) -> Array:
    attended = _dense(weights, f"{at}.attention.output.dense", _attention(weights, at, hidden))
    hidden = _norm(weights, f"{at}.attention.output.LayerNorm", attended + hidden)
    wide = _dense(weights, f"{at}.intermediate.dense", hidden)
    bent = wide * 0.5 * (1.0 + _erf(wide / math.sqrt(2.0)))
    return _norm(
        weights, f"{at}.output.LayerNorm", _dense(weights, f"{at}.output.dense", bent) + hidden
    )


def _attention(weights: Mapping[str, Array], at: str, hidden: Array) -> Array:
    length, width = hidden.shape
    query, key, value = (
        _dense(weights, f"{at}.attention.self.{name}", hidden)
        .reshape(length, HEADS, width // HEADS)
        .transpose(1, 0, 2)
        for name in ("query", "key", "value")
    )
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(width // HEADS)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares = shares / shares.sum(axis=-1, keepdims=True)
    mixed: Array = shares @ value
    return mixed.transpose(1, 0, 2).reshape(length, width)


def _dense(weights: Mapping[str, Array], at: str, hidden: Array) -> Array:
    product: Array = hidden @ weights[f"{at}.weight"].T
    return product + weights[f"{at}.bias"]


def _norm(weights: Mapping[str, Array], at: str, hidden: Array) -> Array:
    centred = hidden - hidden.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
    normed: Array = centred / spread * weights[f"{at}.weight"]
    return normed + weights[f"{at}.bias"]
