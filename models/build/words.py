"""Build the judge's word vectors: `python -m models.build.words --out .freshet/models`.

Runs in the servers' environment, after `models.build.embedder`. Every whole word of the embedder's
vocabulary goes through the network alone; the mean is taken away and the leading 128 principal
components are kept, each divided by the root of its spread, as Model2Vec distils a static model
(https://github.com/MinishLab/model2vec). Writes `words/{words.npz,built.json}`; does nothing when
`built.json` says that they were made from the same network.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.judging.vectors import DIMENSIONS, FILE, FOLDER, VERSION
from models.serving.encoder import FOLDER as EMBEDDER
from models.serving.encoder import Encoder, threads

_WORD = re.compile(r"[^\W_]{2,}")


def main(argv: list[str] | None = None) -> int:
    """Build unless built; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.build.words", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(".freshet/models"))
    parser.add_argument("--force", action="store_true", help="build even when up to date")
    arguments = parser.parse_args(argv)
    try:
        build(arguments.out, force=arguments.force)
    except (OSError, KeyError, ValueError) as error:
        print(f"words: {error!r}", file=sys.stderr)
        return 1
    return 0


def build(models: Path, *, force: bool = False) -> None:
    """Make `models/words`. Raises OSError when the embedder is not there."""
    out = models / FOLDER
    made_from = _made_from(models / EMBEDDER)
    if not force and _is_built(out, made_from):
        _say(f"{VERSION} is up to date in {out}")
        return
    listed = vocabulary(models / EMBEDDER / "tokenizer.json")
    _say(f"embedding {len(listed)} words, one by one")
    vectors = Encoder(models / EMBEDDER, threads()).encode(listed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "built.json").unlink(missing_ok=True)
    np.savez(out / FILE, words=np.array("\n".join(listed)), vectors=components(vectors))
    (out / "built.json").write_text(json.dumps(made_from, indent=2) + "\n")
    _say(f"{VERSION} is ready in {out}")


def vocabulary(tokenizer: Path) -> list[str]:
    """The whole words of a WordPiece vocabulary, the commonest first."""
    listed = json.loads(tokenizer.read_text())["model"]["vocab"]
    ordered = sorted(listed.items(), key=lambda entry: entry[1])
    return [word for word, _ in ordered if _WORD.fullmatch(word)]


def components(vectors: NDArray[np.float32], dimensions: int = DIMENSIONS) -> NDArray[np.float16]:
    """[n, 384] to [n, 128] of length one. A component's largest part is positive in it.

    The learned weights know single components, so these must come out the same wherever they are
    made; an eigenvector's sign is chance otherwise.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    spread, basis = np.linalg.eigh(centred.T @ centred)
    leading = np.argsort(-spread)[:dimensions]
    basis, spread = basis[:, leading], np.sqrt(spread[leading])
    basis = basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])
    turned = centred @ basis / np.sqrt(spread)
    return (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float16)


def _made_from(embedder: Path) -> dict[str, str]:
    built = json.loads((embedder / "built.json").read_text())
    return {"version": VERSION, "embedder": built["files"]["model.onnx"]}


def _is_built(out: Path, made_from: dict[str, str]) -> bool:
    try:
        return bool(json.loads((out / "built.json").read_text()) == made_from)
    except (OSError, ValueError):
        return False


def _say(message: str) -> None:
    print(f"words: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
