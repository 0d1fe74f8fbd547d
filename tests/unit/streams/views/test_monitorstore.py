"""The monitor's memory: whole batches or none, one monitor at a time, and never in the way."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.drift.windows import Part
from processors.feedback.cases import Case, MemoryStore
from processors.feedback.opinion import Voice
from processors.monitor.monitor import Kept
from streams.views.monitorstore import MonitorStore, Outgoing, Place

KEY = ("latency_ms", "acme", "default")
HOLDER = """
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> MonitorStore:
    return MonitorStore(tmp_path)


def again(store: MonitorStore, folder: Path) -> MonitorStore:
    """As the next process finds it."""
    store.close()
    return MonitorStore(folder)


def test_a_new_view_holds_nothing(store: MonitorStore):
    """All is read from the log."""
    assert store.places() == {}
    assert store.kept() is None
    assert store.agreement() is None
    assert store.evaluated() == {}
    assert store.streams() == {}
    assert store.outbox() == []
    assert store.get("q-1") is None


def test_all_of_a_batch_is_there_for_the_next_process(store: MonitorStore, tmp_path: Path):
    """With the places in the log that it comes to."""
    kept = Kept(
        closed_at={"answers": 7},
        burn={"answers": b"\0"},
        drifting={},
        parts=[Part("acme", ""), Part("\0 'oder", "ö")],
    )
    sent = Outgoing("drift", "latency_ms", "an/id@1", b"{}")
    with store.transaction():
        store.put_places({("feedback", 0): Place(9, 4)})
        store.put_kept(kept)
        store.put_agreement(b"agreed")
        store.put_evaluated({0: 12, 3: -1})
        store.put_streams([(KEY, b"fixed", b"moving")])
        store.put(Case(query_id="q-1", until=5))
        store.post([sent])
    store = again(store, tmp_path)
    assert store.places() == {("feedback", 0): Place(9, 4)}
    assert store.kept() == kept
    assert store.agreement() == b"agreed"
    assert store.evaluated() == {0: 12, 3: -1}
    assert {key: tuple(blobs) for key, blobs in store.streams().items()} == {
        KEY: (b"fixed", b"moving")
    }
    assert store.get("q-1") == Case(query_id="q-1", until=5)
    assert [one for _, one in store.outbox()] == [sent]


def test_of_a_batch_that_fails_nothing_is_kept(store: MonitorStore, tmp_path: Path):
    """Not even after the process has ended in its midst."""
    with store.transaction():
        store.put_evaluated({0: 1})

    def fail() -> None:
        with store.transaction():
            store.put_evaluated({0: 2})
            store.post([Outgoing("drift", "k", "i", b"")])
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        fail()
    store = again(store, tmp_path)
    assert (store.evaluated(), store.outbox()) == ({0: 1}, [])


def test_a_reference_that_did_not_change_stays(store: MonitorStore):
    """It is large, and is written seldom."""
    store.put_streams([(KEY, b"fixed", b"1")])
    store.put_streams([(KEY, None, b"2")])
    assert tuple(store.streams()[KEY]) == (b"fixed", b"2")
    store.put_streams([(KEY, b"", b"3")])
    assert tuple(store.streams()[KEY]) == (b"", b"3")


def test_what_is_sent_leaves_the_outbox_and_the_rest_keeps_its_order(store: MonitorStore):
    """Numbers are never used again: what is sent by number is sent once."""
    events = [Outgoing("alerts", "k", f"i{n}", b"") for n in range(5)]
    store.post(events)
    numbers = [number for number, _ in store.outbox()]
    store.sent(numbers[2])
    assert [one for _, one in store.outbox()] == events[3:]
    store.sent(numbers[-1])
    store.post(events[:1])
    assert store.outbox()[0][0] > numbers[-1]


def test_a_view_of_another_version_is_emptied(store: MonitorStore, tmp_path: Path):
    """What it holds may mean something else now."""
    store.put_evaluated({0: 1})
    store._put_meta("version", b"0")
    assert again(store, tmp_path).evaluated() == {}


@pytest.mark.parametrize(
    "content",
    [b"no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 4096],
    ids=["another file", "a broken one"],
)
def test_a_file_that_is_no_view_is_begun_anew(tmp_path: Path, content: bytes):
    """The log has it all: nobody is called for it."""
    (tmp_path / "monitor.db").write_bytes(content)
    (tmp_path / "monitor.db-wal").write_bytes(b"of another time")
    store = MonitorStore(tmp_path)
    store.put_evaluated({0: 1})
    assert again(store, tmp_path).evaluated() == {0: 1}


def test_a_view_that_a_power_cut_has_torn_is_begun_anew(store: MonitorStore, tmp_path: Path):
    """Also where only a page in its midst is wrong."""
    with store.transaction():
        store.put_streams([((str(n), "", ""), b"x" * 3000, b"y") for n in range(200)])
    store._db.execute("pragma wal_checkpoint(truncate)")
    store.close()
    file = tmp_path / "monitor.db"
    pages = bytearray(file.read_bytes())
    pages[4096 * 40 : 4096 * 60] = b"\xa5" * 4096 * 20
    file.write_bytes(pages)
    store = MonitorStore(tmp_path)
    assert store.streams() == {}


def test_a_view_in_use_by_another_reader_is_not_taken_for_a_damaged_one(
    store: MonitorStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Somebody looks into it: that passes, and nothing is lost."""
    store.put_evaluated({0: 1})
    store.close()
    with sqlite3.connect(tmp_path / "monitor.db", isolation_level=None) as other:
        other.execute("begin")
        other.execute("select * from meta").fetchall()
        store = MonitorStore(tmp_path)
        store.put_evaluated({0: 2})
    other.close()
    assert again(store, tmp_path).evaluated() == {0: 2}


def test_a_second_monitor_waits_until_the_first_has_gone(tmp_path: Path):
    """However that one goes; two would count everything twice."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    opened = threading.Event()

    def open_it() -> None:
        MonitorStore(tmp_path).close()
        opened.set()

    waiting = threading.Thread(target=open_it)
    waiting.start()
    assert not opened.wait(0.3)
    holder.kill()
    holder.communicate()
    assert opened.wait(30)
    waiting.join()


voices = st.builds(
    Voice,
    tenant=st.just("acme"),
    reviewer=st.none() | st.just("ana"),
    event_id=st.text(max_size=3),
    at=st.integers(0, 50),
    grounded=st.none() | st.booleans(),
    basis=st.sampled_from(["verdict", "thumb"]),
)
cases = st.builds(
    Case,
    query_id=st.sampled_from(["q1", "q2", "q'3", "q\x004"]),
    until=st.integers(-(2**62), 2**62) | st.integers(0, 20),
    voices=st.lists(voices, max_size=3).map(tuple),
    seen=st.lists(st.binary(max_size=8), max_size=3).map(tuple),
)


@given(st.lists(cases | st.integers(0, 20), max_size=20))
def test_it_keeps_cases_as_one_in_memory_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Case | int]
):
    """The join may have either."""
    store, memory = MonitorStore(tmp_path_factory.mktemp("view")), MemoryStore()
    for step in steps:
        if isinstance(step, Case):
            store.put(step)
            memory.put(step)
            assert store.get(step.query_id) == memory.get(step.query_id)
        else:
            assert list(store.expire(step)) == list(memory.expire(step))
    assert list(store.expire(2**62)) == list(memory.expire(2**62))
    store.close()
