"""The gateway as a process."""

import asyncio
import time

import uvicorn

from streams.clients.kafka import Log
from streams.config import Settings
from streams.gateway.app import Gateway, create_app
from streams.gateway.protocol import Bounded
from streams.workers import logs

MAX_HEAD_BYTES = 32 * 1024
_GRACE_S = 5


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises what ended the following of a topic."""
    logs.configure()
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Serve in the running loop."""
    async with Log(settings.kafka) as log:
        gateway = Gateway(settings, log, _now_us, failed=lambda: _end(server))
        server = uvicorn.Server(_config(settings, gateway))
        await server.serve()
        gateway.check()


def _end(server: uvicorn.Server) -> None:
    """State that no longer follows the log is of no use: the supervisor starts anew."""
    server.should_exit = True


def _config(settings: Settings, gateway: Gateway) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(gateway),
        host=settings.gateway.host,
        port=settings.gateway.port,
        # h11 bounds what it reads of a head; the faster parser does not.
        http=Bounded,
        limit_concurrency=settings.gateway.max_connections,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _now_us() -> int:
    return time.time_ns() // 1000
