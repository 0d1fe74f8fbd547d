"""What is in force where `control` says nothing: a question is answered without any setting-up."""

from typing import Any

import msgspec

from processors.prompt import PROMPT, TEMPLATE
from processors.version import IndexSpec
from schemas.control import (
    EVERYBODY,
    Alias,
    Branch,
    ControlEvent,
    IndexVersion,
    PromptVersion,
    Route,
)
from schemas.topics import FIRST_INDEX

PRODUCTION = "production"
"""The alias by which the built-in route names its prompt."""


def built_in(reader: str) -> list[ControlEvent]:
    """The built-in prompt, its alias, the first index version, and the route over them.

    `reader` is the name of the model that answers.
    """
    said: dict[str, Any] = {"revision": 1, "by": "freshet", "why": "built in", "at": 0}
    name, _, version = PROMPT.rpartition("@")
    spec = msgspec.to_builtins(IndexSpec())
    branch = Branch(
        name=EVERYBODY,
        index_version=FIRST_INDEX,
        prompt=f"{name}@{PRODUCTION}",
        model=f"{reader}@1",
    )
    return [
        PromptVersion(name=name, version=int(version), template=TEMPLATE, **said),
        Alias(name=f"{name}@{PRODUCTION}", of="prompt", target=PROMPT, **said),
        IndexVersion(state="serving", complete_from=0, **spec, **said),
        Route(name=EVERYBODY, branches=[branch], **said),
    ]
