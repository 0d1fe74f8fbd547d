"""How many tokens a question may come to, before anything was found for it."""

from collections.abc import Mapping

from msgspec import Struct

from processors.control import Control
from processors.tokens import Tokenizer
from schemas.control import PromptVersion
from schemas.queries import Plan, Query

TOKENS_PER_PASSAGE = 220
"""About 650 characters with their title: half as much again as most passages have. Where they
have more, an answer rests on fewer of them or ends sooner."""
AT_WORST_PER_PASSAGE = 2000
"""More than any passage has, sign by sign."""
LEAST_OUTPUT = 32
"""An answer that has to be shorter is of no use."""


class Estimate(Struct, frozen=True, kw_only=True):
    """What is asked of the ledger."""

    tokens: int
    """The most that it may come to."""
    least: int
    """The prompt with one passage, and a short answer."""


class Estimator:
    """Remembers how long each version of a prompt is: versions never change."""

    def __init__(self, control: Control, tokenizer: Tokenizer) -> None:
        self._control = control
        self._tokenizer = tokenizer
        self._templates: dict[str, int] = {}

    def __call__(self, query: Query, plan: Plan, *, bounded: bool) -> Estimate:
        """For a question that is answered so.

        What no bound limits may take what it takes: then the most is what it can come to at worst.
        """
        fixed = self._template(plan.prompt) + self._values(query.text, query.variables or {})
        passage = TOKENS_PER_PASSAGE if bounded else AT_WORST_PER_PASSAGE
        output = min(query.max_tokens, LEAST_OUTPUT)
        return Estimate(
            tokens=fixed + (plan.top_k or query.top_k) * passage + query.max_tokens,
            least=fixed + TOKENS_PER_PASSAGE + output,
        )

    def _template(self, prompt: str) -> int:
        known = self._templates.get(prompt)
        if known is None:
            version = self._control.all(PromptVersion).get(prompt)
            if version is None:
                return 0  # nobody can answer with it, either
            known = self._templates[prompt] = self._tokenizer.count(version.template)
        return known

    def _values(self, question: str, variables: Mapping[str, str]) -> int:
        return sum(map(self._tokenizer.count, (question, *variables.values())))
