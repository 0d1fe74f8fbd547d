"""Whether one JSON Schema accepts, and reads alike, all that another one allows.

For the schemas that the event types make, not for any: objects stay open, alternatives are told
apart one by one, and a keyword that is not known here counts as a gap as soon as it differs.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_WORDS = ("title", "description", "examples", "$id", "$schema", "$defs", "default")
_OWN_RULE = (*_UPPER, *_LOWER, *_WORDS, "type", "enum", "properties", "required", "anyOf")
_NESTED = ("items", "prefixItems", "additionalProperties", "propertyNames")


class Gap(NamedTuple):
    """Something that the writer may write and the reader does not read, or reads otherwise."""

    path: str
    what: str


def gaps(*, reader: Schema, writer: Schema, ignored_is_loss: bool = True) -> list[Gap]:
    """Where `reader` does not cover `writer`; empty where it does.

    `ignored_is_loss`: a field that the reader does not know is a gap, because what was said in it
    is lost. Without it such a field is simply left out, as an old reader does.
    """
    return list(_Comparison(reader, writer, ignored_is_loss).covers(reader, writer, "$"))


class _Comparison:
    """Two whole schemas, whose definitions their parts refer to."""

    def __init__(self, reader: Schema, writer: Schema, ignored_is_loss: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._ignored_is_loss = ignored_is_loss
        self._seen: set[tuple[str, str]] = set()

    def covers(self, reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
        """The gaps between two parts."""
        pair = reader.get("$ref", ""), writer.get("$ref", "")
        if all(pair):
            if pair in self._seen:
                return
            self._seen.add(pair)
        reader, writer = _resolved(reader, self._reader), _resolved(writer, self._writer)
        if "anyOf" in reader or "anyOf" in writer:
            yield from self._alternatives(reader, writer, path)
        else:
            yield from self._plain(reader, writer, path)

    def _alternatives(self, reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
        """Each of the writer's alternatives needs one of the reader's, of its own type if there is
        one: of `integer` and `number`, a whole number is read as the first."""
        everyone = reader.get("anyOf", [reader])
        for choice in writer.get("anyOf", [writer]):
            kind = choice.get("type")
            readers = [one for one in everyone if one.get("type", "") == kind] or everyone
            tries = [list(self._again(one, choice, path)) for one in readers]
            if all(tries):
                nearest = min(tries, key=len)[0]
                yield (
                    nearest
                    if len(tries) == 1
                    else Gap(
                        path, f"no alternative reads {_kind(choice)} as it was ({nearest.what})"
                    )
                )

    def _again(self, reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
        """Compare apart: what one attempt has seen must not silence the next."""
        other = _Comparison(self._reader, self._writer, self._ignored_is_loss)
        other._seen = set(self._seen)
        return other.covers(reader, writer, path)

    def _plain(self, reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
        yield from _types(reader, writer, path)
        yield from _values(reader, writer, path)
        yield from _bounds(reader, writer, path)
        yield from _others(reader, writer, path)
        yield from self._fields(reader, writer, path)
        yield from self._parts(reader, writer, path)

    def _fields(self, reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
        known, written = reader.get("properties", {}), writer.get("properties", {})
        always = writer.get("required", [])
        for name in reader.get("required", []):
            if name not in always:
                yield Gap(f"{path}.{name}", "required, and may be missing")
        for name, part in written.items():
            if name in known:
                yield from _default(known[name], part, f"{path}.{name}")
                yield from self.covers(known[name], part, f"{path}.{name}")
            elif self._ignored_is_loss:
                yield Gap(f"{path}.{name}", "the field is gone, and what it said with it")

    def _parts(self, reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
        for keyword, step in (
            ("items", "[]"),
            ("additionalProperties", "{}"),
            ("propertyNames", "{key}"),
        ):
            yield from self._part(reader.get(keyword), writer.get(keyword), path + step)
        firsts = reader.get("prefixItems", []), writer.get("prefixItems", [])
        for index, (one, other) in enumerate(zip(*firsts, strict=False)):
            yield from self.covers(one, other, f"{path}[{index}]")
        if any(firsts) and not all(firsts):
            yield Gap(path, "a row of given length is not a list of any")
        elif len(firsts[0]) < len(firsts[1]) and self._ignored_is_loss:
            yield Gap(path, "items at the end are gone")

    def _part(self, reader: Any, writer: Any, path: str) -> Iterator[Gap]:
        if isinstance(reader, Mapping) and isinstance(writer, Mapping):
            yield from self.covers(reader, writer, path)
        elif isinstance(reader, Mapping) and writer is not False:
            yield Gap(path, "bound to a schema, and was not")
        elif reader is False and writer is not False:
            yield Gap(path, "not allowed any more")


def _resolved(part: Schema, whole: Schema) -> Schema:
    """A reference followed; what stands beside it is words."""
    while "$ref" in part:
        name = part["$ref"].removeprefix("#/$defs/")
        part = whole["$defs"][name] if name in whole.get("$defs", {}) else whole
    return part


def _types(reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
    wanted, given = reader.get("type"), writer.get("type")
    if wanted is None or wanted == given or (wanted, given) == ("number", "integer"):
        return
    if given is None and "enum" in writer and _all_of(writer["enum"], wanted):
        return
    yield Gap(path, f"{given or 'anything'} before, {wanted} now")


def _all_of(values: list[Any], kind: str) -> bool:
    allowed = {"string": (str,), "integer": (int,), "number": (int, float)}.get(kind, ())
    return all(isinstance(value, allowed) for value in values)


def _values(reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
    if "enum" not in reader:
        return
    missing = [value for value in writer.get("enum", []) if value not in reader["enum"]]
    if "enum" not in writer:
        yield Gap(path, f"bound to {reader['enum']}, and was not")
    elif missing:
        yield Gap(path, f"{missing} not allowed")


def _bounds(reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
    narrower: list[tuple[tuple[str, ...], Callable[[Any, Any], bool]]] = [
        (_UPPER, lambda mine, theirs: mine < theirs),
        (_LOWER, lambda mine, theirs: mine > theirs),
    ]
    for keywords, tighter in narrower:
        for keyword in keywords:
            mine, theirs = reader.get(keyword), writer.get(keyword)
            if mine is not None and (theirs is None or tighter(mine, theirs)):
                yield Gap(path, f"{keyword} {theirs} is narrowed to {mine}")


def _default(reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
    """A field left out must go on meaning what it meant."""
    if "default" in writer and "default" in reader and reader["default"] != writer["default"]:
        yield Gap(path, f"the default {writer['default']!r} becomes {reader['default']!r}")


def _others(reader: Schema, writer: Schema, path: str) -> Iterator[Gap]:
    """Keywords without a rule of their own, patterns among them: equal, or gone."""
    for keyword in reader:
        if keyword in _OWN_RULE or keyword in _NESTED:
            continue
        if reader[keyword] != writer.get(keyword):
            yield Gap(path, f"{keyword} {writer.get(keyword)!r} becomes {reader[keyword]!r}")
    if "contentEncoding" in writer and "contentEncoding" not in reader:
        yield Gap(path, "contentEncoding is gone: bytes would be read as text")


def _kind(part: Schema) -> str:
    return str(part.get("type") or part.get("$ref") or part.get("enum"))
