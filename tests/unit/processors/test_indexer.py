"""Plans: what a batch of events comes to, before anything is written."""

from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import processors.indexer as module
from processors.clock import IndexClock
from processors.deadletters import MAX_VALUE
from processors.indexer import Incoming, Indexer, Plan
from processors.manifest import Manifest, fold
from processors.parts import parts
from processors.split import Split
from processors.version import IndexSpec
from schemas.documents import Document
from schemas.envelope import headers
from schemas.index import IndexChange

NOW = 1_700_000_000_000_000
TEXT = "A sentence of more than forty characters that stands alone."


class State:
    """A fold of what was planned, once the test says that it was written."""

    def __init__(self) -> None:
        self.manifests: dict[str, Manifest] = {}
        self.keys: set[str] = set()
        self.ids: set[str] = set()
        self.offsets: dict[int, int] = {}

    def manifest(self, doc_id: str) -> Manifest | None:
        """What is known of a document."""
        return self.manifests.get(doc_id)

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which keys have a vector."""
        return self.keys & set(keys)

    def seen(self, event_id: str) -> bool:
        """Whether an event was handled."""
        return event_id in self.ids

    def applied(self, partition: int) -> int:
        """The last offset."""
        return self.offsets.get(partition, -1)

    def write(self, plan: Plan) -> None:
        """The plan's changes are in the log now."""
        self.keys |= plan.to_embed.keys()
        for draft in plan.drafts:
            change = draft.change
            self.offsets[change.source.partition] = change.source.offset
            if change.source.event_id is not None and change.status != "rejected":
                self.ids.add(change.source.event_id)
            manifest = fold(self.manifests.get(change.doc_id), list(parts(draft)))
            if manifest is not None:
                self.manifests[change.doc_id] = manifest


class Log:
    """Events with their offsets, all in partition 0 unless said otherwise."""

    def __init__(self) -> None:
        self.state = State()
        self.indexer = Indexer(IndexSpec(), self.state, IndexClock(), lambda key: len(key) % 2)
        self._offsets = [0, 0]

    def put(self, doc_id: str, text: str | None, id: str | None = None) -> Incoming:
        """A new version, or a deletion; ids of odd length belong to partition 1."""
        value = None
        if text is not None:
            document = Document(doc_id=doc_id, text=text, content_type="text/plain")
            value = msgspec.json.encode(document)
        name = headers("dev.freshet.document.changed.v1", source="t", time=NOW, id=id)
        return self.raw(len(doc_id) % 2, doc_id.encode(), value, name if id else ())

    def raw(
        self,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Incoming:
        """Any event."""
        self._offsets[partition] += 1
        return Incoming(partition, self._offsets[partition] - 1, key, value, headers)

    def plan(self, *events: Incoming) -> Plan:
        """What they come to."""
        return self.indexer.plan(events, NOW)

    def write(self, plan: Plan) -> None:
        """Let the plan come to the log."""
        self.state.write(plan)
        self.indexer.forget(plan)


def statuses(plan: Plan) -> list[str]:
    """What each event came to."""
    return [str(draft.change.status) for draft in plan.drafts]


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a1", "b2", "odd"]), st.none() | st.sampled_from([TEXT, "B. " + TEXT, ""])
    ),
    max_size=12,
)


@given(EVENTS, st.data())
def test_plans_on_plans_come_to_what_plans_on_the_log_come_to(
    events: list[tuple[str, str | None]], data: st.DataObject
) -> None:
    """A batch may be planned before the one before it is written: the state is the same."""
    eager, patient = Log(), Log()
    size: int = data.draw(st.integers(1, 4))
    waiting: list[Plan] = []
    for begin in range(0, len(events), size):
        some = events[begin : begin + size]
        patient.write(patient.plan(*[patient.put(*event) for event in some]))
        waiting.append(eager.plan(*[eager.put(*event) for event in some]))
        for _ in range(data.draw(st.integers(0, len(waiting)))):
            eager.write(waiting.pop(0))
    for plan in waiting:
        eager.write(plan)
    assert eager.state.manifests == patient.state.manifests
    assert eager.state.keys == patient.state.keys
    assert eager.indexer.busy() == frozenset()


@given(EVENTS)
def test_every_event_is_accounted_for_by_one_change(events: list[tuple[str, str | None]]) -> None:
    """In order, each at its own index time; of a document's events in a batch one counts."""
    log = Log()
    incoming = [log.put(*event) for event in events]
    plan = log.plan(*incoming)
    changes = [draft.change for draft in plan.drafts]
    assert [(c.source.partition, c.source.offset) for c in changes] == [i[:2] for i in incoming]
    for partition in (0, 1):
        times = [c.index_time for c in changes if c.source.partition == partition]
        assert times == sorted(set(times))
    for doc_id in {doc_id for doc_id, _ in events}:
        mine = [
            status
            for (name, _), status in zip(events, statuses(plan), strict=True)
            if name == doc_id
        ]
        assert mine[:-1] == ["conflated"] * (len(mine) - 1)
        assert mine[-1] in ("indexed", "deleted")


def test_an_offset_that_was_handled_is_passed_over() -> None:
    """Whether it is planned or written: records are delivered again after a crash."""
    log = Log()
    event = log.put("a1", TEXT)
    plan = log.plan(event)
    assert log.plan(event).drafts == []
    log.write(plan)
    assert log.plan(event).drafts == []


def test_a_text_is_asked_for_once() -> None:
    """Not again while its vector is on its way, nor when it is known, nor twice in a batch."""
    log = Log()
    first = log.plan(log.put("a1", TEXT), log.put("b2", TEXT), log.put("odd", TEXT))
    assert len(first.to_embed) == 3  # a document's id is its title here
    again = log.plan(log.put("x/a1", TEXT), log.put("y/a1", TEXT))
    assert again.to_embed == {}
    assert again.needed <= first.needed
    log.write(first)
    log.write(again)
    last = log.plan(log.put("z/a1", TEXT))
    assert last.to_embed == {}
    assert [draft.change.units_embedded for draft in last.drafts] == [0]


def test_a_partition_is_busy_until_its_plan_is_written() -> None:
    """Events without a document count as well: their dead letters are still to come."""
    log = Log()
    first = log.plan(log.put("a1", TEXT))
    second = log.plan(log.raw(1, None, b"{}"))
    assert second.drafts == []
    assert log.indexer.busy() == {0, 1}
    log.write(first)
    assert log.indexer.busy() == {1}
    log.write(second)
    assert log.indexer.busy() == frozenset()


def test_a_tick_stands_above_all_that_was_planned() -> None:
    """And says that it is handled."""
    log = Log()
    plan = log.plan(log.put("a1", TEXT), log.put("a1", "B. " + TEXT))
    tick = log.indexer.tick(0, NOW - 5)
    assert tick.index_time > max(draft.change.index_time for draft in plan.drafts)
    assert tick.applied == 1


def test_an_event_of_another_partition_is_sent_on_and_changes_nothing() -> None:
    """With an id that a second copy of it shares; one that has an id keeps it."""
    log = Log()
    plain = log.plan(log.raw(1, b"a1", b"{}")._replace(offset=7))
    (change,) = (draft.change for draft in plain.drafts)
    assert change.status == "rekeyed"
    (sent,) = plain.rekey
    assert dict(sent.headers)["ce_id"] == b"documents/1@7"
    named = headers("dev.freshet.document.changed.v1", source="t", time=NOW, id="5")
    event = log.raw(1, b"a1", None, named)._replace(offset=8)
    assert log.plan(event).rekey == [event]


def test_a_failure_of_the_state_is_no_fault_of_the_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails must stop the worker, not send good documents to the dead letters."""
    log = Log()

    def fail(_: Iterable[str]) -> set[str]:
        raise OSError("disk full")

    monkeypatch.setattr(log.state, "known", fail)
    with pytest.raises(OSError, match="disk full"):
        log.plan(log.put("a1", TEXT))


def test_a_text_that_cannot_be_cut_gives_way_to_the_one_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also when that is a deletion."""
    whole = module.cut_document

    def brittle(document: Document, spec: IndexSpec) -> Split:
        if not document.text:
            raise RecursionError
        return whole(document, spec)

    monkeypatch.setattr(module, "cut_document", brittle)
    log = Log()
    plan = log.plan(log.put("a1", TEXT), log.put("a1", None), log.put("a1", ""))
    assert statuses(plan) == ["conflated", "deleted", "rejected"]
    assert [letter.reason for letter in plan.dead] == ["internal"]


def test_a_large_value_is_not_repeated_in_its_dead_letter() -> None:
    """It is in the log, at its origin."""
    log = Log()
    small, large = b"{", b"{" + b" " * MAX_VALUE
    plan = log.plan(log.raw(0, b"a1", small), log.raw(0, b"a1", large))
    assert [letter.value for letter in plan.dead] == [small, None]


def test_two_orders_of_metadata_are_one_document() -> None:
    """What decides the rows is what is said, not in which order."""
    log = Log()
    first = {"doc_id": "a1", "text": TEXT, "content_type": "text/plain"}
    plan = log.plan(log.raw(0, b"a1", msgspec.json.encode({**first, "metadata": {"x": 1, "y": 2}})))
    log.write(plan)
    again = log.plan(
        log.raw(0, b"a1", msgspec.json.encode({"metadata": {"y": 2, "x": 1}, **first}))
    )
    assert [draft.change.status for draft in again.drafts] == ["unchanged"]
    assert isinstance(again.drafts[0].change, IndexChange)
