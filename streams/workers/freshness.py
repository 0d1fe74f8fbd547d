"""How long a document's event has been in the log when it shows, told from indexer to writer.

A change in `index.changes` does not say when the event that it comes from was logged. The indexer,
which gets that event from the broker with its time, writes it into a header of the change's last
record, and the writer reads it there.
"""

from collections.abc import Iterable, Mapping

from schemas.index import IndexEvent, IndexTick

HEADER = "document_logged_at"
_SHOWS = ("indexed", "deleted")


def header(event: IndexEvent, logged_at: Mapping[tuple[int, int], int]) -> list[tuple[str, bytes]]:
    """The header of a record; none where it does not make anything show.

    `logged_at` gives the broker's time, in microseconds, by partition and offset of `documents`.
    """
    if isinstance(event, IndexTick) or event.status not in _SHOWS or event.part + 1 < event.parts:
        return []
    time = logged_at.get((event.source.partition, event.source.offset))
    return [] if time is None else [(HEADER, b"%d" % time)]


def logged_at(headers: Iterable[tuple[str, bytes | None]]) -> int | None:
    """What the header says; None where there is none that can be read."""
    for name, value in headers:
        if name == HEADER and value is not None and value.isdigit():
            return int(value)
    return None
