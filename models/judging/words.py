"""Text to words: where each stands, its stem, and what it is as a number."""

import re
from functools import lru_cache
from typing import NamedTuple

MOST = 20_000
"""Words of one text that are looked at; what stands behind them is not."""

_WORD = re.compile(
    r"\d+(?:[.,:]\d+)*|[%$€£]|[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
    r"|[^\W\d_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+(?:['’][^\W\d_]+)*"
)
_ASCII_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*|[0-9]+(?:[.,:][0-9]+)*|[%$]")
"""The same where there is nothing else, which most English is; twice as fast."""
_OPENS = frozenset('.!?\n:"“')
_STOP_WORDS = (
    "a an and any are as at be been being but by can could did do does doing for from had has have "
    "he her him his how i if in into is it its me my of on or our she should so some such than "
    "that the their them then there these they this those to was we were what when where which who "
    "whom whose why will with would you your about would also just which while during s t re ve ll "
    "d m"
)
_NEGATIVE_WORDS = (
    "not no never neither nor none nobody nothing nowhere without cannot hardly barely scarcely "
    "lack lacks lacked fail fails failed refuse refuses refused deny denies denied unable against "
    "instead false untrue"
)
_STOP = frozenset(_STOP_WORDS.split())
_NEGATIONS = frozenset(_NEGATIVE_WORDS.split())
_ENDINGS = (
    *("'s", "’s", "ingly", "edly", "ings", "ing", "ies"),
    *("ied", "es", "ed", "ly", "s", "e", "y"),
)
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
_NUMERALS = {word: str(value) for value, word in enumerate(_SMALL.split())} | {
    **{"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70"},
    **{"eighty": "80", "ninety": "90", "hundred": "100", "thousand": "1000"},
    **{"million": "1000000", "billion": "1000000000", "dozen": "12", "half": "0.5"},
    **{"first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5"},
    **{"once": "1", "twice": "2"},
}


class Word(NamedTuple):
    """`text[start:end]`. `key` is what makes two words the same: the stem, or `#` and a number."""

    start: int
    end: int
    name: bool
    """Capitalised where no sentence begins."""
    lower: str
    key: str
    number: bool
    negative: bool
    """Turns round what it stands by."""
    content: bool


def words(text: str) -> list[Word]:
    """The words of a text, at most `MOST`, in order."""
    found: list[Word] = []
    last = 0
    for match in (_ASCII_WORD if text.isascii() else _WORD).finditer(text):
        start, end = match.span()
        said = text[start:end]
        # Hardly any word is capitalised: what stands in front of the others is not looked at.
        name = said[0].isupper() and bool(found) and _OPENS.isdisjoint(text[last:start])
        # What `Word(...)` does, without a call in between: half of all time goes into words.
        found.append(tuple.__new__(Word, (start, end, name, *_form(said.lower()))))
        last = end
        if len(found) == MOST:
            break
    return found


@lru_cache(maxsize=100_000)
def _form(lower: str) -> tuple[str, str, bool, bool, bool]:
    """All that a word is wherever it stands: nearly every word of a text was met before."""
    lower = lower.replace("’", "'")
    contracted = lower.endswith("n't")
    lower = lower.removesuffix("'s")
    number = _number(lower)
    key = f"#{number}" if number else stem(lower)
    negative = contracted or lower in _NEGATIONS
    return lower, key, number is not None, negative, not contracted and lower not in _STOP


def _number(lower: str) -> str | None:
    if lower[0].isdecimal():
        return lower.replace(",", "")
    return _NUMERALS.get(lower)


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A rough English stem: one ending less, and a doubled consonant made single."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            rest = word[: -len(ending)]
            doubled = len(rest) > 3 and rest[-1] == rest[-2] and rest[-1] not in "lse"
            return rest[:-1] if doubled else rest
    return word
