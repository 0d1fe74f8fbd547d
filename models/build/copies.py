"""Sentences copied from a text, as they are and with one thing changed that makes them wrong.

After FactCC (Kryściński and others, EMNLP 2020), whose transformations these are: another number,
another name of the same text, a negation, an opposite. And a sentence of another text, of which the
text at hand says nothing.
"""

import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.judging.lexicon import PAIRS
from models.judging.words import Word, words

SHORTEST, LONGEST = 6, 45
"""Words of a sentence that is copied."""
SEED = 1

_END = re.compile(r"(?<=[.!?])[\"”’)]*\s+(?=[A-Z\"“])|\n+")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|has|have|had|will|can|could|would|should|may|does|did)\b(?! not\b)"
)
_NOT = re.compile(r" not\b|(?<=[a-z])n['’]t\b")

Change = Callable[[str, str, random.Random], str | None]


class Made(NamedTuple):
    """A claim about a text. `contradicts` is None for one that the text supports."""

    claim: str
    supported: bool
    contradicts: bool | None


def copied(texts: Sequence[str]) -> list[list[Made]]:
    """For each text: a copied sentence, a changed one, and a sentence of another text.

    Always the same for the same texts.
    """
    chance = random.Random(SEED)  # noqa: S311 - nothing is secret here
    sentences = [_sentences(text) for text in texts]
    return [
        _made(text, own, sentences[(at + len(texts) // 2) % len(texts)], chance)
        for at, (text, own) in enumerate(zip(texts, sentences, strict=True))
    ]


def _made(text: str, own: list[str], others: list[str], chance: random.Random) -> list[Made]:
    chosen = chance.sample(own, min(2, len(own)))
    made = [Made(sentence, True, None) for sentence in chosen[:1]]
    for sentence in chosen[1:]:
        changes = chance.sample(CHANGES, len(CHANGES))
        changed = (change(sentence, text, chance) for change in changes)
        made += [Made(claim, False, True) for claim in changed if claim is not None][:1]
    if others and (other := chance.choice(others)) not in text:
        made.append(Made(other, False, False))
    return made


def _sentences(text: str) -> list[str]:
    parts = (part.strip() for part in _END.split(text))
    return [part for part in parts if SHORTEST <= len(part.split()) <= LONGEST]


def another_number(sentence: str, text: str, chance: random.Random) -> str | None:
    """One number in digits becomes another, near it, that the text does not have."""
    numbers = [word for word in words(sentence) if word.number and word.lower.isdecimal()]
    if not numbers:
        return None
    word = chance.choice(numbers)
    value = int(word.lower) + chance.choice([-9, -4, -3, -2, -1, 1, 2, 3, 5, 8])
    return _put(sentence, word, str(value)) if value > 0 and str(value) not in text else None


def another_name(sentence: str, text: str, chance: random.Random) -> str | None:
    """One name becomes another of the same text."""
    own = {word.key for word in words(sentence)}
    names = [word for word in words(sentence) if word.name and word.content]
    others = sorted(
        {
            text[word.start : word.end]
            for word in words(text)
            if word.name and word.content and word.key not in own
        }
    )
    return _put(sentence, chance.choice(names), chance.choice(others)) if names and others else None


def negated(sentence: str, _: str, chance: random.Random) -> str | None:
    """A "not" more, or less."""
    if _NOT.search(sentence):
        return _NOT.sub("", sentence, count=1)
    found = list(_AUXILIARY.finditer(sentence))
    if not found:
        return None
    end = chance.choice(found).end()
    return f"{sentence[:end]} not{sentence[end:]}"


def opposite(sentence: str, _: str, chance: random.Random) -> str | None:
    """One word becomes its opposite, of `lexicon.PAIRS`."""
    both = [*PAIRS, *((other, one) for one, other in PAIRS)]
    swaps = [(word, other) for word in words(sentence) for one, other in both if word.lower == one]
    return _put(sentence, *chance.choice(swaps)) if swaps else None


CHANGES: tuple[Change, ...] = (another_number, another_name, negated, opposite)


def _put(sentence: str, word: Word, other: str) -> str:
    return sentence[: word.start] + other + sentence[word.end :]
