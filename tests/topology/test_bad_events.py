"""A bad event goes to `dead-letters` with its reason and origin, and stops nobody."""

import pytest
from msgspec import json

import processors.indexer as indexer_module
from processors.split import Split
from schemas.documents import Document
from streams.clients.kafka import Headers, partition_of
from tests.topology.driver import Topology
from tests.topology.roles import refuse

GOOD = {"doc_id": "bad.md", "text": "A text that is in order.", "content_type": "text/plain"}

BAD: dict[str, tuple[bytes | None, bytes, Headers, str]] = {
    "not JSON": (b"bad.md", b"{nonsense", (), "not_json"),
    "no value at all": (b"bad.md", b"", (), "not_json"),
    "not UTF-8": (b"bad.md", b'{"doc_id": "\xff"}', (), "not_json"),
    "a lone surrogate": (
        b"bad.md",
        json.encode(GOOD).replace(b"in order", rb"\ud800"),
        (),
        "not_json",
    ),
    "nested without end": (b"bad.md", b'{"more": ' + b"[" * 100_000, (), "not_json"),
    "a list": (b"bad.md", b"[1, 2]", (), "invalid"),
    "a wrong field": (b"bad.md", json.encode({**GOOD, "text": 7}), (), "invalid"),
    "no text": (b"bad.md", json.encode({"doc_id": "bad.md"}), (), "invalid"),
    "an unknown content type": (
        b"bad.md",
        json.encode({**GOOD, "content_type": "application/pdf"}),
        (),
        "invalid",
    ),
    "a number too large": (
        b"bad.md",
        json.encode({**GOOD, "metadata": {"n": 0.5}}).replace(b"0.5", b"1e999"),
        (),
        "invalid",
    ),
    "more text than a document may have": (
        b"bad.md",
        json.encode({**GOOD, "text": "x" * (8 * 1024 * 1024 + 1)}),
        (),
        "invalid",
    ),
    "a day that is none": (
        b"bad.md",
        json.encode({**GOOD, "updated_at": "2024-02-31T00:00:00Z"}),
        (),
        "invalid",
    ),
    "no key": (None, json.encode(GOOD), (), "missing_key"),
    "an empty key": (b"", json.encode(GOOD), (), "missing_key"),
    "another document's key": (b"other.md", json.encode(GOOD), (), "key_mismatch"),
    "a key that is not UTF-8": (b"\xff\xfe", json.encode(GOOD), (), "invalid"),
    "control characters in the id": (
        b"bad\n.md",
        json.encode({**GOOD, "doc_id": "bad\n.md"}),
        (),
        "invalid",
    ),
    "an envelope without an id": (
        b"bad.md",
        json.encode(GOOD),
        [("ce_specversion", b"1.0"), ("ce_source", b"test")],
        "invalid",
    ),
    "an event of another type": (
        b"bad.md",
        json.encode(GOOD),
        [
            ("ce_specversion", b"1.0"),
            ("ce_source", b"test"),
            ("ce_id", b"1"),
            ("ce_type", b"dev.freshet.query.asked.v1"),
        ],
        "wrong_type",
    ),
    "a header without a value": (b"bad.md", b"{", [("trace", None)], "not_json"),  # type: ignore[list-item]
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_event_is_put_aside_and_the_stream_goes_on(
    topology: Topology, case: str
) -> None:
    """Its dead letter names reason and origin; what stands before and behind it is indexed."""
    key, value, headers, reason = BAD[case]
    partition = 0 if not key else partition_of(key, topology.log.partitions)
    topology.put("before.md", "Text that came before it.")
    origin = topology.raw(key, value, headers, partition)
    topology.put("behind.md", "Text that came behind it.")
    await topology.run()
    (letter,) = topology.dead_letters()
    assert letter.reason == reason
    assert (letter.topic, letter.partition, letter.offset) == ("documents", *origin[1:])
    assert letter.key == key
    assert letter.value == (value if len(value or b"") < 500_000 else None)
    assert set(await topology.visible(topology.read_time() or 0)) == {"before.md", "behind.md"}
    assert topology.progress()[partition].applied >= origin.offset
    assert topology.indexer.group.unacked() == []


async def test_a_bad_event_leaves_the_document_as_it_was(topology: Topology) -> None:
    """The last valid version stands, whether the bad one comes in its batch or later."""
    topology.put("bad.md", "The last text that was in order.")
    topology.raw(b"bad.md", b"{")
    await topology.run()
    topology.raw(b"bad.md", json.encode({"doc_id": "bad.md", "text": 7}))
    await topology.run()
    ((only,),) = (await topology.visible(topology.read_time() or 0)).values()
    assert only.text == "The last text that was in order."
    assert topology.statuses("bad.md") == ["indexed", "rejected", "rejected"]


async def test_a_mended_event_may_keep_its_id(topology: Topology) -> None:
    """A rejected event was not handled: sent again under its id, it counts."""
    topology.put("bad.md", "Text", id="7", updated_at="2024-02-31T00:00:00Z")
    await topology.run()
    topology.put("bad.md", "Text that has been mended.", id="7")
    await topology.run()
    assert topology.statuses("bad.md") == ["rejected", "indexed"]


async def test_a_text_that_breaks_the_splitter_is_put_aside(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises; and the version that it had beaten in its batch is indexed instead."""
    whole = indexer_module.cut_document

    def brittle(document: Document, spec: object) -> Split:
        if "poison" in document.text:
            raise RuntimeError("broken \ud800")
        return whole(document, topology.spec)

    monkeypatch.setattr(indexer_module, "cut_document", brittle)
    topology.put("bad.md", "The last good version of the text.")
    topology.put("bad.md", "A version with poison in it.")
    topology.put("bad.md", "Another version with poison in it.")
    await topology.run()
    assert [letter.reason for letter in topology.dead_letters()] == ["internal", "internal"]
    assert topology.statuses("bad.md") == ["indexed", "rejected", "rejected"]
    ((only,),) = (await topology.visible(topology.read_time() or 0)).values()
    assert only.text == "The last good version of the text."


async def test_no_tick_passes_a_dead_letter_that_is_not_written(topology: Topology) -> None:
    """An event without a key has no change, but a crash must not lose its dead letter."""
    other = next(f"{n}.md" for n in range(9) if partition_of(f"{n}.md".encode(), 2) == 1)
    topology.embedder.gate.clear()
    topology.put(other, "Text whose vector is a long time coming.")
    await topology.indexer.step()
    topology.raw(None, b"{}", partition=0)
    await topology.indexer.step()
    topology.clock.advance()
    await topology.indexer.idle()
    await topology.indexer.crash()
    topology.embedder.gate.set()
    await topology.indexer.start()
    await topology.run()
    assert [letter.reason for letter in topology.dead_letters()] == ["missing_key"]


async def test_an_event_in_the_wrong_partition_is_keyed_anew(topology: Topology) -> None:
    """It comes to the partition of its document, and has its effect there, once."""
    right = partition_of(b"guide.md", topology.log.partitions)
    value = json.encode({**GOOD, "doc_id": "guide.md"})
    topology.raw("guide.md", value, [("trace", b"7")], partition=1 - right)
    await topology.run()
    assert sorted(topology.statuses("guide.md")) == ["indexed", "rekeyed"]
    assert set(await topology.visible(topology.read_time() or 0)) == {"guide.md"}
    (copy,) = topology.log.all("documents", right)
    assert copy.value == value
    assert ("trace", b"7") in copy.headers
    assert (await topology.verify()).total == 0


async def test_a_crash_while_keying_anew_brings_no_old_text_back(topology: Topology) -> None:
    """The event is sent again after the crash, and known for the same one."""
    right = partition_of(b"guide.md", topology.log.partitions)
    old = json.encode({**GOOD, "doc_id": "guide.md", "text": "The old text of the guide."})
    topology.raw("guide.md", old, partition=1 - right)
    topology.log.before_append = refuse("index.changes")
    await topology.indexer.dies()
    topology.heal()
    topology.put("guide.md", "The new text of the guide.")
    await topology.indexer.start()
    await topology.run()
    assert len(topology.log.all("documents", right)) == 3
    ((only,),) = (await topology.visible(topology.read_time() or 0)).values()
    assert only.text == "The new text of the guide."
