"""The labelled pairs that the judge is trained and measured on, read from their files."""

import csv
import hashlib
import io
import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from models.build.copies import copied

DOMAINS = ("news", "podcast", "qmsumm", "sales_email", "samsum")
SUMMEDITS = tuple(f"summedits-{domain}" for domain in DOMAINS)
HELD_OUT = "begin-held-out"
TESTED = (HELD_OUT, *SUMMEDITS, "fm2", "fever-symmetric", "wice")
"""What figures are given for; The rest is only trained on."""


class Pair(NamedTuple):
    """A text and its evidence. `contradicts` is None when supported, or where the set is silent."""

    part: str
    claim: str
    evidence: tuple[str, ...]
    supported: bool
    contradicts: bool | None


def read(folder: Path) -> list[Pair]:
    """All pairs, in the order of the files. Raises OSError when one is missing."""
    return [pair for name, parse in _FILES.items() for pair in parse(_text(folder / name), name)]


def copies(pairs: Sequence[Pair]) -> list[Pair]:
    """The set `copies`, made from the evidence of `cg2c`, which is never tested on.

    An extractive reader's answers are copies of its sources, and no labelled set has those.
    """
    texts = dict.fromkeys(
        pair.evidence[0] for pair in pairs if pair.part == "cg2c" and pair.supported
    )
    return [
        Pair("copies", made.claim, (text,), made.supported, made.contradicts)
        for text, found in zip(texts, copied(list(texts)), strict=True)
        for made in found
    ]


def lineage(folder: Path) -> dict[str, str]:
    """SHA-256 of each file as it lies there."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in _FILES}


def _text(path: Path) -> str:
    return lzma.decompress(path.read_bytes()).decode("utf-8")


def _begin(text: str, _: str) -> Iterator[Pair]:
    """Parted by a hash of the evidence, so that no evidence is in both parts."""
    for row in csv.DictReader(io.StringIO(text), delimiter="\t"):
        knowledge = row["knowledge"]
        odd = hashlib.sha1(knowledge.encode(), usedforsecurity=False).digest()[0] % 2
        supported = row["begin_label"] == "Fully attributable"
        part = HELD_OUT if odd else "begin-train"
        yield Pair(part, row["response"], (knowledge,), supported, None if supported else False)


def _cg2c(text: str, _: str) -> Iterator[Pair]:
    for row in _lines(text):
        for claim in row["text_b"]:
            yield Pair("cg2c", claim, (row["text_a"],), bool(row["orig_label"]), None)


def _fever(text: str, _: str) -> Iterator[Pair]:
    for row in _lines(text):
        supported = row["label"] == "SUPPORTS"
        yield Pair(
            "fever-symmetric",
            row["claim"],
            (row["evidence"],),
            supported,
            None if supported else True,
        )


def _fm2(text: str, _: str) -> Iterator[Pair]:
    for row in _lines(text):
        supported = row["label"] == "SUPPORTS"
        evidence = tuple(one["text"] for one in row["gold_evidence"])
        yield Pair("fm2", row["text"], evidence, supported, None if supported else True)


def _wice(text: str, _: str) -> Iterator[Pair]:
    """Partly supported counts as unsupported."""
    for row in _lines(text):
        supported = row["label"] == "supported"
        evidence = ("\n".join(row["evidence"]),)
        yield Pair("wice", row["claim"], evidence, supported, None if supported else False)


def _summedits(text: str, name: str) -> Iterator[Pair]:
    part = name.partition(".")[0]
    for row in json.loads(text):
        added = "hallucinated_fact_insertion" in row["edit_types"]
        known = row["edit_types"] and not row["label"]
        contradicts = not added if known else None
        yield Pair(part, row["summary"], (row["doc"],), bool(row["label"]), contradicts)


def _lines(text: str) -> Iterator[Any]:
    return (json.loads(line) for line in text.splitlines())


_FILES: dict[str, Callable[[str, str], Iterator[Pair]]] = {
    "begin-dev-wow.tsv.xz": _begin,
    "cg2c-doc.jsonl.xz": _cg2c,
    "fever-symmetric-dev.jsonl.xz": _fever,
    "fm2-dev.jsonl.xz": _fm2,
    "wice-claim-dev.jsonl.xz": _wice,
    **{f"{name}.json.xz": _summedits for name in SUMMEDITS},
}
