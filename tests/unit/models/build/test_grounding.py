import json
import lzma
from pathlib import Path

import pytest

from models.build import grounding

BEGIN = "model_name\tknowledge\tresponse\tbegin_label\n" + "".join(
    f"t5\tFact {at}.\tSo, fact {at}.\t{label}\n"
    for at in range(20)
    for label in ("Fully attributable", "Not fully attributable")
)
EDIT = {"doc": "A.", "summary": "B.", "label": 0, "edit_types": ["antonym_swap"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One small file of each kind."""
    rows = {
        "cg2c-doc.jsonl": {"text_a": "A.", "text_b": ["B."], "orig_label": 1},
        "fever-symmetric-dev.jsonl": {"claim": "B.", "evidence": "A.", "label": "REFUTES"},
        "fm2-dev.jsonl": {"text": "B.", "gold_evidence": [{"text": "A."}], "label": "SUPPORTS"},
        "wice-claim-dev.jsonl": {"claim": "B.", "evidence": ["A."], "label": "partially_supported"},
    }
    texts = {name: json.dumps(row) for name, row in rows.items()}
    texts |= {f"{name}.json": json.dumps([EDIT]) for name in grounding.SUMMEDITS}
    for name, text in {"begin-dev-wow.tsv": BEGIN, **texts}.items():
        (tmp_path / f"{name}.xz").write_bytes(lzma.compress(text.encode()))
    return tmp_path


def test_no_evidence_of_begin_is_in_both_parts(folder: Path):
    found = grounding.read(folder)
    held_out, trained = (
        {pair.evidence for pair in found if pair.part == part}
        for part in (grounding.HELD_OUT, "begin-train")
    )
    assert held_out
    assert trained
    assert not held_out & trained


def test_partly_supported_is_unsupported(folder: Path):
    assert [pair.supported for pair in grounding.read(folder) if pair.part == "wice"] == [False]


def test_a_refuted_claim_contradicts_and_a_supported_one_does_not_say(folder: Path):
    found = {pair.part: pair.contradicts for pair in grounding.read(folder)}
    assert found["fever-symmetric"] is True
    assert found["fm2"] is None
    assert found["summedits-news"] is True


def test_a_file_that_is_missing_is_named(folder: Path):
    (folder / "fm2-dev.jsonl.xz").unlink()
    with pytest.raises(OSError, match="fm2-dev"):
        grounding.read(folder)


def test_the_lineage_names_every_file(folder: Path):
    found = grounding.lineage(folder)
    assert len(found) == 10
    assert {len(digest) for digest in found.values()} == {64}
