"""`freshet ask`: a question, answered with its sources."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from schemas.queries import Query
    from schemas.responses import Response
    from streams.config import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ask)


def ask(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    as_of: Annotated[
        str | None, typer.Option(help="An earlier state: RFC 3339, or an index time.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="Wait for a write: documents/PARTITION@OFFSET.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Who asks; default: setting `tenant`.")] = None,
    top_k: Annotated[int, typer.Option(min=1, max=50, help="How many passages to read.")] = 5,
    filters: Annotated[
        list[str] | None, typer.Option("--filter", help="Metadata to have, KEY=VALUE; repeatable.")
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option("--variable", help="A value for the prompt, NAME=VALUE; repeatable."),
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it comes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the response event.")] = False,
) -> None:
    """Ask a question. Exit code 1 when it could not be answered for an error."""
    from streams import config

    settings = config.load()
    query = _query(
        text=question,
        tenant=tenant or settings.tenant,
        as_of=as_of,
        after=after,
        top_k=top_k,
        filters=filters or [],
        variables=variables or [],
    )
    response = asyncio.run(_ask(settings, query, stream=stream and not as_json))
    print(_json(response) if as_json else _shown(response, streamed=stream))
    if response.error is not None:
        raise typer.Exit(1)


def _query(
    *,
    text: str,
    tenant: str,
    as_of: str | None,
    after: str | None,
    top_k: int,
    filters: list[str],
    variables: list[str],
) -> "Query":
    import msgspec

    from schemas.queries import Query
    from streams.receipts import parse_receipt

    fields = {
        "query_id": str(uuid4()),
        "text": text,
        "tenant": tenant,
        "as_of": int(as_of) if as_of is not None and as_of.isdigit() else as_of,
        "after": parse_receipt(after) if after else None,
        "top_k": top_k,
        "filters": _pairs(filters),
        "variables": _pairs(variables),
    }
    try:
        return msgspec.convert(fields, Query)
    except msgspec.ValidationError as error:
        raise FreshetError(f"that cannot be asked: {error}") from None


def _pairs(given: list[str]) -> dict[str, str] | None:
    """KEY=VALUE, each."""
    return {key: value for key, _, value in (pair.partition("=") for pair in given)} or None


async def _ask(settings: "Settings", query: "Query", *, stream: bool) -> "Response":
    from schemas.responses import Response
    from streams.asking import SLACK_S, NoResponse, ask
    from streams.clients.kafka import Log

    timeout_s = settings.limits.answer_deadline_s + SLACK_S
    async with Log(settings.kafka) as log:
        async for event in ask(log, query, timeout_s=timeout_s):
            if isinstance(event, Response):
                return event
            if stream:
                sys.stdout.write(event.text)
                sys.stdout.flush()
    raise NoResponse(f"no response to {query.query_id}")


def _json(response: "Response") -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(response), indent=2).decode()


def _shown(response: "Response", *, streamed: bool) -> str:
    """The answer, its sources, and the receipt in one line."""
    lines = []
    if response.error is not None:
        lines.append(f"{response.status}: {response.error.type}: {response.error.message}")
    elif response.status == "unanswerable":
        lines.append("The documents do not say.")
    elif not streamed:
        lines.append(response.answer)
    else:
        lines.append("")
    lines += [
        f"  [{c.marker}] {c.doc_id} {c.start}-{c.end}: {' '.join(c.quote.split())[:100]}"
        for c in response.citations
    ]
    if (receipt := response.receipt) is not None:
        lines.append(
            f"  index {receipt.index_version} as of {receipt.as_of}, "
            f"{receipt.staleness_ms:.0f} ms old; {receipt.model}, {receipt.prompt}; "
            f"query {response.query_id}"
        )
    return "\n".join(lines)
