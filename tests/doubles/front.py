"""A gateway in this process: over a log in memory, with a scripted answerer behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec
from starlette.applications import Starlette

from schemas.control import ApiKey, Scope, Tenant
from streams.config import Settings
from streams.control import send
from streams.gateway.app import Gateway, create_app
from streams.gateway.keys import new_key
from tests.doubles.answerer import Script, ScriptedAnswerer
from tests.doubles.log import MemoryLog

NOW = 1_760_000_000_000_000


class Front(NamedTuple):
    """A running gateway and what stands around it."""

    log: MemoryLog
    gateway: Gateway
    app: Starlette
    answerer: ScriptedAnswerer
    client: httpx.AsyncClient
    """Speaks for the tenant `acme`."""

    async def key(self, tenant: str, *scopes: Scope) -> str:
        """A new key, known at once."""
        made = new_key()
        event = ApiKey(
            id=made.id,
            tenant=tenant,
            hash=made.hash,
            scopes=list(scopes),
            revision=1,
            by="test",
            why="",
            at=NOW,
        )
        await send(self.log, event)
        await settled()
        return made.text

    async def says(self, tenant: str, revision: int = 1, **fields: object) -> None:
        """A change of a tenant, known at once."""
        said = {"kind": "tenant", "by": "test", "why": "", "at": NOW, "revision": revision}
        await send(self.log, msgspec.convert({**said, "name": tenant, **fields}, Tenant))
        await settled()

    async def speaking_for(self, tenant: str, *scopes: Scope) -> dict[str, str]:
        """The headers of another caller."""
        return {"Authorization": f"Bearer {await self.key(tenant, *scopes)}"}


async def settled() -> None:
    """Let everything that follows the log come to its end."""
    for _ in range(20):
        await asyncio.sleep(0)


Run = Callable[..., AbstractAsyncContextManager[Front]]


@asynccontextmanager
async def running(
    folder: Path, script: Script | None = None, log: MemoryLog | None = None
) -> AsyncIterator[Front]:
    """A gateway that is ready, on a state folder."""
    log = log or MemoryLog(clock=lambda: NOW)
    settings = Settings(state_dir=folder)
    gateway = Gateway(settings, log, lambda: NOW)
    app = create_app(gateway)
    transport = httpx.ASGITransport(app)
    async with (
        gateway.running(app),
        ScriptedAnswerer(log, script) as answerer,
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        front = Front(log, gateway, app, answerer, client)
        client.headers.update(await front.speaking_for("acme"))
        yield front
