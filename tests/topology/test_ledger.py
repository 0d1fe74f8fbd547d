"""The token ledger with its workers: reserved before, settled after, and never over a bound."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from processors.ledger.ledger import Ledger
from processors.verify.usage import Scope, UsageCheck
from schemas.codec import decode, encode
from schemas.control import Budget, ControlEvent, Quota, Tenant, key_of
from schemas.envelope import Envelope
from schemas.queries import AdmittedQuery
from schemas.responses import Usage
from schemas.usage import Reserved, Settled, UsageEvent
from streams.clients.errors import ModelUnavailable
from streams.views.ledger import PARTITION, read
from streams.workers.reserving import GRACE
from tests.topology.driver import Topology
from tests.topology.roles import SECOND, Role, die, refuse, turns
from tests.topology.test_questions import QUESTION, known
from tests.topology.test_routes import SHADOW, rivers
from tests.unit.processors.ledger.entries import charge, reserved
from tests.unit.processors.ledger.oracle import Oracle
from tests.unit.processors.test_shares import branch, route

WHO: dict[str, Any] = {"revision": 1, "by": "ana", "why": "to see", "at": 1}
ENOUGH = 2000
"""Tokens: more than one question asks for, less than two."""


def set_(topology: Topology, event: ControlEvent) -> None:
    topology.log.append("control", key_of(event), encode(event))


def budget(limit: float = ENOUGH, name: str = "b", **more: Any) -> Budget:
    fields = {"unit": "tokens", "window": "day", **WHO, **more}
    return Budget(name=name, limit=limit, **fields)


def usage(topology: Topology) -> list[UsageEvent]:
    """Every entry of the ledger."""
    assert topology.log.all("usage") == topology.log.all("usage", PARTITION)
    found = [read(record) for record in topology.log.all("usage")]
    return [event for event in found if event is not None]


def kinds(topology: Topology, request_id: str = "q1") -> list[str]:
    """What was written for a request, in order."""
    mine = [event for event in usage(topology) if event.request_id == request_id]
    return [type(event).__name__.lower() for event in mine]


def statuses(topology: Topology) -> dict[str, str]:
    """What became of each question."""
    return {one.query_id: one.status for one in topology.responses()}


def assert_balanced(topology: Topology) -> None:
    """No bound was passed at any record, nothing is held, and what was settled is what the
    responses say; found without the fold, but for what is held."""
    oracle, ledger = Oracle(), Ledger()
    for record in topology.log.all("usage"):
        event, at = read(record), record.timestamp_ms * 1000
        assert event is not None
        ledger.observe(event, at)
        oracle.observe((event, at))
        for grant in oracle.grants:
            for bound in grant.bounds:
                whole = bound.limit if bound.burst is None else bound.burst
                assert oracle.counted(bound, at) <= whole, f"{bound.budget} at {record.offset}"
    assert dict(ledger.holds) == {}
    settled = {
        grant.asked.request_id: grant.end[0]
        for grant in oracle.grants
        if grant.end is not None and isinstance(grant.end[0], Settled)
    }
    for response in topology.responses():
        end = settled.pop(response.query_id, None)
        assert response.usage == (_usage(end) if isinstance(end, Settled) else Usage())
    assert settled == {}, "charged, and never answered"
    assert list(checked(topology).compare()) == []


def checked(topology: Topology) -> UsageCheck:
    """What `freshet verify` finds."""
    check = UsageCheck(Scope(now=topology.clock(), grace=0))
    for record in topology.log.all("queries.admitted"):
        event = decode(record.topic, record.value, Envelope.from_headers(record.headers))
        if isinstance(event, AdmittedQuery):
            check.add_admitted(event.query.query_id, event.reservation.tokens)
    for response in topology.responses():
        check.add_response(response)
    for record in topology.log.all("usage", PARTITION):
        if (entry := read(record)) is not None:
            check.add(record.offset, record.timestamp_ms * 1000, entry)
    return check


def _usage(end: Settled) -> Usage:
    return Usage(input_tokens=end.input_tokens, output_tokens=end.output_tokens)


async def all_done(topology: Topology, *others: Role) -> None:
    """Every question is answered, and nobody waits; time stands still while anything moves.

    `others` are further workers of admission.
    """
    groups = topology.admission.group, topology.answerer.group
    while True:
        before = len(usage(topology)), len(topology.responses())
        for _ in range(10):
            await topology.run_questions()
            for role in (topology.admission, *others):
                await role.idle()
            await asyncio.sleep(0.002)
        if (len(usage(topology)), len(topology.responses())) == before:
            if not any(group.unacked() for group in groups):
                return
            topology.clock.advance(SECOND // 4)


async def test_an_answer_is_reserved_before_and_settled_after(topology: Topology) -> None:
    """Without any bound as well: usage is counted for everybody."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.run_questions()
    reserved, settled = usage(topology)
    assert isinstance(reserved, Reserved)
    assert isinstance(settled, Settled)
    response = topology.response()
    assert response.usage == _usage(settled) != Usage()
    assert reserved.tokens > settled.input_tokens + settled.output_tokens
    assert (reserved.model, reserved.route) == ("scripted@1", "default")
    assert_balanced(topology)


@pytest.mark.parametrize("error", [ModelUnavailable("gone"), RuntimeError("unforeseen")])
async def test_a_failure_is_released(topology: Topology, error: Exception) -> None:
    """Nothing is charged for what nobody got."""
    await known(topology)

    def fail(_: str) -> list[str]:
        raise error

    topology.reader.script = fail
    topology.ask(QUESTION)
    await topology.run_questions()
    assert kinds(topology) == ["reserved", "released"]
    assert topology.response().usage == Usage()
    assert_balanced(topology)


async def test_nothing_found_is_settled_at_nothing(topology: Topology) -> None:
    """It was a request all the same."""
    topology.clock.advance()
    await topology.run()
    set_(topology, Quota(tenant="acme", requests_per_minute=1, **WHO))
    await turns()
    topology.ask(QUESTION)
    await topology.run_questions()
    topology.ask(QUESTION, "q2")
    await all_done(topology)
    assert statuses(topology) == {"q1": "unanswerable", "q2": "quota_exceeded"}
    assert_balanced(topology)


async def test_who_hangs_up_pays_for_what_was_written(topology: Topology) -> None:
    """Else an answer could be read for nothing, but for its last word."""
    await known(topology)
    topology.reader.halts_after = 2
    topology.ask(QUESTION)
    await topology.run_questions()
    topology.hang_up("q1")
    await topology.run_questions()
    response = topology.response()
    assert response.error is not None
    assert response.error.type == "cancelled"
    assert response.usage.output_tokens == 2
    assert kinds(topology) == ["reserved", "settled"]
    assert_balanced(topology)


async def test_who_hangs_up_before_the_model_began_pays_nothing(topology: Topology) -> None:
    """No token was made for them."""
    await known(topology)
    topology.ask(QUESTION)
    topology.hang_up("q1")
    await topology.run_questions()
    assert kinds(topology) == ["reserved", "released"]
    assert_balanced(topology)


async def test_what_can_never_fit_is_refused_at_once(topology: Topology) -> None:
    """With the bound that it did not fit; no reservation is written and no model asked."""
    await known(topology)
    set_(topology, budget(50, name="tiny", window="minute"))
    await turns()
    topology.ask(QUESTION)
    await topology.run_questions()
    response = topology.response()
    assert response.status == "quota_exceeded"
    assert response.error is not None
    assert response.error.type == "quota_exceeded"
    assert response.error.limit is not None
    assert (response.error.limit.name, response.error.limit.kind) == ("tiny", "rate")
    assert response.error.retry_after_s is None
    assert (usage(topology), topology.reader.prompts) == ([], [])
    assert topology.admission.group.unacked() == []


async def test_what_is_used_up_is_refused_with_when_it_comes_back(topology: Topology) -> None:
    """And fits again then."""
    await known(topology)
    set_(topology, Quota(tenant="acme", requests_per_minute=2, **WHO))
    await turns()
    for number in range(3):
        topology.ask(QUESTION, f"q{number}")
        await topology.run_questions()
    error = topology.response("q2").error
    assert error is not None
    assert error.retry_after_s is not None
    assert 59 < error.retry_after_s < 61
    topology.clock.advance(61 * SECOND)
    topology.ask(QUESTION, "later")
    await topology.run_questions()
    assert topology.response("later").status == "answered"
    assert_balanced(topology)


async def test_many_at_once_never_pass_a_budget_and_use_it_up(topology: Topology) -> None:
    """What is not needed of one reservation is the next one's; only the rest is refused."""
    await known(topology)
    topology.ask(QUESTION, "first")
    await topology.run_questions()
    each = topology.response("first").usage
    one = each.input_tokens + each.output_tokens
    limit = 10 * one + 300
    set_(topology, budget(limit))
    await turns()
    for number in range(64):
        topology.ask(QUESTION, f"q{number}")
    await all_done(topology)
    answered = [one for one in topology.responses() if one.status == "answered"]
    assert len(topology.responses()) == 65
    assert 0 <= limit - one * (len(answered) - 1) < 600
    assert_balanced(topology)


async def test_what_others_hold_is_waited_for(topology: Topology) -> None:
    """The question is answered when the one before it is settled, and nothing was refused."""
    await known(topology)
    set_(topology, budget(1, unit="concurrent"))
    await turns()
    topology.reader.gate.clear()
    topology.ask(QUESTION, "q1")
    topology.ask(QUESTION, "q2")
    await topology.run_questions()
    assert kinds(topology, "q2") == []
    assert len(topology.admission.group.unacked()) == 1
    topology.reader.gate.set()
    await all_done(topology)
    assert statuses(topology) == {"q1": "answered", "q2": "answered"}
    assert topology.admission.group.unacked() == []
    assert_balanced(topology)


async def test_who_has_waited_in_vain_is_refused(topology: Topology) -> None:
    """Not for ever: somebody waits for the answer."""
    await known(topology)
    set_(topology, budget(1, unit="concurrent"))
    await turns()
    topology.reader.gate.clear()
    topology.ask(QUESTION, "q1")
    topology.ask(QUESTION, "q2")
    await topology.run_questions()
    topology.clock.advance(int(topology.settings.limits.quota_wait_s * SECOND))
    await topology.admission.idle()
    error = topology.response("q2").error
    assert error is not None
    assert error.limit is not None
    assert (error.limit.unit, error.limit.kind) == ("concurrent", "rate")
    topology.reader.gate.set()
    await all_done(topology)
    assert_balanced(topology)


async def test_those_that_wait_go_by_priority_and_then_by_arrival(topology: Topology) -> None:
    """Of all tenants that share a bound."""
    await known(topology)
    set_(topology, budget(1, unit="concurrent"))
    for tenant, level in (("acme", "low"), ("umbrella", "high")):
        set_(topology, Tenant(name=tenant, priority=level, **WHO))  # type: ignore[arg-type]
    await turns()
    topology.reader.gate.clear()
    for query_id, tenant in (
        ("held", "initech"),
        ("low", "acme"),
        ("normal", "initech"),
        ("high", "umbrella"),
        ("high too", "umbrella"),
    ):
        topology.ask(QUESTION, query_id, tenant=tenant)
        await topology.run_questions()
    topology.reader.gate.set()
    await all_done(topology)
    reserved = [event for event in usage(topology) if isinstance(event, Reserved)]
    assert [one.request_id for one in reserved] == ["held", "high", "high too", "normal", "low"]
    assert_balanced(topology)


async def test_a_priority_keeps_its_share_free_from_those_below(topology: Topology) -> None:
    """However many of them there are."""
    await known(topology)
    set_(topology, budget(4, unit="concurrent", kept={"high": 0.5}))
    set_(topology, Tenant(name="umbrella", priority="high", **WHO))
    await turns()
    topology.reader.gate.clear()
    for number in range(4):
        topology.ask(QUESTION, f"q{number}")
    await topology.run_questions()
    topology.ask(QUESTION, "high", tenant="umbrella")
    await topology.run_questions()
    running = {one.request_id for one in usage(topology)}
    assert running == {"q0", "q1", "high"}
    topology.reader.gate.set()
    await all_done(topology)
    assert_balanced(topology)


async def test_an_answer_ends_where_its_reservation_does(topology: Topology) -> None:
    """Cleanly: it says so, and what was streamed is what it has."""
    await known(topology)
    words = [f"word{number} " for number in range(600)]
    topology.reader.script = lambda _: words
    topology.ask(QUESTION, "whole", max_tokens=600)
    await topology.run_questions()
    assert topology.response("whole").finish == "stop"
    read_ = topology.response("whole").usage.input_tokens
    set_(topology, budget(read_ + 300, window="minute"))
    await turns()
    topology.ask(QUESTION, "cut", max_tokens=600)
    await topology.run_questions()
    response = topology.response("cut")
    assert (response.status, response.finish) == ("answered", "length")
    assert 32 <= response.usage.output_tokens <= 300
    assert response.usage.input_tokens + response.usage.output_tokens <= read_ + 300
    assert "".join(topology.deltas("cut")).strip() == response.answer
    assert_balanced(topology)


async def test_a_change_of_a_budget_counts_from_the_next_question_on(topology: Topology) -> None:
    """Its removal as well."""
    await known(topology)
    set_(topology, budget(50, name="tiny"))
    await turns()
    topology.ask(QUESTION, "q1")
    await topology.run_questions()
    set_(topology, budget(50, name="tiny", **{**WHO, "revision": 2, "removed": True}))
    await turns()
    topology.ask(QUESTION, "q2")
    await topology.run_questions()
    assert statuses(topology) == {"q1": "quota_exceeded", "q2": "answered"}


async def test_a_budget_in_shadow_mode_refuses_nobody(topology: Topology) -> None:
    """It says in the ledger whom it would have refused."""
    await known(topology)
    set_(topology, budget(50, name="trial", shadow=True))
    await turns()
    topology.ask(QUESTION)
    await topology.run_questions()
    assert topology.response().status == "answered"
    ledger = Ledger()
    for record in topology.log.all("usage"):
        event = read(record)
        assert event is not None
        ledger.observe(event, record.timestamp_ms * 1000)
    assert ledger.would_refuse == {"trial": 1}


async def test_a_hold_that_nobody_ends_is_released_when_its_time_is_up(topology: Topology) -> None:
    """Its question may have been lost with a partition; its tokens are not."""
    await known(topology)
    set_(topology, budget(1, unit="concurrent"))
    await turns()
    topology.ask(QUESTION)
    await topology.admission.drain()
    topology.clock.advance(int(topology.settings.limits.answer_deadline_s * SECOND) + GRACE)
    await topology.admission.idle()
    assert kinds(topology) == ["reserved", "released"]
    topology.ask(QUESTION, "q2")
    await topology.admission.drain()
    assert kinds(topology, "q2") == ["reserved"]


async def test_a_question_that_comes_back_after_its_hold_is_reserved_anew(
    topology: Topology,
) -> None:
    """Admission was away for long; no model works without a reservation that stands."""
    await known(topology)
    topology.log.after_append = refuse("usage")
    topology.ask(QUESTION)
    await topology.admission.dies()
    topology.heal()
    topology.clock.advance(int(topology.settings.limits.answer_deadline_s * SECOND))
    await topology.admission.start()
    await topology.admission.drain()
    await all_done(topology)
    assert kinds(topology) == ["reserved", "released", "reserved", "settled"]
    assert topology.response().status == "answered"
    assert_balanced(topology)


_POINTS: dict[str, Callable[[Topology], None]] = {
    "before it is reserved": lambda t: setattr(t.log, "before_append", refuse("usage")),
    "after it": lambda t: setattr(t.log, "after_append", refuse("usage")),
    "before it is admitted": lambda t: setattr(t.log, "before_append", refuse("queries.admitted")),
    "after that": lambda t: setattr(t.log, "after_append", refuse("queries.admitted")),
    "between two": lambda t: setattr(t.log, "after_append", refuse("usage", after=1)),
    "before ack": lambda t: setattr(t.admission.group, "before_ack", die),
}


@pytest.mark.parametrize("point", _POINTS)
async def test_an_admission_that_dies_charges_and_answers_once(
    topology: Topology, point: str
) -> None:
    """Its questions come again; what was reserved for them is theirs."""
    await known(topology)
    set_(topology, budget(3 * ENOUGH))
    await turns()
    for number in range(3):
        topology.ask(QUESTION, f"q{number}")
    _POINTS[point](topology)
    await topology.admission.dies()
    topology.heal()
    await topology.admission.start()
    await all_done(topology)
    assert set(statuses(topology).values()) == {"answered"}
    assert len(topology.responses()) == 3
    assert topology.admission.group.unacked() == []
    assert_balanced(topology)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize(
    ("topic", "before"),
    [("usage", True), ("usage", False), ("responses", True), ("responses", False), ("ack", True)],
)
async def test_an_answerer_that_dies_charges_once(
    topology: Topology, topic: str, before: bool, fails: bool
) -> None:
    """Between what is charged and its response as well; both say the same."""
    await known(topology)

    def answer(prompt: str) -> list[str]:
        if fails:
            raise ModelUnavailable("gone")
        return (
            ["The ", "river."] if len(topology.reader.prompts) == 1 else ["Another ", "one, ", "."]
        )

    topology.reader.script = answer
    topology.ask(QUESTION)
    await topology.admission.drain()
    if topic == "ack":
        topology.answerer.group.before_ack = die
    elif before:
        topology.log.before_append = refuse(topic)
    else:
        topology.log.after_append = refuse(topic)
    await topology.answerer.dies()
    topology.heal()
    await topology.answerer.start()
    await topology.run_questions()
    assert topology.response().status == ("failed" if fails else "answered")
    assert kinds(topology)[0] == "reserved"
    assert set(kinds(topology)[1:]) == {"released" if fails else "settled"}
    assert topology.answerer.group.unacked() == []
    assert_balanced(topology)


async def test_a_question_asked_twice_is_charged_once(topology: Topology) -> None:
    """At once, while it runs, after it was answered, and after everybody has started anew."""
    await known(topology)
    topology.reader.gate.clear()
    for _ in range(2):
        topology.ask(QUESTION)
    await topology.run_questions()
    topology.ask(QUESTION)
    await topology.run_questions()
    topology.reader.gate.set()
    await turns()
    topology.ask(QUESTION)
    await topology.run_questions()
    await topology.admission.restart()
    await topology.answerer.restart()
    topology.ask(QUESTION)
    await topology.run_questions()
    assert topology.response().status == "answered"
    assert kinds(topology).count("settled") == 1
    assert len(topology.reader.prompts) == 1
    assert_balanced(topology)


async def test_two_admission_workers_pass_no_bound_together(topology: Topology) -> None:
    """They decide at once, knowing nothing of each other; the order in the log decides."""
    await known(topology)
    set_(topology, budget(5, unit="concurrent"))
    await turns()
    other = topology.another_admission()
    await other.start()
    topology.reader.gate.clear()
    for number in range(16):
        topology.ask(QUESTION, f"q{number}")
    batch = topology.admission.group.poll(100, 10**6)
    await asyncio.gather(
        topology.admission.handler.process(batch[::2]), other.handler.process(batch[1::2])
    )
    await turns()
    await topology.answerer.drain()
    assert len(topology.reader.prompts) == 5
    topology.reader.gate.set()
    await all_done(topology, other)
    assert set(statuses(topology).values()) == {"answered"}
    await other.crash()
    assert_balanced(topology)


async def test_two_admission_workers_given_one_question_charge_it_once(
    topology: Topology,
) -> None:
    """As when a worker slept through its session."""
    await known(topology)
    set_(topology, budget(ENOUGH))
    await turns()
    other = topology.another_admission()
    await other.start()
    topology.ask(QUESTION)
    batch = topology.admission.group.poll(100, 10**6)
    await asyncio.gather(topology.admission.handler.process(batch), other.handler.process(batch))
    await all_done(topology, other)
    assert topology.response().status == "answered"
    assert kinds(topology).count("settled") == 1
    await other.crash()
    assert_balanced(topology)


async def test_questions_that_wait_are_left_to_whom_their_partition_goes(
    topology: Topology,
) -> None:
    """The first worker says nothing more of them."""
    await known(topology)
    set_(topology, budget(1, unit="concurrent"))
    await turns()
    topology.reader.gate.clear()
    topology.ask(QUESTION, "q1")
    topology.ask(QUESTION, "q2")
    await topology.run_questions()
    await topology.admission.handler.revoke(topology.admission.partitions)
    topology.reader.gate.set()
    await turns()
    topology.clock.advance(60 * SECOND)
    await topology.admission.idle()
    assert kinds(topology, "q2") == []
    topology.admission.group.rewind()
    await topology.admission.handler.assign(topology.admission.partitions)
    await all_done(topology)
    assert statuses(topology) == {"q1": "answered", "q2": "answered"}
    assert_balanced(topology)


async def test_what_was_decided_is_in_the_log_before_another_worker_looks(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition is not given away while outcomes are on their way."""
    await known(topology)
    lands, submit = asyncio.Event(), topology.log.submit

    async def slowly(topic: str, *rest: Any) -> Any:
        landed = await submit(topic, *rest)
        if topic != "queries.admitted":
            return landed

        async def later() -> Any:
            await lands.wait()
            return await landed

        return asyncio.ensure_future(later())

    monkeypatch.setattr(topology.log, "submit", slowly)
    topology.ask(QUESTION)
    await topology.admission.drain()
    leaving = asyncio.create_task(topology.admission.handler.revoke(topology.admission.partitions))
    await turns()
    assert not leaving.done()
    assert topology.admission.group.unacked() != []
    lands.set()
    await leaving
    assert topology.admission.group.unacked() == []


async def test_a_question_refused_on_its_way_out_is_left_to_the_next_worker(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was tried, lost to another's question, and would have waited."""
    await known(topology)
    set_(topology, budget(1, unit="concurrent"))
    await turns()
    submit = topology.log.submit

    async def beaten(topic: str, *rest: Any) -> Any:
        if topic == "usage" and not topology.log.all("usage"):
            entry = reserved("first", 1, charge("b", "concurrent", 1))
            topology.log.append("usage", "acme", encode(entry), partition=PARTITION)
        return await submit(topic, *rest)

    monkeypatch.setattr(topology.log, "submit", beaten)
    topology.ask(QUESTION)
    batch = topology.admission.group.poll(1, 10**6)
    await topology.admission.handler.process(batch)
    await topology.admission.handler.revoke(topology.admission.partitions)
    topology.clock.advance(60 * SECOND)
    await topology.admission.idle()
    await topology.admission.idle()
    assert topology.responses() == []
    assert kinds(topology) == ["reserved"]


async def test_a_shadow_is_no_burden_to_its_tenant(topology: Topology) -> None:
    """It is charged to models and routes alone, and one that does not fit is left out."""
    other = await rivers(topology, route(branch("a", 1.0), SHADOW))
    set_(topology, Quota(tenant="acme", requests_per_minute=2, **WHO))
    set_(topology, budget(1, name="trials", model="terse", unit="concurrent"))
    await turns()
    other.gate.clear()
    topology.ask(QUESTION, "q1")
    topology.ask(QUESTION, "q2")
    await topology.run_questions()
    assert statuses(topology) == {"q1": "answered", "q2": "answered"}
    assert (kinds(topology, "q1~s"), kinds(topology, "q2~s")) == (["reserved"], [])
    assert len(topology.admission.group.unacked()) == 0
    other.gate.set()
    await all_done(topology)
    assert sorted(statuses(topology)) == ["q1", "q1~s", "q2"]
    bounds = {
        event.request_id: [charge.budget for charge in event.charges]
        for event in usage(topology)
        if isinstance(event, Reserved)
    }
    assert bounds == {
        "q1": ["acme:requests_per_minute"],
        "q1~s": ["trials"],
        "q2": ["acme:requests_per_minute"],
    }
    assert_balanced(topology)


async def test_a_record_that_nobody_can_read_counts_for_nothing(topology: Topology) -> None:
    """With anybody: the ledger goes on."""
    await known(topology)
    for value in (b"{", b"[]", b'{"kind": "settled"}', None):
        topology.log.append("usage", "acme", value, partition=PARTITION)
    entry = Settled(request_id="q1", tenant="acme", input_tokens=1, output_tokens=1, at=1)
    topology.log.append("usage", "acme", encode(entry), partition=1)
    topology.ask(QUESTION)
    await topology.run_questions()
    assert topology.response().status == "answered"


async def test_a_ledger_that_is_not_followed_any_more_ends_its_worker(topology: Topology) -> None:
    """Nobody waits for a verdict that never comes; the question is asked again."""
    await known(topology)
    topology.admission.handler.ledger.listen(die)
    topology.ask(QUESTION)
    await topology.admission.dies()
    await topology.admission.start()
    await topology.run_questions()
    assert topology.response().status == "answered"
    assert_balanced(topology)
