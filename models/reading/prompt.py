"""Reading a prompt back into its question and passages; CARD.md has the grammar."""

import re
from typing import NamedTuple

_PASSAGE = re.compile(
    r"^<passage (\d{1,9}): ([^\n]*)>\n(.*?)\n</passage>$", re.MULTILINE | re.DOTALL
)
_QUESTION = re.compile(r"^Question: ([^\n]*)\n\nAnswer:\Z", re.MULTILINE)
_ESCAPED = re.compile(r"\\(\\*</?passage)", re.IGNORECASE)


class InvalidPrompt(ValueError):
    """The text is not a prompt of the grammar; the message is for the caller."""


class Passage(NamedTuple):
    """A passage of the prompt; `name` is its title and heading."""

    number: int
    name: str
    text: str


class Prompt(NamedTuple):
    """What is asked, and of what."""

    question: str
    passages: list[Passage]


def parse(prompt: str) -> Prompt:
    """Find the question and the passages. Raises InvalidPrompt when there is no question."""
    asked = _QUESTION.search(prompt)
    if asked is None or not asked[1].strip():
        raise InvalidPrompt("the prompt must end in 'Question: …', an empty line and 'Answer:'")
    found = _PASSAGE.finditer(prompt, 0, asked.start())
    passages = [Passage(int(at[1]), _plain(at[2]), _plain(at[3])) for at in found]
    return Prompt(_plain(asked[1]), passages)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
