"""`freshet report drift` on the running stack: made of real evaluations, shown by Evidently."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from schemas.codec import decode_as
from schemas.evaluations import Evaluation
from tests.doubles.client import Client, eventually
from tests.doubles.prometheus import TestDashboards
from tests.doubles.stack import TestStack

ANSWERS = 40
SHOWN_S = 60.0


@pytest.fixture
def dashboards(stack: TestStack, tmp_path: Path) -> Iterator[TestDashboards]:
    """Evidently, with what else is installed."""
    running = TestDashboards(stack, tmp_path)
    try:
        yield running.start()
    finally:
        assert running.stop() == []


async def test_a_report_of_real_answers_is_shown_by_evidently(
    stack: TestStack, client: Client, own: str, dashboards: TestDashboards
) -> None:
    """What is asked changes, the report says so, and Evidently lists it as it is made."""
    text = "The port of Varel has three cranes. The lighthouse of Varel is red and white."
    await client.put_shown(f"{own}/port", text, acl=[own])
    for number in range(ANSWERS):
        long = "that I have been told of so often, by so many people, and have never seen, "
        more = long if number >= ANSWERS // 2 else ""
        await client.send_query(f"How many cranes {more}has Varel's port {number}?", tenant=own)

    async def all_judged() -> bool:
        return await evaluated(client, own) == ANSWERS

    await eventually(all_judged, "the answers to be judged")
    done = stack.freshet("report", "drift", "--tenant", own, "--last", str(ANSWERS // 2), "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert Path(made["path"]).is_file()
    assert "reference: 20 answers" in done.stderr
    assert any(text.startswith("query_words:") for text in made["drifted"])

    async def is_listed() -> bool:
        return made["id"] in await listed(dashboards.url("reports"), made["project"])

    await eventually(is_listed, "Evidently to list the report", SHOWN_S)


def test_of_a_tenant_without_answers_it_says_what_to_do(stack: TestStack, own: str) -> None:
    """In one line, and with exit code 1."""
    done = stack.freshet("report", "drift", "--tenant", own)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "`freshet ask` asks a question" in done.stderr.splitlines()[-1]


async def evaluated(client: Client, tenant: str) -> int:
    """How many answers of a tenant are judged."""
    found = [
        decode_as(Evaluation, record.value or b"")
        async for record in client.log.read("evaluations")
    ]
    return sum(one.tenant == tenant for one in found)


async def listed(address: str, project: str) -> set[str]:
    """The reports that Evidently's UI has of a project."""
    async with httpx.AsyncClient(base_url=address, timeout=30) as http:
        projects = (await http.get("/api/projects")).json()
        ids = [one["id"] for one in projects if one["name"] == project]
        return {
            one["id"]
            for project_id in ids
            for one in (await http.get(f"/api/projects/{project_id}/reports")).json()
        }
