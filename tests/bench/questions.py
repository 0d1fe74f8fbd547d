"""Question sets over documents, read from `retrieval/` of the benchmarks' data folder.

SQuAD 2.0 dev (Rajpurkar et al., 2018): each article's paragraphs joined by blank lines into one
document. TimeQA train (Chen et al., 2021): each page likewise, under its first line as title.
"""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.bench.errors import CannotMeasureError

SQUAD = "squad-dev.jsonl.xz"
TIMEQA = "timeqa-train.json.xz"


class Question(Struct, frozen=True):
    """A question about one document, and the spans [start, end) of its text that answer it."""

    text: str
    document: int
    answers: tuple[tuple[int, int], ...]


class Collection(Struct, frozen=True):
    """Documents as (title, text), and the questions that they answer."""

    name: str
    documents: tuple[tuple[str, str], ...]
    questions: tuple[Question, ...]


def squad(folder: Path) -> Collection:
    """All answerable questions of SQuAD 2.0 dev. Raises CannotMeasureError."""
    articles: dict[str, list[Any]] = {}
    for line in _read(folder / SQUAD).splitlines():
        row = json.loads(line)
        articles.setdefault(row["article"], []).append(row)
    documents: list[tuple[str, str]] = []
    questions: list[Question] = []
    for article, rows in articles.items():
        rows.sort(key=lambda row: row["paragraph"])
        text, starts = _joined([row["text"] for row in rows])
        for row, start in zip(rows, starts, strict=True):
            questions += _squad_questions(row, len(documents), start)
        documents.append((article.replace("_", " "), text))
    return Collection("squad-dev", tuple(documents), tuple(questions))


def timeqa(folder: Path) -> Collection:
    """TimeQA train's questions whose answer occurs in their page. Raises CannotMeasureError."""
    documents: list[tuple[str, str]] = []
    questions: list[Question] = []
    for page in json.loads(_read(folder / TIMEQA)):
        text, starts = _joined(page["paras"])
        for asked, answers in page["questions"]:
            spans = [
                (starts[answer["para"]] + answer["from"], starts[answer["para"]] + answer["end"])
                for answer in answers
                if answer["answer"]
            ]
            if spans:
                questions.append(Question(asked, len(documents), tuple(spans)))
        documents.append((page["paras"][0], text))
    return Collection("timeqa-train", tuple(documents), tuple(questions))


def _squad_questions(row: Any, document: int, start: int) -> Iterator[Question]:
    for question in row["questions"]:
        if question["impossible"]:
            continue
        starts = [(start + a["answer_start"], len(a["text"])) for a in question["answers"]]
        spans = sorted({(begin, begin + length) for begin, length in starts})
        yield Question(question["question"], document, tuple(spans))


def _joined(paragraphs: list[str]) -> tuple[str, list[int]]:
    """Paragraphs with blank lines between them, and where each starts."""
    starts, position = [], 0
    for paragraph in paragraphs:
        starts.append(position)
        position += len(paragraph) + 2
    return "\n\n".join(paragraphs), starts


def _read(path: Path) -> str:
    if not path.is_file():
        raise CannotMeasureError(f"{path} is missing: name its folder by --data")
    with lzma.open(path, "rt", encoding="utf-8") as file:
        return file.read()
