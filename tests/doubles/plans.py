"""How questions are answered where nothing was set up."""

from processors.answer import Means
from processors.builtin import built_in
from processors.control import Control
from processors.ports import Reader
from processors.routes import plans
from schemas.control import PromptVersion
from schemas.queries import Plan, Query

CONTROL = Control(built_in("reader"))
(PLAN,) = plans(CONTROL, Query(query_id="q", text="?", tenant="acme"))
PROMPT = CONTROL.of(PromptVersion)[PLAN.prompt]


def means(reader: Reader, plan: Plan = PLAN) -> Means:
    """The built-in prompt and this reader."""
    return Means(plan=plan, prompt=PROMPT, reader=reader)
