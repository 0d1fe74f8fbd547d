"""A reader whose words a test decides."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from processors.ports import NONE
from processors.tokens import WordTokenizer
from schemas.responses import Finish

Script = Callable[[str], Sequence[str]]
"""A prompt to the pieces of its answer."""

_FIRST = re.compile(r"<passage 1: [^\n]*>\n(.*?)\n</passage>", re.DOTALL)
_SENTENCE = re.compile(r"[^.!?]*[.!?]?")


def first_sentence(prompt: str) -> list[str]:
    """Copies the first sentence of the first passage, word by word, with its marker."""
    found = _FIRST.search(prompt)
    said = _SENTENCE.match(found[1].strip()) if found else None
    if said is None:
        return ["UNANSWERABLE"]
    words = said[0].split()
    return [*(f"{word} " for word in words), "[1]"]


class ScriptedGeneration:
    """The port `Generation`. While `gate` is shut nothing more comes."""

    def __init__(self, pieces: Sequence[str], prompt: str, gate: asyncio.Event) -> None:
        self.input_tokens = WordTokenizer().count(prompt)
        self.output_tokens = 0
        self.finish: Finish = "stop"
        self.halts_after: int | None = None
        self.closed = False
        self._left = list(pieces)
        self._gate = gate

    def __aiter__(self) -> AsyncIterator[str]:
        """Itself."""
        return self

    async def __anext__(self) -> str:
        """The next piece."""
        await self._gate.wait()
        if self.output_tokens == self.halts_after:
            await asyncio.Event().wait()
        if self.closed or not self._left:
            raise StopAsyncIteration
        self.output_tokens += 1
        return self._left.pop(0)

    async def aclose(self) -> None:
        """Stop."""
        self.closed = True


class ScriptedReader:
    """The port `Reader`."""

    version = "scripted@1"

    def __init__(self, script: Script = first_sentence) -> None:
        self.script = script
        self.prompts: list[str] = []
        self.sampling: list[dict[str, object]] = []
        self.generations: list[ScriptedGeneration] = []
        self.halts_after: int | None = None
        """After so many pieces nothing more comes, ever."""
        self.gate = asyncio.Event()
        self.gate.set()

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        timeout_s: float,
        sampling: Mapping[str, object] = NONE,
    ) -> ScriptedGeneration:
        """Begin what the script says; what the script raises, this raises."""
        self.prompts.append(prompt)
        self.sampling.append(dict(sampling))
        whole = self.script(prompt)
        generation = ScriptedGeneration(whole[:max_tokens], prompt, self.gate)
        if len(whole) > max_tokens:
            generation.finish = "length"
        generation.halts_after = self.halts_after
        self.generations.append(generation)
        return generation
