"""What the demo asks of the documentation of installed packages."""

import random
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple


class Question(NamedTuple):
    """A question, and the package whose documentation answers it."""

    text: str
    package: str


QUESTIONS = (
    Question("Which HTTP versions does HTTPX support?", "httpx"),
    Question("Which serialization formats does msgspec support?", "msgspec"),
    Question("What is Starlette ideal for building?", "starlette"),
    Question("What does Hypothesis report when it finds a bug?", "hypothesis"),
    Question("What is uvicorn?", "uvicorn"),
)

OFF_TOPIC = "Who won the football World Cup in 1998?"


class Edit(NamedTuple):
    """One sentence of one document changed, and the question whose answer changes with it."""

    package: str
    question: str
    before: str
    after: str


EDIT = Edit(
    package="stamina",
    question="What is stamina an opinionated wrapper around?",
    before="[Tenacity]",
    after="[Perseverance]",
)

DELETED = Question("Which library is for property-based testing in Python?", "hypothesis")

WRONG = ("HTTP/2", "HTTP/7")
"""What the demo falsifies in the answer to its first question."""

_USUAL = (
    "What is {}?",
    "Which license does {} have?",
    "How do I install {}?",
    "Which Python versions does {} support?",
)

CHANGED = (
    "Where do I find my invoice for last month?",
    "How can I change the credit card on my account?",
    "Why was I charged twice this week?",
    "Can I get a refund for my subscription?",
    "When will my parcel arrive?",
    "The courier lost my package, what now?",
    "How do I cancel my order?",
    "My discount code is not accepted.",
    "Which payment methods do you take?",
    "Do you deliver to Norway?",
    "I forgot the password of my customer account.",
    "How long is the warranty on the washing machine?",
    "Can I pay in instalments?",
    "Where is your nearest shop?",
    "Is the blue jacket available in size M?",
    "Who do I call about a broken screen?",
    "How do I return shoes that do not fit?",
    "Are gift cards refundable?",
    "What are your opening hours on Sunday?",
    "Please delete my customer account.",
    "Why is shipping so expensive?",
    "Can a friend collect my order?",
    "Is there a student discount?",
    "How do I get a receipt for my tax office?",
)
"""What nobody asks of a package: the questions of a shop's customers."""


def usual(packages: Sequence[str], count: int) -> list[str]:
    """Questions about packages in no order, the same ones each time."""
    every = [text.format(name) for name, text in product(packages, _USUAL)]
    return random.Random(1).sample(every, count)  # noqa: S311
