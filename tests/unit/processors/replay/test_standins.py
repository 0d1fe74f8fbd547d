"""What stands in for the models where the past is answered again."""

from hashlib import sha256

import numpy as np
import pytest

from processors.replay.standins import KnownVectors, Unasked, Witness, prompt_sha256
from tests.doubles.reader import ScriptedReader


async def test_a_reader_that_is_not_asked_says_nothing():
    """No piece, no token; stopping it is allowed."""
    generation = Unasked("reader@1").generate("p", max_tokens=9, timeout_s=1.0)
    assert [piece async for piece in generation] == []
    assert (generation.input_tokens, generation.output_tokens) == (0, 0)
    await generation.aclose()


async def test_questions_have_the_vectors_that_were_made_for_them():
    """One that nobody embedded is a fault of the run's."""
    one, other = np.ones(3, np.float32), np.zeros(3, np.float32)
    embedder = KnownVectors("e@1", {"one": one, "other": other})
    assert (await embedder.embed(["other", "one"])).tolist() == [[0, 0, 0], [1, 1, 1]]
    with pytest.raises(KeyError):
        await embedder.embed(["third"])


async def test_a_witness_keeps_the_prompt_and_changes_nothing():
    """Under the reader's own name; it has kept nothing before anything is asked."""
    reader = ScriptedReader()
    witness = Witness(reader)
    assert (witness.version, witness.prompt) == (reader.version, None)
    heard = [piece async for piece in witness.generate("why?", max_tokens=9, timeout_s=1.0)]
    asked = ScriptedReader().generate("why?", max_tokens=9, timeout_s=1.0)
    assert heard == [piece async for piece in asked]
    assert witness.prompt == "why?"


def test_a_prompt_is_told_by_the_bytes_of_its_text():
    """Lone surrogates, which JSON lets through, have bytes, too."""
    assert prompt_sha256("é") == sha256("é".encode()).hexdigest()
    assert prompt_sha256("\ud800") != prompt_sha256("\ud801")
