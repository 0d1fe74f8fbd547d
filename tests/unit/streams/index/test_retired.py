"""What was retired long ago is dropped; what may still be asked for is not."""

import pytest
from msgspec.structs import replace

from processors.builtin import built_in
from schemas.codec import encode
from schemas.control import IndexVersion, key_of
from schemas.envelope import headers
from schemas.topics import type_of
from streams.config import Milvus
from streams.index import retired
from tests.doubles.log import MemoryLog

FIRST = next(one for one in built_in("reader") if isinstance(one, IndexVersion))


async def test_only_what_was_retired_before_the_horizon_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answers that it gave can be checked until then."""
    dropped: list[str] = []

    async def drop(_: Milvus, version: str) -> int:
        dropped.append(version)
        return 0

    monkeypatch.setattr(retired, "drop", drop)
    log = MemoryLog()
    for name, state, at in (
        ("old", "retired", 5),
        ("late", "retired", 50),
        ("used", "serving", 5),
    ):
        event = replace(FIRST, name=name, state=state, at=at)
        log.append(
            "control",
            key_of(event),
            encode(event),
            headers(type_of(event), source="test", time=at),
        )
    await retired.drop_retired(log, Milvus(), before=20)
    assert dropped == ["old"]
