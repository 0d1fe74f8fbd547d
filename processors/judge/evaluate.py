"""An answer judged: its claims held against what its prompt had, and every other score.

The same object serves the live worker, a replay and a test: index, judge and clock come in through
their ports. It keeps no state but a memory of passages, which never change under their name.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from processors.index import Access
from processors.judge import claims as splitting
from processors.judge import scores
from processors.judge.findings import Judged
from processors.judge.grounded import Evidence, groundedness, groundedness_raw, made
from processors.judge.scores import Passage, Price
from processors.ports import Judge, PassageReader
from schemas.evaluations import Claim, Evaluation, Score
from schemas.responses import Receipt, Response

UNJUDGED = "answer-scores@1"
"""What gives the scores of an answer of which no claim was judged."""

_REMEMBERED = 4096
"""Passages; of some hundred words each."""
_Key = tuple[str, str]
"""Index version and `passage_id@version`: two index versions may have one name for two texts."""

Recalibrate = Callable[[str, str, Judged], Judged]
"""Query id, route and what the model said to what that means by the version in force."""


class Answered(Struct, frozen=True, kw_only=True):
    """A response, what was asked where that is known, and when it was given (microseconds)."""

    response: Response
    question: str | None
    at: int


class Evaluator:
    """Evaluates one response at a time or many at once."""

    def __init__(
        self,
        *,
        indexes: Callable[[str], PassageReader],
        judge: Judge,
        clock: Callable[[], int],
        prices: Mapping[str, Price] | None = None,
        recalibrate: Recalibrate = lambda _query, _route, judged: judged,
    ) -> None:
        self._indexes = indexes
        self._judge = judge
        self._clock = clock
        self._prices = prices or {}
        self._recalibrate = recalibrate
        self._passages: OrderedDict[_Key, Passage] = OrderedDict()

    async def prepare(self, answers: Sequence[Answered]) -> None:
        """Read the passages of a batch with as few reads as will do.

        Most of them still stood when the newest answer was given; the rest is read as of its own.
        Raises IndexUnavailable.
        """
        by_version: defaultdict[str, list[Receipt]] = defaultdict(list)
        for one in answers:
            if (receipt := one.response.receipt) is not None:
                by_version[receipt.index_version].append(receipt)
        for version, receipts in by_version.items():
            newest = max(receipt.as_of for receipt in receipts)
            names = [name for receipt in receipts for name in receipt.passages]
            await self._read(version, names, newest)
            for receipt in receipts:
                await self._read(version, receipt.passages, receipt.as_of)

    async def evaluate(self, answered: Answered) -> Evaluation:
        """Judge one answer; raises the model's and the index's errors."""
        began = self._clock()
        response = answered.response
        if (receipt := response.receipt) is not None:
            await self._read(receipt.index_version, receipt.passages, receipt.as_of)
        passages = self._had(response)
        split = splitting.split(response.answer)
        evidence = Evidence.of(passages, split.claims)
        said = await self._asked(evidence)
        judged = None if said is None else self._meant(response, said)
        claims = made(split.claims, evidence, judged)
        found = [groundedness(claims, judged)] if response.answer else []
        if judged is not None and said is not None and judged.version != said.version:
            found.append(groundedness_raw(claims, said))
        found += self._others(answered, passages, claims)
        version = UNJUDGED if judged is None else judged.version
        return self._evaluation(answered, claims, found, version, began)

    def without_judge(self, answered: Answered, error: str) -> Evaluation:
        """What can be said of an answer that the judge refuses to look at. Never raises."""
        found = [Score(name="groundedness", error=error)]
        # It may be these that fail: the answers behind this one must not wait for a mended program.
        with suppress(Exception):
            found += self._others(answered, self._had(answered.response), [])
        return self._evaluation(answered, [], found, UNJUDGED, self._clock())

    def _meant(self, response: Response, said: Judged) -> Judged:
        # A shadow's answer is compared with the one that was shown: one judge for both.
        query_id = response.shadow_of or response.query_id
        return self._recalibrate(query_id, _route(response), said)

    async def _asked(self, evidence: Evidence) -> Judged | None:
        """An answer's claims and its passages are together less than one call takes."""
        if not evidence.heard:
            return None
        texts = [one.text for one in evidence.heard]
        allowed = [one.allowed for one in evidence.heard]
        return await self._judge.judge(texts, evidence.texts, allowed)

    def _others(
        self, answered: Answered, passages: Sequence[Passage], claims: Sequence[Claim]
    ) -> list[Score]:
        used = _used(answered.response, passages, claims)
        return scores.of_response(
            answered.response, answered.question, passages, used, self._prices
        )

    def _evaluation(
        self,
        answered: Answered,
        claims: Sequence[Claim],
        found: Sequence[Score],
        judge: str,
        began: int,
    ) -> Evaluation:
        response = answered.response
        now = self._clock()
        return Evaluation(
            query_id=response.query_id,
            tenant=response.tenant,
            judge=judge,
            at=now,
            scores=list(found),
            claims=list(claims),
            labels=_labels(response),
            duration_ms=max(0, now - began) / 1000,
            answered_at=answered.at,
            question=answered.question,
            shadow_of=response.shadow_of,
        )

    def _had(self, response: Response) -> list[Passage]:
        if (receipt := response.receipt) is None:
            return []
        version = receipt.index_version
        return [
            self._passages.get((version, name)) or Passage(name, None, {})
            for name in receipt.passages
        ]

    async def _read(self, version: str, names: Sequence[str], at: int) -> None:
        """Read what is not remembered. What is found in another version stays unknown."""
        missing = dict.fromkeys(name for name in names if not self._knows((version, name)))
        if not missing:
            return
        ids = dict.fromkeys(name.rpartition("@")[0] for name in missing)
        rows = await self._indexes(version).passages(list(ids), at, Access())
        for row in rows.values():
            name = f"{row.passage_id}@{row.version}"
            if name in missing:
                self._passages[version, name] = scores.passage(name, row.text)
        while len(self._passages) > _REMEMBERED + len(missing):
            self._passages.popitem(last=False)

    def _knows(self, key: _Key) -> bool:
        if key not in self._passages:
            return False
        self._passages.move_to_end(key)
        return True


def outcome_of(evaluation: Evaluation) -> str:
    """In a word, how far an answer could be judged: all that metrics tell of it."""
    score = next((one for one in evaluation.scores if one.name == "groundedness"), None)
    if score is None:
        return "no_answer"
    if score.error is not None:
        return "not_judged"
    if score.score is None:
        return "no_claims"
    return "no_passages" if evaluation.judge == UNJUDGED else "judged"


def _used(response: Response, passages: Sequence[Passage], claims: Sequence[Claim]) -> set[int]:
    """Places of the passages that the answer cites or that support one of its claims."""
    supporting = {support.passage for claim in claims for support in claim.support}
    cited = {cited.marker - 1 for cited in response.citations}
    return {at for at, one in enumerate(passages) if at in cited or one.name in supporting}


def _labels(response: Response) -> dict[str, str]:
    """What figures are split by."""
    labels = {"status": str(response.status)}
    if route := _route(response):
        labels["route"] = route[:128]
    if (receipt := response.receipt) is not None:
        labels |= {
            "prompt": receipt.prompt[:128],
            "model": receipt.model[:128],
            "index_version": receipt.index_version[:128],
        }
    return labels


def _route(response: Response) -> str:
    """Which way it went; empty where none was chosen, as for a question that was refused."""
    if response.route is not None:
        return response.route
    return response.receipt.route if response.receipt is not None else ""
