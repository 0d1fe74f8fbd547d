"""Documents into blocks with exact offsets into the source, one parser a content type."""

from processors.parse import html, markdown, plain, rst
from processors.parse.block import HIDDEN, Block, Headings, Kind, Parser, reads, shorten, words

__all__ = [
    "CONTENT_TYPES",
    "HIDDEN",
    "Block",
    "Headings",
    "Kind",
    "UnknownContentTypeError",
    "parse",
    "reads",
    "shorten",
    "words",
]

_PARSERS: dict[str, Parser] = {
    "text/markdown": markdown.parse,
    "text/x-rst": rst.parse,
    "text/html": html.parse,
    "text/plain": plain.parse,
}
CONTENT_TYPES = frozenset(_PARSERS)


class UnknownContentTypeError(ValueError):
    """There is no parser for the content type."""


def parse(text: str, content_type: str) -> list[Block]:
    """The blocks of a document, in order, never overlapping; takes any text, in linear time.

    Parameters of the content type (`; charset=utf-8`) are passed over.

    Raises:
        UnknownContentTypeError: the content type is not one of `CONTENT_TYPES`.
    """
    parser = _PARSERS.get(content_type.partition(";")[0].strip().lower())
    if parser is None:
        raise UnknownContentTypeError(f"no parser for content type {content_type!r}")
    return parser(text)
