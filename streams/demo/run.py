"""Brings the stack up, runs the demo on it, and keeps it up until Ctrl-C."""

import asyncio
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console

from streams.config import Settings
from streams.stack import status, supervisor

if TYPE_CHECKING:
    from streams.demo.stage import Stage


def run(settings: Settings, *, stay: bool) -> bool:
    """Run the demo; whether every step held. With `stay` the stack runs on until Ctrl-C."""
    console = Console(highlight=False)
    outcome: list[bool] = []

    def on_ready() -> None:
        threading.Thread(target=perform, name="demo", daemon=True).start()

    def perform() -> None:
        try:
            outcome.append(_perform(settings, console))
        except Exception:
            console.print_exception(max_frames=4)
            outcome.append(False)
        if stay and outcome[0]:
            console.print(_addresses(settings))
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    supervisor.run(settings, (), console.print, on_ready)
    return outcome == [True]


def _perform(settings: Settings, console: Console) -> bool:
    failed = asyncio.run(steps(settings, console)).failed
    for failure in failed:
        console.print(f"[red]did not hold:[/] {failure}")
    found = status.read(settings.state_dir)
    sizes = (f"{p.name} {p.rss_mb:.0f}" for p in (found.parts if found else []) if p.rss_mb)
    console.print(f"\nMemory in MB: {', '.join(sizes)}")
    console.print("[red]Not every step held.[/]" if failed else "Every step held.")
    return not failed


async def steps(settings: Settings, console: Console) -> "Stage":
    """All steps, on a stack that is up."""
    from streams.clients.kafka import Log
    from streams.demo.control import Control
    from streams.demo.quality import Quality
    from streams.demo.replay import Replay
    from streams.demo.stage import Stage
    from streams.demo.steps import Spine

    async with Log(settings.kafka) as log:
        stage, began = Stage(settings, console, log), time.time_ns() // 1000
        spine = Spine(stage)
        await spine.run()
        control = Control(stage)
        await control.run()
        await Quality(stage).run()
        await control.leave()
        await spine.verify()
        await Replay(stage, began).run()
    return stage


def _addresses(settings: Settings) -> str:
    gateway = f"http://{settings.gateway.host}:{settings.gateway.port}"
    return (
        f"\nThe stack stays up until Ctrl-C. In another terminal:\n"
        f'  .venv/bin/freshet ask "What is msgspec?"\n'
        f"  .venv/bin/freshet documents put README.md\n"
        f"  .venv/bin/freshet keys create --tenant {settings.tenant}\n"
        f"  .venv/bin/freshet status\n"
        f"Gateway {gateway} (OpenAI-compatible, /v1), Kafka {settings.kafka.bootstrap}, "
        f"Milvus {settings.milvus.uri}, Triton {settings.triton.http}"
    )
