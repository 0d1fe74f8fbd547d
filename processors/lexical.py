"""Lexical scoring: Okapi BM25 split in two, so that a past ranking can be computed again.

A passage's half (term frequency under a length normalisation that the index version pins) is a
sparse vector, written once. A question's half (the inverse document frequencies in force at one
index time) is another, kept in the receipt. Their inner product is the score.

Robertson, Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond, 2009; the inverse
document frequency is the one that is never negative, log(1 + (N - df + 0.5) / (df + 0.5)).
"""

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import log
from threading import local
from typing import Annotated

from msgspec import Meta, Struct
from snowballstemmer.english_stemmer import EnglishStemmer

MAX_TERM = 64
"""Characters of a term. What is longer is cut, alike in a passage and in a question."""

MAX_QUERY_TERMS = 64
"""A question is scored by its rarest terms; more would make its search slow, not better."""

MAX_DIMENSION = 2**32 - 2
"""The largest index that Milvus takes in a sparse vector."""

_FUNCTION_WORDS = """
    a an and are as at be been but by can could did do does for from had has have he her his how i
    if in into is it its of on or she should such than that the their them then there these they
    this to us was we were what when where which who whom whose why will with would you your s t
    ll re ve
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())

_MARKS = r"\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e31-\u0eff"
_TOKEN = re.compile(rf"[^\W_][\w{_MARKS}]*(?:[.\-][^\W_][\w{_MARKS}]*)*")
_VERSION = re.compile(r"^[vV](?=\d+\.)")
_JOINTS = re.compile(r"[._\-]+")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ACCENTS = re.compile(r"[\u0300-\u036f]+")
_UNSPACED = r"\u0e01-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_RUNS = re.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_HAS_UNSPACED = re.compile(rf"[{_UNSPACED}]")


class _English(local):
    """A stemmer keeps the word in hand, so each thread has its own.

    The class is named because the package's factory takes another implementation if it finds one,
    and a term must be the same everywhere.
    """

    def __init__(self) -> None:
        self.stem: Callable[[str], str] = EnglishStemmer().stemWord


_ENGLISH = _English()


class LexicalSpec(Struct, frozen=True, kw_only=True):
    """How passages are weighed; part of an index version.

    k1 and b are those that Trotman, Jia and Crane found in "Towards an efficient and effective
    search engine" (2012) and Anserini uses. For short passages they do better than 1.2 and 0.75.
    """

    k1: Annotated[float, Meta(ge=0, le=100)] = 0.9
    b: Annotated[float, Meta(ge=0, le=1)] = 0.4
    average_length: Annotated[float, Meta(ge=1, le=1_000_000)] = 80.0
    """Terms of an ordinary passage, title included. Pinned: it must not move with the index."""


def terms(text: str) -> dict[str, int]:
    """The terms of a text with their counts, in time linear in its length.

    Words are folded (case, accents), stemmed as English, and cut at `MAX_TERM`; function words
    are left out. A compound (`requests.Session`, `max_keepalive_connections`, `3.11.4`) is found
    whole, by its dotted segments and by its parts. Scripts without spaces give pairs of characters.
    """
    counts: dict[str, int] = {}
    for token in _TOKEN.findall(_fold(text)):
        for term in _terms_of(token):
            counts[term] = counts.get(term, 0) + 1
    return counts


def term_id(term: str) -> int:
    """The dimension of a term: the same for ever and everywhere, in 1 ... `MAX_DIMENSION`."""
    digest = blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "big") % MAX_DIMENSION


def passage_vector(terms: Mapping[str, int], spec: LexicalSpec) -> dict[int, float]:
    """A passage's half of BM25: dimension -> saturated frequency, at most k1 + 1 per term."""
    saturated = saturation(sum(terms.values()), spec)
    vector: dict[int, float] = {}
    for term, count in terms.items():
        dimension = term_id(term)
        vector[dimension] = vector.get(dimension, 0.0) + saturated(count)
    return vector


def saturation(length: int, spec: LexicalSpec) -> Callable[[int], float]:
    """What a term's count is worth in a passage of so many terms: at most k1 + 1."""
    dampening = spec.k1 * (1 - spec.b + spec.b * length / spec.average_length)
    return lambda count: count * (spec.k1 + 1) / (count + dampening)


def query_vector(weights: Mapping[str, float]) -> dict[int, float]:
    """A question's half of BM25: dimension -> inverse document frequency."""
    vector: dict[int, float] = {}
    for term, weight in weights.items():
        dimension = term_id(term)
        vector[dimension] = max(vector.get(dimension, 0.0), weight)
    return vector


class TermStatistics:
    """How many passages held each term, at every index time.

    Each delta must be applied exactly once. Deltas of several partitions may interleave: what
    counts at a time is the sum of the deltas at or before it, whatever order they came in.
    """

    def __init__(self) -> None:
        self._passages = array("q")
        self._terms: dict[str, array[int]] = {}

    def apply(self, index_time: int, df: Mapping[str, int], passages: int) -> None:
        """Adds the change that one index time made to each term's passages, and to all passages."""
        if passages:
            _add(self._passages, index_time, passages)
        for term, delta in df.items():
            if delta:
                _add(self._terms.setdefault(term, array("q")), index_time, delta)

    def passages(self, at: int) -> int:
        """How many passages there were at an index time."""
        return _read(self._passages, at)

    def df(self, term: str, at: int) -> int:
        """How many passages held a term at an index time."""
        history = self._terms.get(term)
        return 0 if history is None else _read(history, at)

    def weights(self, question: str, at: int) -> dict[str, float]:
        """As `weights_over` these statistics alone."""
        return weights_over([self], question, at)

    def forget(self, before: int) -> None:
        """Makes one entry of all that lies at or before an index time.

        Reads at that time and later are as before; an earlier one may miss what is forgotten.
        """
        _squash(self._passages, before)
        for term in list(self._terms):
            history = self._terms[term]
            _squash(history, before)
            if len(history) == 2 and history[1] == 0:
                del self._terms[term]


def weights_over(parts: Sequence[TermStatistics], question: str, at: int) -> dict[str, float]:
    """The inverse document frequency of each term of a question that some passage holds.

    `parts` are the statistics of passages that have none in common. At most `MAX_QUERY_TERMS`
    terms, the rarest first, ties in the order of the terms.
    """
    passages = sum(part.passages(at) for part in parts)
    asked = sorted(terms(question))
    found = ((sum(part.df(term, at) for part in parts), term) for term in asked)
    rare = sorted(pair for pair in found if pair[0] > 0)[:MAX_QUERY_TERMS]
    return {term: log(1 + (max(passages - df, 0) + 0.5) / (df + 0.5)) for df, term in rare}


def _fold(text: str) -> str:
    """Without accents and typographic variants; case stays, since it shows a name's parts."""
    if text.isascii():
        return text
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare)


def _terms_of(token: str) -> tuple[str, ...]:
    """The terms of one word or compound, each once. Only what is short is worth remembering."""
    return _remembered(token) if len(token) <= MAX_TERM else _analysed(token)


@lru_cache(maxsize=1 << 15)
def _remembered(token: str) -> tuple[str, ...]:
    return _analysed(token)


def _analysed(token: str) -> tuple[str, ...]:
    token = _VERSION.sub("", token.rstrip("_"))
    found = [term for part in _JOINTS.split(token) for term in _part_terms(part)]
    for segment in [token, *token.split(".")]:
        if len(segment) <= MAX_TERM and _JOINTS.search(segment):
            found.append(segment.casefold())
    return tuple(dict.fromkeys(found))


def _part_terms(part: str) -> list[str]:
    """The stem of a name, and of its humps where it has some; function words give nothing."""
    if _HAS_UNSPACED.search(part):
        return [pair for run in _RUNS.findall(part) for pair in _pairs(run)]
    humps = _HUMPS.split(part)
    names = humps if len(humps) == 1 else [part, *humps]
    folded = (name.casefold()[:MAX_TERM] for name in names)
    return [_ENGLISH.stem(name) for name in folded if name and name not in STOP_WORDS]


def _pairs(run: str) -> list[str]:
    """Overlapping pairs of a script without spaces; a run of any other script as its words."""
    if not _HAS_UNSPACED.match(run):
        return _part_terms(run)
    return [run[at : at + 2] for at in range(max(len(run) - 1, 1))]


def _add(history: "array[int]", index_time: int, delta: int) -> None:
    """Adds to a history: pairs of a time and the sum of all deltas up to it, flat, in order."""
    if not history or history[-2] < index_time:
        history.extend((index_time, (history[-1] if history else 0) + delta))
        return
    place = _place(history, index_time)
    if place == 0 or history[place - 2] != index_time:
        history[place:place] = array("q", (index_time, history[place - 1] if place else 0))
        place += 2
    for later in range(place - 1, len(history), 2):
        history[later] += delta


def _read(history: "array[int]", at: int) -> int:
    if history and history[-2] <= at:
        return history[-1]
    place = _place(history, at)
    return history[place - 1] if place else 0


def _place(history: "array[int]", at: int) -> int:
    """Where the pairs at or before a time end."""
    return 2 * bisect_right(range(len(history) // 2), at, key=lambda pair: history[2 * pair])


def _squash(history: "array[int]", before: int) -> None:
    place = _place(history, before)
    if place > 2:
        del history[: place - 2]
