"""An index version: everything that decides which rows a document becomes and how they rank."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from processors.lexical import LexicalSpec
from processors.retrieve import FusionSpec
from processors.split import ChunkSpec
from schemas.control import IndexVersion
from schemas.topics import FIRST_INDEX

Settings = Mapping[str, str | int | float | bool]
_Spec = TypeVar("_Spec", ChunkSpec, LexicalSpec, FusionSpec)


class InvalidSpec(ValueError):
    """Settings that no index can be made by; says which, and what would do."""


class IndexSpec(Struct, frozen=True, kw_only=True):
    """What is pinned by an index version's name: a different spec is a different index."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,32}$(?!\n)")] = FIRST_INDEX
    """Part of the names of topics and collections."""
    embedder: str = "minilm-l6@1"
    dimensions: int = 384
    """Of the embedder's vectors."""
    chunk: ChunkSpec = field(default_factory=ChunkSpec)
    lexical: LexicalSpec = field(default_factory=LexicalSpec)
    fusion: FusionSpec = field(default_factory=FusionSpec)


def spec_of(version: IndexVersion) -> IndexSpec:
    """The spec that an event fixes; what it leaves unsaid is as built in.

    Raises:
        InvalidSpec: a setting that there is not, or a value that none can have.
    """
    return checked(
        name=version.name,
        embedder=version.embedder,
        dimensions=version.dimensions,
        chunk=changed(ChunkSpec(), version.chunk, "chunk"),
        lexical=changed(LexicalSpec(), version.lexical, "lexical"),
        fusion=changed(FusionSpec(), version.fusion, "fusion"),
    )


def checked(**fields: object) -> IndexSpec:
    """A spec by which an index can be made.

    Raises:
        InvalidSpec: a value that none can have, or two that do not go together.
    """
    try:
        spec = msgspec.convert(fields, IndexSpec)
    except msgspec.ValidationError as error:
        raise InvalidSpec(str(error)) from None
    _check_lengths(spec.chunk)
    return spec


def changed(spec: _Spec, settings: Settings, group: str, *, strict: bool = True) -> _Spec:
    """A spec with some settings changed; `group` is what messages call it.

    Where it is not `strict`, values may be text, as a command line has them.

    Raises:
        InvalidSpec: a setting that there is not, or a value that none can have.
    """
    for name in settings.keys() - set(spec.__struct_fields__):
        known = ", ".join(spec.__struct_fields__)
        raise InvalidSpec(f"there is no setting {group}.{name}; there are {known}")
    try:
        return msgspec.convert({**msgspec.to_builtins(spec), **settings}, type(spec), strict=strict)
    except msgspec.ValidationError as error:
        raise InvalidSpec(f"{group}: {error}") from None


def settings_of(spec: IndexSpec) -> dict[str, str | int | float]:
    """Every setting by its dotted name: what two versions are compared by."""
    found: dict[str, str | int | float] = {}
    for name, value in msgspec.to_builtins(spec).items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": each for inner, each in value.items()}
        elif name != "name":
            found[name] = value
    return found


def _check_lengths(chunk: ChunkSpec) -> None:
    for less, more in (("unit_min", "unit_max"), ("passage_target", "passage_max")):
        if getattr(chunk, less) > getattr(chunk, more):
            raise InvalidSpec(
                f"chunk.{less} is {getattr(chunk, less)}, which is more than chunk.{more}, "
                f"{getattr(chunk, more)}"
            )
