"""The command line's commands.

Every module here has `register(app: typer.Typer) -> None`, which adds its commands or its group
of commands. They are found by being here. Import what is slow to import inside the commands, so
that `freshet --help` stays quick.
"""
