"""Who may import whom: read from the source, so that no import is hidden in a function."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("schemas", "processors", "streams", "monitoring", "models")
MAY_IMPORT = {
    "schemas": {"schemas"},
    "processors": {"schemas", "processors"},
    "streams": {"schemas", "processors", "streams", "monitoring"},
    "monitoring": {"schemas", "monitoring"},
}
OUTSIDE = {
    *("msgspec", "numpy", "scipy", "river", "yaml", "snowballstemmer", "markdown_it"),
    *("py3langid", "pyphen", "sacrebleu", "rouge_score", "nltk", "sklearn"),
}
"""All that the pure packages need; above all no client of Kafka, Milvus, Triton or Spark."""


def modules(package: str) -> list[Path]:
    """Every source file of a package."""
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """`processors/parse/html.py` is `processors.parse.html`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if is_ours(whole) else node.module or ""


def is_ours(module: str) -> bool:
    """Whether it is one of our modules, and not a name in one."""
    path = ROOT.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def top(module: str) -> str:
    """The top-level package of a module."""
    return module.split(".", 1)[0]


@pytest.mark.parametrize("package", [name for name in MAY_IMPORT if (ROOT / name).is_dir()])
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    """schemas nothing of ours, processors only schemas, streams both."""
    wrong = [
        f"{name_of(path)} imports {module}"
        for path in modules(package)
        for module in imports(path)
        if top(module) in OURS and top(module) not in MAY_IMPORT[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["schemas", "processors"])
def test_the_pure_packages_know_no_server(package: str) -> None:
    """They import the standard library, each other, and a short list of plain libraries."""
    allowed = OUTSIDE | set(OURS) | set(sys.stdlib_module_names)
    wrong = [
        f"{name_of(path)} imports {module}"
        for path in modules(package)
        for module in imports(path)
        if top(module) not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["schemas", "processors"])
def test_the_pure_packages_open_nothing_and_read_no_clock(package: str) -> None:
    """Time is an argument; sockets, processes and event loops belong to streams."""
    forbidden = {"socket", "subprocess", "http", "urllib", "time", "sqlite3"}
    wrong = [
        f"{name_of(path)} imports {module}"
        for path in modules(package)
        for module in imports(path)
        if top(module) in forbidden
    ]
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Our modules, taken together, have an order."""
    graph: dict[str, set[str]] = {}
    for package in OURS:
        for path in modules(package):
            graph[name_of(path)] = set(imports(path))
    for module, imported in graph.items():
        graph[module] = {name for name in imported if name in graph and name != module}
    assert _cycle(graph) is None


def _cycle(graph: dict[str, set[str]]) -> list[str] | None:
    """Modules that import one another in a circle, if there are any."""
    done: set[str] = set()
    for root in sorted(graph):
        path: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = [(root, iter(sorted(graph[root])))]
        path.append(root)
        while stack:
            module, left = stack[-1]
            following = next((name for name in left if name not in done), None)
            if following is None:
                done.add(module)
                stack.pop()
                path.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            else:
                stack.append((following, iter(sorted(graph[following]))))
                path.append(following)
    return None


def test_a_cycle_would_be_found() -> None:
    """The check itself can fail."""
    assert _cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()}) == ["a", "b", "c", "a"]
    assert _cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None
