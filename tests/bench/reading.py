"""How often the extractive reader's sentence is the right one, without servers.

Two sets: prompts of
five paragraphs from SQuAD 2.0 dev, and what the pipeline finds in the documentation of the
packages installed beside it (their exact texts depend on `requirements/`). Prints a table and
writes it as JSON.
"""

import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np

from models.reading import answer
from models.reading.prompt import Passage, Prompt
from processors.lexical import LexicalSpec
from processors.retrieve import FusionSpec
from processors.split import ChunkSpec, split
from streams.sources.event import Common, DocumentEvent
from streams.sources.packages import installed, read_all
from tests.bench.questions import SQUAD, _read
from tests.bench.reading_questions import HELD_OUT, KNOWN, OFF_TOPIC, DocQuestion
from tests.bench.report import Line, Measured, Options, main
from tests.bench.retrieval_offline import Corpus, dense, lexical, ranked_as_in_production
from tests.bench.vectors import VectorStore

TOP_K = 5
LONGEST_DISTRACTOR = 4_000
AT_ONCE = 512
ARTICLES, ANSWERABLE, UNANSWERABLE = 16, 60, 30
_NOT_READ = re.compile(r"[*_`\[\]\\]")
_MARKUP = re.compile(
    r"!\[|</?(?:p|img|a|div|br|picture)\b|\n[ \t]*\n|\A\W*\[[^\[\]]*\]\([^()]*\)\W*\Z|```"
    r"|\A[ \t]*(?:#|>|[-*+] |\.\. |\|)|[:?][*_`]*\Z|::|={4}|-{4}",
    re.IGNORECASE,
)
"""Of blocks, headings, images, bare links or code; marks of emphasis and links are no fault."""


class Asked(NamedTuple):
    """A prompt, and the words of which one is in a right sentence."""

    prompt: Prompt
    says: tuple[str, ...]


class Read(NamedTuple):
    """What the reader thought: every sentence's odds, and what it would answer."""

    sentences: list[answer.Candidate]
    odds: answer.Scores
    chosen: list[answer.Candidate]

    @property
    def best(self) -> str:
        """The likeliest sentence, answered or not."""
        return self.sentences[int(np.argmax(self.odds))].text if self.sentences else ""


def read_prompts(prompts: Sequence[Prompt], vectors: VectorStore) -> list[Read]:
    """Read every prompt as the served model does."""
    found = [answer.candidates(prompt) for prompt in prompts]
    texts = [one.embedded for sentences in found for one in sentences]
    vectors.embed([*(prompt.question for prompt in prompts), *texts])
    return [_read_one(*pair, vectors) for pair in zip(prompts, found, strict=True)]


def _read_one(prompt: Prompt, found: list[answer.Candidate], vectors: VectorStore) -> Read:
    if not found:
        return Read(found, np.zeros(0), [])
    likeness = vectors.embed([one.embedded for one in found]) @ vectors.embed([prompt.question])[0]
    odds = answer.scores(found, likeness)
    return Read(found, odds, answer.choose(found, odds))


def says(text: str, wanted: Sequence[str]) -> bool:
    """Whether a sentence has one of the wanted words, markup and line breaks aside."""
    links = re.sub(r"\]\([^()]*\)|\]\[[^\]]*\]|(?<=\w)_(?=\W|\Z)|<https?:[^<>]*>", "", text)
    plain = " ".join(_NOT_READ.sub("", links).split()).lower()
    whole = " ".join(text.split()).lower()
    return any(one in plain or one in whole for one in wanted)


def squad(folder: Path) -> dict[str, list[Asked]]:
    """Prompts of five paragraphs: one that answers, of another article, and one that seems to."""
    articles: dict[str, list[Any]] = defaultdict(list)
    for line in _read(folder / SQUAD).splitlines():
        row = json.loads(line)
        articles[row["article"]].append(row)
    chance = random.Random(1)
    names = chance.sample(sorted(articles), ARTICLES)
    made: dict[str, list[Asked]] = {"right": [], "other article": [], "unanswerable": []}
    for name in names:
        other = chance.choice([one for one in names if one != name])
        for impossible, wanted in ((False, ANSWERABLE), (True, UNANSWERABLE)):
            pairs = [
                (row, question)
                for row in articles[name]
                for question in row["questions"]
                if question["impossible"] is impossible
            ]
            for row, question in chance.sample(pairs, min(wanted, len(pairs))):
                rest = [one for one in articles[name] if one is not row]
                five = [row, *chance.sample(rest, min(4, len(rest)))]
                chance.shuffle(five)
                said = tuple({a["text"].lower() for a in question["answers"]})
                kind = "unanswerable" if impossible else "right"
                made[kind].append(_squad_prompt(name, question["question"], five, said))
                if not impossible:
                    far = chance.sample(articles[other], min(5, len(articles[other])))
                    made["other article"].append(
                        _squad_prompt(other, question["question"], far, ())
                    )
    return made


def _squad_prompt(name: str, question: str, rows: list[Any], said: tuple[str, ...]) -> Asked:
    title = name.replace("_", " ")
    passages = [Passage(at, title, row["text"]) for at, row in enumerate(rows, start=1)]
    return Asked(Prompt(question, passages), said)


class Documents(Corpus):
    """The descriptions of the packages that are asked for, and the short ones of all others."""

    def __init__(self, questions: Sequence[str], packages: set[str]) -> None:
        self.name = "packages"
        self.questions = list(questions)
        self.passages, self.titles = [], []
        for event in read_all(installed(), Common()):
            if not isinstance(event, DocumentEvent) or event.document is None:
                continue
            document = event.document
            asked_for = event.doc_id.partition("/")[2] in packages
            if not asked_for and len(document.text) > LONGEST_DISTRACTOR:
                continue
            cut = split(document.text, document.content_type, document.title, ChunkSpec())
            self.passages += cut.passages
            self.titles += [cut.title] * len(cut.passages)
        self.units = [unit for passage in self.passages for unit in passage.units]
        counts = [len(passage.units) for passage in self.passages]
        self.owner = np.repeat(np.arange(len(counts)), counts)

    def prompts(self, vectors: VectorStore) -> list[Prompt]:
        """What the reader is given for each question."""
        texts = [unit.embed_text for unit in self.units]
        for first in range(0, len(texts), AT_ONCE):
            vectors.embed(texts[first : first + AT_ONCE])
        units = dense(self.questions, texts, vectors)
        words = lexical(self, LexicalSpec(), titled=True)
        ranked = ranked_as_in_production(self, units, words, FusionSpec())
        return [
            Prompt(question, [self._passage(*one) for one in enumerate(found[:TOP_K], start=1)])
            for question, found in zip(self.questions, ranked, strict=True)
        ]

    def _passage(self, number: int, at: int) -> Passage:
        heading = self.passages[at].heading
        name = " > ".join(part for part in (self.titles[at], " > ".join(heading)) if part)
        return Passage(number, name, self.passages[at].text)


def measure_squad(folder: Path, vectors: VectorStore) -> dict[str, float]:
    """The figures of the reader's card on SQuAD."""
    sets = squad(folder)
    reads = {
        kind: read_prompts([one.prompt for one in asked], vectors) for kind, asked in sets.items()
    }
    right = list(zip(reads["right"], sets["right"], strict=True))
    figures = {
        "best sentence holds the answer": mean(says(r.best, a.says) for r, a in right),
        "the answer holds the answer": mean(
            any(says(one.text, a.says) for one in r.chosen) for r, a in right
        ),
        "sentences an answer": mean(len(r.chosen) for r, _ in right if r.chosen),
    }
    answered = {f"answered, {kind}": mean(bool(r.chosen) for r in rs) for kind, rs in reads.items()}
    return {name: round(value, 4) for name, value in {**figures, **answered}.items()}


def measure_documents(vectors: VectorStore) -> dict[str, dict[str, float]]:
    """The figures on documentation, for the questions looked at and the others."""
    asked = [*KNOWN, *HELD_OUT]
    documents = Documents(
        [*(one.text for one in asked), *OFF_TOPIC], {one.package for one in asked}
    )
    prompts = documents.prompts(vectors)
    reads = read_prompts(prompts, vectors)
    first, second = len(KNOWN), len(asked)
    return {
        "known": _figures(KNOWN, prompts[:first], reads[:first]),
        "held out": _figures(HELD_OUT, prompts[first:second], reads[first:second]),
        "off topic": {"answered": mean(bool(one.chosen) for one in reads[second:])},
    }


def _figures(
    asked: Sequence[DocQuestion], prompts: Sequence[Prompt], reads: Sequence[Read]
) -> dict[str, float]:
    given = [one for read in reads for one in read.chosen]
    figures = {
        "questions": len(asked),
        "a passage says it": mean(
            any(says(p.text, a.says) for p in prompt.passages)
            for prompt, a in zip(prompts, asked, strict=True)
        ),
        "first sentence right": mean(
            bool(r.chosen) and says(r.chosen[0].text, a.says)
            for r, a in zip(reads, asked, strict=True)
        ),
        "answer right": mean(
            any(says(one.text, a.says) for one in r.chosen)
            for r, a in zip(reads, asked, strict=True)
        ),
        "answered": mean(bool(r.chosen) for r in reads),
        "sentences an answer": mean(len(r.chosen) for r in reads if r.chosen),
        "sentences with markup": mean(bool(_MARKUP.search(one.text)) for one in given),
    }
    return {name: round(value, 4) for name, value in figures.items()}


def measure(options: Options) -> Measured:
    """Both sets."""
    vectors = VectorStore()
    squad_figures = measure_squad(options.folder("retrieval"), vectors)
    documents = measure_documents(vectors)
    lines = [
        Line(what=f"SQuAD, {what}", figure=f"{figure:.3f}")
        for what, figure in squad_figures.items()
    ]
    lines += [
        Line(what=f"documentation, {kind}: {what}", figure=f"{documents[kind][what]:.3f}")
        for kind, what in (
            ("known", "answer right"),
            ("held out", "answer right"),
            ("off topic", "answered"),
        )
    ]
    return lines, {"squad-dev": squad_figures, "packages": documents}


if __name__ == "__main__":
    sys.exit(main("reading", measure))
