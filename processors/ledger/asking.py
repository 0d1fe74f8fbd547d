"""What a question asks of the ledger."""

from collections.abc import Mapping

from processors.control import Control
from processors.ledger.bounds import Asker, Bounds, priority
from processors.ledger.estimate import Estimator
from processors.ledger.money import price_of
from processors.tokens import Tokenizer
from schemas.queries import AdmittedQuery
from schemas.usage import Reserved


class Asking:
    """Makes reservations out of questions, by what `control` says and what models cost."""

    def __init__(
        self, control: Control, tokenizer: Tokenizer, prices: Mapping[str, tuple[float, float]]
    ) -> None:
        """`prices`: US dollars for a million tokens in and out, by model."""
        self._control = control
        self._bounds = Bounds(control)
        self._estimate = Estimator(control, tokenizer)
        self._prices = prices

    def clear(self) -> None:
        """Ask `control` anew from now on: it has changed."""
        self._bounds.clear()

    def __call__(self, admitted: AdmittedQuery, *, expires_at: int) -> Reserved:
        """The reservation that a question with its plan needs."""
        query, plan = admitted.query, admitted.plan
        assert plan is not None
        who = Asker(
            tenant=query.tenant,
            key_id=query.key_id,
            user=query.user,
            model=plan.model,
            route=plan.route,
            shadow=plan.shadow_of is not None,
        )
        charges = self._bounds(who)
        bounded = any(charge.unit in ("tokens", "nanousd") for charge in charges)
        estimate = self._estimate(query, plan, bounded=bounded)
        return Reserved(
            request_id=query.query_id,
            tenant=query.tenant,
            tokens=estimate.tokens,
            least=estimate.least,
            at=admitted.admitted_at,
            expires_at=expires_at,
            model=plan.model,
            route=plan.route,
            key_id=query.key_id,
            user=query.user,
            priority=priority(self._control, who),
            price=price_of(self._prices, plan.model),
            charges=charges,
        )
