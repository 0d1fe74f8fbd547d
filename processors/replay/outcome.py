"""One question as one variant answered it: what a replay writes and an evaluation reads.

An outcome holds nothing that differs from one run to the next: how long things took stands beside
it, so that equal inputs give equal bytes.
"""

from typing import Annotated

from msgspec import Meta, Struct

from schemas.common import Id, IndexTime, Principal
from schemas.evaluations import Evaluation
from schemas.responses import Error, Response


class FoundPassage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A passage that the prompt had, in the order in which it had them."""

    name: str
    """`passage_id@version`."""
    doc_id: Id
    start: int
    end: int
    """Where it stands in its document's text: characters [start, end)."""
    score: float
    text: str


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a variant made of one question."""

    variant: str
    query_id: Id
    tenant: Principal
    question: str
    asked_at: IndexTime
    """When the question was admitted, or came into the log where it never was: event time."""
    as_of: IndexTime | None
    """The index time that it was read at; None where it was not read."""
    response: Response
    """Without timings. Its receipt names the variant's index version, prompt and model."""
    passages: list[FoundPassage]
    prompt_sha256: Annotated[str, Meta(max_length=64)] | None = None
    """Of exactly the text that the model was given; None where it was given none."""
    nanousd: int | None = None
    """What its tokens cost; None where nobody says what the model costs."""
    evaluation: Evaluation | None = None
    """By the judge in force, without durations; None where the run did not judge."""
    unreplayed: Error | None = None
    """Why there is no outcome where the past cannot be had any more: an expired horizon, a
    record that retention has removed, a model that is gone."""
