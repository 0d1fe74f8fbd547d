"""Reading texts out of a request's tensor."""

from collections.abc import Iterable


class InvalidText(ValueError):
    """A text that no model can take; the message is for the caller."""


def decode(values: Iterable[bytes]) -> list[str]:
    """Decode UTF-8. Raises InvalidText, naming the position, for other bytes and for blanks."""
    return [_decoded(position, value) for position, value in enumerate(values)]


def _decoded(position: int, value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidText(f"text {position} is not UTF-8: {error}") from error
    if not text.strip():
        raise InvalidText(f"text {position} is empty")
    return text
