"""A run of a replay without Spark and Triton: its tasks one after the other, by doubles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from processors.ports import Judge, Reader
from processors.replay.outcome import Outcome
from processors.replay.variant import Variant
from processors.tokens import WORDS, Tokenizer
from streams.clients.kafka import LogClient
from streams.config import Settings
from streams.replay import runplan
from streams.replay.gather import Wanted
from streams.replay.job import pending
from streams.replay.prepare import Means, prepare
from streams.replay.run import alone, begin, finish
from streams.replay.runfiles import outcomes
from streams.replay.runplan import Request
from streams.replay.source import LogSource
from streams.replay.task import Worker
from streams.replay.vectors import VectorStore
from tests.doubles.embedder import HashEmbedder
from tests.doubles.judge import WordJudge
from tests.doubles.reader import ScriptedReader

EVER = Wanted(since=0, until=2**52)


class DoubleModels:
    """The port `Models`."""

    def __init__(self, reader: Reader | None = None) -> None:
        self.tokenizer: Tokenizer = WORDS
        self.judge: Judge = WordJudge()
        self._reader = reader or ScriptedReader()

    async def reader(self, model: str) -> Reader:
        """The same one, whatever it is called."""
        return self._reader

    async def close(self) -> None:
        """Nothing to close."""


class Replaying:
    """Makes runs of one log. `embedder` says what had to be embedded."""

    def __init__(self, log: LogClient, settings: Settings, folder: Path) -> None:
        self.folder = folder
        self.embedder = HashEmbedder()
        self.said: list[str] = []
        self.served: dict[str, bool | None] = {}
        """What the model server says of models; of others it says that they are there."""
        self.models = DoubleModels()
        self._log = log
        self._settings = settings
        self.store = VectorStore(folder / "vectors.sqlite")

    def means(self) -> Means:
        """What a run is made of."""

        async def served(model: str) -> bool | None:
            return self.served.get(model, True)

        return Means(
            self._settings,
            LogSource(self._log),
            self.store,
            lambda _spec: self.embedder,
            served,
            self.said.append,
        )

    async def run(
        self,
        name: str,
        *variants: Variant,
        wanted: Wanted = EVER,
        tasks: int | None = None,
        backwards: bool = False,
        **request: Any,
    ) -> Path:
        """A run in the folder of that name, finished unless only so many `tasks` are done."""
        run, asked = self.folder / name, request_for(variants, **request)
        with alone(run):
            begun = begin(run, asked, wanted)
            assert begun is not None, "it is finished"
            plan = runplan.load(run) or await prepare(self.means(), asked, begun, run)
            left = pending(run, plan)
            worker = Worker(run, plan, self.models)
            for variant, part in left[::-1] if backwards else left[:tasks]:
                await worker.replay(variant, part)
            if tasks is None:
                finish(run, plan)
        return run


def request_for(variants: Sequence[Variant], **changes: Any) -> Request:
    """What a run asks for."""
    fields: dict[str, Any] = {
        "since": "1970-01-01T00:00:00Z",
        "until": None,
        "limit": None,
        "share": None,
        "source": "log",
        "judge": True,
        "answers": True,
    }
    return Request(variants=list(variants), **{**fields, **changes})


def by_question(run: Path, variant: str) -> dict[str, Outcome]:
    """A variant's outcomes by their questions' ids."""
    return {one.query_id: one for one in outcomes(run, variant)}


def contents(run: Path) -> dict[str, bytes]:
    """All files of a run but those that tell how long things took."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and "latencies" not in path.parts
    }
