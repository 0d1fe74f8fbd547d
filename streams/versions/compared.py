"""What a comparison of two index versions comes to, for a program and for a person."""

from typing import Any

import msgspec
from msgspec import Struct

from processors.bootstrap import Mean, mean_of
from streams.errors import FreshetError
from streams.versions.compare import Comparison, Found, Pair


class Verdict(Struct, frozen=True, kw_only=True):
    """The figures, each a mean over the questions with its interval of 95%."""

    one: str
    other: str
    questions: int
    passages: int
    """The most that a question was given."""
    overlap: Mean
    rank_agreement: Mean
    same_answer: Mean
    differing: list[Pair]
    """Those whose answers differ, the least overlap first."""
    failed: list[str]

    def plain(self, shown: int) -> dict[str, Any]:
        """As data, with at most so many differing answers."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {**plain, "differing": plain["differing"][:shown]}


def verdict(found: Comparison, one: str, other: str) -> Verdict:
    """The figures of a comparison. Raises FreshetError where neither could be asked anything."""
    pairs = found.pairs
    if not pairs:
        raise FreshetError(f"no question could be asked of both: {found.failed[0]}")
    return Verdict(
        one=one,
        other=other,
        questions=len(pairs),
        passages=max(len(side.passages) for pair in pairs for side in (pair.one, pair.other)),
        overlap=mean_of([pair.overlap for pair in pairs]),
        rank_agreement=mean_of([pair.rank_agreement for pair in pairs]),
        same_answer=mean_of([float(not pair.differs) for pair in pairs]),
        differing=sorted((pair for pair in pairs if pair.differs), key=lambda pair: pair.overlap),
        failed=found.failed,
    )


def text(found: Verdict, shown: int) -> str:
    """Lines to read."""
    lines = [
        f"{found.questions} questions to {found.one} and {found.other} at one moment",
        f"overlap@{found.passages}    {_mean(found.overlap)}",
        f"rank agreement {_mean(found.rank_agreement)}",
        f"same answer    {_mean(found.same_answer)}",
    ]
    for pair in found.differing[:shown]:
        lines.append(f"\n{pair.question}  (overlap {pair.overlap:.2f})")
        lines.append(f"  {found.one}: {_said(pair.one)}")
        lines.append(f"  {found.other}: {_said(pair.other)}")
    lines.extend(f"not compared: {why}" for why in found.failed)
    return "\n".join(lines)


def _mean(mean: Mean) -> str:
    return f"{mean.value:.3f}  [{mean.low:.3f}, {mean.high:.3f}]"


def _said(found: Found) -> str:
    return " ".join(found.answer.split()) or found.status
