"""What tokens cost, in billionths of a US dollar."""

import math
from collections.abc import Mapping

from schemas.usage import Price

_NANO_A_MILLIONTH = 1000


def price_of(prices: Mapping[str, tuple[float, float]], model: str) -> Price | None:
    """The price of a model, `name@version`; None where none is set.

    `prices` gives US dollars for a million tokens in and out, by `name@version` or by name.
    """
    found = prices.get(model) or prices.get(model.rpartition("@")[0])
    if found is None:
        return None
    return Price(input=_per_token(found[0]), output=_per_token(found[1]))


def cost(price: Price | None, input_tokens: int, output_tokens: int) -> int:
    """What a call came to."""
    return 0 if price is None else price.input * input_tokens + price.output * output_tokens


def _per_token(dollars_a_million: float) -> int:
    return math.ceil(dollars_a_million * _NANO_A_MILLIONTH)
