"""Documents with a moment to go back to, and what a read has of them."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from processors.index import Access
from processors.indexversions import frozen
from processors.readtime import Frozen
from processors.rows import document_key
from schemas.control import IndexVersion
from streams.index.rowindex import RowIndex
from streams.replay.source import LogSource
from streams.versions.asof import shown_at
from tests.topology.driver import Topology
from tests.topology.roles import SECOND
from tests.topology.versions import in_force

TEXT = "The river Oder rises in the Czech Republic. It flows into the Baltic Sea at last."
EDITED = TEXT.replace("Czech Republic", "mountains of Moravia")


async def past(topology: Topology) -> Frozen:
    """Documents, then a moment to go back to, then edits, a deletion and more documents."""
    for number in range(4):
        topology.put(f"{number}.md", TEXT.replace("Oder", f"River{number}"))
    topology.put("oder.md", TEXT, title="Oder")
    topology.put("0.md", TEXT.replace("Oder", "Elbe"))
    topology.delete("1.md")
    await topology.run()
    at = topology.read_time()
    assert at is not None
    topology.clock.advance(60 * SECOND)
    topology.put("oder.md", EDITED, title="Oder")
    topology.put("2.md", "Another text altogether stands here now.")
    topology.delete("3.md")
    topology.put("new.md", "What is new was not there at that time.")
    await topology.run()
    control = await in_force(topology.log)
    applied = await shown_at(LogSource(topology.log), control.of(IndexVersion)["v1"], at)
    found = frozen(replace(control.of(IndexVersion)["v1"], as_of=at, applied=applied))
    assert found is not None
    return found


async def texts(index: RowIndex, at: int) -> Mapping[str, Sequence[str]]:
    """What a read at a time has of each document, passage by passage."""
    names = {
        row.id
        for row in [row async for row in index.rows("texts")]
        if row.key == document_key(row.id)
    }
    documents = await index.documents(sorted(names), at)
    found = {}
    for name, document in documents.items():
        passages = await index.passages(list(document.layout), at, Access())
        found[name] = [passages[one].text for one in document.layout]
    return found
