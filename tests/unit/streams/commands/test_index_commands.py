"""`freshet index`: what is refused before anything is asked of the log."""

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.errors import FreshetError


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("build", "v2", "--chunk", "unit_max"), "NAME=VALUE"),
        (("switch", "v2"), "--why"),
        (("retire", "v2", "--why", " "), "--why"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_do(
    arguments: tuple[str, ...], told: str
) -> None:
    """No broker is asked."""
    done = CliRunner().invoke(app, ["index", *arguments])
    assert isinstance(done.exception, FreshetError)
    assert told in str(done.exception)
