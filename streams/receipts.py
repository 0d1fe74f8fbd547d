"""How a write's receipt is written: `documents/PARTITION@OFFSET`."""

import re

import msgspec

from schemas.queries import WriteReceipt
from streams.clients.kafka import Position
from streams.errors import FreshetError

_SHAPE = re.compile(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,10})@([0-9]{1,19})", re.ASCII)


class InvalidReceipt(FreshetError, ValueError):
    """A text that is no receipt."""


def parse_receipt(text: str) -> WriteReceipt:
    """Read a receipt as `freshet documents put` prints it.

    Raises:
        InvalidReceipt: another form, or a number beyond Kafka's.
    """
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise InvalidReceipt(f"{text[:80]!r} is no receipt: documents/PARTITION@OFFSET")
    topic, partition, offset = match.groups()
    fields = {"topic": topic, "partition": int(partition), "offset": int(offset)}
    try:
        return msgspec.convert(fields, WriteReceipt)
    except msgspec.ValidationError as error:
        raise InvalidReceipt(f"{text[:80]!r} is no receipt: {error}") from None


def format_receipt(write: WriteReceipt | Position) -> str:
    """The text that `parse_receipt` reads."""
    return f"{write.topic}/{write.partition}@{write.offset}"
