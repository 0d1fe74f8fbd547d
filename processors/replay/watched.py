"""What an answerer gives its reader, overheard: an outcome tells of it."""

from collections.abc import Mapping
from hashlib import sha256

from processors.ports import NONE, Generation, Reader


class WatchedReader:
    """The port `Reader`, for one question; `prompt_sha256` is of what it was given, if anything."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.prompt_sha256: str | None = None

    @property
    def version(self) -> str:
        """The reader's."""
        return self._reader.version

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        timeout_s: float,
        sampling: Mapping[str, object] = NONE,
    ) -> Generation:
        """As the reader's."""
        self.prompt_sha256 = sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
        return self._reader.generate(
            prompt, max_tokens=max_tokens, timeout_s=timeout_s, sampling=sampling
        )
