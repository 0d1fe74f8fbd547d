"""How many tokens a text is, before a model says so."""

import re
from typing import Protocol

_TOKEN = re.compile(r"\w+|[^\w\s]")


class Tokenizer(Protocol):
    """Counts as a model's server will."""

    def count(self, text: str) -> int:
        """The tokens of a text."""
        ...


class WordTokenizer:
    """Counts as the extractive reader does: a run of letters and digits, or another sign."""

    def count(self, text: str) -> int:
        """The tokens of a text."""
        return len(_TOKEN.findall(text))


WORDS = WordTokenizer()
