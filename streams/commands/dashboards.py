"""`freshet dashboards`: Prometheus, Evidently's reports and Grafana beside the stack."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streams.dashboards.tool import Tool


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(dashboards)


def dashboards(
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the first of them in the browser.")
    ] = False,
) -> None:
    """Start Prometheus, drift reports and Grafana, as far as installed, until Ctrl-C."""
    from streams import config
    from streams.dashboards import run

    def ready(there: "list[Tool]") -> None:
        for tool in there:
            _say(f"{tool.shows:<19} {tool.url}")
        if open_browser:
            _open(there[0].url)

    settings = config.load()
    already = run.running(settings)
    if already is None:
        run.run(settings, _say, ready)
        return
    _say("the dashboards already run")
    for name, url in already.items():
        _say(f"{name:<19} {url}")
    if open_browser:
        _open(next(iter(already.values())))


def _open(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        _say(f"no browser could be opened; go to {url}")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
