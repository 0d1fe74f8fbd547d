"""A prompt and an answer within what is set aside for both."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from processors.ledger.estimate import LEAST_OUTPUT
from processors.prompt import PromptPassage, render
from processors.tokens import Tokenizer
from schemas.control import PromptVersion
from schemas.responses import Usage


class TooLittle(Exception):
    """Not even one passage fits what is set aside; the message says what it is."""


class Fitted(Struct, frozen=True, kw_only=True):
    """What the model is asked."""

    prompt: str
    input_tokens: int
    passages: int
    """How many of the passages, from the first on, stand in the prompt."""
    max_tokens: int
    """The answer ends there."""


class Spent(Struct):
    """What an answer has used so far, as the model's server counts and as the tokenizer does. It
    holds even where the answer comes to nothing: a caller who hangs up has read what was written.
    """

    usage: Usage = Usage()
    counted: Usage = Usage()


def fitted(
    prompt: PromptVersion,
    values: Mapping[str, str],
    passages: Sequence[PromptPassage],
    tokenizer: Tokenizer,
    *,
    tokens: int,
    max_tokens: int,
) -> Fitted:
    """As many passages as leave room for an answer, and as long an answer as there is room for.

    `tokens` are set aside for both; the answer may have `max_tokens` at most.

    Raises:
        TooLittle: there is no room for one passage and an answer.
        ValueTooLong: a value is longer than the prompt takes.
    """
    least = min(max_tokens, LEAST_OUTPUT)
    for count in range(len(passages), 0, -1):
        text = render(prompt, values, passages[:count])
        read = tokenizer.count(text)
        if read + least <= tokens:
            return Fitted(
                prompt=text,
                input_tokens=read,
                passages=count,
                max_tokens=min(max_tokens, tokens - read),
            )
    raise TooLittle(f"{tokens} tokens are set aside, and one passage with an answer takes more")
