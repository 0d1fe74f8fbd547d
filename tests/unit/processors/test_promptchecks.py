"""Which prompts are sound, and which of them the extractive reader understands."""

from itertools import combinations_with_replacement, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.reading.prompt import InvalidPrompt, parse
from processors.prompt import PromptPassage, ValueTooLong, render
from processors.promptchecks import faults, longest, unread
from schemas.control import PromptChecks, PromptVersion, Variable
from schemas.examples import EXAMPLES
from tests.doubles.plans import PROMPT
from tests.doubles.prompts import forgeries, passages, prompts, texts

END = "\n\nQuestion: {{question}}\n\nAnswer:"
BODY = "{{passages}}" + END


def version(template: str, *variables: Variable, **fields: object) -> PromptVersion:
    return replace(PROMPT, template=template, variables=list(variables), **fields)


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("{{passages}}\nWell?", "{{question}} is missing"),
        ("Question: {{question}}", "{{passages}} is missing"),
        ("{{passages}}\n{{passages}}\n{{question}}", "{{passages}} stands twice"),
        ("Read {{passages}}\n{{question}}", "its line to itself"),
        ("{{passages}} \n{{question}}", "its line to itself"),
        ("{{passages}}\r\n{{question}}", "its line to itself"),
        ("{{passages}}{{question}}", "its line to itself"),
        ("{{ question }}{{passages}}", "right before another"),
        ("Be {{tone}}.\n" + BODY, "{{tone}} is not declared"),
        ("{{passages}}\n</pass{{question}}", "{{question}} touches"),
        ("{{passages}}\n<{{question}}", "{{question}} touches"),
        ("{{passages}}\n{{question}}age 1: x>", "{{question}} touches"),
        ("{{tenant}}{{as_of}}\n" + BODY, "{{tenant}} stands right before another"),
        ("{{tenant}}/{{as_of}}\n" + BODY, "{{tenant}} touches"),
        ("{{Big Name}}\n" + BODY, "'{{Big Name}}"),
        ("{{tenant.name}}\n" + BODY, "is no place"),
        ("{{tenant\n" + BODY, "is no place"),
        ("<passage 1: mine>\nYes.\n</passage>\n" + BODY, "only passages may begin so"),
        ("\\</PASSAGE>\n" + BODY, "only passages may begin so"),
    ],
)
def test_a_template_that_could_be_broken_is_refused(template: str, wrong: str):
    """In words that say where."""
    assert any(wrong in fault for fault in faults(version(template)))


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        (Variable(name="tone"), "tone needs a default"),
        (Variable(name="user"), "user needs a default"),
        (Variable(name="tone", default="polite", max_length=5), "longer than its max_length"),
        (Variable(name="tenant", default="acme"), "tenant is known of every question"),
        (Variable(name="question", default="Why?"), "question is known of every question"),
        (Variable(name="passages", max_length=8191), "passages need a max_length of 8192"),
    ],
)
def test_a_variable_that_could_be_without_a_value_is_refused(variable: Variable, wrong: str):
    """A question must never fail for what its prompt lacks."""
    place = "" if variable.name in ("question", "passages") else f"{{{{{variable.name}}}}}\n"
    (fault,) = faults(version(place + BODY, variable))
    assert wrong in fault


def test_what_is_declared_stands_in_the_template_once_declared():
    """A name that is misspelt is noticed at either end."""
    tone = Variable(name="tone", default="polite")
    assert faults(version(BODY, tone)) == ["tone is declared, and {{tone}} is missing"]
    assert faults(version("{{tone}}\n" + BODY, tone, tone)) == ["tone is declared twice"]
    assert faults(version("{{tone}}\n" + BODY, tone)) == []


def test_no_fence_arises_where_text_and_values_meet():
    """However it is cut in pieces: the template is refused, or the value escaped."""
    tone, size = Variable(name="tone", default="x"), Variable(name="size", default="x")
    escaped = 0
    for fence in ("<passage", "</PASSAGE"):
        for cuts in combinations_with_replacement(range(len(fence) + 1), 4):
            first, one, middle, two, last = (
                fence[start:end] for start, end in pairwise((0, *cuts, len(fence)))
            )
            for apart in ("", " "):
                text = f"{first}{{{{tone}}}}{middle}{apart}{{{{size}}}}{last}"
                prompt = version(f"{{{{passages}}}}\n{text}\n{{{{question}}}}", tone, size)
                if not faults(prompt):
                    rendered = render(prompt, {"question": "Why?", "tone": one, "size": two}, [])
                    assert f"\\{fence}" in rendered or fence not in rendered
                    escaped += fence in rendered
    assert escaped


def test_marks_around_a_place_are_as_free_as_they_can_be():
    """Tags, quotation marks and brackets do no harm."""
    template = '{{passages}}\n<q>{{question}}</q> "{{tenant}}" [{{as_of}}] {{tenant}}\'s {x}}'
    assert faults(version(template)) == []


def test_a_version_keeps_its_own_checks():
    """What must stand in it, what must not, and how long it may grow."""
    checks = PromptChecks(max_length=30_000, contains=["never follow"], lacks=["PLEASE"])
    kept = version(f"Please obey.\n{BODY}", Variable(name="passages", max_length=9000))
    assert faults(replace(kept, checks=checks)) == [
        "check: 'never follow' does not stand in it",
        "check: 'PLEASE' stands in it",
    ]
    small = replace(kept, checks=PromptChecks(max_length=9000))
    assert faults(small) == [f"check: it can grow to {longest(kept)} characters, more than 9000"]
    unbounded = version(BODY, checks=PromptChecks(max_length=30_000))
    assert faults(unbounded) == ["check: max_length needs one of the passages, too"]


def test_the_longest_prompt_is_as_long_as_that():
    """Every place filled to its brim, fences escaped."""
    prompt = version(
        "{{tone}}\n" + BODY,
        Variable(name="tone", default="x", max_length=9),
        Variable(name="passages", max_length=8192),
    )
    passage = PromptPassage(1, "t", "", "x" * (8192 - len("<passage 1: t>\n\n</passage>")))
    question = "<passage" * (16_384 // 8)
    rendered = render(prompt, {"question": question, "tone": "<passage"}, [passage])
    assert len(rendered) == longest(prompt)


def test_the_built_in_prompt_and_the_example_are_sound():
    """And the reader understands both."""
    for prompt in (PROMPT, EXAMPLES[PromptVersion]):
        assert isinstance(prompt, PromptVersion)
        assert faults(prompt) == []
        assert unread(prompt) is None


@given(prompts, texts.filter(str.strip), passages, forgeries)
def test_what_the_reader_is_said_to_understand_it_reads_back(
    prompt: PromptVersion, question: str, given_passages: list[PromptPassage], value: str
):
    """Whatever stands before the last lines, and whatever fills it."""
    prompt = replace(prompt, template=prompt.template.rstrip() + END)
    if faults(prompt):
        return
    assert unread(prompt) is None
    values = dict.fromkeys(("tenant", "as_of", "user", "tone"), value)
    try:
        read = parse(render(prompt, {**values, "question": question}, given_passages))
    except ValueTooLong:
        return
    assert read.question == " ".join(question.split())
    assert [one.number for one in read.passages] == [one.number for one in given_passages]
    assert [one.text for one in read.passages] == [one.text for one in given_passages]


@pytest.mark.parametrize(
    "template",
    [
        "{{passages}}\n\n{{question}}",
        BODY + "\n",
        BODY + " ",
        BODY.replace("\n\nAnswer:", "\nAnswer:"),
        BODY.replace("Question: ", "Q: "),
        "Question: {{question}}\n\n{{passages}}\n\nAnswer:",
        "Question: {{question}}\n\nAnswer:\n{{passages}}",
    ],
)
def test_what_the_reader_would_refuse_is_told(template: str):
    """Before a single answer fails for it."""
    prompt = version(template)
    assert faults(prompt) == []
    assert unread(prompt) is not None
    with pytest.raises(InvalidPrompt):
        parse(render(prompt, {"question": "Why?"}, [PromptPassage(1, "t", "", "x")]))


@given(st.text())
def test_any_text_is_sound_or_is_told_why_not(text: str):
    """Nothing a file may hold breaks the checking."""
    prompt = version(text or " ")
    if not faults(prompt):
        unread(prompt)
        longest(prompt)
