"""What is in force, followed live: all there is, what comes, and nothing that does not count."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace

from schemas.codec import encode
from schemas.control import Calibration, PromptVersion, key_of
from schemas.envelope import headers
from schemas.topics import type_of
from streams.clients.kafka import Record
from streams.views.control import ControlView
from tests.doubles.log import MemoryLog

SECOND = Calibration(
    revision=1,
    by="ana",
    why="test",
    at=1,
    name="words",
    version=2,
    method="platt",
    points=[(0.0, 0.1), (1.0, 0.9)],
    threshold=0.5,
    labels=40,
    share=0.1,
)


def put(log: MemoryLog, change: Calibration | PromptVersion, key: str | None = None) -> None:
    name = headers(type_of(change), source="t", time=1)
    log.append("control", key or key_of(change), encode(change), name)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(2)


@pytest_asyncio.fixture
async def view(log: MemoryLog) -> AsyncIterator[ControlView]:
    made = ControlView(log)
    yield made
    await made.stop()


async def turn() -> None:
    """Let what follows the log come to its turn."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_there_is_counts_from_the_start(log: MemoryLog, view: ControlView):
    """Before the first event is worked on."""
    put(log, SECOND)
    await view.start()
    assert view.control.of(Calibration) == {"words@2": SECOND}


async def test_what_comes_counts_when_it_comes(log: MemoryLog, view: ControlView):
    """No worker has to be started anew."""
    await view.start()
    put(log, SECOND)
    put(log, replace(SECOND, revision=2, share=1.0))
    await turn()
    (one,) = view.control.of(Calibration).values()
    assert one.share == 1.0


async def test_what_comes_while_it_starts_counts_once(
    log: MemoryLog, view: ControlView, monkeypatch: pytest.MonkeyPatch
):
    """Read, and followed too: the second time it changes nothing."""
    put(log, SECOND)
    ends = log.ends

    async def before_another(topic: str) -> dict[int, int]:
        found = await ends(topic)
        monkeypatch.setattr(log, "ends", ends)
        put(log, replace(SECOND, revision=2, share=0.7))
        return found

    monkeypatch.setattr(log, "ends", before_another)
    await view.start()
    await turn()
    (one,) = view.control.of(Calibration).values()
    assert (one.revision, one.share) == (2, 0.7)


async def test_what_is_no_change_of_its_key_counts_for_nothing(log: MemoryLog, view: ControlView):
    """Compaction goes by the key: under another it would outlive its own corrections."""
    put(log, SECOND, "calibration/words@3")
    put(log, SECOND, "prompt/words@2")
    log.append("control", None, encode(SECOND), headers(type_of(SECOND), source="t", time=1), 0)
    put(
        log,
        PromptVersion(
            revision=1, by="ana", why="test", at=1, name="words", version=2, template="{question}"
        ),
    )
    for bad in (b"{", b"null", None, encode(SECOND).replace(b'"version":2', b'"version":1')):
        log.append("control", key_of(SECOND), bad, ())
    log.append("control", key_of(SECOND), encode(SECOND), [("ce_id", b"broken")])
    await view.start()
    await turn()
    assert view.control.all(Calibration) == {}
    view.check()


async def test_a_log_that_can_no_longer_be_followed_is_told(
    log: MemoryLog, view: ControlView, monkeypatch: pytest.MonkeyPatch
):
    """Else a worker would go on by what was in force then, for ever."""
    await view.start()
    view.check()

    def fail(_record: Record) -> None:
        raise RuntimeError("lost")

    monkeypatch.setattr(view.follower, "_take", fail)
    put(log, SECOND)
    await turn()
    with pytest.raises(RuntimeError, match="lost"):
        view.check()


async def test_who_waits_is_told_of_the_change_that_matters(log: MemoryLog, view: ControlView):
    """At once; or nothing, when it does not come in time."""
    await view.start()

    def half() -> Calibration | None:
        found = view.control.of(Calibration).get("words@2")
        return found if found is not None and found.share == 0.5 else None

    assert await view.wait(half, 0.01) is None
    waiting = asyncio.create_task(view.wait(half, 5.0))
    await turn()
    put(log, SECOND)
    await turn()
    assert not waiting.done()
    put(log, replace(SECOND, revision=2, share=0.5))
    assert await waiting is not None


async def test_listeners_hear_of_each_change_that_counts_once(log: MemoryLog, view: ControlView):
    """What is refused, or said again, they do not hear of."""
    heard: list[object] = []
    view.listen(heard.append)
    put(log, SECOND)
    await view.start()
    put(log, SECOND)
    put(log, replace(SECOND, revision=5))
    put(log, replace(SECOND, revision=2))
    await turn()
    assert [one.revision for one in heard] == [1, 2]  # type: ignore[attr-defined]
