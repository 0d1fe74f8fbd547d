"""Variants in files: YAML, a prompt beside it, and what is wrong with either."""

from pathlib import Path

import pytest

from processors.replay.variant import LIVE, Variant
from streams.config import ROOT
from streams.replay.variantfile import MAX_BYTES, BadVariant, load


def written(folder: Path, text: str, name: str = "some.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_live_needs_no_file() -> None:
    """It is what every run compares with."""
    assert load(LIVE) == Variant(name=LIVE)


def test_a_file_names_the_variant_unless_it_says_another_name(tmp_path: Path) -> None:
    """An empty one changes nothing."""
    assert load(written(tmp_path, "")) == Variant(name="some")
    assert load(written(tmp_path, "name: other\ntop_k: 3")) == Variant(name="other", top_k=3)


def test_a_prompt_may_stand_beside_it(tmp_path: Path) -> None:
    """Without the line end that editors put behind the last line."""
    written(tmp_path, "{{passages}}\n{{question}}\n", "p.txt")
    variant = load(written(tmp_path, "prompt_file: p.txt"))
    assert variant.template == "{{passages}}\n{{question}}"


@pytest.mark.parametrize(
    "text", ["[1]", "a: [", "top_k: many", "promt: answer@1", "prompt_file: gone.txt", "\x00"]
)
def test_what_is_no_variant_is_refused(tmp_path: Path, text: str) -> None:
    """With the file's name."""
    with pytest.raises(BadVariant, match=r"some\.yaml|gone\.txt"):
        load(written(tmp_path, text))


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    """Before it is read."""
    with pytest.raises(BadVariant, match="cannot be read"):
        load(str(tmp_path / "gone.yaml"))
    with pytest.raises(BadVariant, match="larger"):
        load(written(tmp_path, "#" * (MAX_BYTES + 1)))


@pytest.mark.parametrize("path", sorted((ROOT / "docs/variants").glob("*.yaml")), ids=str)
def test_the_examples_of_the_documentation_are_variants(path: Path) -> None:
    """Each changes something."""
    assert load(str(path)) != Variant(name=path.stem)
