"""How an answer is written: its language, and how easily it reads."""

import re
from functools import cache

from msgspec import Struct
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from pyphen import Pyphen

from processors.sentences import sentences

ENGLISH = "en"
LEAST_CONFIDENCE = 0.8
LEAST_LETTERS = 12
READ = 20_000
"""Characters that are looked at."""

_UNDETERMINED = "und"
_MARKERS = re.compile(r"\[\d{1,3}\]")
_LETTERS = re.compile(r"[^\W\d_]")
_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class Prose(Struct, frozen=True, kw_only=True):
    """`language` is an ISO 639 code, None where the text does not say; `ease` is Flesch's."""

    words: int
    language: str | None
    ease: float | None


def describe(answer: str) -> Prose:
    """Words, language and reading ease of an answer, citation markers left out."""
    text = _MARKERS.sub(" ", answer[:READ])
    language = _language(text)
    ease = reading_ease(text) if language == ENGLISH else None
    return Prose(words=len(_MARKERS.sub(" ", answer).split()), language=language, ease=ease)


def reading_ease(text: str) -> float | None:
    """Flesch's reading ease of English: about 100 is a child's book, below 30 a contract.

    Source: R. Flesch, "A new readability yardstick" (1948). Syllables are counted by where the
    words could be hyphenated, which finds a few too few. None for a text without words.
    """
    found = _WORDS.findall(text)
    if not found:
        return None
    sentence_count = max(1, sum(1 for _ in sentences(text)))
    syllables = sum(len(_hyphens().positions(word)) + 1 for word in found)
    return 206.835 - 1.015 * len(found) / sentence_count - 84.6 * syllables / len(found)


def _language(text: str) -> str | None:
    if len(_LETTERS.findall(text[:200])) < LEAST_LETTERS:
        return None
    language, _ = _identifier().classify(text[:2000])
    return None if language == _UNDETERMINED else str(language)


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(
        MODEL_FILE, norm_probs=True, min_confidence=LEAST_CONFIDENCE
    )


@cache
def _hyphens() -> Pyphen:
    return Pyphen(lang="en_US")
