"""The figures on the judge's page and its card are those that were measured."""

import hashlib
import json
import re
from typing import Any

import pytest

from streams.config import ROOT

PAGE = ROOT / "docs" / "judge.md"
CARD = ROOT / "models" / "repository" / "judge" / "CARD.md"
RESULTS = ROOT / "tests" / "bench" / "results" / "judge.json"


@pytest.fixture
def measured() -> Any:
    return json.loads(RESULTS.read_text())


def row(name: str, one: dict[str, Any]) -> str:
    """A line of the page's table."""
    low, high = one["auroc_95"]
    figures = (
        f"{one['n']}",
        f"{one['auroc']:.3f} ({low:.3f}–{high:.3f})",
        f"{one['balanced_accuracy']:.3f} (.500)",
        f"{one['supported_found']:.3f}",
        f"{one['unsupported_found']:.3f}",
        f"{one['f1']:.3f} ({one['f1_always_yes']:.3f})",
        f"{one['ece']:.3f}",
    )
    return f"| {name} | {' | '.join(figures)} |"


def test_the_table_is_what_was_measured(measured: Any):
    """Every set is in it, with every figure."""
    said = PAGE.read_text().splitlines()
    assert [row(*each) for each in measured["sets"].items() if row(*each) not in said] == []


def test_the_text_says_what_was_measured(measured: Any):
    """What is told of single sets, in words that a reader takes along."""
    said = " ".join(PAGE.read_text().split())
    sets, speeds = measured["sets"], measured["claims_per_second"]
    edits = [one for name, one in sets.items() if name.startswith("summedits")]
    found = sum(one["unsupported_found"] for one in edits) / len(edits)
    missed = 1 - sum(one["supported_found"] for one in edits) / len(edits)
    apart = sorted(one["contradiction_auroc"] for one in edits)
    errors = sorted(one["ece"] for one in sets.values())
    begin = sets["begin-held-out"]
    better = sum(one["f1_always_yes"] > one["f1"] for one in sets.values())
    assert f"its mean is {measured['summedits_balanced_accuracy']:.3f}" in said
    assert f"{speeds['one_claim_an_answer']} claims a second" in said
    assert f"{speeds['three_claims_an_answer']} when it has three" in said
    assert f"notices {found:.0%}".replace("%", " of 100") in said
    assert f"takes {missed:.0%}".replace("%", " of 100") in said
    assert f"{sets['fm2']['supported_found']:.0%}".replace("%", " of 100 supported") in said
    assert f"WiCE it finds {sets['wice']['supported_found']:.0%}".replace("%", " of 100") in said
    assert f"BEGIN {begin['unsupported_found']:.0%}".replace("%", " of 100") in said
    assert f"off by {errors[0]:.2f} to {errors[-1]:.2f}" in said
    assert f"AUROC is {apart[0]:.2f} to {apart[-1]:.2f}" in said
    assert f"{1 - begin['unmentioned_found']:.0%}".replace("%", " of 100 were called") in said
    assert f"of {begin['n']} pairs" in said
    assert f"better on {better} of these {len(sets)} sets" in said


def test_the_card_says_what_was_measured(measured: Any):
    """The figures that the card repeats."""
    said = " ".join(CARD.read_text().split())
    sets = measured["sets"]
    figures = re.findall(r"AUROC (\S+) on (\w[\w-]*)", said)
    assert figures == [
        (f"{sets[name]['auroc']:.3f}", name)
        for name in ("begin-held-out", "wice", "fever-symmetric", "fm2")
    ]
    assert f"balanced accuracy {measured['summedits_balanced_accuracy']:.3f}" in said


def test_the_figures_are_of_the_weights_that_are_served(measured: Any):
    """Whoever trains anew measures anew."""
    weights = (CARD.parent / "1" / "weights.json").read_bytes()
    assert measured["weights"]["sha256"] == hashlib.sha256(weights).hexdigest()
