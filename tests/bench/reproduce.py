"""Past answers given again: how many are what they were.

500 versions of documents, real histories of documentation folders, flow through a real stack, and
1,000 questions are asked of it meanwhile, each in words of a document as it stands at that moment.
Then every answer is given again from the log, over the index folded from its changes: the weights
of words, the passages and their order, and the prompt; for some the model answers again, too.

    python -m tests.bench.reproduce --data DIR      (or FRESHET_DATA=DIR)
"""

import asyncio
import json
import lzma
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from streams.clients.kafka import Log
from streams.config import Settings
from streams.replay.answered import Answered, answers_between
from streams.replay.atreach import means_of
from streams.replay.reproducing import Reproduced, reproduce
from streams.replay.source import LogSource
from tests.bench.report import Line, Measured, Options, main
from tests.bench.stack import bench
from tests.doubles.client import Client

HISTORIES = ("httpx", "starlette")
UPDATES = 500
ANSWERS = 1_000
BY_MODEL = 100
ROLES = ("indexer", "writer", "admission", "answerer")
TENANT = "bench"
IN_HAND = 12
_LEAST_WORDS, _MOST_WORDS = 4, 12


class Event(Struct, frozen=True):
    """One version of one document; no text means that it was deleted."""

    doc_id: str
    text: str | None


def measure(options: Options) -> Measured:
    """A stack of its own."""
    folder = options.folder("updates")
    events = list(islice(chain.from_iterable(_history(folder, one) for one in HISTORIES), UPDATES))
    with bench() as running:
        running.work(ROLES)
        return asyncio.run(_measure(running.settings, events))


async def _measure(settings: Settings, events: list[Event]) -> Measured:
    began = time.time()
    async with Client(settings) as client:
        await _live(client, events)
        live_s = time.time() - began
        given = Counter(str(found[0].status) for found in client.responses.values())
    source = LogSource(Log(settings.kafka))
    answers = await answers_between(source, int(began * 1000), int(time.time() * 1000) + 1)
    results, took_s = await _again(settings, answers, with_model=False)
    some = random.Random(5).sample(answers, min(BY_MODEL, len(answers)))
    by_model, model_s = await _again(settings, some, with_model=True)
    lines = [
        _line(f"retrievals and prompts reproduced, of {len(results)} answers", results),
        _line(f"answers of the model reproduced, of {len(by_model)}", by_model),
        Line(what="moments that they were read at", figure=str(len(set(map(_read_at, answers))))),
        Line(what="given again, the fold included", figure=f"{len(results) / took_s:.0f} /s"),
        Line(what="with the model", figure=f"{len(by_model) / model_s:.1f} /s"),
    ]
    return lines, {
        "updates": len(events),
        "answers": len(answers),
        "status": dict(given),
        "live_s": round(live_s, 1),
        "again_s": round(took_s, 1),
        "verdicts": _verdicts(results),
        "with_model": _verdicts(by_model),
        "not_reproduced": [
            to_builtins(one.reproduction)
            for one in (*results, *by_model)
            if one.reproduction.verdict != "reproduced"
        ],
    }


async def _live(client: Client, events: list[Event]) -> None:
    """Change the documents and ask about them, so many questions in hand at a time."""
    drawn, standing, slots = random.Random(11), dict[str, str](), asyncio.Semaphore(IN_HAND)
    asking: list[asyncio.Task[None]] = []

    async def ask(text: str, top_k: int) -> None:
        try:
            await client.ask(text, tenant=TENANT, top_k=top_k)
        finally:
            slots.release()

    for number, event in enumerate(events):
        if event.text is None:
            standing.pop(event.doc_id, None)
            await client.delete(event.doc_id)
        else:
            standing[event.doc_id] = event.text
            await client.put(event.doc_id, event.text)
        due = (number + 1) * ANSWERS // len(events) - len(asking)
        for _ in range(due if standing else 0):
            await slots.acquire()
            asking.append(asyncio.create_task(ask(_question(standing, drawn), drawn.randint(1, 5))))
        if number % 50 == 0:
            print(f"{number} updates, {len(asking)} questions", file=sys.stderr)
    await asyncio.gather(*asking)


async def _again(
    settings: Settings, answers: list[Answered], *, with_model: bool
) -> tuple[list[Reproduced], float]:
    source = LogSource(Log(settings.kafka))
    began = time.perf_counter()
    async with means_of(settings, source, "log", with_model=with_model) as means:
        results = await reproduce(answers, means)
    return results, time.perf_counter() - began


def _question(standing: dict[str, str], drawn: random.Random) -> str:
    """Some words of a line of a document as it stands."""
    text = standing[drawn.choice(sorted(standing))]
    lines = [words for line in text.splitlines() if len(words := line.split()) >= _LEAST_WORDS]
    words = drawn.choice(lines) if lines else text.split()[:_MOST_WORDS] or ["what"]
    return f"What about {' '.join(words[:_MOST_WORDS])}?"


def _history(folder: Path, name: str) -> Iterator[Event]:
    with lzma.open(folder / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield Event(doc_id=f"{name}/{row['doc_id']}", text=row["text"])


def _line(what: str, results: list[Reproduced]) -> Line:
    done = sum(one.reproduction.verdict == "reproduced" for one in results)
    share = done / max(len(results), 1)
    return Line(what=what, figure=f"{share:.1%}", target="100%", met=done == len(results) > 0)


def _verdicts(results: list[Reproduced]) -> dict[str, int]:
    return dict(Counter(one.reproduction.verdict for one in results))


def _read_at(answered: Answered) -> Any:
    receipt = answered.response.receipt
    return None if receipt is None else receipt.as_of


if __name__ == "__main__":
    sys.exit(main("reproduce", measure))
