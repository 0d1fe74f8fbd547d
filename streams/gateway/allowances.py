"""How near callers are to their bounds, by the token ledger as this gateway follows it."""

from collections.abc import Callable

from processors.ledger.bounds import Asker, Bounds
from processors.routes import plans
from schemas.queries import Query
from schemas.usage import Released
from streams.clients.kafka import LogClient
from streams.gateway.ratelimits import Room
from streams.views.control import ControlView
from streams.views.follower import Follower
from streams.views.ledger import LedgerView

_SECOND = 1_000_000


class Allowances:
    """Looks, and writes nothing."""

    def __init__(self, log_client: LogClient, control: ControlView, clock: Callable[[], int]) -> None:
        """`control` is to be started first."""
        self._control = control.control
        self._bounds = Bounds(control.control)
        control.listen(lambda _: self._bounds.clear())
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
