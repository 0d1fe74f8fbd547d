"""From an answer's `[1]` markers to where each of its sentences stands in the source.

A quote is always exactly the source's characters. A sentence copied from its passage is found
as it is, but for white space; one that a model put in its own words is given the unit that
shares most words with it. Brackets that the source itself has (`[3]`, `[text][3]`) mark nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from processors.lexical import terms
from schemas.responses import Citation

_MARKER = re.compile(r"\[(\d{1,3})\]")
_SPACES = re.compile(r"\s+")
_AHEAD = 16
"""How many markers a copied sentence may hold itself."""
_LEAST_SHARED = 0.2
"""A sentence that shares less than this with every unit of its passage is left without a quote."""


class CitedPassage(Struct, frozen=True, kw_only=True):
    """A passage that the prompt had as `number`; it begins at `start` of its document."""

    number: int
    doc_id: str
    passage_id: str
    start: int
    text: str
    units: Sequence[tuple[int, int]]
    """Spans within `text`."""


def cite(answer: str, passages: Sequence[CitedPassage]) -> list[Citation]:
    """The citations of an answer, in its order; a marker of no passage gives none."""
    by_number = {passage.number: passage for passage in passages}
    citations: list[Citation] = []
    for said, number in _sentences(answer, by_number):
        passage = by_number.get(number)
        if passage is None or (found := _find(said, passage)) is None:
            continue
        start, end, score = found
        citation = Citation(
            doc_id=passage.doc_id,
            passage_id=passage.passage_id,
            start=passage.start + start,
            end=passage.start + end,
            quote=passage.text[start:end],
            score=score,
            marker=number,
        )
        if citation not in citations:
            citations.append(citation)
    return citations


def _sentences(answer: str, by_number: Mapping[int, CitedPassage]) -> Iterator[tuple[str, int]]:
    """Each piece of text that a marker, or a run of markers, stands behind.

    A source may itself say `[3]`. So of the markers ahead the furthest is taken up to which all is
    a copy of the passage that it names, and the nearest only where there is none.
    """
    markers = list(_MARKER.finditer(answer))
    said, end, at = "", 0, 0
    while at < len(markers):
        at = _copied(answer, end, markers[at : at + _AHEAD], by_number) + at
        said = answer[end : markers[at].start()].strip() or said
        end = markers[at].end()
        if said:
            yield said, int(markers[at][1])
        at += 1


def _copied(
    answer: str,
    start: int,
    markers: Sequence[re.Match[str]],
    by_number: Mapping[int, CitedPassage],
) -> int:
    """Which of the markers ends a copy that begins at `start`: the furthest, else the first."""
    for ahead in range(len(markers) - 1, 0, -1):
        passage = by_number.get(int(markers[ahead][1]))
        said = answer[start : markers[ahead].start()]
        if passage is not None and said.strip() and _copy(said, passage.text) is not None:
            return ahead
    return 0


def _copy(said: str, text: str) -> re.Match[str] | None:
    """Where something stands in a text as it is, but for white space."""
    words = [re.escape(word) for word in _SPACES.split(said) if word]
    return re.search(r"\s+".join(words), text)


def _find(said: str, passage: CitedPassage) -> tuple[int, int, float] | None:
    """Start, end and how much of what was said stands there, from 0 to 1."""
    found = _copy(said, passage.text)
    if found is not None:
        return found.start(), found.end(), 1.0
    wanted = set(terms(said))
    best: tuple[float, int, int] | None = None
    for start, end in passage.units:
        shared = len(wanted & set(terms(passage.text[start:end]))) / max(len(wanted), 1)
        if best is None or shared > best[0]:
            best = (shared, start, end)
    if best is None or best[0] < _LEAST_SHARED:
        return None
    return best[1], best[2], round(best[0], 4)
