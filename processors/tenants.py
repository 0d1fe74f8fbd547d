"""Who a tenant is: its groups, and how much its questions may ask for."""

from msgspec.structs import replace

from processors.control import Control
from processors.refusal import Refused
from schemas.control import Tenant, TenantLimits
from schemas.queries import Query
from schemas.times import InvalidTime, parse_time

GROUP = "group:"
"""What the name of a group begins with, and that of a tenant does not."""
_SECOND = 1_000_000
_LOWERED = {"top_k": 5, "max_tokens": 256}
"""What a question that does not say has; where a tenant may have less, it gets that."""


class Beyond(Refused):
    """A question asks for more than its tenant may have; `field` names what is too much."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"$.{field}: {message}")
        self.field = field
        self.message = message


def tenant_in(control: Control, name: str) -> Tenant:
    """A tenant as it is in force; one that nobody has said anything of is as good as any."""
    found = control.get(f"tenant/{name}")
    if isinstance(found, Tenant) and not found.removed:
        return found
    return Tenant(name=name, revision=1, by="freshet", why="built in", at=0)


def permitted(control: Control, query: Query, now: int) -> Query:
    """A question as its tenant may ask it; `now` in microseconds since the epoch.

    Raises:
        Refused: the tenant is suspended, or is none.
        Beyond: it asks for more than the tenant may have.
    """
    if query.tenant.startswith(GROUP):
        raise Refused("$.tenant: is the name of a group, and groups do not ask")
    tenant = tenant_in(control, query.tenant)
    if tenant.suspended:
        raise Refused("$.tenant: is suspended")
    return bounded(query, tenant.limits, now)


def bounded(query: Query, limits: TenantLimits, now: int) -> Query:
    """A question within limits: what it leaves open is lowered to them.

    Raises:
        Beyond: what it says is more than they allow.
    """
    most = limits.question_characters
    if most is not None and len(query.text) > most:
        raise Beyond("text", f"{len(query.text)} characters, and this tenant may ask {most}")
    if limits.past_s is not None and _is_before(query.as_of, now - limits.past_s * _SECOND):
        raise Beyond("as_of", f"lies more than {limits.past_s} s back, as far as this tenant sees")
    lowered = {}
    for field, usual in _LOWERED.items():
        bound, asked = getattr(limits, field), getattr(query, field)
        if bound is not None and asked > bound:
            if asked != usual:
                raise Beyond(field, f"{asked}, and this tenant may have {bound}")
            lowered[field] = bound
    return replace(query, **lowered) if lowered else query


def keeper_of(control: Control, doc_id: str) -> str | None:
    """What the ids begin with that only their tenants may write, where `doc_id` is one of them.

    Of several the longest counts.
    """
    kept = (prefix for prefix in control.view(_prefixes) if doc_id.startswith(prefix))
    return max(kept, key=len, default=None)


def _prefixes(control: Control) -> list[str]:
    return [one.prefix for one in control.of(Tenant).values() if one.prefix is not None]


def _is_before(as_of: str | int | None, moment: int) -> bool:
    try:
        time = parse_time(as_of) if isinstance(as_of, str) else as_of
    except InvalidTime:
        return False  # it is refused for that
    return time is not None and time < moment
