"""`freshet prompts`: versions and aliases of prompts, who changed them, and the way back."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.errors import FreshetError
from streams.prompts.command import (
    changed,
    look,
    mlflow_store,
    model_name,
    understood,
    with_prompts,
)
from streams.said import said

if TYPE_CHECKING:
    from schemas.control import Alias, PromptVersion
    from streams.prompts.copies import Copied
    from streams.prompts.registry import Prompts

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Why = Annotated[str, typer.Option(help="The reason, for those who read the log later.")]
Reference = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="A version, answer@3, or an alias.")
]
Prompt = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this prompt.")]
AliasName = Annotated[str, typer.Argument(metavar="ALIAS", help="Such as answer@production.")]
Model = Annotated[
    str | None,
    typer.Option(help="The model that it is for; default: setting `triton.reader`."),
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all.")]
Uri = Annotated[
    str | None,
    typer.Option(help="MLflow's store; default: MLFLOW_TRACKING_URI, or one in the state folder."),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Prompts: versions and aliases.", no_args_is_help=True)
    for name, command in (
        ("list", list_),
        ("show", show),
        ("log", log),
        ("diff", diff),
        ("check", check),
        ("add", add),
        ("alias", alias),
        ("rollback", rollback),
        ("remove", remove),
        ("import", import_),
        ("export", export),
    ):
        group.command(name=name)(command)
    app.add_typer(group, name="prompts")


def list_(name: Prompt = None, as_json: AsJson = False) -> None:
    """Every version: its aliases, who made it, and why. Then what names a version that is not."""
    from streams.prompts.lines import listed

    found = look()
    print("\n".join(listed(found, name, as_json=as_json)))


def show(reference: Reference, as_json: AsJson = False) -> None:
    """A version, as a file that `add` takes. JSON: its event."""
    from streams.prompts import files

    prompt = look().get(reference)
    if as_json:
        print(json.dumps(_plain(prompt)))
    else:
        print(files.dump(prompt), end="")


def log(name: Prompt = None, as_json: AsJson = False) -> None:
    """Who changed what, when and why, as far back as the log goes."""
    from streams.prompts.lines import told

    for one in changed(name):
        print(told(one, as_json=as_json))


def diff(old: Reference, new: Reference, as_json: AsJson = False) -> None:
    """What two versions differ in, as a unified diff of their files."""
    from streams.prompts.lines import differences

    found = look()
    text = differences(found.get(old), found.get(new))
    if as_json:
        print(json.dumps({"old": old, "new": new, "same": not text, "diff": text}))
    else:
        print(text, end="")


def check(
    target: Annotated[str, typer.Argument(metavar="FILE|REFERENCE", help="What to check.")],
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a prompt, and how long it can grow. Exit code 1 if anything is."""
    from processors.promptchecks import faults, longest
    from streams.prompts import files
    from streams.prompts.registry import refused_by

    path = Path(target)
    if path.is_file():
        prompt = files.draft(files.read(path), path, name="file", version=1, by="?", why="", at=0)
    elif "@" in target:
        prompt = look().get(target)
    else:
        raise FreshetError(f"{target} is neither a file nor a version or alias, NAME@...")
    wrong = faults(prompt)
    if not wrong and (unread := refused_by(model_name(model), prompt)):
        wrong = [unread]
    length = None if wrong else longest(prompt)
    if as_json:
        print(json.dumps({"faults": wrong, "longest": length}))
    elif wrong:
        print("\n".join(wrong))
    else:
        bound = f"{length} characters" if length else "as long as the passages that are found"
        print(f"well; at most {bound}")
    if wrong:
        raise typer.Exit(1)


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which prompt; it may be new.")],
    file: Annotated[Path, typer.Argument(help="YAML as `show` prints it, or its text alone.")],
    why: Why,
    to: Annotated[
        str | None, typer.Option("--alias", help="Let this alias stand for it: production.")
    ] = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Make a file the next version of a prompt. Nobody uses it before an alias stands for it."""
    from streams.prompts import files

    fields = files.read(file)

    async def work(prompts: "Prompts") -> "PromptVersion":
        made = prompts.drafted(name, fields, file, said(why))
        understood(made, model)
        await prompts.add(made)
        if to is not None:
            await prompts.point(f"{name}@{to}", f"{name}@{made.version}", said(why))
        return made

    made: PromptVersion = with_prompts(work)
    print(json.dumps(_plain(made)) if as_json else f"{made.name}@{made.version}")


def alias(
    name: AliasName,
    reference: Reference,
    why: Why,
    expected: Annotated[
        str | None,
        typer.Option("--from", help="Only if it stands for this version now; or `nothing`."),
    ] = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Let an alias stand for a version, or for what another alias stands for."""

    async def work(prompts: "Prompts") -> "Alias | None":
        understood(prompts.get(reference), model)
        return await prompts.point(name, reference, said(why), expected=expected)

    moved: Alias | None = with_prompts(work)
    if moved is not None:
        _moved(moved, as_json)
    elif as_json:
        print("{}")
    else:
        print(f"{name} stands for {reference} already")


def rollback(
    name: AliasName,
    why: Why = "rolled back by `freshet prompts rollback`",
    as_json: AsJson = False,
) -> None:
    """Let an alias stand for what it stood for before. Again: for what was before that."""

    async def work(prompts: "Prompts") -> "Alias":
        return await prompts.rollback(name, said(why))

    _moved(with_prompts(work), as_json)


def remove(reference: Reference, why: Why, as_json: AsJson = False) -> None:
    """Take out of use a version or an alias that nothing names."""

    async def work(prompts: "Prompts") -> None:
        await prompts.remove(reference, said(why))

    with_prompts(work)
    print(json.dumps({"removed": reference}) if as_json else f"{reference} is removed")


def import_(
    names: Names = None,
    uri: Uri = None,
    defaults: Annotated[
        list[str] | None,
        typer.Option("--default", help="VARIABLE=VALUE, where MLflow knows none; repeatable."),
    ] = None,
    aliases: Annotated[bool, typer.Option(help="Move aliases, too: live at once.")] = True,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Take prompts from MLflow's registry: versions, numbers, aliases, messages and tags.

    What is here already is left alone. Exit code 1 if a version was refused, after the others.
    """
    from streams.prompts.copies import Importer

    values, source = _pairs(defaults or []), mlflow_store(uri)

    async def work(prompts: "Prompts") -> "Copied":
        importer = Importer(source, prompts, values, model_name(model), said("from MLflow"))
        return await importer.take(names or [], aliases=aliases)

    _copied(with_prompts(work), as_json)


def export(names: Names = None, uri: Uri = None, as_json: AsJson = False) -> None:
    """Give prompts to MLflow's registry: versions, numbers, aliases, messages and tags.

    What is there already is left alone. Exit code 1 if MLflow has another text of a version.
    """
    from streams.prompts.copies import give

    prompts = look()
    _copied(give(mlflow_store(uri), prompts, names or []), as_json)


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given]
    for pair, (_, equals, _) in zip(given, pairs, strict=True):
        if not equals:
            raise FreshetError(f"--default {pair!r}: give VARIABLE=VALUE")
    return {name: value for name, _, value in pairs}


def _moved(moved: "Alias", as_json: bool) -> None:
    print(json.dumps(_plain(moved)) if as_json else f"{moved.name} stands for {moved.target}")


def _copied(copied: "Copied", as_json: bool) -> None:
    if as_json:
        print(json.dumps(copied._asdict()))
    else:
        print("\n".join(copied.lines()))
    if copied.refused:
        raise typer.Exit(1)


def _plain(event: "PromptVersion | Alias") -> dict[str, Any]:
    import msgspec

    fields = msgspec.to_builtins(event)
    return {name: fields[name] for name in fields if name != "kind"}
