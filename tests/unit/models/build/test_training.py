import random
from pathlib import Path

import numpy as np
import pytest

from models.build import risk
from models.build.grounding import Pair
from models.build.judge import Table, Trainer, tabulate
from models.judging.risk import MEANING
from tests.doubles.judging import vectors

NAMES = ("Ada", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Joe", "Kay", "Leo", "Mia")
VECTORS = vectors()


def pairs(part: str, count: int) -> list[Pair]:
    """Claims about who founded what; every second names another than the evidence."""
    chance = random.Random(part)
    made = []
    for at in range(count):
        founder, other, place = chance.sample(NAMES, 3)
        supported = at % 2 == 0
        claim = f"The company was founded by {founder if supported else other} in the city."
        evidence = (f"The company was founded by {founder} in the city of {place} long ago.",)
        made.append(Pair(part, claim, evidence, supported, None if supported else at % 4 == 1))
    return made


def table(*parts: str) -> Table:
    return tabulate([pair for part in parts for pair in pairs(part, 80)], VECTORS)


def test_a_set_that_is_left_out_changes_nothing(tmp_path: Path):
    """Weights without it are those of a table that never had it, byte for byte."""
    with_it, without = tmp_path / "with.json", tmp_path / "without.json"
    Trainer(table("one", "two", "three")).train("three").save(with_it)
    Trainer(table("one", "two")).train().save(without)
    assert with_it.read_bytes() == without.read_bytes()


def test_what_was_learned_holds_for_another_set():
    trainer = Trainer(table("one", "two", "three"))
    weights = trainer.train("three")
    own = trainer.table.parts == "three"
    said = weights.platt.probability(weights.odds(trainer.rows(weights.risk, own)))
    assert ((said >= weights.threshold) == trainer.table.supported[own]).mean() > 0.9


def test_a_threshold_is_chosen_on_the_named_sets_alone():
    trainer = Trainer(table("one", "two", "three"))
    weights = trainer.train("three")
    assert 0 < trainer.threshold(weights, "three", ["one"]) < 1


def test_the_word_at_fault_is_learned_from_whole_claims():
    """In each unsupported claim one word of several has the mark."""
    chance = np.random.default_rng(2)
    width = 3 + 3 * MEANING
    claims, labels = [], []
    for at in range(200):
        rows = np.zeros((5, width), np.float32)
        rows[:, 1] = chance.normal(size=5)
        rows[chance.integers(5), 0] = at % 2
        claims.append(rows)
        labels.append(at % 2 == 0)
    learned = risk.fit(claims, np.array(labels), np.ones(200))
    marked, plain = np.zeros((1, width), np.float32), np.zeros((1, width), np.float32)
    marked[0, 0] = 1
    assert learned.of_words(marked)[0] > 0.5 > 3 * learned.of_words(plain)[0]


def test_the_gradient_is_the_slope_of_the_loss():
    chance = np.random.default_rng(4)
    claims = [chance.normal(size=(4, 2 + 3 * MEANING)).astype(np.float32) for _ in range(6)]
    loss = risk._Loss(claims, np.array([1.0, 0, 1, 0, 0, 1]), np.ones(6))
    point = chance.normal(size=len(loss.start())) * 0.1
    _, gradient = loss(point)
    for at in (0, 2, 3, len(point) - 1):
        step = np.zeros(len(point))
        step[at] = 1e-2
        slope = (loss(point + step)[0] - loss(point - step)[0]) / 2e-2
        assert gradient[at] == pytest.approx(slope, rel=1e-2, abs=1e-2)
