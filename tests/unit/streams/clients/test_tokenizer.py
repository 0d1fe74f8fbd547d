"""The tokenizer that counts as the model's server does."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from processors.tokens import WordTokenizer
from streams.clients.tokenizer import tokenizer
from streams.config import Triton
from streams.errors import ConfigError


class Encoding:
    def __init__(self, text: str) -> None:
        self.ids = list(text)


class Letters:
    """The library's class, where every letter is a token."""

    def __init__(self) -> None:
        self.cut = self.padded = True

    @classmethod
    def from_file(cls, path: str) -> "Letters":
        """As the library does, it raises no more than an Exception."""
        if not Path(path).exists():
            raise Exception("No such file or directory")
        return cls()

    def no_truncation(self) -> None:
        """Count all of a text."""
        self.cut = False

    def no_padding(self) -> None:
        """Count no more than the text."""
        self.padded = False

    def encode(self, text: str) -> Encoding:
        """One token a letter."""
        assert not self.cut
        assert not self.padded
        return Encoding(text)


@pytest.fixture
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tokenizers")
    module.Tokenizer = Letters  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tokenizers", module)


def test_words_and_signs_are_counted_where_nothing_is_set() -> None:
    """As the extractive reader does."""
    assert isinstance(tokenizer(Triton()), WordTokenizer)


@pytest.mark.usefixtures("_library")
def test_a_file_counts_all_of_a_text(tmp_path: Path) -> None:
    """Files often say to cut at so many tokens, or to fill up to them."""
    path = tmp_path / "tokenizer.json"
    path.touch()
    assert tokenizer(Triton(tokenizer=path)).count("seven of") == 8


@pytest.mark.usefixtures("_library")
def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is counted."""
    with pytest.raises(ConfigError, match="cannot be read"):
        tokenizer(Triton(tokenizer=tmp_path / "nowhere.json"))


def test_a_library_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how to get it."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ConfigError, match="pip install tokenizers"):
        tokenizer(Triton(tokenizer=tmp_path / "tokenizer.json"))
