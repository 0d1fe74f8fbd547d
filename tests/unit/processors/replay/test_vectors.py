"""Vectors are kept once, and score the same wherever they are and whatever is asked beside them."""

import numpy as np
import pytest

from processors.replay.vectors import Vectors


def _rows(count: int, dimensions: int = 48) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, dimensions)).astype("<f4")


def test_slots_are_given_in_order_and_once() -> None:
    """Equal bytes, equal slot."""
    rows, vectors = _rows(50), Vectors(48)
    slots = [vectors.slot(row.tobytes()) for row in (*rows, *rows)]
    assert slots == [*range(50), *range(50)]
    assert len(vectors) == 50


def test_growing_keeps_what_is_there() -> None:
    """Over many times the room that there was at first."""
    rows, vectors = _rows(5000), Vectors(48)
    for row in rows:
        vectors.slot(row.tobytes())
    scores = vectors.scores(np.arange(5000), rows[7])
    assert scores == pytest.approx(rows.astype(np.float64) @ rows[7], rel=1e-6)


def test_a_score_does_not_depend_on_what_stands_beside_it() -> None:
    """To the last bit."""
    rows, vectors = _rows(300), Vectors(48)
    for row in rows:
        vectors.slot(row.tobytes())
    together = vectors.scores(np.arange(300), rows[0])
    alone = [vectors.scores(np.array([slot]), rows[0])[0] for slot in range(300)]
    backwards = vectors.scores(np.arange(300)[::-1], rows[0])[::-1]
    assert together.tolist() == alone == backwards.tolist()


def test_products_are_within_the_margin_of_scores() -> None:
    """Also for vectors that are far from length one."""
    rows, vectors = _rows(400) * np.float32(1000.0), Vectors(48)
    for row in rows:
        vectors.slot(row.tobytes())
    near = vectors.products(rows[:16])
    for query, products in zip(rows[:16], near, strict=True):
        scores = vectors.scores(np.arange(400), query)
        assert float(np.abs(products - scores).max()) <= vectors.margin(query) / 2


def test_a_vector_of_other_dimensions_is_refused() -> None:
    """It is of another index."""
    with pytest.raises(ValueError, match="broadcast"):
        Vectors(48).slot(np.zeros(47, "<f4").tobytes())
