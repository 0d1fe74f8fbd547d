"""The token ledger replayed beside what was let through, refused and answered online.

The fold is the one that the admission workers follow. Fed the same log it must grant what they
granted, and what it charges must be what the answers say that they used.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from msgspec import Struct

from processors.replay.parity import Difference, Parity
from processors.spending import Spending, Use
from schemas.responses import Response
from schemas.usage import Reserved, Settled, UsageEvent

WHAT = "quotas"


class Answer(Struct, frozen=True):
    """What a response says of its spending."""

    tenant: str
    refused: bool
    tokens: tuple[int, int]


class Admitted(Struct, frozen=True):
    """A question that was let through, with the tokens set aside for it."""

    tokens: int
    at: int


class QuotaParity:
    """First what was let through and answered; then every record of `usage`; then `compare`."""

    def __init__(self, since: int = 0, until: int = 2**62) -> None:
        """Compared is what was admitted or settled in [since, until), in microseconds."""
        self._since, self._until = since, until
        self._spending = Spending()
        self._granted: defaultdict[str, list[int]] = defaultdict(list)
        self._settled: dict[str, Settled] = {}
        self._admitted: defaultdict[str, list[Admitted]] = defaultdict(list)
        self._answers: dict[str, Answer] = {}

    def add_admitted(self, query_id: str, tokens: int, at: int) -> None:
        """A question let through, logged at `at` (µs)."""
        if self._since <= at < self._until:
            self._admitted[query_id].append(Admitted(tokens, at))

    def add_response(self, response: Response, at: int) -> None:
        """A response, logged at `at` (µs); of two for one question the first counts."""
        if self._since <= at < self._until and response.shadow_of is None:
            usage = response.usage.input_tokens, response.usage.output_tokens
            refused = response.status == "quota_exceeded"
            self._answers.setdefault(response.query_id, Answer(response.tenant, refused, usage))

    def add(self, event: UsageEvent, at: int) -> None:
        """The next record of the ledger, which the broker got at `at` (µs)."""
        verdict = self._spending.observe(event, at)
        request = event.request_id
        if isinstance(event, Reserved) and verdict is not None and verdict.granted is not None:
            self._granted[request].append(verdict.granted)
        elif isinstance(event, Settled):
            self._settled.setdefault(request, event)

    def compare(self, parity: Parity) -> None:
        """Every question let through, every answer, and the sum of each tenant."""
        part = parity.part(WHAT)
        for request, let_through in self._admitted.items():
            for one in let_through:
                part.compared += 1
                if one.tokens not in self._granted[request]:
                    message = f"let through with {one.tokens} tokens, granted in the replay: "
                    self._differs(parity, request, message + _listed(self._granted[request]))
        for request, answer in self._answers.items():
            part.compared += 1
            self._compare_answer(parity, request, answer)
        self._compare_sums(parity)

    def _compare_answer(self, parity: Parity, request: str, answer: Answer) -> None:
        settled = self._settled.get(request)
        charged = (0, 0) if settled is None else (settled.input_tokens, settled.output_tokens)
        if answer.refused and settled is not None:
            self._differs(parity, request, f"refused online, charged {charged} in the replay")
        elif charged != answer.tokens:
            message = f"answered with {answer.tokens} tokens in and out, charged {charged}"
            self._differs(parity, request, message)

    def _compare_sums(self, parity: Parity) -> None:
        """What `freshet quota usage` says of each tenant beside what its answers used."""
        mine = (use for use in self._spending.uses if use.asked.request_id in self._answers)
        charged, used = _by_tenant(mine), Counter[str]()
        for answer in self._answers.values():
            used[answer.tenant] += sum(answer.tokens)
        for tenant in sorted(charged | used):
            parity.part(WHAT).compared += 1
            if charged[tenant] != used[tenant]:
                message = f"used {used[tenant]} tokens in all, charged {charged[tenant]}"
                self._differs(parity, f"tenant {tenant}", message)

    def _differs(self, parity: Parity, where: str, message: str) -> None:
        parity.differs(Difference(what=WHAT, where=where, message=message))


def _by_tenant(uses: Iterable[Use]) -> Counter[str]:
    sums = Counter[str]()
    for use in uses:
        sums[use.asked.tenant] += use.input_tokens + use.output_tokens
    return sums


def _listed(tokens: list[int]) -> str:
    return ", ".join(map(str, tokens)) or "none"
