from pathlib import Path

import numpy as np

from models.judging.features import FEATURES
from models.judging.judge import CONFLICTS
from models.judging.scoring import Boosted, load
from tests.doubles.judging import WEIGHTS

LEAF = -1.0


def test_trees_are_stepped_down_each_by_its_own_thresholds():
    """A value at the threshold goes left."""
    stump = [[0.0, 1.5, 1, 2, 0], [LEAF, 0, 0, 0, -1.0], [LEAF, 0, 0, 0, 1.0]]
    alone = [[LEAF, 0, 0, 0, 0.25]]
    rows = np.array([[1.0], [1.5], [2.0]])
    assert Boosted([stump, alone], 0.5).odds(rows).tolist() == [-0.25, -0.25, 1.75]


def test_weights_are_the_same_after_they_were_kept(tmp_path: Path):
    weights = load(WEIGHTS)
    weights.save(tmp_path / "weights.json")
    assert (tmp_path / "weights.json").read_bytes() == WEIGHTS.read_bytes()


def test_the_served_weights_fit_the_features():
    weights = load(WEIGHTS)
    count = len(FEATURES) + 4
    assert len(weights.linear.weights) == count
    assert len(weights.contradiction.weights) == len(CONFLICTS)
    assert all(node[0] < count for tree in weights.boosted.trees for node in tree)
    assert 0 < weights.threshold < 1


def test_the_served_weights_are_small():
    assert WEIGHTS.stat().st_size < 200_000
