"""A variant: what is other than it was, when past questions are asked again.

What a variant does not name is as it was in force when each question was asked: so `live`, which
names nothing, is the past itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from processors.control import Control
from processors.indexversions import versions
from processors.manifest import digest
from processors.promptchecks import faults as prompt_faults
from processors.registry import is_version, resolve
from processors.routes import plan_by
from processors.version import IndexSpec, InvalidSpec, changed, checked, spec_of
from schemas.common import Name, Reference, Versioned
from schemas.control import Alias, PromptVersion, Ratio, Route, Spec
from schemas.queries import Plan, Query

LIVE = "live"
"""The variant that changes nothing; it needs no file."""
MOST = 16
"""Variants in one run."""
_OWN = "replay"
"""What a prompt of a variant's own is called, before the variant's name."""
_NAME_LENGTH = 32
_DIGEST_LENGTH = 12

VariantName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$(?!\n)")]
"""Names folders, too."""


class InvalidVariant(ValueError):
    """A description that is no variant, or names what there is not; says what would do."""


class Variant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is changed. Everything that is left out stays as it was."""

    name: VariantName
    base: Name | None = None
    """The index version that is asked, with the changes below; absent, the one that each question
    was asked of."""
    chunk: Spec = {}
    lexical: Spec = {}
    fusion: Spec = {}
    embedder: Versioned | None = None
    dimensions: Annotated[int, Meta(ge=2, le=32_768)] | None = None
    """Of the embedder's vectors, where they are other than the base's."""
    route: Annotated[str, Meta(max_length=128)] | None = None
    """`route` or `route/branch`: answered as that one says now."""
    prompt: Reference | None = None
    template: Annotated[str, Meta(min_length=1, max_length=65536)] | None = None
    """The text of a prompt of the variant's own, which no registry has."""
    model: Reference | None = None
    top_k: Annotated[int, Meta(ge=1, le=50)] | None = None
    dense_weight: Ratio | None = None


FIELDS = Variant.__struct_fields__


def read(fields: Mapping[str, Any]) -> Variant:
    """A variant by its fields, as a file has them.

    Raises:
        InvalidVariant: a field that there is not, or a value that none can have.
    """
    if unknown := sorted(set(fields) - set(FIELDS)):
        raise InvalidVariant(
            f"a variant has no {', '.join(unknown)}; it may have {', '.join(FIELDS)}"
        )
    try:
        variant = msgspec.convert(fields, Variant)
    except msgspec.ValidationError as error:
        raise InvalidVariant(str(error)) from None
    if variant.prompt is not None and variant.template is not None:
        raise InvalidVariant(f"{variant.name} has a prompt and a template: only one can be used")
    if (own := own_prompt(variant)) is not None and (wrong := "; ".join(prompt_faults(own))):
        raise InvalidVariant(f"{variant.name}: its template: {wrong}")
    _check_settings(variant)
    return variant


def own_prompt(variant: Variant) -> PromptVersion | None:
    """The prompt that the variant brings along, if it does."""
    if variant.template is None:
        return None
    return PromptVersion(
        name=f"{_OWN}/{variant.name}",
        version=1,
        template=variant.template,
        revision=1,
        by="freshet",
        why="a variant's own",
        at=0,
    )


def spec_for(variant: Variant, base: IndexSpec) -> IndexSpec:
    """The index that the variant asks, where `base` was asked: the same one if nothing is changed.

    Raises:
        InvalidSpec: settings that do not go together.
    """
    spec = checked(
        name=base.name,
        embedder=variant.embedder or base.embedder,
        dimensions=variant.dimensions or base.dimensions,
        chunk=changed(base.chunk, variant.chunk, "chunk"),
        lexical=changed(base.lexical, variant.lexical, "lexical"),
        fusion=changed(base.fusion, variant.fusion, "fusion"),
    )
    if spec == base:
        return base
    named = digest(msgspec.json.encode(spec, order="deterministic").decode())[:_DIGEST_LENGTH]
    return replace(spec, name=f"{base.name[: _NAME_LENGTH - _DIGEST_LENGTH - 1]}_{named}")


def same_units(one: IndexSpec, other: IndexSpec) -> bool:
    """Whether two indexes have one and the same changes: else one of them has to be made."""
    return (one.chunk, one.embedder, one.dimensions) == (
        other.chunk,
        other.embedder,
        other.dimensions,
    )


def plan_for(variant: Variant, was: Plan, query: Query, control: Control) -> Plan | None:
    """How the variant answers a question that was answered by the plan `was`.

    `index_version` names the base. None where the variant's route cannot be used.
    """
    plan = was if variant.route is None else plan_by(control, variant.route, query)
    if plan is None:
        return None
    own = own_prompt(variant)
    changes: dict[str, Any] = {
        "index_version": variant.base,
        "prompt": f"{own.name}@{own.version}" if own else _resolved(control, variant),
        "model": variant.model and resolve(control, "model", variant.model).version,
        "top_k": variant.top_k,
        "dense_weight": variant.dense_weight,
    }
    return replace(plan, **{name: value for name, value in changes.items() if value is not None})


def prompt_of(variant: Variant, plan: Plan, control: Control) -> PromptVersion | None:
    """The prompt that a plan of the variant names; None where it is not known."""
    return own_prompt(variant) or control.all(PromptVersion).get(plan.prompt)


def faults(variant: Variant, control: Control) -> Iterator[str]:
    """What a variant names and `control` has not: to be asked before anything is done."""
    indexes = versions(control)
    if variant.base is not None and variant.base not in indexes:
        yield f"there is no index version {variant.base}; there are {_listed(indexes)}"
    prompts = control.all(PromptVersion)
    if variant.prompt is not None and (wrong := resolve(control, "prompt", variant.prompt)).wrong:
        aliases = [name.partition("/")[2] for name in control.of(Alias) if name[:7] == "prompt/"]
        yield f"{wrong.wrong}; there are {_listed([*prompts, *aliases])}"
    if variant.model is not None and not is_version(variant.model):
        found = resolve(control, "model", variant.model)
        if found.wrong:
            aliases = [name.partition("/")[2] for name in control.of(Alias) if name[:6] == "model/"]
            yield f"{found.wrong}; there are {_listed(aliases)}"
    if variant.route is not None:
        yield from _route_faults(variant.route, control)
    for name, base in sorted(indexes.items()):
        if variant.base in (None, name):
            try:
                spec_for(variant, spec_of(base))
            except InvalidSpec as error:
                yield f"over the index version {name}: {error}"


def _route_faults(name: str, control: Control) -> Iterator[str]:
    route_name, _, branch = name.partition("/")
    routes = control.of(Route)
    route = routes.get(route_name)
    if route is None:
        yield f"there is no route {route_name}; there are {_listed(routes)}"
    elif branch and branch not in (names := [one.name for one in route.branches]):
        yield f"the route {route_name} has no branch {branch}; it has {_listed(names)}"


def _resolved(control: Control, variant: Variant) -> str | None:
    if variant.prompt is None:
        return None
    return resolve(control, "prompt", variant.prompt).version


def _check_settings(variant: Variant) -> None:
    """Settings that no base can make sense of; whether they go together, the base decides."""
    base = IndexSpec()
    try:
        changed(base.chunk, variant.chunk, "chunk")
        changed(base.lexical, variant.lexical, "lexical")
        changed(base.fusion, variant.fusion, "fusion")
    except InvalidSpec as error:
        raise InvalidVariant(f"{variant.name}: {error}") from None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
