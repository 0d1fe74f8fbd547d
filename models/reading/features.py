"""What speaks for a sentence: words in common, and the kind of thing that is asked for."""

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_STOP_WORDS = (
    "a an and any are as at be been being but by can could did do does doing for from had has have "
    "he her him his how i if in into is it its me my not of on or our out she should so some such "
    "than that the their them then there these they this those to was we were what when where "
    "which who whom whose why will with would you your about called name named many much"
)
_STOP = frozenset(_STOP_WORDS.split())
_NUMBER = r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|million)\b"
_YEAR = r"\b1\d\d\d\b|\b20\d\d\b|\bcentur|\b(?:Jan|Febr)uary|\bMarch\b|\bApril\b|\bMay\b|\bJune\b"
_DATE = _YEAR + r"|\bJuly\b|\bAugust\b|\b(?:Sept|Nov|Dec)ember\b|\bOctober\b|\bdays?\b|\byears?\b"
_NAME = r"(?<=[a-z,;:(\"'’] )[A-Z][\w-]+|(?<=\()[A-Z]\w+|\A[A-Z][\w-]+ (?:of |de |the )?[A-Z]"
_PLACE = r"\b(?:in|at|near|from|to|of|between) (?:the )?[A-Z]\w+"
_DEFINED = r"\b(?:is|are|was|were) (?:an?|the|one|our|my)\b|\bprovides?\b"
_REASON = r"\b(?:because|due to|since|so that|in order|as a result|caused?|therefore|to \w+)\b"

_KINDS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(wanted))
    for asked, wanted in (
        (r"\bwhen\b|\b(?:what|which|in what) (?:year|date|day|month|century|decade)\b", _DATE),
        (r"\bhow (?:many|much|long|old|far|big|large|tall|fast|often)\b|\bpercent", _NUMBER),
        (r"\bwho(?:m|se)?\b", _NAME),
        (r"\bwhere\b|\b(?:what|which) (?:country|city|state|place|region|river)\b", _PLACE),
        (r"\bwhy\b", _REASON),
        (r"\A\W*what(?:['’]s| is| are) (?!the\b)[\w.'’` -]{1,30}(?<! for)\W*\Z", _DEFINED),
    )
)

_YES_OR_NO = re.compile(
    r"\W*(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should|may|must)\b",
    re.IGNORECASE,
)

Bag = frozenset[str]


def words(text: str) -> Bag:
    """Content words, lower case, cut to their stems by a rough rule."""
    return frozenset(_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP)


def rarity(bags: Sequence[Bag]) -> dict[str, float]:
    """Inverse document frequency of each word over the candidates themselves (BM25's form)."""
    counts = Counter(word for bag in bags for word in bag)
    return {
        word: math.log(1.0 + (len(bags) - count + 0.5) / (count + 0.5))
        for word, count in counts.items()
    }


def overlap(asked: Bag, given: Bag, named: Bag, weights: dict[str, float]) -> float:
    """The share (0 to 1, by rarity) of the question's words in the sentence; half for its title."""
    unseen = max(weights.values(), default=1.0)
    total = sum(weights.get(word, unseen) for word in asked)
    shares = (1.0 if word in given else 0.5 if word in named else 0.0 for word in sorted(asked))
    got = sum(
        share * weights.get(word, unseen) for share, word in zip(shares, sorted(asked), strict=True)
    )
    return got / total if total else 0.0


def cue(question: str, sentence: str) -> float:
    """1 when the sentence holds the kind of thing asked for, -1 when not, 0 when unclear."""
    for asked, wanted in _KINDS:
        if asked.search(question):
            return 1.0 if wanted.search(sentence) else -1.0
    return 0.0


def repeats(question: str, sentence: str) -> bool:
    """Whether a heading or an item says no word that is not in the question already.

    To a question that wants a yes or no that may be the answer.
    """
    return not _YES_OR_NO.match(question) and words(sentence) <= words(question)


def _stem(word: str) -> str:
    for ending in ("'s", "’s", "ing", "ies", "ied", "es", "ed", "ly", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
