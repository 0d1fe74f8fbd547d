"""A claim laid beside its evidence: for each of its words, where it stands there and what is off.

Each content word of the claim is placed where a word like it stands among words like its
neighbours. A word that is nowhere in the evidence is looked for in the place where its neighbours
are: what stands there instead may be a synonym, an opposite, another name or another number. This
is the monolingual alignment of Sultan, Bethard and Sumner (TACL 2014), "Back to Basics", with
vectors of single words in place of their paraphrase database, and without their parser.
"""

from dataclasses import dataclass

import numpy as np

from models.judging.evidence import Evidence, Mask, within
from models.judging.lexicon import HEDGES, OPPOSING_PREFIXES, OPPOSITES, STRONG
from models.judging.vectors import UNKNOWN, Floats, Ids, WordVectors
from models.judging.words import Word, words

MOST_WORDS = 150
"""Content words of a claim that are laid beside the evidence."""
NEIGHBOURS = 4
"""Content words on either side of a word that should stand near it in the evidence too."""
NEAR = 8
"""How near, in words of the evidence."""
LIKE = 0.6
CONTEXT = 0.8
AROUND = 10
APART = 12

COLUMNS = (
    *("exact", "soft", "anywhere", "context", "gap", "rarity", "number", "name", "unlisted"),
    *("opposite", "opposite_anywhere", "prefix", "strong", "hedge", "negation", "other_number"),
    *("adverb", "adjective", "verb", "instead", "apart"),
)
AT = {name: column for column, name in enumerate(COLUMNS)}

_ADJECTIVE = ("ive", "al", "ous", "ful", "able", "ible", "ic", "less", "ary")
_VERB = ("ed", "ing", "es")


@dataclass(frozen=True)
class Alignment:
    """A claim's k content words beside n words of evidence.

    `table` is float32 [k, 21], its columns named by `COLUMNS`; `likeness` [k, n] is 1 for the same
    word and the cosine for others; `ids`, `best_ids` and `instead_ids` [k] are rows of the word
    vectors: of the word, of the likest one in the evidence, and of the likest one in its place.
    """

    all_words: list[Word]
    content: list[Word]
    table: Floats
    likeness: Floats
    ids: Ids
    best_ids: Ids
    instead_ids: Ids

    def column(self, name: str) -> Floats:
        """One column of the table, [k]."""
        found: Floats = self.table[:, AT[name]]
        return found


def align(claim: str, evidence: Evidence, vectors: WordVectors) -> Alignment | None:
    """Lay a claim beside evidence; None when either has no word that could be compared."""
    said = words(claim)
    places = [at for at, word in enumerate(said) if word.content][:MOST_WORDS]
    if not places or not len(evidence):
        return None
    content = [said[at] for at in places]
    return _Aligner(said, places, content, evidence, vectors).align()


class _Aligner:
    def __init__(
        self,
        said: list[Word],
        places: list[int],
        content: list[Word],
        evidence: Evidence,
        vectors: WordVectors,
    ) -> None:
        self._said, self._places, self._content = said, places, content
        self._evidence = evidence
        self._ids = vectors.ids(content)
        self._rarity = np.array([vectors.rarity(word) for word in content], np.float32)
        self._same = _same(content, evidence)
        self._cosine = self._cosines(vectors)
        self._likeness = np.maximum(self._same, np.clip(self._cosine, 0, 0.99))
        self._context = self._contexts()
        self._used: Mask = self._same.any(axis=0)
        self._table = np.zeros((len(content), len(COLUMNS)), np.float32)
        self._instead = np.full(len(content), UNKNOWN, np.int64)

    def align(self) -> Alignment:
        rows = np.arange(len(self._content))
        best = (self._likeness + CONTEXT * self._context).argmax(axis=1)
        exact = self._same.max(axis=1)
        context = self._context[rows, best]
        self._put("exact", exact)
        self._put("soft", self._likeness[rows, best])
        self._put("anywhere", self._likeness.max(axis=1))
        self._put("context", context)
        self._put("gap", self._context.max(axis=1) - context)
        self._put("rarity", self._rarity)
        self._put("number", [word.number for word in self._content])
        self._put("name", [word.name for word in self._content])
        self._put("unlisted", (self._ids == UNKNOWN) & ~self._numbers())
        self._put("negation", self._negations(best) & (self._likeness[rows, best] > 0.5))
        self._put("apart", self._apart(exact))
        for row in np.flatnonzero(exact == 0):
            self._look_around(int(row), int(self._context[row].argmax()))
        likest = np.where(self._same > 0, -1, self._cosine).argmax(axis=1)
        return Alignment(
            all_words=self._said,
            content=self._content,
            table=self._table,
            likeness=self._likeness,
            ids=self._ids,
            best_ids=self._evidence.ids[likest],
            instead_ids=self._instead,
        )

    def _put(self, name: str, values: object) -> None:
        self._table[:, AT[name]] = values

    def _numbers(self) -> Mask:
        return np.array([word.number for word in self._content], bool)

    def _cosines(self, vectors: WordVectors) -> Floats:
        cosine = self._evidence.likeness(vectors.vectors[self._ids])
        # A number is like no word, and one number like another says nothing.
        cosine[self._numbers()] *= self._evidence.numbers
        return cosine

    def _contexts(self) -> Floats:
        """How much of a word's neighbours stands near each word of the evidence, [k, n], 0 to 1."""
        near = np.minimum(within(np.where(self._likeness > LIKE, self._likeness, 0), NEAR, NEAR), 1)
        at = np.arange(len(self._content))
        apart = np.abs(at[:, None] - at[None])
        weights = np.where((apart > 0) & (apart <= NEIGHBOURS), self._rarity / (1 + 0.3 * apart), 0)
        weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-6)
        contexts: Floats = weights.astype(np.float32) @ near
        return contexts

    def _negations(self, best: Ids) -> Mask:
        """Where a negation stands near a word in the claim or near its place, but not both."""
        near = np.array(
            [
                any(word.negative for word in self._said[max(0, at - 4) : at + 2])
                for at in self._places
            ],
            bool,
        )
        different: Mask = near != self._evidence.negated[best]
        return different

    def _apart(self, exact: Floats) -> Floats:
        """Neighbours in the claim that stand far from each other in the evidence, wherever."""
        far = np.zeros(len(self._content), np.float32)
        positions = [self._evidence.positions.get(word.key) for word in self._content]
        for row in np.flatnonzero((exact[:-1] > 0) & (exact[1:] > 0)):
            one, other = positions[row], positions[row + 1]
            if one and other:
                far[row] = np.abs(np.subtract.outer(one, other)).min() > APART
        return far

    def _look_around(self, row: int, place: int) -> None:
        """What speaks for and against a word that the evidence does not have."""
        word, evidence, table = self._content[row], self._evidence, self._table[row]
        first = max(0, place - AROUND)
        window = slice(first, place + AROUND + 1)
        free = first + np.flatnonzero(evidence.content[window] & ~self._used[window])
        opposites = OPPOSITES.get(word.key, frozenset())
        if opposites:
            table[AT["opposite"]] = any(evidence.keys[at] in opposites for at in free)
            table[AT["opposite_anywhere"]] = any(one in evidence.positions for one in opposites)
        table[AT["prefix"]] = _differs_by_prefix(word.lower, evidence)
        table[AT["strong"]] = word.lower in STRONG
        table[AT["hedge"]] = word.lower in HEDGES
        table[AT["other_number"]] = word.number and bool(evidence.numbers[free].any())
        table[AT["adverb"]] = word.lower.endswith("ly")
        table[AT["adjective"]] = word.lower.endswith(_ADJECTIVE)
        table[AT["verb"]] = word.lower.endswith(_VERB)
        if len(free):
            likest = free[self._cosine[row, free].argmax()]
            table[AT["instead"]] = self._cosine[row, likest]
            self._instead[row] = evidence.ids[likest]


def _same(content: list[Word], evidence: Evidence) -> Floats:
    same = np.zeros((len(content), len(evidence)), np.float32)
    for row, word in enumerate(content):
        same[row, evidence.positions.get(word.key, [])] = 1
    return same


def _differs_by_prefix(lower: str, evidence: Evidence) -> bool:
    """Whether the evidence has "connect" where the claim has "disconnect", or the reverse."""
    return any(
        prefix + lower in evidence.forms
        or (lower.startswith(prefix) and len(lower) > 6 and lower[len(prefix) :] in evidence.forms)
        for prefix in OPPOSING_PREFIXES
    )
