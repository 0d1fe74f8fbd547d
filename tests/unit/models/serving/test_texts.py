"""Texts that no model can take are named, not crashed on."""

import pytest

from models.serving.texts import InvalidText, decode


def test_texts_are_decoded_in_order():
    """UTF-8 in, text out."""
    assert decode(["é".encode(), b"b"]) == ["é", "b"]


@pytest.mark.parametrize("bad", [b"", b" \n", b"\xff", "\ud800".encode("utf-8", "surrogatepass")])
def test_a_bad_text_is_named_by_its_position(bad: bytes):
    """The caller learns which one it was."""
    with pytest.raises(InvalidText, match="text 1"):
        decode([b"good", bad])
