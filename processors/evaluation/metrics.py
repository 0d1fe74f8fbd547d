"""Every figure that an outcome is measured by: its name, which way is better, and what it says.

A figure that cannot be told of an outcome (no gold question, not judged, no price) is left out,
never guessed: the mean is over those that have it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from processors.evaluation import ranking, texts
from processors.evaluation.gold import ANSWERED, STATUSES, UNANSWERABLE, Gold
from processors.replay.outcome import Outcome

Better = Literal["more", "less"]
Family = Literal["retrieval", "answer", "label", "judge", "conduct", "cost", "latency"]

KS = (1, 5)
"""At how many passages retrieval is measured."""
EMBEDDING_F1 = "embedding_f1"
_NANO = 1e9
_AT_K = re.compile(r"(recall|precision|ndcg)@([1-9][0-9]{0,2})")


class Metric(Struct, frozen=True):
    """What a figure is called and says; all are a mean over questions."""

    name: str
    family: Family
    better: Better
    says: str


_AT: Mapping[str, tuple[str, Callable[[ranking.Ranked, int], float]]] = {
    "recall": ("the share of what is to be found that the first {k} find", ranking.recall),
    "precision": ("the share of the first {k} that find any of it", ranking.precision),
    "ndcg": ("whether what finds it stands on top, of the first {k}", ranking.ndcg),
}
_FIXED = (
    Metric("mrr", "retrieval", "more", "1 / the place of the first passage that finds any"),
    Metric("exact_match", "answer", "more", "is a right answer, normalised as SQuAD does"),
    Metric("f1", "answer", "more", "words shared with a right answer, as SQuAD counts them"),
    Metric("rouge1", "answer", "more", "words shared, stemmed"),
    Metric("rouge2", "answer", "more", "pairs of words shared, stemmed"),
    Metric("rougeL", "answer", "more", "the longest run of words shared in order, gaps allowed"),
    Metric("bleu", "answer", "more", "runs of one to four words shared, less for brevity"),
    Metric("chrf", "answer", "more", "runs of one to six characters shared"),
    Metric("meteor", "answer", "more", "words and stems shared, less where they are scattered"),
    Metric(EMBEDDING_F1, "answer", "more", "sentences that mean the same, by the embedder"),
    Metric("accuracy", "label", "more", "has the class that it should"),
    Metric("groundedness", "judge", "more", "the share of claims expected to be supported"),
    Metric("relevance", "judge", "more", "how much of the question the answer speaks of"),
    Metric("completeness", "judge", "more", "how much of what is asked the answer tells"),
    Metric("utilisation", "judge", "more", "the share of the passages that the answer uses"),
    Metric("context_precision", "judge", "more", "whether what is used stands on top"),
    Metric("answered", "conduct", "more", "questions that got an answer"),
    Metric("failed", "conduct", "less", "questions that failed for an error"),
    Metric("input_tokens", "cost", "less", "tokens read for a question"),
    Metric("output_tokens", "cost", "less", "tokens written for a question"),
    Metric("usd", "cost", "less", "dollars for a question"),
    Metric("latency_s", "latency", "less", "seconds for a question, all its steps"),
)
_JUDGED = frozenset(metric.name for metric in _FIXED if metric.family == "judge")


def metrics(ks: Sequence[int] = KS) -> list[Metric]:
    """All of them, in the order of a table."""
    at_k = [_at(name, k) for name in _AT for k in sorted(set(ks))]
    return [*at_k, *_FIXED]


def metric_named(name: str) -> Metric | None:
    """The metric of a name, with any k such as `recall@10`."""
    if found := _AT_K.fullmatch(name):
        return _at(found[1], int(found[2]))
    return next((metric for metric in _FIXED if metric.name == name), None)


def measure(
    outcome: Outcome, gold: Gold | None, taken_s: float | None, ks: Sequence[int] = KS
) -> dict[str, float]:
    """Every figure that can be told of an outcome, but `embedding_f1`, which needs a model.

    `taken_s`: how long its steps took together, in seconds.
    """
    found = dict(_conduct(outcome))
    if taken_s is not None:
        found["latency_s"] = taken_s
    if gold is not None:
        found.update(_retrieval(outcome, gold, ks))
        found.update(_answer(outcome, gold))
    if outcome.evaluation is not None:
        scores = outcome.evaluation.scores
        found.update((s.name, s.score) for s in scores if s.name in _JUDGED and s.score is not None)
    return found


def told(outcome: Outcome) -> str:
    """What it says to the question: nothing, unless it answered."""
    response = outcome.response
    return texts.unmarked(response.answer) if response.status == ANSWERED else ""


def wanted(gold: Gold) -> list[str]:
    """The right answers; one without words where none can be given."""
    return gold.answers or ([""] if gold.label == UNANSWERABLE else [])


def class_of(outcome: Outcome, gold: Gold) -> str:
    """The class that an outcome has, of the kind that the gold question's label is."""
    return outcome.response.status if gold.label in STATUSES else texts.normalised(told(outcome))


def class_wanted(gold: Gold) -> str | None:
    """The class that it should have; None where the gold question has no label."""
    if gold.label is None or gold.label in STATUSES:
        return gold.label
    return texts.normalised(gold.label)


def _at(name: str, k: int) -> Metric:
    return Metric(f"{name}@{k}", "retrieval", "more", _AT[name][0].format(k=k))


def _conduct(outcome: Outcome) -> Iterator[tuple[str, float]]:
    response = outcome.response
    yield "answered", float(response.status == ANSWERED)
    yield "failed", float(response.status == "failed")
    yield "input_tokens", float(response.usage.input_tokens)
    yield "output_tokens", float(response.usage.output_tokens)
    if outcome.nanousd is not None:
        yield "usd", outcome.nanousd / _NANO


def _retrieval(outcome: Outcome, gold: Gold, ks: Sequence[int]) -> Iterator[tuple[str, float]]:
    found = ranking.ranked(outcome.passages, gold)
    if found is None:
        return
    for name, (_, figure) in _AT.items():
        yield from ((f"{name}@{k}", figure(found, k)) for k in ks)
    yield "mrr", ranking.reciprocal_rank(found)


def _answer(outcome: Outcome, gold: Gold) -> Iterator[tuple[str, float]]:
    if (label := class_wanted(gold)) is not None:
        yield "accuracy", float(class_of(outcome, gold) == label)
    answer, right = told(outcome), wanted(gold)
    if not right:
        return
    yield "exact_match", texts.exact_match(answer, right)
    yield "f1", texts.token_f1(answer, right)
    if any(map(texts.normalised, right)):
        yield from texts.rouge(answer, right).items()
        yield "bleu", texts.bleu(answer, right)
        yield "chrf", texts.chrf(answer, right)
        yield "meteor", texts.meteor(answer, right)
