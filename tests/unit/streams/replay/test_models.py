"""The models of a replay: which of their errors are a question's own fate."""

from collections.abc import Sequence

import pytest

from processors.judge.findings import Judged
from processors.replay.replayer import Failed
from streams.clients.errors import ModelDeadline, ModelRejected, ModelUnavailable
from streams.config import Triton
from streams.replay.models import TellingJudge, TellingReader, TritonModels
from tests.doubles.reader import ScriptedGeneration, ScriptedReader


class FailingReader(ScriptedReader):
    """Fails behind its first piece."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def generate(self, *arguments: object, **more: object) -> ScriptedGeneration:  # type: ignore[override]
        """The first piece, then the error."""
        generation = super().generate("one two", max_tokens=9, timeout_s=1.0)
        return _Failing(generation, self._error)


class _Failing(ScriptedGeneration):
    def __init__(self, generation: ScriptedGeneration, error: Exception) -> None:
        super().__init__(["one"], "a prompt", generation._gate)
        self._error = error

    async def __anext__(self) -> str:
        if self._left:
            return await super().__anext__()
        raise self._error


class FailingJudge:
    """Refuses whatever it is asked."""

    async def judge(self, *_: Sequence[object]) -> Judged:
        """Refuse."""
        raise ModelRejected("too long")


@pytest.mark.parametrize(
    ("error", "told"),
    [(ModelRejected("no"), "invalid_query"), (ModelDeadline("slow"), "deadline_exceeded")],
)
async def test_what_a_worker_answers_with_is_what_a_replay_says(error: Exception, told: str):
    """It would have been the same then."""
    generation = TellingReader(FailingReader(error)).generate("p", max_tokens=9, timeout_s=1.0)
    assert await anext(generation) == "one"
    with pytest.raises(Failed) as failed:
        await anext(generation)
    assert failed.value.answered
    assert failed.value.error.type == told
    assert generation.output_tokens == 1


async def test_a_model_that_does_not_answer_stops_the_run():
    """It may answer later, so nothing is said of the question."""
    reader = TellingReader(FailingReader(ModelUnavailable("down")))
    generation = reader.generate("p", max_tokens=9, timeout_s=1.0)
    await anext(generation)
    with pytest.raises(ModelUnavailable):
        await anext(generation)


async def test_a_model_that_is_gone_is_told_of_each_question():
    """No server is asked for it."""
    models = TritonModels(Triton(), ["gone@1"])
    with pytest.raises(Failed, match="gone@1") as failed:
        await models.reader("gone@1")
    assert not failed.value.answered
    await models.close()


async def test_what_the_judge_refuses_is_left_unjudged():
    """Under the name that evaluations have for it."""
    with pytest.raises(Failed, match="model_rejected"):
        await TellingJudge(FailingJudge()).judge([], [], [])
