import re
from typing import Any

import numpy as np
import pytest

from models.judging.evidence import Place
from models.judging.judge import NOTHING, Finding
from models.judging.request import MOST_BYTES, MOST_CLAIMS, InvalidRequest, read, tensors


def test_all_evidence_is_allowed_unless_told_otherwise():
    assert read([b"a", b"b"], [b"c"]).allowed == [[True], [True]]
    assert read([b"a"], [b"c", b"d"], np.array([[True, False]])).allowed == [[True, False]]


@pytest.mark.parametrize(
    ("claims", "evidence", "allowed", "message"),
    [
        ([b"\xff"], [b"x"], None, "claim 0 is not UTF-8"),
        ([b"x"], [b"y", b"\xff"], None, "evidence 1 is not UTF-8"),
        ([b"x"] * (MOST_CLAIMS + 1), [], None, "claims; at most"),
        ([b"x"], [b"y" * MOST_BYTES], None, "longer than"),
        ([b"x"], [b"y"], np.ones((1, 2), bool), "allowed has shape [1, 2], not [1, 1]"),
    ],
)
def test_a_bad_request_is_refused_with_the_reason(
    claims: list[bytes], evidence: list[bytes], allowed: Any, message: str
):
    with pytest.raises(InvalidRequest, match=re.escape(message)):
        read(claims, evidence, allowed)


def test_empty_texts_are_fine():
    assert read([b""], []).claims == [""]


def test_findings_become_tensors():
    said = Finding(0.9, 0.05, "supported", Place(1, 3, 8), "")
    found = tensors([said, NOTHING], "a@1")
    assert found["supported"].dtype == np.float32
    assert found["support"].tolist() == [[1, 3, 8], [-1, 0, 0]]
    assert found["verdict"].tolist() == [b"supported", b"not_in_sources"]
    assert tensors([], "a@1")["support"].shape == (0, 3)
