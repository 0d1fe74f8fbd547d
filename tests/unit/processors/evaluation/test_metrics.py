"""Each figure is told of the outcomes that have it, and of no other."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from processors.evaluation.classes import classes
from processors.evaluation.gold import Gold
from processors.evaluation.metrics import measure, metric_named, metrics
from processors.evaluation.pairs import Measured
from processors.evaluation.semantic import embedding_f1
from tests.doubles.outcomes import outcome, passage


class Axes:
    """An embedder: the first word of a text is a direction of its own."""

    version = "axes@1"

    async def embed(self, texts: list[str]) -> np.ndarray:
        """A direction each."""
        words = ["pools", "they", "rain"]
        return np.stack(
            [np.eye(4, dtype=np.float32)[words.index(one.split()[0].lower())] for one in texts]
        )


def test_every_metric_is_found_by_its_name() -> None:
    """At any k; others are not there."""
    for metric in metrics((1, 5, 10)):
        assert metric_named(metric.name) == metric
    assert metric_named("recall@100") is not None
    for name in ("recall", "recall@0", "recal@5", "", "F1"):
        assert metric_named(name) is None


def test_without_a_gold_question_nothing_is_told_that_needs_one() -> None:
    """Nor without a judge, a price or a clock."""
    bare = measure(outcome(), None, None)
    assert bare == {"answered": 1, "failed": 0, "input_tokens": 100, "output_tokens": 10}
    told = measure(outcome(scores={"groundedness": 0.5, "language": 3}, nanousd=2000), None, 0.25)
    assert told == {**bare, "groundedness": 0.5, "usd": 2e-6, "latency_s": 0.25}


def test_what_a_gold_question_names_is_measured() -> None:
    """Each kind by itself."""
    right = measure(outcome(answer="Soon. [1]"), Gold(answers=["soon"]), None)
    assert right["exact_match"] == right["f1"] == right["rougeL"] == 1
    found = measure(outcome(passages=[passage("a")]), Gold(doc_ids=["a"]), None, (3,))
    assert found["recall@3"] == found["mrr"] == 1
    assert found["precision@3"] == pytest.approx(1 / 3)
    assert "f1" not in found
    assert "accuracy" not in found


def test_what_cannot_be_answered_is_best_left_unanswered() -> None:
    """As SQuAD 2.0 counts: the right answer is none; a mark of words has nothing to measure."""
    gold = Gold(label="unanswerable")
    silent = measure(outcome(status="unanswerable", answer="Not said."), gold, None)
    assert silent["exact_match"] == silent["f1"] == silent["accuracy"] == 1
    guessed = measure(outcome(), gold, None)
    assert guessed["exact_match"] == guessed["f1"] == guessed["accuracy"] == 0
    assert "rouge1" not in guessed


def test_a_label_that_is_no_status_is_what_the_answer_says() -> None:
    """So a prompt that classifies can be evaluated."""
    assert measure(outcome(answer="Billing."), Gold(label="billing"), None)["accuracy"] == 1
    assert measure(outcome(answer="Sales"), Gold(label="billing"), None)["accuracy"] == 0


def test_classes_are_counted_as_scikit_learn_counts_them() -> None:
    """A class that nothing should have has no share in the mean over classes."""
    pairs = [("red", "red"), ("red", "blue"), ("blue", "blue"), ("blue", "grey"), ("red", "red")]
    found = classes(
        Measured(outcome(answer=given), {}, Gold(label=right)) for right, given in pairs
    )
    assert found is not None
    right, given = zip(*pairs, strict=True)
    assert found.labels == ["blue", "grey", "red"]
    assert found.confusion == [[1, 1, 0], [0, 0, 0], [1, 0, 2]]
    assert found.accuracy == accuracy_score(right, given)
    expected = f1_score(right, given, labels=["blue", "red"], average="macro")
    assert found.macro_f1 == pytest.approx(expected)
    assert classes([Measured(outcome(), {}, Gold(answers=["x"]))]) is None


async def test_sentences_that_mean_the_same_are_matched() -> None:
    """The best of the right answers, whatever the order; nothing is like what is not there."""
    answers = ["They rest. Pools close.", "Rain falls.", ""]
    golds = [
        ["Rain falls.", "Pools shut. They sleep."],
        ["Pools shut. Rain pours."],
        ["Rain pours."],
    ]
    found = await embedding_f1(answers, golds, Axes())
    assert found == pytest.approx([1, 2 / 3, 0])
