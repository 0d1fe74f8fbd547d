"""What every route shares: probes, metrics, errors; and feedback."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from monitoring.metrics import GATEWAY_REQUESTS, METRICS
from schemas.codec import decode
from schemas.feedback import Feedback
from streams.clients.kafka import Record
from streams.views.follower import Follower
from tests.doubles.front import Front, settled
from tests.doubles.log import MemoryLog


def requests(route: str, method: str, status: str) -> float:
    """How many were counted."""
    labels = {"route": route, "method": method, "status": status}
    return REGISTRY.get_sample_value(GATEWAY_REQUESTS.name, labels) or 0.0


async def test_feedback_is_in_the_log_under_its_question(front: Front) -> None:
    """In the name of the caller's tenant, whatever the body says."""
    body = {"query_id": "q-1", "rating": -1, "comment": "No.", "tenant": "other"}
    response = await front.client.post("/v1/feedback", json=body)
    (record,) = front.log.all("feedback")
    assert (response.status_code, record.key) == (202, b"q-1")
    assert decode("feedback", record.value) == Feedback(
        query_id="q-1", tenant="acme", rating=-1, comment="No."
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"query_id": "q-1", "rating": 5}, "rating"),
        ({"query_id": "", "rating": 1}, "query_id"),
        ({"query_id": "q-1", "rating": 1, "labels": ["x" * 100]}, "labels[0]"),
    ],
)
async def test_feedback_out_of_bounds_is_refused(
    front: Front, body: dict[str, object], param: str
) -> None:
    """With the field named."""
    response = await front.client.post("/v1/feedback", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert front.log.all("feedback") == []


async def test_an_unknown_path_is_an_error_in_the_usual_shape(front: Front) -> None:
    """So is a method that a path does not have, which says those that it has."""
    path = await front.client.get("/v1/nothing")
    method = await front.client.get("/v1/chat/completions")
    assert (path.status_code, path.json()["error"]["code"]) == (404, "not_found")
    assert (method.status_code, method.headers["allow"]) == (405, "POST")


async def test_requests_are_counted_by_route_and_not_by_path(front: Front) -> None:
    """So that nobody fills the metrics with names."""
    before = requests("/v1/documents/{doc_id:path}", "GET", "404")
    await front.client.get("/v1/documents/a")
    await front.client.get("/v1/documents/b")
    assert requests("/v1/documents/{doc_id:path}", "GET", "404") == before + 2


async def test_metrics_are_shown_to_whoever_asks(front: Front) -> None:
    """By the names of the one list of metrics."""
    await front.client.get("/v1/models")
    page = (await front.client.get("/metrics")).text
    assert "freshet_gateway_waiting_requests 0.0" in page
    assert "freshet_gateway_request_duration_seconds_bucket" in page


async def test_it_is_ready_while_the_log_answers_and_is_followed(front: Front) -> None:
    """And alive in any case."""
    before = await front.client.get("/readyz")
    await front.gateway.questions.follower.stop()
    after = await front.client.get("/readyz")
    alive = await front.client.get("/healthz")
    assert (before.status_code, after.status_code, alive.status_code) == (200, 503, 200)


async def test_a_topic_that_can_be_followed_no_longer_is_told() -> None:
    """The process is of no use then, and has to know why."""
    failed = asyncio.Event()

    def take(_record: Record) -> None:
        raise ValueError("cannot be folded")

    log = MemoryLog()
    follower = Follower(log, take)
    follower.start({"control": {}}, failed.set)
    await settled()
    log.append("control", "key/1", b"{}")
    await failed.wait()
    assert not follower.works
    with pytest.raises(ValueError, match="cannot be folded"):
        follower.check()


def test_metrics_are_named_by_the_rules() -> None:
    """One prefix, base units, `_total` on counters; no name twice."""
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("freshet_") for name in names)
    assert {m.name for m in METRICS if m.kind == "counter"} == {
        name for name in names if name.endswith("_total")
    }
    for metric in METRICS:
        if metric.kind == "histogram":
            assert metric.name.endswith(f"_{metric.unit}")
