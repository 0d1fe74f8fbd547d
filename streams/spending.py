"""What is used of what may be used, read from the log."""

from msgspec import Struct

from processors.control import Control
from processors.forecast import Forecast, of_bound
from processors.ledger.accounts import Key, key_of
from processors.ledger.ledger import Standing
from processors.ledger.standings import in_force
from processors.spending import Spending
from schemas.control import Budget
from schemas.usage import Bound, Charge, Unit, WindowName
from streams.clients.kafka import LogClient
from streams.views.ledger import PARTITION, TOPIC, read


class Line(Struct, frozen=True, kw_only=True):
    """A bound, or what is apart of it for one of many, as it stands."""

    budget: str
    bucket: str
    """Whose part it is; of a budget that is apart for each of many, and of which nobody has used
    any, it is empty."""
    unit: Unit
    limit: int
    window: WindowName | None
    """None of a `concurrent` one."""
    calendar: bool
    burst: int | None
    shadow: bool
    would_refuse: int
    """How many requests it would have refused, in shadow mode."""
    used: int
    held: int
    remaining: int
    empty_at: int
    """When (µs) nothing that was used counts any more."""
    forecast: Forecast | None = None


async def read_spending(log: LogClient) -> Spending:
    """All that was ever reserved, settled and released."""
    spending = Spending()
    async for record in log.read(TOPIC, partitions=[PARTITION]):
        if (event := read(record)) is not None:
            spending.observe(event, record.timestamp_ms * 1000)
    return spending


def standings(control: Control, spending: Spending, now: int) -> list[Line]:
    """Every bound in force at a moment (µs), with its forecast."""
    now = max(now, spending.ledger.now)
    found = in_force(control, spending.ledger.accounts)
    return [_line(charge, spending, now) for charge in found]


def concerns(line: Line, control: Control, name: str | None, tenant: str | None) -> bool:
    """Whether a line is of a budget of this name, and of this tenant."""
    if name not in (None, line.budget):
        return False
    if tenant is None:
        return True
    budget = control.of(Budget).get(line.budget)
    if budget is None:
        return line.budget.startswith(f"{tenant}:")
    whose = line.bucket.partition(" ")[0]
    return budget.tenant in (None, tenant) and whose in ("", tenant)


def _line(charge: Charge, spending: Spending, now: int) -> Line:
    standing = spending.ledger.standing(charge, now)
    return Line(
        budget=charge.budget,
        bucket=charge.bucket,
        unit=charge.unit,
        limit=charge.limit,
        window=None if charge.unit == "concurrent" else charge.window,
        calendar=charge.calendar,
        burst=charge.burst,
        shadow=charge.shadow,
        would_refuse=spending.ledger.would_refuse[charge.budget],
        used=standing.used,
        held=standing.held,
        remaining=standing.remaining,
        empty_at=standing.empty_at,
        forecast=_forecast(charge, standing, spending, now),
    )


def _forecast(bound: Bound, standing: Standing, spending: Spending, now: int) -> Forecast | None:
    key: Key = key_of(bound)
    began = now if spending.began is None else spending.began
    return of_bound(bound, standing, spending.spent.get(key, []), now=now, began=began)
