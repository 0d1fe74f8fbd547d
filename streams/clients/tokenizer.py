"""The tokenizer that counts as the model's server does."""

from pathlib import Path

from processors.tokens import Tokenizer, WordTokenizer
from streams.config import Triton
from streams.errors import ConfigError


def tokenizer(settings: Triton) -> Tokenizer:
    """The one that is set, else the extractive reader's. Raises ConfigError."""
    return WordTokenizer() if settings.tokenizer is None else FileTokenizer(settings.tokenizer)


class FileTokenizer:
    """Counts by a `tokenizer.json`, as models on Hugging Face's hub bring one along."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError where the file is none, or the library is missing."""
        try:
            from tokenizers import Tokenizer as Loaded
        except ModuleNotFoundError:
            raise ConfigError(
                "triton.tokenizer is set, and the package `tokenizers` is not installed: "
                "`pip install tokenizers`"
            ) from None
        try:
            self._tokenizer = Loaded.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise ConfigError(f"triton.tokenizer: {path} cannot be read: {error}") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text: str) -> int:
        """The tokens of a text, those that the model puts around it included."""
        return len(self._tokenizer.encode(text).ids)
