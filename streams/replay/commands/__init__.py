"""The commands of `freshet replay`.

Every module here has `register(group: typer.Typer) -> None`, which adds its commands; they are
found by being here. Import what is slow to import inside the commands.
"""
