from processors.ledger.money import cost, price_of
from schemas.usage import Price

PRICES = {"llm@2": (0.15, 0.6), "llm": (1.0, 2.0)}


def test_a_versions_price_goes_before_its_models():
    """In billionths of a dollar for a token."""
    assert price_of(PRICES, "llm@2") == Price(input=150, output=600)
    assert price_of(PRICES, "llm@3") == Price(input=1000, output=2000)
    assert price_of(PRICES, "reader@1") is None


def test_a_call_costs_what_its_tokens_do():
    """Without a price, nothing."""
    assert cost(Price(input=150, output=600), 1000, 10) == 156_000
    assert cost(None, 1000, 10) == 0


def test_a_price_is_never_rounded_to_nothing():
    """Else a budget in money would bound no request."""
    assert price_of({"cheap": (0.0001, 0.0)}, "cheap@1") == Price(input=1, output=0)
