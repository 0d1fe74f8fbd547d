"""What becomes of documents: what is embedded, what is rewritten, what each event comes to."""

from tests.topology.driver import Topology
from tests.topology.roles import refuse

GUIDE = """# Guide

## Install

Install the package with pip before anything else. Then check that the version is shown.

## Use

Open a session and send a request. Close the session when all the work is done.

## Stop

Press control and C once to stop. The process then ends by itself within a second.
"""
EDITED = GUIDE.replace("within a second", "within two seconds")


async def test_an_edit_embeds_only_what_it_changed(topology: Topology) -> None:
    """A word changed in one sentence sends that one unit to the embedder, and keeps the rest."""
    topology.put("guide.md", GUIDE)
    await topology.run()
    before = len(topology.embedder.texts)
    topology.put("guide.md", EDITED)
    await topology.run()
    assert before > 4
    (again,) = topology.embedder.texts[before:]
    assert "two seconds" in again
    change = topology.changes("guide.md")[-1]
    assert (change.units_embedded, change.units_kept) == (1, before - 1)
    assert [ref.valid_from for ref in change.passages_lost] == [topology.changes()[0].index_time]


async def test_a_copy_under_the_same_title_embeds_nothing(topology: Topology) -> None:
    """A moved file is a new document and a deleted one, of which every vector is known."""
    topology.put("old/guide.md", GUIDE)
    await topology.run()
    before = len(topology.embedder.texts)
    topology.put("new/guide.md", GUIDE)
    topology.delete("old/guide.md")
    await topology.run()
    assert len(topology.embedder.texts) == before
    seen = await topology.visible(topology.read_time() or 0)
    assert set(seen) == {"new/guide.md"}
    assert topology.changes("new/guide.md")[0].units_embedded == 0


async def test_what_is_deleted_comes_back_without_embedding(topology: Topology) -> None:
    """Delete, then add again: the rows are new, the vectors are not."""
    topology.put("guide.md", GUIDE)
    await topology.run()
    first = await topology.visible(topology.read_time() or 0)
    before = len(topology.embedder.texts)
    topology.delete("guide.md")
    await topology.run()
    assert await topology.visible(topology.read_time() or 0) == {}
    assert await topology.open_rows() == []
    topology.put("guide.md", GUIDE)
    await topology.run()
    assert await topology.visible(topology.read_time() or 0) == first
    assert len(topology.embedder.texts) == before


async def test_a_revert_embeds_nothing_and_shows_the_first_text(topology: Topology) -> None:
    """There and back again."""
    topology.put("guide.md", GUIDE)
    await topology.run()
    first = await topology.visible(topology.read_time() or 0)
    topology.put("guide.md", EDITED)
    await topology.run()
    before = len(topology.embedder.texts)
    assert await topology.visible(topology.read_time() or 0) != first
    topology.put("guide.md", GUIDE)
    await topology.run()
    assert await topology.visible(topology.read_time() or 0) == first
    assert len(topology.embedder.texts) == before


async def test_an_insertion_rewrites_no_row_below_it(topology: Topology) -> None:
    """Passages further down keep their rows: only the document's own row says where they stand."""
    topology.put("guide.md", GUIDE, title="Guide")
    await topology.run()
    section = "## News\n\nThere is a new section above most of this document.\n\n"
    topology.put("guide.md", GUIDE.replace("## Use", section + "## Use"), title="Guide")
    await topology.run()
    change = topology.changes("guide.md")[-1]
    assert change.passages_lost == []
    assert change.units_lost == []
    assert change.units_embedded == len(change.units_gained) == 1
    (passages,) = (await topology.visible(topology.read_time() or 0)).values()
    assert [p.start for p in passages] == sorted(p.start for p in passages)


async def test_a_new_acl_rewrites_every_row_and_embeds_nothing(topology: Topology) -> None:
    """Who may find a row stands in the row; its vector stays what it was."""
    topology.put("guide.md", GUIDE)
    await topology.run()
    rows = {row.pk for row in await topology.open_rows()}
    before = len(topology.embedder.texts)
    topology.put("guide.md", GUIDE, acl=["acme"])
    await topology.run()
    after = await topology.open_rows()
    assert len(after) == len(rows)
    assert not {row.pk for row in after} & rows
    assert all(row.acl != ["*"] for row in after)
    assert len(topology.embedder.texts) == before


async def test_a_changed_uri_rewrites_the_documents_own_row_alone(topology: Topology) -> None:
    """Units and passages do not hold it."""
    topology.put("guide.md", GUIDE, uri="http://a.example/")
    await topology.run()
    topology.put("guide.md", GUIDE, uri="http://b.example/")
    await topology.run()
    change = topology.changes("guide.md")[-1]
    assert (change.passages_gained, change.units_gained, change.units_lost) == ([], [], [])
    found = await topology.index.documents(["guide.md"], topology.read_time() or 0)
    assert found["guide.md"].uri == "http://b.example/"


async def test_a_burst_on_one_document_is_indexed_once(topology: Topology) -> None:
    """Of a batch's events for a document the last counts; each offset has exactly one change."""
    burst = [topology.put("guide.md", f"Version {n} of the guide says {n}.") for n in range(5)]
    await topology.run()
    assert topology.statuses("guide.md") == ["conflated"] * 4 + ["indexed"]
    assert len(topology.embedder.texts) == 1
    offsets = [change.source.offset for change in topology.changes("guide.md")]
    assert offsets == [position.offset for position in burst]


async def test_the_same_text_again_changes_nothing(topology: Topology) -> None:
    """An unchanged event is accounted for and closes no row."""
    topology.put("guide.md", GUIDE)
    await topology.run()
    rows = {row.pk for row in await topology.open_rows()}
    topology.put("guide.md", GUIDE, updated_at="2024-05-01T00:00:00Z")
    await topology.run()
    assert topology.statuses() == ["indexed", "unchanged"]
    assert {row.pk for row in await topology.open_rows()} == rows


async def test_an_event_given_twice_counts_once(topology: Topology) -> None:
    """Same source and id: within a batch, across batches, and after a restart."""
    topology.put("guide.md", "First text of the guide.", id="1")
    topology.put("guide.md", "First text of the guide.", id="1")
    await topology.run()
    topology.put("guide.md", "Second text of the guide.", id="2")
    topology.put("guide.md", "First text of the guide.", id="1")
    await topology.run()
    await topology.indexer.restart()
    topology.put("guide.md", "First text of the guide.", id="1")
    await topology.run()
    expected = ["indexed", "duplicate", "indexed", "duplicate", "duplicate"]
    assert topology.statuses("guide.md") == expected
    ((only,),) = (await topology.visible(topology.read_time() or 0)).values()
    assert only.text == "Second text of the guide."


async def test_a_duplicate_is_known_after_the_view_was_lost(topology: Topology) -> None:
    """The ids that were handled are in the log."""
    topology.put("guide.md", "First text of the guide.", id="1")
    await topology.run()
    await topology.indexer.crash()
    topology.lose_view()
    await topology.indexer.start()
    topology.put("guide.md", "Another text under the same id.", id="1")
    await topology.run()
    assert topology.statuses("guide.md") == ["indexed", "duplicate"]


async def test_an_event_older_than_what_is_indexed_is_late(topology: Topology) -> None:
    """By `updated_at`: within a batch, across batches, and after a restart; equal is not older."""
    new, old = "2024-05-02T00:00:00Z", "2024-05-01T23:59:59Z"
    topology.put("guide.md", "The newer text of the guide.", updated_at=new)
    topology.put("guide.md", "The older text of the guide.", updated_at=old)
    await topology.run()
    topology.put("guide.md", "The older text of the guide.", updated_at=old)
    await topology.run()
    await topology.indexer.restart()
    topology.put("guide.md", "The older text of the guide.", updated_at=old)
    topology.put("guide.md", "Another text of the same time.", updated_at=new)
    await topology.run()
    assert topology.statuses("guide.md") == ["indexed", "late", "late", "late", "indexed"]
    ((only,),) = (await topology.visible(topology.read_time() or 0)).values()
    assert only.text == "Another text of the same time."


async def test_an_event_without_a_time_does_not_make_the_next_one_late(topology: Topology) -> None:
    """The newest time known stays in force; what has none is never late."""
    new, old = "2024-05-02T00:00:00Z", "2024-05-01T00:00:00Z"
    topology.put("guide.md", "The first text of the guide.", updated_at=new)
    await topology.run()
    topology.put("guide.md", "A text that has no time at all.")
    await topology.run()
    topology.put("guide.md", "A text older than the first.", updated_at=old)
    await topology.run()
    assert topology.statuses("guide.md") == ["indexed", "indexed", "late"]


async def test_the_time_of_a_conflated_event_is_remembered(topology: Topology) -> None:
    """Where batches end must not decide what is late."""
    topology.put("guide.md", "A text with a time of its own.", updated_at="2024-05-02T00:00:00Z")
    topology.delete("guide.md")
    await topology.run()
    topology.put("guide.md", "A text older than the deleted.", updated_at="2024-05-01T00:00:00Z")
    await topology.run()
    assert topology.statuses("guide.md") == ["conflated", "deleted", "late"]


async def test_the_time_of_a_conflated_event_outlives_a_crash(topology: Topology) -> None:
    """Also when only its own change came to the log, and not the one that beat it."""
    topology.put("guide.md", "A text with a time of its own.", updated_at="2024-05-02T00:00:00Z")
    topology.delete("guide.md")
    topology.log.before_append = refuse("index.changes", after=1)
    await topology.indexer.dies()
    topology.heal()
    topology.put("guide.md", "A text older than the deleted.", updated_at="2024-05-01T00:00:00Z")
    await topology.indexer.start()
    await topology.run()
    assert topology.statuses("guide.md") == ["conflated", "deleted", "late"]
    assert await topology.visible(topology.read_time() or 0) == {}
    assert (await topology.verify()).total == 0


async def test_documents_without_text_are_documents(topology: Topology) -> None:
    """No passages, but a row of its own, which a deletion closes."""
    topology.put("empty.md", "")
    topology.put("blank.md", " \n\t\n")
    await topology.run()
    assert await topology.visible(topology.read_time() or 0) == {"empty.md": [], "blank.md": []}
    topology.delete("empty.md")
    topology.delete("never-there.md")
    await topology.run()
    assert set(await topology.visible(topology.read_time() or 0)) == {"blank.md"}
    assert (await topology.verify()).total == 0
