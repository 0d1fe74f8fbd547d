"""What an edit costs: words sent to the embedder over words that were never seen before.

Replays the git history of documentation folders, document by document and version by version.
The denominator is the words of every paragraph (parted at blank lines, whitespace normalised)
that is new in the whole history; the numerator counts every word of every distinct text that
is embedded, titles included.

    python -m tests.bench.edit_cost --data DIR      (or FRESHET_DATA=DIR)
"""

import lzma
import re
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from processors.embedding import embed_key
from processors.split import ChunkSpec, split
from tests.bench.report import Line, Measured, Options, main

HISTORIES = ("httpx", "flask", "starlette")
EXPECTED = {"httpx": 42_844, "flask": 224_082}
TARGETS = {"httpx": 1.2, "flask": 1.0}
_CONTENT_TYPES = {".md": "text/markdown", ".rst": "text/x-rst"}
_BLANK_LINE = re.compile(r"\n\s*\n")


class Event(msgspec.Struct, frozen=True):
    """One version of one document; no text means that it was deleted."""

    doc_id: str
    text: str | None


class Cost(msgspec.Struct, frozen=True):
    """What a history cost. `ratio` is `embedded_words` over `new_words`."""

    history: str
    events: int
    new_words: int
    embedded_words: int
    embedded_units: int
    ratio: float


class Ledger:
    """Counts each text once, for ever, as an indexer that never embeds twice does."""

    def __init__(self, spec: ChunkSpec) -> None:
        self._spec = spec
        self._paragraphs: set[str] = set()
        self._vectors: set[str] = set()
        self.new_words = 0
        self.embedded_words = 0

    def apply(self, event: Event) -> None:
        """Take in one version of a document; a deletion costs nothing."""
        if event.text is not None:
            self._count_paragraphs(event.text)
            self._embed(event.doc_id, event.text)

    def cost(self, history: str, events: int) -> Cost:
        """The account so far."""
        return Cost(
            history=history,
            events=events,
            new_words=self.new_words,
            embedded_words=self.embedded_words,
            embedded_units=len(self._vectors),
            ratio=round(self.embedded_words / self.new_words, 4),
        )

    def _count_paragraphs(self, text: str) -> None:
        for part in _BLANK_LINE.split(text):
            words = part.split()
            paragraph = " ".join(words)
            if paragraph not in self._paragraphs:
                self._paragraphs.add(paragraph)
                self.new_words += len(words)

    def _embed(self, doc_id: str, text: str) -> None:
        path = PurePosixPath(doc_id)
        content_type = _CONTENT_TYPES.get(path.suffix, "text/plain")
        for unit in split(text, content_type, None, self._spec, fallback_title=path.stem).units:
            key = embed_key(unit.embed_text, "counted")
            if key not in self._vectors:
                self._vectors.add(key)
                self.embedded_words += len(unit.embed_text.split())


def read(path: Path) -> list[Event]:
    """The events of a history, in order."""
    decoder = msgspec.json.Decoder(Event)
    with lzma.open(path, "rb") as lines:
        return [decoder.decode(line) for line in lines]


def measure(path: Path, spec: ChunkSpec) -> Cost:
    """Replay one history.

    Raises:
        SystemExit: the history is not the one that the published ratios were measured on.
    """
    history = path.name.partition(".")[0]
    ledger = Ledger(spec)
    events = read(path)
    for event in events:
        ledger.apply(event)
    expected = EXPECTED.get(history, ledger.new_words)
    if ledger.new_words != expected:
        sys.exit(f"{path.name} has {ledger.new_words} new words; {expected} were expected")
    return ledger.cost(history, len(events))


def report(options: Options) -> Measured:
    """Every history, measured."""
    folder = options.folder("updates")
    spec = ChunkSpec()
    costs = [measure(folder / f"{name}.jsonl.xz", spec) for name in HISTORIES]
    return summary(costs), {
        "spec": msgspec.to_builtins(spec),
        "targets": TARGETS,
        "histories": msgspec.to_builtins(costs),
    }


def summary(costs: Sequence[Cost]) -> list[Line]:
    """The ratios as lines of the table of results."""
    return [
        Line(
            what=f"{cost.history}, words embedded over words never seen before",
            figure=f"{cost.ratio:.3f}",
            target=f"at most {TARGETS[cost.history]}" if cost.history in TARGETS else "",
            met=cost.ratio <= TARGETS[cost.history] if cost.history in TARGETS else None,
        )
        for cost in costs
    ]


if __name__ == "__main__":
    sys.exit(main("edit_cost", report))
