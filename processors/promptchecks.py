"""Whether a prompt is sound: it can be filled whatever is asked, and nothing breaks out of it."""

import re
from collections import Counter
from collections.abc import Iterator

from processors.prompt import FENCE, PASSAGES, QUESTION, SUPPLIED, USER, line, pieces
from schemas.common import MAX_ID, MAX_QUESTION
from schemas.control import MAX_VALUE, PromptVersion, Variable

LEAST_FOR_PASSAGES = 8192
"""Characters: room for the longest passage there is."""

_NATURAL = {QUESTION: MAX_QUESTION, "tenant": 128, USER: MAX_ID, "as_of": 10}
"""How long what is known of a question can be, in characters."""
_BEFORE = re.compile(r"[A-Za-z</]\Z")
_AFTER = re.compile(r"\A[A-Za-z/]")


def faults(prompt: PromptVersion) -> list[str]:
    """What is wrong with a version, in words for its author; a sound one has no faults."""
    return [*_of_places(prompt), *_of_variables(prompt), *_of_text(prompt), *_of_checks(prompt)]


def longest(prompt: PromptVersion) -> int | None:
    """Characters of the longest prompt that can come of a sound version; None: there is no bound,
    since it declares no `max_length` of the passages."""
    declared = {one.name: one.max_length for one in prompt.variables}
    parts = pieces(prompt.template)
    total = sum(map(len, parts[::2]))
    for name in parts[1::2]:
        most = declared.get(name) or _natural(name)
        if most is None:
            return None
        total += most
    return total


def unread(prompt: PromptVersion) -> str | None:
    """Why the extractive reader would not find question and passages in a sound prompt, else None.

    It reads the passages, then a last line `Question: …`, an empty line and `Answer:`
    (`models/repository/reader/CARD.md`). Another model may be content with another prompt.
    """
    *others, before, last, after = pieces(prompt.template)
    ends = before.endswith("\nQuestion: ") and last == QUESTION and after == "\n\nAnswer:"
    if ends and PASSAGES in others[1::2]:
        return None
    return (
        "the reader wants the passages first, then 'Question: {{question}}' on a line of its own, "
        "an empty line and 'Answer:', and nothing behind it"
    )


def _natural(name: str) -> int | None:
    """The longest value of a variable whose length is not declared; every fence in it is escaped,
    which makes eight characters nine."""
    if name == PASSAGES:
        return None
    most = _NATURAL.get(name, MAX_VALUE)
    return most + most // 8


def _of_places(prompt: PromptVersion) -> Iterator[str]:
    parts = pieces(prompt.template)
    found, declared = Counter(parts[1::2]), {one.name for one in prompt.variables}
    if not found[QUESTION]:
        yield "{{question}} is missing"
    if found[PASSAGES] != 1:
        yield "{{passages}} is missing" if not found[PASSAGES] else "{{passages}} stands twice"
    for name in sorted(found.keys() - declared - SUPPLIED):
        yield f"{{{{{name}}}}} is not declared: give it a default"
    for name in sorted(declared - found.keys() - {QUESTION, PASSAGES}):
        yield f"{name} is declared, and {{{{{name}}}}} is missing"
    for at in range(1, len(parts), 2):
        if wrong := _place(parts[at], parts[at - 1], parts[at + 1], is_last=at == len(parts) - 2):
            yield wrong


def _place(name: str, before: str, after: str, *, is_last: bool) -> str | None:
    """What is wrong with where a place stands. A fence must not arise where text and value meet."""
    if name == PASSAGES:
        if before[-1:] in ("", "\n") and (after[:1] == "\n" or (not after and is_last)):
            return None
        return "{{passages}} must have its line to itself"
    if not after and not is_last:
        return f"{{{{{name}}}}} stands right before another; put a space between"
    if _BEFORE.search(before) or _AFTER.search(after):
        return f"{{{{{name}}}}} touches a letter, '/' or '<'; put a space or another sign between"
    return None


def _of_variables(prompt: PromptVersion) -> Iterator[str]:
    for name, count in Counter(one.name for one in prompt.variables).items():
        if count > 1:
            yield f"{name} is declared twice"
    for one in prompt.variables:
        yield from _of_variable(one)


def _of_variable(one: Variable) -> Iterator[str]:
    if one.name == PASSAGES and one.max_length and one.max_length < LEAST_FOR_PASSAGES:
        yield f"passages need a max_length of {LEAST_FOR_PASSAGES} or more: one can be as long"
    if one.name in SUPPLIED - {USER}:
        if one.default is not None:
            yield f"{one.name} is known of every question and has no default"
    elif one.default is None:
        yield f"{one.name} needs a default: a question may bring no value"
    elif one.max_length and len(line(one.default)) > one.max_length:
        yield f"{one.name}: its default is longer than its max_length"


def _of_text(prompt: PromptVersion) -> Iterator[str]:
    for text in pieces(prompt.template)[::2]:
        if "{{" in text:
            start = text.index("{{")
            yield f"{text[start : start + 32]!r} is no place: write {{{{name}}}}"
        if (found := FENCE.search(text)) is not None:
            yield f"{found[0]!r} stands in the text: only passages may begin so"


def _of_checks(prompt: PromptVersion) -> Iterator[str]:
    checks = prompt.checks
    if checks is None:
        return
    for text in checks.contains:
        if text not in prompt.template:
            yield f"check: {text!r} does not stand in it"
    for text in checks.lacks:
        if text.casefold() in prompt.template.casefold():
            yield f"check: {text!r} stands in it"
    if checks.max_length is not None:
        length = longest(prompt)
        if length is None:
            yield "check: max_length needs one of the passages, too"
        elif length > checks.max_length:
            yield f"check: it can grow to {length} characters, more than {checks.max_length}"
