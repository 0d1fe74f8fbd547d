"""What an alignment says of a claim as a whole: one row of numbers."""

import math

import numpy as np

from models.judging.align import Alignment
from models.judging.evidence import Evidence, Place
from models.judging.vectors import Floats

FEATURES = (
    *("covered", "covered_softly", "covered_anywhere", "context", "least_context"),
    *("bigrams", "trigrams", "fourgrams", "worst", "worst_two", "all_unlike", "rarest_missing"),
    *("missing", "worst_plain", "instead_least", "instead_mean", "likeness_least"),
    *("likeness_mean", "numbers_missing", "numbers_missing_share", "other_numbers", "has_number"),
    *("names_missing", "names_missing_share", "opposites", "opposites_anywhere", "prefixes"),
    *(
        "strong",
        "hedges",
        "adverbs",
        "adjectives",
        "verbs",
        "unlisted",
        "negation",
        "best_sentence",
    ),
    *("best_sentence_exact", "best_two", "negations", "negations_there", "negation_differs"),
    *("negation_only_here", "negation_new", "apart", "words", "evidence_words"),
)
MOST_MISSING = 8


def features(found: Alignment, evidence: Evidence) -> dict[str, float]:
    """The numbers named by `FEATURES`, in that order."""
    by_sentence = _by_sentence(found, evidence)
    values = {
        **_coverage(found, evidence),
        **_missing(found),
        **_kinds(found),
        **_sentences(found, by_sentence),
        **_negations(found, evidence, int(_softly(found, by_sentence).argmax())),
        "apart": float(found.column("apart").sum()),
        "words": math.log(len(found.content)),
        "evidence_words": math.log(len(evidence)),
    }
    return {name: float(values[name]) for name in FEATURES}


def best_place(found: Alignment, evidence: Evidence) -> Place:
    """The sentence that has most of the claim."""
    return evidence.sentences[int(_softly(found, _by_sentence(found, evidence)).argmax())]


def _share(found: Alignment, values: Floats) -> float:
    rarity = found.column("rarity")
    return float((rarity * values).sum() / rarity.sum())


def _coverage(found: Alignment, evidence: Evidence) -> dict[str, float]:
    return {
        "covered": _share(found, found.column("exact")),
        "covered_softly": _share(found, found.column("soft")),
        "covered_anywhere": _share(found, found.column("anywhere")),
        "context": _share(found, found.column("context")),
        "least_context": found.column("context").min(),
        "bigrams": _ngrams(found, evidence, 2),
        "trigrams": _ngrams(found, evidence, 3),
        "fourgrams": _ngrams(found, evidence, 4),
    }


def _ngrams(found: Alignment, evidence: Evidence, length: int) -> float:
    keys = [word.key for word in found.all_words]
    runs = list(zip(*(keys[at:] for at in range(length)), strict=False))
    known = evidence.ngrams(length)
    return sum(run in known for run in runs) / len(runs) if runs else 1.0


def _missing(found: Alignment) -> dict[str, float]:
    """How bad the words are that the evidence does not have."""
    missing = 1 - found.column("exact")
    rarity, anywhere = found.column("rarity"), found.column("anywhere")
    unlike = np.sort(rarity * (1 - anywhere))[::-1]
    plain = missing * (1 - found.column("number")) * (1 - found.column("name"))
    gone = missing > 0
    instead, like = found.column("instead")[gone], anywhere[gone]
    return {
        "worst": unlike[0],
        "worst_two": unlike[:2].sum(),
        "all_unlike": unlike.sum(),
        "rarest_missing": (rarity * missing).max(),
        "missing": min(missing.sum(), MOST_MISSING),
        "worst_plain": (plain * rarity * (1 - anywhere)).max(),
        "instead_least": instead.min() if gone.any() else 1.0,
        "instead_mean": instead.mean() if gone.any() else 1.0,
        "likeness_least": like.min() if gone.any() else 1.0,
        "likeness_mean": like.mean() if gone.any() else 1.0,
    }


def _kinds(found: Alignment) -> dict[str, float]:
    """How many missing words are numbers, names, opposites and so on."""
    missing = 1 - found.column("exact")
    numbers, names = found.column("number"), found.column("name")
    return {
        "numbers_missing": (numbers * missing).sum(),
        "numbers_missing_share": (numbers * missing).sum() / max(1, numbers.sum()),
        "other_numbers": found.column("other_number").sum(),
        "has_number": numbers.any(),
        "names_missing": (names * missing).sum(),
        "names_missing_share": (names * missing).sum() / max(1, names.sum()),
        "opposites": found.column("opposite").sum(),
        "opposites_anywhere": found.column("opposite_anywhere").sum(),
        "prefixes": found.column("prefix").sum(),
        "strong": found.column("strong").sum(),
        "hedges": found.column("hedge").sum(),
        "adverbs": found.column("adverb").sum(),
        "adjectives": found.column("adjective").sum(),
        "verbs": found.column("verb").sum(),
        "unlisted": (found.column("unlisted") * missing).sum(),
        "negation": _share(found, found.column("negation")),
    }


def _by_sentence(found: Alignment, evidence: Evidence) -> Floats:
    """The likest word to each of the claim's in each sentence, [k, sentences]."""
    # Words of a sentence stand together: where each begins is enough.
    starts = np.searchsorted(evidence.sentence_of, np.arange(len(evidence.sentences)))
    likest: Floats = np.maximum.reduceat(found.likeness, starts, axis=1)
    return likest


def _softly(found: Alignment, by_sentence: Floats) -> Floats:
    rarity = found.column("rarity")
    covered: Floats = rarity @ by_sentence / rarity.sum()
    return covered


def _sentences(found: Alignment, by_sentence: Floats) -> dict[str, float]:
    rarity = found.column("rarity")
    softly = _softly(found, by_sentence)
    pairs = _softly(found, np.maximum(by_sentence[:, :-1], by_sentence[:, 1:]))
    return {
        "best_sentence": softly.max(),
        "best_sentence_exact": (rarity @ (by_sentence >= 1)).max() / rarity.sum(),
        "best_two": max(softly.max(), pairs.max(initial=0)),
    }


def _negations(found: Alignment, evidence: Evidence, best: int) -> dict[str, float]:
    here = [word for word in found.all_words if word.negative]
    there = int(evidence.negative[evidence.sentence_of == best].sum())
    return {
        "negations": min(len(here), 2),
        "negations_there": min(there, 2),
        "negation_differs": bool(here) != bool(there),
        "negation_only_here": bool(here) and not there,
        "negation_new": sum(word.key not in evidence.positions for word in here),
    }
