"""How much likelier an event is after a change than before: the log-likelihood ratios."""

import numpy as np
from numpy.typing import NDArray

from processors.drift.cusum import Ratios

SHARES = (0.05, 0.15, 0.4, 1.0)
"""Shares of traffic unlike the reference that are looked for."""
GROWTHS = (0.1, 0.3)
"""Shares of traffic that may have moved into one known topic."""
_SHAPE = 0.3
"""Novel events' p-values follow Beta(0.3, 1), as an unseen topic's do on the calibration split."""


def novelty_ratios(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..] to [.., len(SHARES)]: log of (1 - share) + share x Beta density, over uniform."""
    shares = np.array(SHARES)
    density: NDArray[np.float64] = _SHAPE * np.power(p_values, _SHAPE - 1.0)[..., None]
    return np.asarray(np.log1p(shares * (density - 1.0)))


def mix_ratios(shares: NDArray[np.float64]) -> Ratios:
    """Topic shares [k] to a table [k, k * len(GROWTHS)]: a row for an event of each topic.

    The columns are the changes that are looked for: topic by topic, growth by growth, a topic of
    share p comes to have (1 - growth) p + growth.
    """
    growths = np.array(GROWTHS)
    count = len(shares)
    table = np.broadcast_to(np.log1p(-growths), (count, count, len(growths))).copy()
    grown = np.log1p(growths * (1.0 / shares[:, None] - 1.0))
    table[np.arange(count), np.arange(count)] = grown
    return table.reshape(count, -1)
