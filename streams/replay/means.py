"""What past answers are given again by: what is at hand, and what is still known of each."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from processors.control import Control
from processors.ports import Embedder, Reader
from processors.replay.again import Known
from processors.replay.plans import asked_as, plan_from
from processors.replay.reproduction import Difference, What, Why
from processors.tokens import Tokenizer
from processors.version import IndexSpec, spec_of
from schemas.control import IndexVersion, PromptVersion
from schemas.queries import Query
from schemas.responses import Receipt
from streams.errors import ConfigError
from streams.replay.answered import Answered
from streams.replay.states import Opened


class Means(Struct, frozen=True, kw_only=True):
    """What is at hand."""

    control: Control
    opened: Opened
    horizon: int
    """Index time before which the states that `opened` opens are gone; 0 where none is."""
    embedder: Callable[[IndexSpec], Embedder]
    """Raises ConfigError where no model is there for a spec."""
    reader: Callable[[str], Awaitable[Reader]] | None
    """Gives the model of a plan; None: no model is asked. Raises ModelError."""
    usual_model: str
    tokenizer: Tokenizer
    clock: Callable[[], int]
    timeout_s: float
    in_flight: int = 8
    """Questions that the models have in hand."""


class Gone(Exception):
    """Why an answer cannot be given again."""

    def __init__(self, what: What, why: Why, message: str) -> None:
        super().__init__(message)
        self.difference = Difference(what=what, why=why, message=message)


def known_of(answered: Answered, means: Means) -> Known:
    """What is known of an answer that was retrieved for. Raises Gone."""
    receipt, query = receipt_of(answered), query_of(answered)
    if query is None:
        raise Gone(
            "question",
            "question_gone",
            "the question is in neither `queries.admitted` nor `queries` any more: both are "
            "kept for no longer than `limits.horizon_ms`",
        )
    if receipt.as_of < means.horizon:
        message = "Milvus has dropped what only so early a read can see; `--from log` has it"
        raise Gone("index", "horizon", message)
    prompt = means.control.all(PromptVersion).get(receipt.prompt)
    if prompt is None:
        raise Gone("input", "prompt_gone", f"`control` has no prompt {receipt.prompt}")
    admitted = answered.admitted
    plan = None if admitted is None else admitted.plan
    if plan is None:
        plan = plan_from(receipt, means.control, query, means.usual_model)
    tokens = None if admitted is None else admitted.reservation.tokens
    return Known(query=query, plan=plan, prompt=prompt, tokens=tokens)


def query_of(answered: Answered) -> Query | None:
    """The question as it was admitted, else as it was asked; None where it is gone."""
    if answered.admitted is not None:
        return answered.admitted.query
    return None if answered.query is None else asked_as(answered.query, answered.response)


def receipt_of(answered: Answered) -> Receipt:
    """Of an answer that was retrieved for."""
    assert answered.response.receipt is not None, "answers without retrieval are told before"
    return answered.response.receipt


def spec_in(control: Control, name: str) -> IndexSpec:
    """An index version's spec. Raises Gone."""
    version = control.all(IndexVersion).get(name)
    if version is None:
        raise Gone("index", "index_version_gone", f"`control` has no index version {name}")
    return spec_of(version)


def embedder_of(spec: IndexSpec, means: Means) -> Embedder:
    """The embedder of a spec. Raises Gone."""
    try:
        return means.embedder(spec)
    except ConfigError as error:
        raise Gone("index", "embedder_gone", str(error)) from None
