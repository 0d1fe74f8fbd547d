"""Bounds and entries of `usage`, and histories of them as several writers may make them."""

from itertools import accumulate
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from processors.ledger.windows import LENGTH
from schemas.usage import Bound, Charge, Price, Released, Reserved, Settled, UsageEvent

NOW = 1_767_225_000_000_000
"""Five minutes before a year begins."""
SECOND = 1_000_000
FAR = NOW + 400 * LENGTH["day"]

examples = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""As many as a busy machine makes in a second or two."""

Entry = tuple[UsageEvent, int]
"""With the time that the broker gave it."""


def charge(budget: str = "b", unit: Any = "tokens", limit: int = 100, **more: Any) -> Charge:
    """A bound; `usable` is all of it unless it is given."""
    whole = more.get("burst")
    usable = more.pop("usable", limit if whole is None else whole)
    return Charge(budget=budget, unit=unit, limit=limit, usable=usable, **more)


def pooled(bound: Charge) -> Bound:
    """The same bound as a pool."""
    return Bound(**{name: getattr(bound, name) for name in Bound.__struct_fields__})


def reserved(request_id: str = "q1", tokens: int = 10, *charges: Charge, **more: Any) -> Reserved:
    """A reservation that needs all it asks for, unless `least` is given."""
    fields = {"least": tokens, "at": NOW, "expires_at": FAR, "tenant": "acme", **more}
    return Reserved(request_id=request_id, tokens=tokens, charges=list(charges), **fields)


def settled(request_id: str = "q1", tokens: int = 10, output: int = 0, **more: Any) -> Settled:
    """An end with so many tokens in and out."""
    fields = {"tenant": "acme", "at": NOW, **more}
    return Settled(request_id=request_id, input_tokens=tokens, output_tokens=output, **fields)


def released(request_id: str = "q1", reason: Any = "failed") -> Released:
    """An end that charges nothing."""
    return Released(request_id=request_id, tenant="acme", reason=reason, at=NOW)


_PRICE = Price(input=2, output=5)
_POOL = charge("pool", limit=150, window="hour")
_BOUNDS = [
    charge("rolls", limit=100, window="minute"),
    charge("whole hours", limit=200, window="hour", calendar=True),
    charge("bursts", limit=60, window="minute", burst=90),
    charge("money", "nanousd", limit=400, window="minute"),
    charge("often", "requests", limit=5, window="minute"),
    charge("at once", "concurrent", limit=3),
    charge("pools", limit=60, window="minute", pool=pooled(_POOL)),
    charge("only shows", limit=20, window="minute", shadow=True),
    charge("kept", limit=100, window="minute", usable=60),
    charge("kept", limit=100, window="minute", usable=100),
]


_NAMES = st.integers(0, 12).map("q{}".format)
_CHARGES = st.lists(st.sampled_from(_BOUNDS), max_size=3, unique_by=lambda bound: bound.budget)


def _settled(name: str, tokens: int, output: int) -> UsageEvent:
    cost = tokens * _PRICE.input + output * _PRICE.output
    return settled(name, tokens, output, nanousd=cost)


def _reserved(
    name: str, tokens: int, bounds: list[Charge], least: int, price: Price | None
) -> UsageEvent:
    return reserved(name, tokens, *bounds, least=least, price=price)


_RESERVATIONS = st.builds(
    _reserved,
    _NAMES,
    st.integers(0, 70),
    _CHARGES,
    st.integers(0, 30),
    st.sampled_from([None, _PRICE]),
)
_ENDS = st.builds(_settled, _NAMES, st.integers(0, 20), st.integers(0, 10)) | _NAMES.map(released)
_GAPS = st.sampled_from([0, 1, SECOND // 10, SECOND, 20 * SECOND, 61 * SECOND])


def _dated(events: list[tuple[int, UsageEvent]]) -> list[Entry]:
    times = accumulate((gap for gap, _ in events), initial=NOW)
    return [(event, at) for (_, event), at in zip(events, times, strict=False)]


def histories() -> st.SearchStrategy[list[Entry]]:
    """Whatever several writers may have written: reservations, ends of every kind, any of them
    twice, late, or of nothing at all."""
    events = st.tuples(_GAPS, _RESERVATIONS | _RESERVATIONS | _ENDS)
    return st.lists(events, min_size=1, max_size=30).map(_dated)
