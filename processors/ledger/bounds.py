"""Which bounds a request is under, by what `control` says."""

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from processors.control import Control
from processors.tenants import tenant_in
from schemas.control import ApiKey, Budget, Quota
from schemas.usage import Bound, Charge, Priority, Unit, WindowName

_NANO = 1_000_000_000
_OF_QUOTA: dict[str, tuple[Unit, WindowName]] = {
    "tokens_per_minute": ("tokens", "minute"),
    "tokens_per_day": ("tokens", "day"),
    "requests_per_minute": ("requests", "minute"),
    "concurrent": ("concurrent", "day"),
}
_ABOVE: dict[Priority, tuple[Literal["normal", "high"], ...]] = {
    "low": ("normal", "high"),
    "normal": ("high",),
    "high": (),
}


class Asker(Struct, frozen=True, kw_only=True):
    """Who asks, and what answers: all that a budget may go by."""

    tenant: str
    key_id: str | None = None
    user: str | None = None
    model: str = ""
    """`name@version`."""
    route: str = ""
    shadow: bool = False
    """Nobody sees the answer, so no tenant, key or user is charged for it."""


class Bounds:
    """`bounds`, remembered until `clear`: call it at every change of `control`."""

    def __init__(self, control: Control, most: int = 10_000) -> None:
        self._control = control
        self._most = most
        self._found: dict[Asker, list[Charge]] = {}

    def __call__(self, who: Asker) -> list[Charge]:
        """The bounds that somebody is under now."""
        found = self._found.get(who)
        if found is None:
            if len(self._found) >= self._most:
                self.clear()
            found = self._found[who] = bounds(self._control, who)
        return found

    def clear(self) -> None:
        """Ask `control` anew from now on."""
        self._found.clear()


def bounds(control: Control, who: Asker) -> list[Charge]:
    """The bounds that somebody is under: of the tenant's quota, then of budgets by name."""
    level = priority(control, who)
    budgets = control.of(Budget)
    found = [] if who.shadow else list(_of_quota(control, who))
    for name in sorted(budgets):
        budget = budgets[name]
        if not budget.shared and _is_about(budget, who):
            pool = budgets.get(budget.pool) if budget.pool else None
            found.append(_charge(budget, pool, who, level))
    return found


def every(control: Control) -> list[Charge]:
    """Every bound that there is, pools too, as those of the highest priority are under it.

    Of a budget that is apart for each of many it has no bucket.
    """
    budgets = control.of(Budget)
    tenants = (Asker(tenant=tenant) for tenant in sorted(control.of(Quota)))
    found = [charge for who in tenants for charge in _of_quota(control, who)]
    for name in sorted(budgets):
        charge = _charge(budgets[name], None, Asker(tenant=""), "high")
        found.append(replace(charge, bucket=""))
    return found


def priority(control: Control, who: Asker) -> Priority:
    """Of a key, or else of its tenant."""
    key = control.get(f"key/{who.key_id}")
    if isinstance(key, ApiKey) and key.tenant == who.tenant and key.priority is not None:
        return key.priority
    return tenant_in(control, who.tenant).priority


def _of_quota(control: Control, who: Asker) -> Iterator[Charge]:
    quota = control.of(Quota).get(who.tenant)
    if quota is None:
        return
    for name, (unit, window) in _OF_QUOTA.items():
        limit = getattr(quota, name)
        if limit is not None:
            budget = f"{who.tenant}:{name}"
            yield Charge(budget=budget, unit=unit, limit=limit, window=window, usable=limit)


def _is_about(budget: Budget, who: Asker) -> bool:
    personal = (budget.tenant, budget.key_id, budget.user, budget.each)
    if who.shadow and any(one is not None for one in personal):
        return False
    return (
        budget.tenant in (None, who.tenant)
        and budget.key_id in (None, who.key_id)
        and budget.user in (None, who.user)
        and budget.model in (None, who.model, who.model.rpartition("@")[0])
        and budget.route in (None, who.route)
    )


def _charge(budget: Budget, pool: Budget | None, who: Asker, level: Priority) -> Charge:
    usable = pool is not None and pool.shared and not pool.shadow and _is_about(pool, who)
    return Charge(
        **_fields(budget, who, level),
        shadow=budget.shadow,
        pool=Bound(**_fields(pool, who, level)) if pool is not None and usable else None,
    )


def _fields(budget: Budget, who: Asker, level: Priority) -> dict[str, Any]:
    places = budget.unit == "concurrent"
    limit = _amount(budget, budget.limit)
    burst = None if budget.burst is None or places else _amount(budget, budget.burst)
    whole = limit if burst is None else burst
    return {
        "budget": budget.name,
        "bucket": _bucket(budget, who),
        "unit": "nanousd" if budget.unit == "usd" else budget.unit,
        "limit": limit,
        "window": "day" if places else budget.window,
        "calendar": budget.calendar and not places and burst is None,
        "burst": burst,
        "usable": int(whole * _share(budget, level)),
    }


def _amount(budget: Budget, limit: float) -> int:
    return round(limit * _NANO) if budget.unit == "usd" else int(limit)


def _share(budget: Budget, level: Priority) -> float:
    """What is not kept for those above."""
    return max(0.0, 1.0 - sum(budget.kept.get(above, 0.0) for above in _ABOVE[level]))


def _bucket(budget: Budget, who: Asker) -> str:
    match budget.each:
        case None:
            return ""
        case "tenant":
            return who.tenant
        case "key":
            return f"{who.tenant} {who.key_id or ''}"
        case "user":
            return f"{who.tenant} {who.user or ''}"
