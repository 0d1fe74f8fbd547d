"""The checker and the ledger, written apart, come to the same of any log."""

from hypothesis import given

from processors.ledger.ledger import Ledger
from processors.verify.usage import Scope, UsageCheck
from tests.unit.processors.ledger.entries import Entry, histories


@given(histories())
def test_verdicts_and_sums_are_the_same(history: list[Entry]) -> None:
    """Record by record, whatever was written: reservations, ends of nothing, all of it twice."""
    ledger, check = Ledger(), UsageCheck(Scope(now=0, grace=0))
    for offset, (event, at) in enumerate(history):
        verdict = ledger.observe(event, at)
        fresh = None if verdict is None or verdict.known else verdict.granted
        assert check.add(offset, at, event) == fresh
    accounts = {
        tuple(key): (account.used(ledger.now), account.held)
        for key, account in ledger.accounts.items()
    }
    reckoned = {tuple(name): counts for name, counts in check.used().items()}
    for name in accounts.keys() | reckoned.keys():
        assert accounts.get(name, (0, 0)) == reckoned.get(name, (0, 0))
