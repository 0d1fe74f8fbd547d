"""When a part that ended is started again."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BackoffPolicy:
    """Seconds to wait before the n-th restart in a row: exponential, bounded."""

    first_s: float = 0.5
    factor: float = 2.0
    most_s: float = 30.0
    calm_s: float = 60.0
    attempts: int = 3

    def delay(self, failures: int) -> float:
        """The wait after `failures` ends in a row (1 = the first)."""
        return float(min(self.most_s, self.first_s * self.factor ** min(failures - 1, 32)))


@dataclass
class Backoff:
    """How often one part has ended of late."""

    policy: BackoffPolicy = field(default_factory=BackoffPolicy)
    failures: int = 0
    was_ready: bool = False

    def ended(self, *, ready_for_s: float | None) -> float | None:
        """Seconds until the next start; None = give up. `ready_for_s` is None if never ready.

        A part that ran well for `calm_s` starts afresh. One that has never once been ready is
        given up after `attempts` starts: something is wrong that waiting does not mend.
        """
        if ready_for_s is not None:
            self.was_ready = True
            if ready_for_s >= self.policy.calm_s:
                self.failures = 0
        self.failures += 1
        if not self.was_ready and self.failures >= self.policy.attempts:
            return None
        return self.policy.delay(self.failures)
