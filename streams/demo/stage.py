"""What all steps of the demo have: a log, a console, and a list of what did not hold."""

from typing import Any
from uuid import uuid4

from rich.console import Console

from schemas.queries import Query
from schemas.responses import Response
from streams.asking import SLACK_S, answer
from streams.clients.kafka import Log
from streams.config import Settings


class Stage:
    """Runs against a stack that is up."""

    def __init__(self, settings: Settings, console: Console, log: Log) -> None:
        self.settings = settings
        self.console = console
        self.log = log
        self.failed: list[str] = []
        self.given: list[tuple[str, Response]] = []
        """Every question that was asked with its response, in order."""
        self.first_answer_s = 0.0
        """Seconds from the first document sent to the first answer."""

    def title(self, text: str) -> None:
        """Begin a step."""
        self.console.print(f"\n[bold]{text}[/]")

    def held(self, what: str, held: bool) -> None:
        """Say whether it did."""
        self.console.print(f"  {'[green]held[/]' if held else '[red]failed[/]'}  {what}")
        if not held:
            self.failed.append(what)

    async def answer_to(self, text: str, **more: Any) -> Response:
        """Ask, as anybody would."""
        fields = {"tenant": self.settings.tenant, **more}
        query = Query(query_id=str(uuid4()), text=text, **fields)
        timeout_s = self.settings.limits.answer_deadline_s + SLACK_S
        response = await answer(self.log, query, timeout_s=timeout_s)
        self.given.append((text, response))
        return response

    def show(self, question: str, response: Response) -> None:
        """A question with its answer, citations and receipt."""
        total = sum(response.timings_ms.values())
        self.console.print(f"  [bold]Q[/] {question}")
        if response.error is not None:
            self.console.print(f"    {response.status}: {response.error.message}", markup=False)
        said = response.answer or "The documents do not say."
        self.console.print(f"    {said}", markup=False, highlight=False)
        for cited in response.citations:
            place = f"[{cited.marker}] {cited.doc_id} {cited.start}-{cited.end}"
            self.console.print(f"    {place}", style="dim", markup=False, highlight=False)
        if (receipt := response.receipt) is not None:
            self.console.print(
                f"    receipt: as of {receipt.as_of}, {receipt.staleness_ms:.0f} ms old, "
                f"{receipt.model}, {receipt.prompt}; {total:.0f} ms",
                style="dim",
                highlight=False,
            )
