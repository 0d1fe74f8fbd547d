"""Every response has one evaluation, and what that rests on was there: partition by partition."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from processors.assemble import Assembled
from processors.judge.place import name_of, place_in
from processors.verify.report import Fault
from schemas.evaluations import Evaluation
from schemas.responses import Response


class Span(NamedTuple):
    """What a partition holds: the first offset, and the one after the last."""

    first: int
    end: int


class PassageLengths:
    """A fold of `index.changes`: how many characters each `passage@version` has.

    By index version, for two of them may have one name for two texts.
    """

    def __init__(self) -> None:
        self._lengths: dict[tuple[str, str], int] = {}

    def add(self, step: Assembled) -> None:
        """Take the next step of one partition."""
        for part in step.parts:
            for gained in part.passages_gained:
                name = f"{gained.passage_id}@{part.index_time}"
                self._lengths[part.index_version, name] = len(gained.text)

    def get(self, index_version: str, name: str) -> int | None:
        """None of a passage that the log no longer has."""
        return self._lengths.get((index_version, name))


class _Answer(NamedTuple):
    query_id: str
    length: int
    index_version: str
    passages: tuple[str, ...]


class PartitionOfEvaluations:
    """One partition: first its responses, then its evaluations, then `compare`.

    `done` is the offset up to which the judge has said that it is done, -1 for nothing. What it
    has not come to is `waiting`, and no fault.
    """

    def __init__(
        self,
        partition: int,
        responses: Span,
        evaluations: Span,
        done: int,
        lengths: PassageLengths,
    ) -> None:
        self._partition = partition
        self._span = responses
        self._is_cut = evaluations.first > 0
        """Whether retention has removed evaluations."""
        self._done = done
        self._lengths = lengths
        self._answers: dict[int, _Answer] = {}
        self._found: Counter[int] = Counter()
        self._first: int | None = None
        self.faults: list[Fault] = []
        self.waiting = 0

    def add_response(self, offset: int, response: Response) -> None:
        """Take a response that can be read; of one that cannot there is no evaluation."""
        receipt = response.receipt
        answer = _Answer(
            response.query_id,
            len(response.answer),
            "" if receipt is None else receipt.index_version,
            () if receipt is None else tuple(receipt.passages),
        )
        self._answers[offset] = answer

    def add_evaluation(self, offset: int, name: str, evaluation: Evaluation | None) -> None:
        """Take an evaluation of ours by its `ce_id`; None is one that cannot be read."""
        place = f"evaluations/{self._partition}@{offset}"
        of = _offset_of(name, self._partition)
        if of is None:
            self._fault(place, f"{name!r} names no response of its partition")
            return
        self._first = of if self._first is None else self._first
        self._found[of] += 1
        answer = self._answers.get(of)
        if evaluation is None:
            self._fault(place, "it cannot be read")
        elif answer is not None:
            self._check(place, evaluation, answer)
        elif self._span.first <= of < self._span.end:
            self.faults.append(Fault("left_over", place, f"{name} is no response"))

    def compare(self) -> Iterator[Fault]:
        """All faults. An evaluation of a response that retention has removed is none."""
        yield from self.faults
        last = max([self._done, *self._found])
        # Evaluations are in the order of the responses, so those that retention has removed are
        # of responses before the first that is left.
        since = self._first if self._is_cut else 0
        for offset in self._answers:
            count = self._found[offset]
            place = name_of(self._partition, offset)
            if count > 1:
                yield Fault("doubled", place, f"{count} evaluations")
            elif count == 0 and offset > last:
                self.waiting += 1
            elif count == 0 and since is not None and offset >= since:
                yield Fault("missing", place, "it was not evaluated")

    def _check(self, place: str, evaluation: Evaluation, answer: _Answer) -> None:
        if evaluation.query_id != answer.query_id:
            self._fault(place, "it is of another question than its response")
            return
        for number, claim in enumerate(evaluation.claims):
            what = f"{place} claim {number}"
            if not 0 <= claim.start < claim.end <= answer.length:
                self._fault(what, f"[{claim.start}, {claim.end}) is not in its answer")
            for support in claim.support:
                length = self._lengths.get(answer.index_version, support.passage)
                if support.passage not in answer.passages:
                    self._fault(what, f"{support.passage} is not in the receipt")
                elif support.end <= support.start or (length is not None and support.end > length):
                    self._fault(what, f"[{support.start}, {support.end}) of {support.passage}")

    def _fault(self, what: str, message: str) -> None:
        self.faults.append(Fault("different", what, message))


def told_once(topic: str, names: Mapping[str, int]) -> Iterator[Fault]:
    """Faults of events that were told more than once, by how often each name was found."""
    for name, count in names.items():
        if count > 1:
            yield Fault("doubled", f"{topic} {name}", f"{count} events")


def _offset_of(name: str, partition: int) -> int | None:
    place = place_in(name)
    return place[1] if place is not None and place[0] == partition else None
