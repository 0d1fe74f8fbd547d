"""The documentation as its readers take it: pages, the links in them, and the commands to type."""

import re
from pathlib import Path

from streams.config import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def commands(page: Path) -> list[str]:
    """The command lines of a page's `sh` blocks, in order."""
    blocks = [text for kind, text in _BLOCK.findall(page.read_text()) if kind == "sh"]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _BLOCK.sub("", page.read_text())


def links(page: Path) -> list[Path]:
    """The files that a page's relative links lead to."""
    targets = (target.partition("#")[0] for target in _LINK.findall(prose(page)))
    return [page.parent / target for target in targets if target and "://" not in target]
