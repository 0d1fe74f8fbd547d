"""Whether an answer that was given again is the one that was given, and if not, why not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from processors.replay.again import Again
from schemas.responses import Receipt, Response

Why = Literal[
    "question_gone",
    "no_retrieval",
    "horizon",
    "changes_gone",
    "index_version_gone",
    "prompt_gone",
    "model_gone",
    "embedder_gone",
    "cut",
    "near_tie",
    "not_deterministic",
]
"""`cut`: how many tokens were set aside is not known any more. `near_tie`: passages whose scores
differ by less than float32 sums do from one processor to another."""

What = Literal["question", "index", "model", "lexical", "applied", "passages", "input", "answer"]
Verdict = Literal["reproduced", "explained", "different"]

NEAR = 1e-5
"""Of fused scores: sums of 384 products differ by some 1e-7, and z-scores are 10 to 50 times as
far apart as what they are made from."""


class Difference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is not as it was."""

    what: What
    message: str
    why: Why | None = None
    """What explains it; None where nothing does."""


class Reproduction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of giving one answer again."""

    query_id: str
    verdict: Verdict
    differences: list[Difference] = []
    index_version: str | None = None
    as_of: int | None = None
    passages: list[str] = []
    """`passage_id@version`, as found now."""
    prompt_sha256: str | None = None
    asked_model: bool = False
    """Whether the model answered again; else question, retrieval and prompt alone are compared."""
    plan_from: Literal["queries.admitted", "receipt"] = "queries.admitted"


class Circumstances(Struct, frozen=True, kw_only=True):
    """What an answer was given again by, and how far that is what it was."""

    is_plan_known: bool
    """Else it comes from the receipt, which does not say how many tokens were set aside."""
    asked_model: bool
    samples: bool = False
    """The prompt has its model draw by chance."""
    scores: Mapping[str, float] | None = None
    """What found passages score in all, by name; None where nobody looked."""


def verdict_of(differences: Sequence[Difference]) -> Verdict:
    """What a list of differences comes to."""
    if not differences:
        return "reproduced"
    return "explained" if all(one.why for one in differences) else "different"


def compare(was: Response, again: Again, how: Circumstances) -> list[Difference]:
    """Every difference between an answer and the same answer, given again."""
    before, now = was.receipt, again.response.receipt
    assert before is not None
    assert now is not None
    found = [*_retrieval(before, now, how)]
    if how.asked_model:
        found += _answer(was, again.response, how, same_prompt=not found)
    return found


def _retrieval(before: Receipt, now: Receipt, how: Circumstances) -> Iterator[Difference]:
    if before.applied != now.applied:
        message = f"the index had applied {before.applied}; its changes now say {now.applied}"
        yield Difference(what="applied", message=message)
    if before.lexical != now.lexical:
        yield Difference(what="lexical", message=_weights(before.lexical, now.lexical))
    if before.passages != now.passages:
        yield Difference(
            what="passages",
            message=_passages(before.passages, now.passages),
            why=_why_passages(before.passages, now.passages, how),
        )


def _why_passages(before: list[str], now: list[str], how: Circumstances) -> Why | None:
    scores = how.scores or {}
    pairs = [(a, b) for a, b in zip(before, now, strict=False) if a != b]
    near = all(a in scores and b in scores and abs(scores[a] - scores[b]) <= NEAR for a, b in pairs)
    return "near_tie" if near and len(before) == len(now) else None


def _answer(
    was: Response, now: Response, how: Circumstances, *, same_prompt: bool
) -> Iterator[Difference]:
    assert was.receipt is not None
    assert now.receipt is not None
    if was.receipt.model != now.receipt.model:
        yield Difference(
            what="model",
            message=f"{was.receipt.model} answered, and {now.receipt.model} is served in its place",
            why="model_gone",
        )
        return
    if same_prompt and was.usage.input_tokens != now.usage.input_tokens:
        yield Difference(
            what="input",
            message=f"the model counted {was.usage.input_tokens} tokens in its prompt, and now "
            f"{now.usage.input_tokens}",
        )
    if (was.status, was.answer, was.citations) == (now.status, now.answer, now.citations):
        return
    yield Difference(
        what="answer",
        message=f"{was.status}: {was.answer!r} is now {now.status}: {now.answer!r}",
        why=_why_answer(was, now, how),
    )


def _why_answer(was: Response, now: Response, how: Circumstances) -> Why | None:
    if how.samples:
        return "not_deterministic"
    if not how.is_plan_known and "length" in (was.finish, now.finish):
        shorter, longer = sorted((was.answer, now.answer), key=len)
        return "cut" if longer.startswith(shorter) else None
    return None


def _weights(before: Mapping[str, float], now: Mapping[str, float]) -> str:
    terms = sorted(term for term in before.keys() | now.keys() if before.get(term) != now.get(term))
    told = (f"{term} {before.get(term)} -> {now.get(term)}" for term in terms[:5])
    return f"{len(terms)} terms weigh otherwise: {', '.join(told)}"


def _passages(before: Sequence[str], now: Sequence[str]) -> str:
    if sorted(before) == sorted(now):
        return f"the same {len(now)} passages in another order: {', '.join(now)}"
    fewer = min(len(before), len(now))
    if before[:fewer] == now[:fewer]:
        return (
            f"{len(before)} passages are {len(now)}, the first the same: the tokens set aside let "
            "in so many, as the setting triton.tokenizer has them counted"
        )
    lost = [name for name in before if name not in now]
    new = [name for name in now if name not in before]
    return f"{len(before)} passages are {len(now)}: without {lost}, with {new}"
