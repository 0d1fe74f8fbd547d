"""A variant's file: YAML with the fields of `processors.replay.variant.Variant`.

`prompt_file` names a file that has the prompt's template, from the folder of the variant's own.
"""

from pathlib import Path
from typing import Any

import yaml

from processors.replay.variant import LIVE, InvalidVariant, Variant, read
from streams.errors import FreshetError

MAX_BYTES = 256 * 1024
_PROMPT_FILE = "prompt_file"


class BadVariant(FreshetError):
    """A file that describes no variant."""


def load(named: str) -> Variant:
    """The variant in a file, or the one that changes nothing, `live`. Its name is the file's,
    unless it says another.

    Raises:
        BadVariant: it cannot be read, or describes none.
    """
    if named == LIVE:
        return Variant(name=LIVE)
    path = Path(named)
    fields = _fields(path)
    try:
        if (prompt_file := fields.pop(_PROMPT_FILE, None)) is not None:
            text = _text(path.parent / str(prompt_file))
            # Editors put a line end behind the last line.
            fields["template"] = text.removesuffix("\n")
        return read({"name": path.stem.lower(), **fields})
    except InvalidVariant as error:
        raise BadVariant(f"{path}: {error}") from None


def _fields(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise BadVariant(f"{path} is no YAML: {error}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadVariant(f"{path} has no fields; an empty file changes nothing, as `{LIVE}` does")
    return {str(name): value for name, value in found.items()}


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadVariant(f"{path} is larger than {MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadVariant(f"{path} cannot be read: {error}") from None
