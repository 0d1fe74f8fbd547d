"""How near callers are to their bounds, by the token ledger as this gateway follows it."""

from collections.abc import Callable
from functools import partial

from monitoring import metrics
from processors.ledger.bounds import Asker, Bounds
from processors.ledger.standings import KINDS, Fullness, Kind, fullness
from processors.routes import plans
from schemas.queries import Query
from schemas.usage import Released, Reserved, UsageEvent
from streams.clients.kafka import LogClient
from streams.gateway.ratelimits import Room
from streams.views.control import ControlView
from streams.views.follower import Follower
from streams.views.ledger import LedgerView

_SECOND = 1_000_000


class Allowances:
    """Looks, and writes nothing."""

    def __init__(
        self, log_client: LogClient, control: ControlView, clock: Callable[[], int]
    ) -> None:
        """`control` is to be started first."""
        self._control = control.control
        self._bounds = Bounds(control.control)
        control.listen(lambda _: self._bounds.clear())
        self._shadows = 0
        self.view = LedgerView(log_client, control, clock)

    @property
    def follower(self) -> Follower:
        """What follows the ledger."""
        return self.view.follower

    async def start(self, failed: Callable[[], None]) -> None:
        """Read the ledger as far as it counts, then follow it."""
        await self.view.start(failed)
        ledger = self.view.ledger
        # Of what was reserved before the reading began nobody may have told the end.
        for name, hold in ledger.overdue(self.view.now()):
            gone = Released(request_id=name, tenant=hold.tenant, reason="expired", at=ledger.now)
            ledger.observe(gone, ledger.now)

    async def stop(self) -> None:
        """Stop following."""
        await self.view.stop()

    def measure(self) -> None:
        """Show how the ledger stands, from now on."""
        ledger = self.view.ledger
        for kind in KINDS:
            fullest = metrics.gauge(metrics.LEDGER_FULLEST).labels(kind)
            fullest.set_function(partial(self._greatest, kind))
            nearly = metrics.gauge(metrics.LEDGER_NEARLY).labels(kind)
            nearly.set_function(partial(self._nearly_used_up, kind))
        held = metrics.gauge(metrics.LEDGER_HELD)
        held.set_function(lambda: sum(hold.granted for hold in ledger.holds.values()))
        metrics.gauge(metrics.LEDGER_OPEN).set_function(lambda: len(ledger.holds))
        overdue = metrics.gauge(metrics.LEDGER_OVERDUE)
        overdue.set_function(lambda: len(ledger.overdue(self.view.now())))
        self._shadows = ledger.would_refuse.total()
        self.view.listen(self._count)

    def rooms(self, query: Query) -> list[Room]:
        """What is left of each bound that a question is under."""
        plan, now = plans(self._control, query)[0], self.view.now()
        who = Asker(
            tenant=query.tenant,
            key_id=query.key_id,
            user=query.user,
            model=plan.model,
            route=plan.route,
        )
        found = []
        for charge in self._bounds(who):
            if not charge.shadow:
                standing = self.view.ledger.standing(charge, now)
                reset_s = (standing.empty_at - now) / _SECOND
                found.append(Room(charge.unit, charge.usable, standing.remaining, reset_s))
        return found

    def _greatest(self, kind: Kind) -> float:
        return self._fullness(kind).greatest

    def _nearly_used_up(self, kind: Kind) -> float:
        return self._fullness(kind).nearly_used_up

    def _fullness(self, kind: Kind) -> Fullness:
        return fullness(self._control, self.view.ledger, kind, self.view.now())

    def _count(self, event: UsageEvent) -> None:
        if isinstance(event, Reserved):
            total = self.view.ledger.would_refuse.total()
            metrics.counter(metrics.LEDGER_SHADOW).inc(total - self._shadows)
            self._shadows = total
