"""Which questions go on to be answered, and under which bounds."""

from msgspec import Struct

from processors.refusal import Refused
from processors.routes import asked
from schemas.queries import AdmittedQuery, Plan, Query, Reservation
from schemas.times import InvalidTime, parse_time


class AdmissionSpec(Struct, frozen=True, kw_only=True):
    """Bounds that every question is admitted under."""

    deadline_us: int


def admit(query: Query, plan: Plan, spec: AdmissionSpec, now: int) -> AdmittedQuery:
    """Admit a question, as far as it makes sense; what it may use is the ledger's to say.

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
    return AdmittedQuery(
        query=asked(query, plan),
        reservation=Reservation(tokens=0),
        admitted_at=now,
        deadline=now + spec.deadline_us,
        plan=plan,
    )
