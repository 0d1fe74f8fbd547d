"""What is said of an answer beside its groundedness: by words and counts, without a model.

Names are those of `monitoring` and of the documentation. A score that cannot be told is left out;
it is never guessed.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from processors.judge.prose import describe
from processors.lexical import LexicalSpec, saturation, terms
from schemas.evaluations import Score
from schemas.responses import Response

_REFUSED = ("unanswerable", "refused", "quota_exceeded")
_REFUSES = re.compile(
    r"\A\W*(?:sorry\b|unfortunately\b|i(?:'m| am) (?:sorry|afraid|unable)"
    r"|i (?:do not|don't|cannot|can't) (?:know|answer|find|help)"
    r"|(?:the|these) (?:documents|passages|sources|context) (?:do|does)(?: not|n't) "
    r"(?:say|contain|mention|provide)"
    r"|there is no (?:information|mention)|no answer\b)",
    re.IGNORECASE,
)
_BM25 = LexicalSpec()
_HEAVIEST = 1e6
"""A term's weight is the logarithm of a number of passages: nothing real comes near."""
_MOST_TOKENS = 2**53


class Price(Struct, frozen=True, kw_only=True):
    """US dollars for a million tokens."""

    input: float
    output: float


class Passage(Struct, frozen=True):
    """A passage that the prompt had: `passage_id@version`, its text while it is kept, its terms."""

    name: str
    text: str | None
    terms: Mapping[str, int]


def passage(name: str, text: str | None) -> Passage:
    """A passage with its terms counted, which takes longer than all that is done with them."""
    return Passage(name, text, terms(text or ""))


def of_response(
    response: Response,
    question: str | None,
    passages: Sequence[Passage],
    used: Collection[int],
    prices: Mapping[str, Price],
) -> list[Score]:
    """The scores of one response; `used` are the places of the passages that a claim rests on.

    Anybody may write a response: whatever its receipt and its usage say, a score is a number.
    """
    found = [*_of_prose(response, question), *_of_service(response, prices)]
    if response.answer and response.receipt is not None:
        given = response.receipt.lexical
        weights = {term: min(weight, _HEAVIEST) for term, weight in given.items() if weight > 0}
        found += _of_words(response, weights, passages)
        found += _of_passages(len(passages), used)
        found += _of_retrieval(weights, passages)
    return found


def refuses(response: Response) -> bool:
    """Whether it declines to answer, by its status or by how it begins."""
    return response.status in _REFUSED or _REFUSES.match(response.answer) is not None


def _of_prose(response: Response, question: str | None) -> Iterator[Score]:
    if question is not None:
        yield Score(name="query_words", score=float(len(question.split())))
    if response.status != "failed":
        refused = refuses(response)
        yield Score(
            name="refusal", label="refused" if refused else "answered", score=float(refused)
        )
    if not response.answer:
        return
    prose = describe(response.answer)
    yield Score(name="answer_words", score=float(prose.words))
    yield Score(name="language", label=prose.language or "unknown")
    if prose.ease is not None:
        yield Score(name="readability", score=round(prose.ease, 2))


def _of_service(response: Response, prices: Mapping[str, Price]) -> Iterator[Score]:
    error = response.error.type if response.error is not None else None
    failed = response.status == "failed"
    yield Score(name="error", label=error or "none", score=float(failed))
    if response.timings_ms:
        yield Score(name="latency_ms", score=round(sum(response.timings_ms.values()), 3))
    price = prices.get(response.receipt.model) if response.receipt is not None else None
    if price is not None:
        spent = min(response.usage.input_tokens, _MOST_TOKENS) * price.input
        spent += min(response.usage.output_tokens, _MOST_TOKENS) * price.output
        yield Score(name="cost_usd", score=spent / 1e6)


def _of_words(
    response: Response, weights: Mapping[str, float], passages: Sequence[Passage]
) -> Iterator[Score]:
    """How much of the question, by the weights of its terms, comes back in the answer."""
    said = terms(" ".join((response.answer, *(cited.quote for cited in response.citations))))
    told = _weight(weights, said)
    asked = sum(weights.values())
    if asked > 0:
        missing = [term for term in weights if term not in said]
        yield Score(name="relevance", score=_ratio(told, asked), explanation=_lacks(missing))
    known = frozenset[str]().union(*(one.terms for one in passages))
    tellable = {term: weight for term, weight in weights.items() if term in known or term in said}
    if tellable:
        missing = [term for term in tellable if term not in said]
        share = _ratio(_weight(tellable, said), sum(tellable.values()))
        yield Score(name="completeness", score=share, explanation=_lacks(missing))


def _of_passages(count: int, used: Collection[int]) -> Iterator[Score]:
    if not count:
        return
    known = _known(count, used)
    label = f"{len(known)} of {count}"
    yield Score(name="utilisation", label=label, score=_ratio(len(known), count))
    yield Score(name="context_precision", score=average_precision(count, used))


def average_precision(count: int, used: Collection[int]) -> float:
    """Mean over the used places of the share of used ones up to there; 0 where none is used.

    Source: average precision, as in Manning, Raghavan, Schütze: Introduction to Information
    Retrieval (2008), 8.4, with what the answer used for what is relevant.
    """
    ordered = _known(count, used)
    if not ordered:
        return 0.0
    return round(sum((n + 1) / (place + 1) for n, place in enumerate(ordered)) / len(ordered), 4)


def _known(count: int, used: Collection[int]) -> list[int]:
    """The places that there are, in order, each once."""
    return sorted({place for place in used if 0 <= place < count})


def _of_retrieval(weights: Mapping[str, float], passages: Sequence[Passage]) -> Iterator[Score]:
    """The best passage's BM25 score, as a share of what a perfect one could have."""
    most = sum(weights.values()) * (_BM25.k1 + 1)
    known = [one for one in passages if one.text is not None]
    if most <= 0 or not known:
        return
    best = max(_bm25(weights, one.terms) for one in known)
    yield Score(name="retrieval_score", score=_ratio(best, most))


def _bm25(weights: Mapping[str, float], counts: Mapping[str, int]) -> float:
    saturated = saturation(sum(counts.values()), _BM25)
    return sum(
        weight * saturated(counts[term]) for term, weight in weights.items() if term in counts
    )


def _weight(weights: Mapping[str, float], said: Mapping[str, int]) -> float:
    return sum(weight for term, weight in weights.items() if term in said)


def _ratio(part: float, whole: float) -> float:
    return round(min(part / whole, 1.0), 4)


def _lacks(missing: Sequence[str]) -> str | None:
    return f"without: {', '.join(missing[:8])}"[:512] if missing else None
