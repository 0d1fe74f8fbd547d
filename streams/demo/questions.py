"""What the demo asks of the documentation of installed packages."""

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
