"""Vectors of texts from the embedder itself, without a server, kept in a folder between runs.

`python -m tests.bench.vectors TEXTS.json OUT.npy` is the part that runs in the servers'
environment, which alone has the embedder's runtime.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.bench.errors import CannotMeasureError

Vectors = NDArray[np.float32]

_ROOT = Path(__file__).parents[2]
_KEY_BYTES = 16
_PER_RUN = 8192
_THREADS = 2


class VectorStore:
    """Vectors by the hash of their text: `N.keys` and `N.npy` (float16) pairs in one folder."""

    def __init__(
        self,
        folder: Path = _ROOT / ".freshet" / "bench" / "minilm-l6",
        servers_python: Path = _ROOT / ".venv-servers" / "bin" / "python",
        models: Path = _ROOT / ".freshet" / "models",
    ) -> None:
        self._folder = folder
        self._servers_python = servers_python
        self._models = models
        self._rows: dict[bytes, int] = {}
        self._vectors: NDArray[np.float16] = np.empty((0, 384), np.float16)
        folder.mkdir(parents=True, exist_ok=True)
        for keys in sorted(folder.glob("*.keys")):
            self._take(keys.read_bytes(), np.load(keys.with_suffix(".npy")))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 [len(texts), 384], of length one. Raises CannotMeasureError."""
        missing = [text for text in dict.fromkeys(texts) if _key(text) not in self._rows]
        for done in range(0, len(missing), _PER_RUN):
            some = missing[done : done + _PER_RUN]
            started = time.monotonic()
            self._keep(some, self._run(some))
            rate = len(some) / (time.monotonic() - started)
            print(f"embedded {done + len(some)}/{len(missing)}, {rate:.0f}/s", file=sys.stderr)
        rows = [self._rows[_key(text)] for text in texts]
        return self._vectors[rows].astype(np.float32)

    def _run(self, texts: list[str]) -> NDArray[np.float16]:
        for path in (self._servers_python, self._models):
            if not path.exists():
                raise CannotMeasureError(f"{path} is missing: run the set-up (make demo) first")
        with tempfile.TemporaryDirectory() as scratch:
            source, out = Path(scratch) / "texts.json", Path(scratch) / "vectors.npy"
            source.write_text(json.dumps(texts))
            command = [
                self._servers_python,
                "-m",
                "tests.bench.vectors",
                self._models.resolve(),
                source,
                out,
            ]
            subprocess.run([str(part) for part in command], check=True, cwd=_ROOT)
            vectors: NDArray[np.float16] = np.load(out)
            return vectors

    def _keep(self, texts: list[str], vectors: NDArray[np.float16]) -> None:
        keys = b"".join(_key(text) for text in texts)
        name = hashlib.sha256(keys).hexdigest()[:16]
        np.save(self._folder / f"{name}.npy", vectors)
        (self._folder / f"{name}.keys").write_bytes(keys)
        self._take(keys, vectors)

    def _take(self, keys: bytes, vectors: NDArray[np.float16]) -> None:
        first = len(self._vectors)
        self._rows.update((key, first + row) for row, key in enumerate(_split(keys)))
        self._vectors = np.concatenate([self._vectors, vectors])


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES]


def _split(keys: bytes) -> Iterator[bytes]:
    return (keys[at : at + _KEY_BYTES] for at in range(0, len(keys), _KEY_BYTES))


def main(models: str, source: str, out: str) -> None:
    """Embed a file of texts, in the servers' environment."""
    from models.serving.encoder import FOLDER, Encoder

    encoder = Encoder(Path(models) / FOLDER, _THREADS)
    np.save(out, encoder.encode(json.loads(Path(source).read_text())).astype(np.float16))


if __name__ == "__main__":
    main(*sys.argv[1:])
