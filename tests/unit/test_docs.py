"""The documentation says what is there. That its commands work, `tests/integration` holds."""

import re
import shlex
from pathlib import Path

import pytest

from streams import reference
from streams.config import ROOT
from tests.doubles.docs import PAGES, commands, links, prose

TYPED = re.compile(
    r"^(?: {4}|\t)\$? ?(?:\S*/)?(?:freshet|docker|make|python|cp|curl) ", re.MULTILINE
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page is to a file or a folder of the repository."""
    assert [str(target) for target in links(page) if not target.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_stand_in_blocks_that_are_tried(page: Path) -> None:
    """None is hidden in an indented block, which no test runs."""
    assert TYPED.findall(prose(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_not_run_are_at_least_well_formed(page: Path) -> None:
    """Targets of make are in the Makefile, what is copied is there, and quotes are closed."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in commands(page):
        program, *arguments = shlex.split(line, comments=True)
        if program == "make":
            assert arguments[0] in targets
        elif program == "cp":
            assert (ROOT / arguments[0]).is_file()


@pytest.mark.parametrize("page", reference.pages(), ids=lambda page: page.name)
def test_a_page_that_is_made_from_the_code_is_up_to_date(page: Path) -> None:
    """`python -m streams.reference` makes it anew."""
    assert page.read_text() == reference.pages()[page]


def test_every_setting_has_a_meaning() -> None:
    """In words, where it is defined."""
    assert [name for name, field in reference.settings() if not field.description] == []


def test_every_command_is_mentioned() -> None:
    """In some page, as one types it."""
    said = " ".join(page.read_text() for page in PAGES)
    paths = [" ".join(path) for path, _ in reference.walk()]
    assert len(paths) > 20
    assert [path for path in paths if f"freshet {path}" not in said] == []
