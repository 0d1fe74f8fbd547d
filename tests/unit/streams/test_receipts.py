"""A write's receipt in writing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.clients.kafka import Position
from streams.errors import FreshetError
from streams.receipts import format_receipt, parse_receipt


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1))
def test_what_is_printed_can_be_read(partition: int, offset: int) -> None:
    """So `put`'s output is `ask --after`'s input."""
    receipt = parse_receipt(format_receipt(Position("documents", partition, offset)))

    assert (receipt.topic, receipt.partition, receipt.offset) == ("documents", partition, offset)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "documents",
        "documents/1",
        "documents/1@-1",
        "documents/x@1",
        "documents/1@1 2",
        "documents/٣@1",
        f"documents/0@{2**63}",
        f"documents/{2**31}@0",
        "a" * 10_000,
    ],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    """With the form that is expected, and no more of the text than can be read."""
    with pytest.raises(FreshetError, match="is no receipt") as error:
        parse_receipt(text)

    assert len(str(error.value)) < 300
