"""How far an answer says what it should: word by word, by the measures that people know.

Where several answers are right, the one that the answer is most like counts. Marks of citation
(`[2]`) are no part of an answer here.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_CITED = re.compile(r"\s*\[[0-9]+\]")
_WORDS = re.compile(r"\w+")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ROUGES = ("rouge1", "rouge2", "rougeL")


def unmarked(answer: str) -> str:
    """An answer without its marks of citation."""
    return _CITED.sub("", answer).strip()


def normalised(text: str) -> str:
    """Small letters, without punctuation, articles and needless blanks: SQuAD's own script."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1 where it is one of them, normalised: Rajpurkar et al., SQuAD, 2016."""
    return float(normalised(answer) in map(normalised, golds))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of its words: Rajpurkar et al., 2016 and 2018.

    Two texts without words agree, a text without words and another do not.
    """
    return max(_f1(normalised(answer).split(), normalised(gold).split()) for gold in golds)


def rouge(answer: str, golds: Sequence[str]) -> dict[str, float]:
    """ROUGE-1, ROUGE-2 and ROUGE-L, F-measures with stemming: Lin, 2004, by rouge-score."""
    scored = [_rouge_scorer().score(gold, answer) for gold in golds]
    return {name: max(float(one[name].fmeasure) for one in scored) for name in _ROUGES}


def bleu(answer: str, golds: Sequence[str]) -> float:
    """BLEU of one sentence, 0 to 1: Papineni et al., 2002, by sacrebleu, exponential smoothing."""
    import sacrebleu

    return float(sacrebleu.sentence_bleu(answer, list(golds)).score) / 100


def chrf(answer: str, golds: Sequence[str]) -> float:
    """chrF2, 0 to 1: Popović, 2015, by sacrebleu."""
    import sacrebleu

    return float(sacrebleu.sentence_chrf(answer, list(golds)).score) / 100


def meteor(answer: str, golds: Sequence[str]) -> float:
    """METEOR's exact and stem stages, 0 to 1: Banerjee and Lavie, 2005, by NLTK.

    Without its third stage, synonyms, since WordNet is not at hand.
    """
    from nltk.translate.meteor_score import meteor_score

    references = [_words(gold) for gold in golds]
    return float(meteor_score(references, _words(answer), wordnet=_NoSynonyms()))


class _NoSynonyms:
    """A WordNet that knows no word."""

    def synsets(self, word: str, *_: Any) -> list[Any]:
        return []


@cache
def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(_ROUGES), use_stemmer=True)


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower())


def _f1(answer: Sequence[str], gold: Sequence[str]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    common = (Counter(answer) & Counter(gold)).total()
    return 2 * common / (len(answer) + len(gold))
