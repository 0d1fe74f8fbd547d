"""One report: windows chosen, questions embedded, the two compared, and the outcome kept."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from monitoring.reports import LEAST_ROWS, MadeReport, ReportRow, make_report
from processors.ports import Embedder
from streams.clients.errors import ModelDeadline, ModelRejected, ModelUnavailable
from streams.clients.kafka import LogClient
from streams.errors import FreshetError
from streams.labels import Watch
from streams.reports import read
from streams.reports.choose import CURRENT, Answer, Span, Wanted, Windows

Say = Callable[[str], None]
Vector = NDArray[np.float32]

_AT_ONCE = 4
"""Few, so that a question that somebody waits for never stands behind many of these."""


class NothingToCompare(FreshetError):
    """There are too few answers; the message says how many, and what to do."""


class Maker(NamedTuple):
    """What reports are made with."""

    log: LogClient
    embedder: Embedder
    workspace: Path
    say: Say
    watch: Watch

    async def make(self, wanted: Wanted, metadata: dict[str, str] | None = None) -> MadeReport:
        """Make the report of what is wanted.

        Raises:
            NothingToCompare: a window has fewer answers than a report takes.
            FreshetError: the models do not answer.
        """
        found = await self._windows(wanted)
        self.say(_described("reference", found.reference, found.drawn_from[0]))
        self.say(_described("current  ", found.current, found.drawn_from[1]))
        vectors = await self._vectors([*found.reference, *found.current])
        tables = [_rows(answers, vectors) for answers in (found.reference, found.current)]
        _check(wanted, *map(len, tables))
        self.say("comparing them takes a while")
        end = datetime.fromtimestamp(found.current[-1].at / 1e6, UTC)
        return await asyncio.to_thread(
            make_report, self.workspace, wanted.project, tables[0], tables[1], end, metadata
        )

    async def _windows(self, wanted: Wanted) -> Windows:
        """Held against the reference of the newest drift event, if the log still has it."""
        if wanted.reference is None:
            named = await read.reference(self.log, wanted, self.watch)
            if named is not None:
                current = Span(max(named.until, wanted.current.since), wanted.current.until)
                last = wanted.last
                if not wanted.current.since:
                    last = last or CURRENT
                asked = replace(wanted, reference=named, current=current, last=last)
                found = await read.windows(self.log, asked, self.watch)
                if min(len(found.reference), len(found.current)) >= LEAST_ROWS:
                    self.say("the reference is that of the newest drift event")
                    return found
        found = await read.windows(self.log, wanted, self.watch)
        _check(wanted, len(found.reference), len(found.current))
        return found

    async def _vectors(self, answers: Sequence[Answer]) -> dict[str, Vector]:
        """Each question once; one that the embedder refuses has none."""
        questions = list(dict.fromkeys(answer.question for answer in answers))
        vectors: dict[str, Vector] = {}
        with self.watch("embedding", len(questions)) as count:
            for first in range(0, len(questions), _AT_ONCE):
                some = questions[first : first + _AT_ONCE]
                vectors |= await self._embedded(some)
                for _ in some:
                    count()
        return vectors

    async def _embedded(self, questions: Sequence[str]) -> dict[str, Vector]:
        try:
            return dict(zip(questions, await self.embedder.embed(questions), strict=True))
        except ModelRejected:
            if len(questions) == 1:
                return {}
            alone = [await self._embedded([question]) for question in questions]
            return {question: vector for one in alone for question, vector in one.items()}
        except (ModelUnavailable, ModelDeadline) as error:
            raise FreshetError(
                f"the questions cannot be embedded: {error}; `freshet status` tells how Triton "
                "is, `freshet up` starts it"
            ) from error


def _rows(answers: Sequence[Answer], vectors: dict[str, Vector]) -> list[ReportRow]:
    return [
        ReportRow(
            figures=answer.figures,
            texts={"question": answer.question},
            vector=vectors[answer.question].tolist(),
        )
        for answer in answers
        if answer.question in vectors
    ]


def _check(wanted: Wanted, reference: int, current: int) -> None:
    if min(reference, current) >= LEAST_ROWS:
        return
    of = f"tenant {wanted.tenant!r}" + (f", route {wanted.route!r}" if wanted.route else "")
    if reference == current == 0:
        raise NothingToCompare(
            f"no evaluated answers of {of} then; `freshet ask` asks a question, `freshet status` "
            "tells whether the judge runs, --tenant names another tenant"
        )
    raise NothingToCompare(
        f"{of} has {reference} evaluated answers for the reference and {current} to look at; each "
        f"takes {LEAST_ROWS}. Ask more, or choose other times: --since, --until, --last, "
        "--reference-since, --reference-until"
    )


def _described(name: str, answers: Sequence[Answer], drawn_from: int) -> str:
    times = [datetime.fromtimestamp(answers[at].at / 1e6, UTC) for at in (0, -1)]
    first, last = (time.isoformat(" ", "seconds") for time in times)
    more = f", drawn from {drawn_from}" if drawn_from > len(answers) else ""
    return f"{name}: {len(answers)} answers{more}, {first} to {last}"
