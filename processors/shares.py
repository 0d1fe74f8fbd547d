"""Which branch of a route a question falls to: by its session, and by the branches' shares.

Each branch draws a number for each session, always the same; the one with the least, measured by
its share, has the session. So nobody keeps a list, every worker says the same, and what a session
falls to depends on the branches' shares alone. Where one share grows and the others shrink alike
(`grown`), every session that moves goes to the branch that grew.

Sources: rendezvous hashing, Thaler and Ravishankar, Using Name-Based Mappings to Increase Hit
Rates, 1998; with weights, Schindelhauer and Schomaker, Weighted Distributed Hash Tables, 2005.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import log

from msgspec.structs import replace

from schemas.control import Branch, Route
from schemas.queries import Query

_PLACES = 2**53
"""As many as a float tells apart between 0 and 1."""


def unit_of(query: Query) -> str:
    """What a question sticks to: its session, else who asks, else itself. Never another tenant's.

    Questions of one unit are answered by one branch, so they are what is compared.
    """
    kind, name = next(
        (kind, name)
        for kind, name in (
            ("session", query.session_id),
            ("user", query.user),
            ("question", query.query_id),
        )
        if name is not None
    )
    return f"{query.tenant}\n{kind}\n{name}"


def branch_for(route: Route, unit: str) -> Branch:
    """The branch that answers a unit's questions."""
    open_ones = [branch for branch in route.branches if branch.share and not branch.shadow]
    return min(open_ones, key=lambda branch: -log(_drawn(route, branch, unit)) / branch.share)


def shadows_of(route: Route, query_id: str) -> list[Branch]:
    """The branches that answer a question unseen: each its share of the questions."""
    return [
        branch
        for branch in route.branches
        if branch.shadow and _drawn(route, branch, query_id) <= branch.share and branch.share
    ]


def grown(branches: Sequence[Branch], name: str, share: float) -> list[Branch]:
    """The branches with one share changed; those of the others that are no shadows keep their
    proportions.

    Raises:
        ValueError: no branch has that name, or there is none left to have the rest.
    """
    chosen = next((branch for branch in branches if branch.name == name), None)
    if chosen is None:
        raise ValueError(f"no branch is called {name!r}")
    others = [one for one in branches if not one.shadow and one.name != name]
    if chosen.shadow or (not others and share == 1):
        return [replace(one, share=share) if one is chosen else one for one in branches]
    if not others:
        raise ValueError(f"{name!r} is the only branch whose answers are shown: its share is 1")
    left = sum(one.share for one in others)
    # Of others that have no share at all the first takes what is free.
    parts = {one.name: one.share / left if left else float(one is others[0]) for one in others}
    shares = {name: share, **{other: part * (1 - share) for other, part in parts.items()}}
    return [replace(one, share=shares.get(one.name, one.share)) for one in branches]


def _drawn(route: Route, branch: Branch, what: str) -> float:
    """Above 0, at most 1; the same for one route, branch and name everywhere and always."""
    text = f"{route.name}/{branch.name}\n{what}".encode()
    digest = blake2b(text, digest_size=8, person=b"route").digest()
    return (int.from_bytes(digest) % _PLACES + 1) / _PLACES
