"""Whose a document is: tenants, groups, prefixes, and what others learn, which is nothing."""

import asyncio
from typing import Any

import httpx
import pytest

from schemas.envelope import Envelope
from schemas.index import PassageSpan
from tests.doubles.front import NOW, Front, Run
from tests.doubles.log import MemoryLog
from tests.unit.streams.gateway.test_document_routes import Index

URL = "/v1/documents/notes/pools.md"
NOTHING = "/v1/documents/notes/never.md"
TEXT = {"text": "# Pools", "content_type": "text/markdown"}


@pytest.fixture
def index(front: Front) -> Index:
    """The index behind the gateway."""
    return Index(front.log)


def told(response: httpx.Response) -> tuple[int, Any]:
    """All that a caller is told, but for the id that it named itself."""
    body = response.text.replace("never.md", "pools.md")
    return response.status_code, (body, sorted(dict(response.headers)))


async def put(front: Front, url: str = URL, who: dict[str, str] | None = None, **more: Any) -> int:
    """Write a document; gives the status."""
    return (await front.client.put(url, json=TEXT | more, headers=who)).status_code


async def test_whether_another_s_document_exists_is_told_nobody(front: Front, index: Index) -> None:
    """Asking for it and deleting it are answered as if it had never been, at every stage."""
    other = await front.speaking_for("other", "documents:admin")
    stages = [front.client.put(URL, json=TEXT), index.handles_all(title="Secret")]
    stages += [front.client.delete(URL)]
    for stage in stages:
        await stage
        for method in ("GET", "DELETE"):
            theirs = await front.client.request(method, URL, headers=other)
            nothing = await front.client.request(method, NOTHING, headers=other)
            assert told(theirs) == told(nothing)
            assert theirs.status_code == 404
    assert len(front.log.all("documents")) == 2


@pytest.mark.parametrize("name", ["Acme", "acm", "acme2", "ac:me", "acme/", "acme.", "a"])
async def test_a_name_like_another_s_is_another_name(front: Front, index: Index, name: str) -> None:
    """By case, by prefix, by a sign more."""
    other = await front.speaking_for(name, "documents:admin")
    await put(front)
    await index.handles_all()
    assert (await front.client.get(URL, headers=other)).status_code == 404
    assert await put(front, who=other) == 403


async def test_a_group_finds_what_names_it_and_writes_nothing(front: Front, index: Index) -> None:
    """From the moment on that a tenant belongs to it, until it no longer does."""
    member = await front.speaking_for("member")
    await put(front, acl=["acme", "group:staff", "third"])
    await index.handles_all(title="Pools")
    assert (await front.client.get(URL, headers=member)).status_code == 404
    await front.says("member", groups=["group:staff"])
    seen = await front.client.get(URL, headers=member)
    assert (seen.status_code, seen.json()["title"]) == (200, "Pools")
    assert seen.json()["acl"] == ["group:staff"], "who else may find it is not a reader's to know"
    assert await put(front, who=member) == 403
    assert (await front.client.delete(URL, headers=member)).status_code == 403
    await front.says("member", revision=2, groups=["group:staff2", "group:staf"])
    assert (await front.client.get(URL, headers=member)).status_code == 404
    assert (await front.client.get(URL)).json()["acl"] == ["acme", "group:staff", "third"]


async def test_sharing_with_others_takes_a_scope(front: Front) -> None:
    """Who has it not writes for itself and for the groups that it belongs to."""
    narrow = await front.speaking_for("acme", "documents:write")
    await front.says("acme", groups=["group:staff"])
    assert await put(front, who=narrow, acl=["acme", "other"]) == 403
    assert await put(front, who=narrow, acl=["acme", "group:other"]) == 403
    assert await put(front, who=narrow, acl=["acme", "group:staff"]) == 202
    assert await put(front, acl=["acme", "other"]) == 202


async def test_where_ids_begin_with_their_tenant_s_prefix_nobody_learns_which_are_taken(
    front: Front, index: Index
) -> None:
    """Whatever one tries to write there, there is one answer."""
    other = await front.speaking_for("other")
    await front.says("acme", prefix="notes/")
    assert await put(front) == 202
    await index.handles_all()
    taken = await front.client.put(URL, json=TEXT, headers=other)
    free = await front.client.put(NOTHING, json=TEXT, headers=other)
    assert told(taken) == told(free)
    assert taken.status_code == 403
    assert await put(front, "/v1/documents/elsewhere") == 403
    assert await put(front, "/v1/documents/elsewhere", who=other) == 202


async def test_what_was_written_before_there_was_a_prefix_can_still_be_deleted(
    front: Front, index: Index
) -> None:
    """By whom it belongs to."""
    await put(front)
    await index.handles_all()
    await front.says("acme", prefix="acme/")
    assert await put(front) == 403
    assert (await front.client.delete(URL)).status_code == 202


async def test_a_tenant_keeps_as_many_documents_as_it_may(front: Front, index: Index) -> None:
    """Counted from the write on; a new version is no new document, and a deletion makes room."""
    await front.says("acme", limits={"documents": 2})
    other = await front.speaking_for("other")
    urls = [f"/v1/documents/{name}" for name in "abc"]
    assert [await put(front, url) for url in urls] == [202, 202, 403]
    await index.handles_all()
    assert [await put(front, url) for url in urls] == [202, 202, 403]
    assert await put(front, urls[2], who=other) == 202
    assert (await front.client.delete(urls[0])).status_code == 202
    assert await put(front, "/v1/documents/d") == 403
    await index.handles_all()
    assert await put(front, "/v1/documents/d") == 202


async def test_documents_that_come_all_at_once_are_counted_one_by_one(front: Front) -> None:
    """None slips in while another is on its way to the log."""
    await front.says("acme", limits={"documents": 3})
    puts = [put(front, f"/v1/documents/{number}") for number in range(9)]
    assert sorted(await asyncio.gather(*puts)) == [202] * 3 + [403] * 6


async def test_a_text_longer_than_its_tenant_s_may_be_is_refused(front: Front) -> None:
    """By its bytes, however it was sent."""
    await front.says("acme", limits={"document_bytes": 10})
    raw = {"content": "ä" * 6, "headers": {"content-type": "text/plain"}}
    assert (await front.client.put(URL, **raw)).status_code == 413
    assert await put(front, text="x" * 11) == 413
    assert await put(front, text="ä" * 5) == 202


async def test_who_wrote_a_document_is_in_its_event(front: Front) -> None:
    """The key's id, which is no secret; `freshet keys list` tells whose it is."""
    await put(front)
    await front.client.delete(URL)
    key_id = front.client.headers["authorization"].split("_")[1]
    for record in front.log.all("documents"):
        attributes = {name: value.decode() for name, value in record.headers}
        assert (attributes["ce_authtype"], attributes["ce_authid"]) == ("api_key", key_id)
        assert Envelope.from_headers(record.headers).source == "freshet/gateway"


async def test_who_waits_for_a_write_is_not_shown_what_another_made_of_the_id(
    front: Front, index: Index
) -> None:
    """Its deletion is done, and what stands there now is another's."""
    other = await front.speaking_for("other")
    await put(front)
    await index.handles_all()
    waiting = asyncio.create_task(front.client.delete(f"{URL}?wait=true"))
    await asyncio.sleep(0.05)
    await index.handles(front.log.all("documents")[-1], "deleted")
    assert await put(front, who=other) == 202
    await index.handles_all(title="Theirs")
    await index.shows(front.log.all("documents"))
    response = await waiting
    assert (response.status_code, response.json()["status"]) == (202, "pending")
    assert "Theirs" not in response.text


async def test_how_much_of_a_text_was_known_already_is_not_told(front: Front, index: Index) -> None:
    """What others wrote need not be embedded again: that it was known would tell that they did."""
    await put(front)
    await index.handles_all(units_kept=1, units_embedded=7, layout=[PassageSpan("p", 0, 7, NOW)])
    assert not {key for key in (await front.client.get(URL)).json() if "embed" in key}


async def test_whose_documents_are_whose_survives_a_restart(run: Run) -> None:
    """And what an older make wrote down is read from the log again."""
    log = MemoryLog(clock=lambda: NOW)
    async with run(log=log) as front:
        await put(front)
        await Index(log).handles_all()
        view = front.gateway.statuses.view
        view._db.execute("delete from belongings")
        view._db.execute("pragma user_version = 0")
    async with run(log=log) as front:
        await front.says("acme", limits={"documents": 1})
        assert await put(front, NOTHING) == 403
        assert await put(front) == 202
