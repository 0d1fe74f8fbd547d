"""Which questions go on to be answered, and under which bounds."""

from msgspec import Struct

from processors.refusal import Refused
from processors.routes import asked
from schemas.queries import AdmittedQuery, Plan, Query, Reservation
from schemas.times import InvalidTime, parse_time

TOKENS_PER_PASSAGE = 220
"""About 650 characters, with its title."""


class AdmissionSpec(Struct, frozen=True, kw_only=True):
    """Bounds that every question is admitted under."""

    deadline_us: int


def admit(query: Query, plan: Plan, spec: AdmissionSpec, now: int) -> AdmittedQuery:
    """Admit a question with its reservation: an upper estimate of the tokens that it will take.

    Raises:
        Refused: the question makes no sense as it stands.
    """
    if not query.text.strip():
        raise Refused("$.text: is blank")
    if isinstance(query.as_of, str):
        try:
            parse_time(query.as_of)
        except InvalidTime as error:
            raise Refused(f"$.as_of: {error}") from None
    passages = plan.top_k or query.top_k
    tokens = len(query.text) // 2 + passages * TOKENS_PER_PASSAGE + query.max_tokens
    return AdmittedQuery(
        query=asked(query, plan),
        reservation=Reservation(tokens=tokens),
        admitted_at=now,
        deadline=now + spec.deadline_us,
        plan=plan,
    )
