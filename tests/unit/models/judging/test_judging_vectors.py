from pathlib import Path

import numpy as np
import pytest

from models.judging.vectors import FILE, FOLDER, UNKNOWN, WordVectors
from models.judging.words import words
from tests.doubles.judging import vectors


def test_a_word_is_found_by_its_stem_too():
    known = vectors()
    assert known.ids(words("buying purchase")).tolist() == known.ids(words("buy purchase")).tolist()


def test_a_word_that_is_not_listed_is_like_nothing():
    known = vectors()
    assert known.ids(words("xylograph")).tolist() == [UNKNOWN]
    assert not known.vectors[UNKNOWN].any()


def test_common_words_weigh_less():
    known = vectors()
    common, rare, unlisted = words("the library xylograph")
    assert known.rarity(common) < known.rarity(rare) < known.rarity(unlisted) == 1


def test_vectors_are_read_as_they_were_kept(tmp_path: Path):
    (tmp_path / FOLDER).mkdir()
    np.savez(tmp_path / FOLDER / FILE, words=np.array("ada\nbob"), vectors=np.eye(2, 128))
    assert WordVectors.load(tmp_path).ids(words("Bob Ada")).tolist() == [1, 0]


def test_missing_vectors_are_an_error(tmp_path: Path):
    with pytest.raises(OSError, match=FILE):
        WordVectors.load(tmp_path)
