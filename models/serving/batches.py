"""Which texts go through the network together."""

from collections.abc import Sequence

TOKEN_BUDGET = 192
LEAST_BUDGET = 64
"""Runs of fewer tokens cost more than they gain by running beside each other."""


def batches(lengths: Sequence[int], budget: int = TOKEN_BUDGET) -> list[list[int]]:
    """Split texts into runs of at most `budget` tokens, padding counted; gives lists of positions.

    Texts are sorted by length (ties keep their order), so that hardly anything is padded. A text
    longer than the budget runs alone. Every position is in exactly one run.
    """
    runs: list[list[int]] = []
    longest = 0
    for position in sorted(range(len(lengths)), key=lambda at: lengths[at]):
        longest = max(longest, lengths[position])
        if runs and longest * (len(runs[-1]) + 1) <= budget:
            runs[-1].append(position)
        else:
            runs.append([position])
            longest = lengths[position]
    return runs


def even(lengths: Sequence[int], workers: int, most: int = TOKEN_BUDGET) -> int:
    """The budget at which texts make a multiple of `workers` runs of about equal size.

    Runs go through the network beside each other: a last short run would leave workers idle.
    """
    total = sum(lengths)
    rounds = -(-total // (most * workers)) or 1
    share = total // (rounds * workers) + max(lengths, default=0)
    return min(most, max(LEAST_BUDGET, share))
