"""The page about evaluations shows one that is one, and explains every score there is."""

import json
import re

from processors.judge.evaluate import UNJUDGED
from processors.monitor.observations import SCORES
from schemas.codec import decode_as
from schemas.evaluations import Evaluation
from streams.config import ROOT

PAGE = (ROOT / "docs" / "evaluations.md").read_text()
RESULTS = ROOT / "tests" / "bench" / "results" / "judging.json"


def test_the_example_is_an_evaluation():
    """As any reader of the topic would take it."""
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    evaluation = decode_as(Evaluation, example.encode())
    assert {claim.verdict for claim in evaluation.claims} == {"supported", "contradicted"}
    assert evaluation.scores[0].score == sum((0.96, 0.08)) / 2


def test_every_score_has_its_paragraph():
    """Those that are watched, and those that are not."""
    for name in (*SCORES, "groundedness_raw", "language"):
        assert re.search(rf"\*\*{name}\*\*", PAGE), name
    assert UNJUDGED in PAGE


def test_the_speed_is_the_one_that_was_measured():
    """By the committed measurement."""
    (speed,) = [
        one["figure"]
        for one in json.loads(RESULTS.read_text())["summary"]
        if one["what"].startswith("answers judged a second")
    ]
    assert f"{speed} answers a second" in PAGE
