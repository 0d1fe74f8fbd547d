"""Which package may import which: `python -m tests.boundaries`, exit code 1 on any breach.

`schemas` imports nothing of ours, `processors` only `schemas`, `monitoring` only `schemas`; and
the first two know of no server. What is decided stays apart from what is moved.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = {"schemas", "processors", "streams", "models", "monitoring", "tests"}
SERVERS = {
    "kafka",
    "faust",
    "aiokafka",
    "confluent_kafka",
    "pymilvus",
    "tritonclient",
    "pyspark",
    "grpc",
    "socket",
    "httpx",
}
MAY_IMPORT = {
    "schemas": set[str](),
    "processors": {"schemas"},
    "monitoring": {"schemas"},
    "streams": {"schemas", "processors", "monitoring"},
}
PURE = {"schemas", "processors"}


def breaches(root: Path = ROOT) -> Iterator[str]:
    """`path:line: what is wrong` for each import that is not allowed."""
    for package in MAY_IMPORT:
        for path in sorted((root / package).rglob("*.py")):
            for line, imported in imports(path.read_text()):
                if why := _fault(package, imported):
                    yield f"{path.relative_to(root)}:{line}: {package} imports {imported}, {why}"


def imports(source: str) -> Iterator[tuple[int, str]]:
    """The line and the top-level package of each import, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def _fault(package: str, imported: str) -> str | None:
    if imported in OURS - {package} - MAY_IMPORT[package]:
        return "which stands above it"
    if package in PURE and imported in SERVERS:
        return "which is a server's client: keep it behind processors/ports.py"
    return None


if __name__ == "__main__":
    found = list(breaches())
    print("\n".join(found) or "the packages keep their places")
    sys.exit(1 if found else 0)
