"""Tenants: whatever they ask, and however, an answer rests on what they may find and on no more."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.lexical import terms
from schemas.codec import decode, encode
from schemas.control import Tenant, key_of
from schemas.queries import AdmittedQuery, WriteReceipt
from schemas.responses import Response
from tests.topology.driver import Topology
from tests.topology.roles import refuse

SECRET = "The merger with Umbrella is code-named Nightjar and happens in May."
OPEN = "The canteen opens at noon and serves soup."
QUESTION = "What is code-named Nightjar?"
HOSTILE = [
    "*",
    "acme",
    '" or true',
    'acme"] or acl in ["acme',
    "group:staff",
    "Acme",
    "acme ",
    "\u0430cme",
    "acm\u00e9",
    "%",
    "",
]


def says(topology: Topology, name: str, revision: int = 1, **fields: Any) -> None:
    """A change of a tenant."""
    said = {"kind": "tenant", "by": "test", "why": "", "at": 1, "revision": revision}
    event = msgspec.convert({**said, "name": name, **fields}, Tenant)
    topology.log.append("control", key_of(event), encode(event))


async def asked(topology: Topology, query_id: str, tenant: str, **fields: Any) -> Response:
    """The response to a question."""
    topology.ask(fields.pop("text", QUESTION), query_id, tenant=tenant, **fields)
    await topology.run()
    return topology.response(query_id)


def shows(response: Response, secret: str = SECRET) -> bool:
    """Whether anything in a response comes from the secret document."""
    said = msgspec.json.encode(response).decode()
    return any(word in said for word in ("merger", "Umbrella", "secret.md", "nightjar"))


def test_the_secret_would_be_seen() -> None:
    """Its words are in no other document and in no question."""
    assert not set(terms(SECRET)) & set(terms(OPEN))
    assert "nightjar" in terms(QUESTION)


@pytest.mark.parametrize("tenant", [name for name in HOSTILE if name.isascii()])
async def test_no_name_finds_what_it_is_not_listed_for(topology: Topology, tenant: str) -> None:
    """Names that no event can have are put aside; others are names like any other."""
    topology.put("secret.md", SECRET, acl=["umbrella", "group:board"])
    topology.put("open.md", OPEN)
    await topology.run()
    value = msgspec.json.encode({"query_id": "q1", "text": QUESTION, "tenant": tenant})
    topology.log.append("queries", tenant, value)
    await topology.run()
    assert not any(shows(response) for response in topology.responses())


@pytest.mark.parametrize(
    "fields",
    [
        {"top_k": 50},
        {"filters": {"kind": "secret"}},
        {"filters": {"acl": "umbrella"}},
        {"filters": {"acl": ["umbrella", "*"], "_": "*"}},
        {"text": SECRET, "top_k": 50},
        {"text": f'{QUESTION} ") or acl contains "*"', "top_k": 50},
        {"session_id": "of-umbrella"},
        {"max_staleness_ms": 10**9},
    ],
)
async def test_nothing_that_is_asked_finds_another_s_document(
    topology: Topology, fields: dict[str, Any]
) -> None:
    """Neither its text, nor its id, nor that it is there."""
    topology.put("open.md", OPEN)
    await topology.run()
    before = await asked(topology, "before", "acme", **fields)
    written = topology.put("secret.md", SECRET, acl=["umbrella"], metadata={"kind": "secret"})
    await topology.run()
    assert (await asked(topology, "theirs", "umbrella", text=QUESTION)).citations
    after = await asked(topology, "after", "acme", **fields)
    receipt = WriteReceipt(topic="documents", partition=written.partition, offset=written.offset)
    waited = await asked(topology, "waited", "acme", after=receipt, **fields)
    for response in (after, waited):
        assert not shows(response)
        assert told(response) == told(before)


def told(response: Response) -> Any:
    """All that a response says but when it was given, and how far the log had come."""
    plain = msgspec.to_builtins(response)
    for name in ("as_of", "applied", "staleness_ms"):
        plain["receipt"].pop(name)
    return {k: v for k, v in plain.items() if k not in ("query_id", "timings_ms")}


async def test_a_group_that_is_taken_away_stops_the_next_question(topology: Topology) -> None:
    """Also for an earlier state: who belongs to what is asked of now, not of then."""
    topology.put("secret.md", SECRET, acl=["umbrella", "group:board"])
    await topology.run()
    assert not (await asked(topology, "stranger", "acme")).citations
    says(topology, "acme", groups=["group:board"])
    member = await asked(topology, "member", "acme")
    assert member.citations
    assert member.receipt is not None
    assert member.receipt.groups == ["group:board"]
    says(topology, "acme", revision=2, groups=["group:boar", "group:board2"])
    assert not shows(await asked(topology, "former", "acme"))
    assert not shows(await asked(topology, "before", "acme", as_of=member.receipt.as_of))


async def test_a_question_under_way_is_answered_as_it_was_admitted(topology: Topology) -> None:
    """Its groups are in its plan; what changes then is the next question's."""
    topology.put("secret.md", SECRET, acl=["group:board"])
    says(topology, "acme", groups=["group:board"])
    await topology.run()
    topology.ask(QUESTION, "q1")
    await topology.admission.drain()
    says(topology, "acme", revision=2)
    await topology.run()
    assert topology.response("q1").citations
    (record,) = topology.log.all("queries.admitted")
    admitted = decode("queries.admitted", record.value)
    assert isinstance(admitted, AdmittedQuery)
    assert admitted.plan is not None
    assert admitted.plan.groups == ["group:board"]


async def test_the_list_in_force_at_the_time_that_is_read_counts(topology: Topology) -> None:
    """Who is taken off it still finds the document in the past, and who is put on it does not."""
    topology.put("secret.md", SECRET, acl=["acme"])
    await topology.run()
    then = topology.read_time()
    topology.put("secret.md", SECRET, acl=["umbrella"])
    await topology.run()
    found = {
        (tenant, at): bool((await asked(topology, f"{tenant}{at}", tenant, as_of=at)).citations)
        for tenant in ("acme", "umbrella")
        for at in (then, None)
    }
    assert found == {
        ("acme", then): True,
        ("acme", None): False,
        ("umbrella", then): False,
        ("umbrella", None): True,
    }
    says(topology, "acme", limits={"past_s": 0})
    assert (await asked(topology, "closed", "acme", as_of=then)).status == "refused"


async def test_who_writes_to_the_topic_itself_is_held_to_the_same_limits(
    topology: Topology,
) -> None:
    """Each is told why; what is left open is lowered."""
    says(topology, "acme", limits={"top_k": 2, "max_tokens": 9, "question_characters": 99})
    for number in range(4):
        topology.put(f"{number}.md", f"{OPEN} It is number {number}.", acl=["acme"])
    await topology.run()
    refused = [
        await asked(topology, "top", "acme", top_k=6),
        await asked(topology, "long", "acme", max_tokens=300),
        await asked(topology, "text", "acme", text="x" * 100),
    ]
    assert {response.status for response in refused} == {"refused"}
    open_ = await asked(topology, "open", "acme", text="When does the canteen open?")
    assert open_.receipt is not None
    assert len(open_.receipt.passages) == 2


async def test_a_suspended_tenant_is_answered_nothing_though_admission_dies(
    topology: Topology,
) -> None:
    """Who comes after it reads the same."""
    topology.put("open.md", OPEN)
    says(topology, "acme", suspended=True)
    topology.ask(QUESTION, "q1")
    topology.log.before_append = refuse("responses")
    await topology.index_all()
    await topology.admission.dies()
    topology.log.before_append = None
    await topology.admission.start()
    await topology.run()
    assert {response.status for response in topology.responses("q1")} == {"refused"}
    says(topology, "acme", revision=2)
    assert (await asked(topology, "q2", "acme")).status != "refused"


async def test_groups_are_those_in_force_though_admission_dies(topology: Topology) -> None:
    """Killed before it passed a question on, it plans it anew by what is in force by then."""
    topology.put("secret.md", SECRET, acl=["group:board"])
    says(topology, "acme", groups=["group:board"])
    await topology.index_all()
    topology.ask(QUESTION, "q1")
    topology.log.before_append = refuse("queries.admitted")
    await topology.admission.dies()
    says(topology, "acme", revision=2)
    topology.log.before_append = None
    await topology.admission.start()
    await topology.run()
    assert not shows(topology.response("q1"))


async def test_another_tenant_cancels_nothing(topology: Topology) -> None:
    """Whatever query it names."""
    topology.put("open.md", OPEN)
    await topology.run()
    topology.ask("When does the canteen open?", "q1")
    topology.hang_up("q1", tenant="umbrella")
    await topology.run()
    assert topology.response("q1").status == "answered"


class Put(NamedTuple):
    """A document's next version, and who may find it; without a list everybody, None deletes."""

    doc_id: str
    acl: list[str] | str | None


class Joins(NamedTuple):
    """A tenant's groups from here on."""

    tenant: str
    groups: list[str]


class Asks(NamedTuple):
    """A tenant asks for all it may find, as of a step before (or now)."""

    tenant: str
    back: int


TENANTS = ["a", "b", "A"]
GROUPS = ["group:a", "group:ab", "group:b"]
STEPS = st.lists(
    st.builds(
        Put,
        st.sampled_from("defg"),
        st.none()
        | st.just("deleted")
        | st.lists(st.sampled_from([*TENANTS, *GROUPS]), max_size=3, unique=True),
    )
    | st.builds(Joins, st.sampled_from(TENANTS), st.lists(st.sampled_from(GROUPS), max_size=2))
    | st.builds(Asks, st.sampled_from(TENANTS), st.integers(0, 3)),
    min_size=2,
    max_size=10,
)


class Model:
    """Who may see what, said as plainly as can be."""

    def __init__(self) -> None:
        self.groups: dict[str, list[str]] = {}
        self.states: list[tuple[int, dict[str, list[str] | None]]] = []

    def found(self, tenant: str, back: int) -> tuple[int, set[str]]:
        """The time of a state, and the documents of it that a tenant may find by now."""
        time, acls = self.states[-1 - min(back, len(self.states) - 1)]
        names = {tenant, *self.groups.get(tenant, ())}
        return time, {doc for doc, acl in acls.items() if acl is None or names & set(acl)}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_any_history_shows_each_tenant_what_a_plain_reading_does(steps: list[Any]) -> None:
    """With lists and groups that change, now and in the past: all that it may find, and no more."""
    asyncio.run(_compare(steps))


async def _compare(steps: list[Any]) -> None:
    model, revisions = Model(), dict.fromkeys(TENANTS, 0)
    with TemporaryDirectory() as folder:
        async with Topology(Path(folder)) as topology:
            await _put(topology, model, Put("d", ["a"]))
            for number, step in enumerate([*steps, *(Asks(t, b) for t in TENANTS for b in (0, 1))]):
                match step:
                    case Put():
                        await _put(topology, model, step)
                    case Joins(tenant, groups):
                        revisions[tenant] += 1
                        model.groups[tenant] = groups
                        unique = list(dict.fromkeys(groups))
                        says(topology, tenant, revision=revisions[tenant], groups=unique)
                    case Asks(tenant, back):
                        at, expected = model.found(tenant, back)
                        assert await _found(topology, f"q{number}", tenant, at) == expected


async def _put(topology: Topology, model: Model, step: Put) -> None:
    acls = dict(model.states[-1][1]) if model.states else {}
    if step.acl == "deleted":
        topology.delete(step.doc_id)
        acls.pop(step.doc_id, None)
    else:
        topology.put(step.doc_id, f"{OPEN} So says {step.doc_id}.", acl=step.acl)
        acls[step.doc_id] = step.acl  # type: ignore[assignment]
    await topology.run()
    model.states.append((topology.read_time() or 0, acls))


async def _found(topology: Topology, query_id: str, tenant: str, at: int) -> set[str]:
    """The documents whose passages a question was given, of all that there are."""
    response = await asked(
        topology, query_id, tenant, text="When does the canteen open?", top_k=50, as_of=at
    )
    assert response.receipt is not None, response
    ids = [name.rpartition("@")[0] for name in response.receipt.passages]
    owners = {row.id: row.owner for row in await topology.rows()}
    assert {citation.doc_id for citation in response.citations} <= {owners[one] for one in ids}
    return {owners[one] for one in ids}
