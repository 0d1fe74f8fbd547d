"""all-MiniLM-L6-v2 in onnxruntime: texts to vectors of length one."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from models.serving.batches import TOKEN_BUDGET, batches, even

VERSION = "minilm-l6@1"
FOLDER = "minilm-l6"
DIMENSIONS = 384
MAX_TOKENS = 256

Vectors = NDArray[np.float32]


def models_dir() -> Path:
    """Where the built files are: `$FRESHET_MODELS_DIR`.

    Raises RuntimeError, saying what to do, when it is not set.
    """
    folder = os.environ.get("FRESHET_MODELS_DIR")
    if not folder:
        raise RuntimeError("FRESHET_MODELS_DIR must name the folder that models.build wrote")
    return Path(folder)


def threads() -> int:
    """`$FRESHET_MODEL_THREADS`, or as many as this process may use."""
    return int(os.environ.get("FRESHET_MODEL_THREADS", "0")) or len(os.sched_getaffinity(0))


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer, cutting at 256 tokens and padding nothing (its file does otherwise)."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=MAX_TOKENS)
    return tokenizer


class Encoder:
    """Texts in, float32 [n, 384] out. Safe to call from several threads.

    Each run has one thread, and as many runs go beside each other as there are threads: threads
    that share a run wait for each other some eighty times, which on two cores took a quarter more
    time.
    """

    def __init__(self, folder: Path, threads: int, *, budget: int = TOKEN_BUDGET) -> None:
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")
        self._session = _session(folder / "model.onnx")
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        self._threads = threads
        self._budget = budget

    def tokens(self, text: str) -> int:
        """How many tokens a text is, cut at 256."""
        return len(self._tokenizer.encode(text).ids)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors in the order of the texts, each of length one."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        lengths = [len(encoding) for encoding in encodings]
        runs = batches(lengths, even(lengths, self._threads, self._budget))
        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        parts = [[encodings[at] for at in run] for run in runs]
        # A question is one run: it need not wait for a thread to take it.
        apply = self._pool.map if len(parts) > 1 else map
        for run, part in zip(runs, apply(self._run, parts), strict=True):
            vectors[run] = part
        return vectors

    def _run(self, encodings: Sequence[Encoding]) -> Vectors:
        ids, mask = _padded(encodings)
        outputs = self._session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
        vectors: Vectors = outputs[0]
        return vectors


def _padded(encodings: Sequence[Encoding]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    shape = (len(encodings), max(len(encoding) for encoding in encodings))
    ids = np.zeros(shape, np.int64)
    mask = np.zeros(shape, np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding)] = encoding.ids
        mask[row, : len(encoding)] = 1
    return ids, mask


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
