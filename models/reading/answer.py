"""Which sentences answer, and how the answer is written.

The score is the log odds that a sentence holds the answer, from a logistic regression on SQuAD 2.0
questions; CARD.md of the reader says how it was fitted and how often it is right.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.reading.features import Bag, cue, overlap, rarity, repeats, words
from models.reading.prompt import Passage, Prompt
from models.reading.sentences import Sentence, sentences

VERSION = "extractive@2"
UNANSWERABLE = "UNANSWERABLE"

LIKENESS, IN_COMMON, KIND, CONSTANT = 4.75, 7.0, 0.45, -7.6
FRAGMENT = -1.0
"""What a sentence loses that has no end."""
THRESHOLD = -3.0
SECOND = 0.0
"""A second sentence must be likelier right than wrong, and within `MARGIN` of the first."""
MARGIN = 0.2
MOST = 2
LEAST_NEW = 0.5
"""The share of a second sentence's words that neither the first nor the question has."""
MOST_EMBEDDED = 32

_PIECE = re.compile(r"\s*\S+")
_TOKEN = re.compile(r"\w+|[^\w\s]")

Scores = NDArray[np.float64]


class Candidate(NamedTuple):
    """A sentence of a passage, and what speaks for it apart from its vector.

    `text` is what the passage says, `plain` the same without markup; all else looks at `plain`.
    """

    number: int
    name: str
    text: str
    plain: str
    whole: bool
    common: float
    kind: float
    new: Bag

    @property
    def embedded(self) -> str:
        """The text whose vector stands for the sentence: its title in front."""
        return f"{self.name}\n{self.plain}" if self.name else self.plain


def candidates(prompt: Prompt) -> list[Candidate]:
    """The sentences worth embedding, in the prompt's order: at most 32, by their words."""
    found = [
        (passage, sentence)
        for passage in prompt.passages
        for sentence in sentences(passage.text)
        if sentence.ended or not repeats(prompt.question, sentence.plain)
    ]
    bags = [words(sentence.plain) for _, sentence in found]
    weights = rarity(bags)
    scored = [
        _candidate(prompt.question, passage, sentence, weights) for passage, sentence in found
    ]
    ranked = sorted(range(len(scored)), key=lambda at: -_by_words(scored[at]))
    return [scored[at] for at in sorted(ranked[:MOST_EMBEDDED])]


def _candidate(
    question: str, passage: Passage, sentence: Sentence, weights: dict[str, float]
) -> Candidate:
    asked, said = words(question), words(sentence.plain)
    return Candidate(
        number=passage.number,
        name=passage.name,
        text=passage.text[sentence.start : sentence.end],
        plain=sentence.plain,
        whole=sentence.whole,
        common=overlap(asked, said, words(passage.name), weights),
        kind=cue(question, sentence.plain),
        new=said - asked,
    )


def scores(found: Sequence[Candidate], likeness: NDArray[np.float32]) -> Scores:
    """Log odds of each sentence; `likeness` is its vector's cosine with the question's."""
    by_words = np.array([_by_words(sentence) for sentence in found], np.float64)
    return by_words + LIKENESS * likeness.astype(np.float64) + CONSTANT


def choose(found: Sequence[Candidate], odds: Scores) -> list[Candidate]:
    """The best sentence, and a second that is nearly as good and says more; none when too weak."""
    chosen: list[Candidate] = []
    least = THRESHOLD
    for at in np.argsort(-odds, kind="stable"):
        if odds[at] < least or len(chosen) == MOST:
            break
        if not chosen or _adds(found[at], chosen[0]):
            chosen.append(found[at])
            least = max(SECOND, float(odds[at]) - MARGIN)
    return chosen


def _adds(second: Candidate, first: Candidate) -> bool:
    """Whether a sentence says enough that neither the question nor the first one says."""
    said = words(second.plain)
    return len(second.new - first.new) >= max(2, LEAST_NEW * len(said))


def write(chosen: Sequence[Candidate]) -> str:
    """`Sentence. [2] Another. [1]`, or exactly `UNANSWERABLE`."""
    return " ".join(f"{one.text} [{one.number}]" for one in chosen) or UNANSWERABLE


def tokens(text: str) -> int:
    """How many tokens the reader counts: words, and signs that are not part of one."""
    return sum(1 for _ in _TOKEN.finditer(text))


def pieces(text: str, max_tokens: int) -> Iterator[str]:
    """The text word by word, white space in front, ending before it would pass `max_tokens`."""
    left = max_tokens
    for match in _PIECE.finditer(text):
        left -= tokens(match[0])
        if left < 0:
            return
        yield match[0]


def _by_words(sentence: Candidate) -> float:
    ending = 0.0 if sentence.whole else FRAGMENT
    return IN_COMMON * sentence.common + KIND * sentence.kind + ending
