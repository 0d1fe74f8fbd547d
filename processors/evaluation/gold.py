"""What a good answer to a question is: from curated questions, from live traffic, from people.

A gold question is matched with a run's by its id, else by its text, where blanks and capitals do
not count.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from processors.evaluation.texts import unmarked
from processors.feedback.dataset import LabelledAnswer
from processors.replay.outcome import Outcome
from schemas.responses import Status

STATUSES = frozenset(Status.__args__)  # type: ignore[attr-defined]
ANSWERED, UNANSWERABLE = "answered", "unanswerable"


class GoldSpan(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an answer stands: characters [start, end) of a document's text."""

    doc_id: str
    start: int
    end: int


class Gold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One question. What is empty is not known, and no metric that needs it is told."""

    query_id: str | None = None
    question: str | None = None
    """One of the two must be there."""
    answers: list[str] = []
    """Each of them right by itself."""
    doc_ids: list[str] = []
    """The documents that answer it."""
    spans: list[GoldSpan] = []
    passages: list[str] = []
    """`passage_id`, or `passage_id@version`."""
    label: str | None = None
    """A class: a status such as `unanswerable`, else what the answer must say."""
    topic: str | None = None
    """To slice by."""


class InvalidGold(ValueError):
    """A file of gold questions that cannot be used; says the line and what is wrong with it."""


class Golds:
    """Gold questions by id and by text."""

    def __init__(self, golds: Iterable[Gold]) -> None:
        """Raises InvalidGold for two of one id or one text."""
        self._by_id: dict[str, Gold] = {}
        self._by_text: dict[str, Gold] = {}
        for gold in golds:
            if gold.query_id is not None:
                _put(self._by_id, gold.query_id, gold)
            elif gold.question is not None:
                _put(self._by_text, _plain(gold.question), gold)

    def __len__(self) -> int:
        return len(self._by_id) + len(self._by_text)

    def of(self, outcome: Outcome) -> Gold | None:
        """The gold question that an outcome is held against."""
        by_text = self._by_text.get(_plain(outcome.question))
        return self._by_id.get(outcome.query_id, by_text)


def parse(lines: Iterable[bytes]) -> list[Gold]:
    """Gold questions, one in each line of JSON; empty lines are skipped. Raises InvalidGold."""
    found = []
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            gold = msgspec.json.decode(text, type=Gold)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidGold(f"line {number}: {error}") from None
        if why := _fault(gold):
            raise InvalidGold(f"line {number}: {why}")
        found.append(gold)
    return found


def gold_of_outcome(outcome: Outcome) -> Gold | None:
    """The answer that was given as the reference, with what it cites; None where it failed.

    So the metrics tell how far another variant agrees with this one, not who is right.
    """
    status = outcome.response.status
    if outcome.unreplayed is not None or status not in (ANSWERED, UNANSWERABLE):
        return None
    cited = outcome.response.citations
    return Gold(
        query_id=outcome.query_id,
        answers=[unmarked(outcome.response.answer)] if status == ANSWERED else [],
        spans=[GoldSpan(one.doc_id, one.start, one.end) for one in cited],
        label=status,
    )


def gold_of_labelled(row: LabelledAnswer) -> Gold | None:
    """What people say is right: their correction, else an answer that they call grounded.

    None where they have said neither.
    """
    if row.correction is not None:
        return Gold(query_id=row.query_id, answers=[row.correction], label=ANSWERED)
    if not row.grounded or row.status != ANSWERED or not row.answer:
        return None
    return Gold(
        query_id=row.query_id,
        answers=[unmarked(row.answer)],
        passages=sorted(set(row.cited)),
        label=ANSWERED,
    )


def _fault(gold: Gold) -> str | None:
    if not gold.query_id and not gold.question:
        return "neither query_id nor question"
    if any(span.start < 0 or span.end <= span.start for span in gold.spans):
        return "a span must begin at 0 or later, and end after it begins"
    if not (gold.answers or gold.doc_ids or gold.spans or gold.passages or gold.label):
        return "none of answers, doc_ids, spans, passages and label"
    return None


def _put(golds: dict[str, Gold], key: str, gold: Gold) -> None:
    if key in golds:
        raise InvalidGold(f"two gold questions of one id or one text: {key[:80]}")
    golds[key] = gold


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
