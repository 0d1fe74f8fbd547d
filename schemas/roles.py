"""Who writes and who reads each topic, as the AsyncAPI document tells it."""

from collections.abc import Mapping

from msgspec import Struct


class Role(Struct, frozen=True, kw_only=True):
    """A part of the stream by the topics it sends to and receives from."""

    doc: str
    sends: tuple[str, ...] = ()
    receives: tuple[str, ...] = ()


ROLES: Mapping[str, Role] = {
    "client": Role(
        doc="Anybody outside: a producer of documents, somebody who asks.",
        sends=("documents", "queries", "feedback"),
        receives=("responses", "response.deltas"),
    ),
    "gateway": Role(
        doc="HTTP in front of the topics.",
        sends=("documents", "queries", "feedback"),
        receives=(
            "responses",
            "response.deltas",
            "index.changes",
            "index.progress",
            "control",
            "usage",
        ),
    ),
    "indexer": Role(
        doc="Decides what a document's new text changes in the index.",
        sends=("documents", "index.changes", "dead-letters"),
        receives=("documents", "index.changes", "control"),
    ),
    "writer": Role(
        doc="Applies the changes to the index.",
        sends=("index.progress",),
        receives=("index.changes", "index.progress", "control"),
    ),
    "admission": Role(
        doc="Lets a question pass, refuses it, or sends it to the partition of its tenant.",
        sends=("queries", "queries.admitted", "responses", "usage", "dead-letters"),
        receives=("queries", "control", "usage"),
    ),
    "answerer": Role(
        doc="Retrieves, has an answer written, and sends it with citations and a receipt.",
        sends=("responses", "response.deltas", "usage", "dead-letters"),
        receives=(
            *("queries.admitted", "responses", "index.changes", "index.progress"),
            *("control", "usage"),
        ),
    ),
    "judge": Role(
        doc="Holds each claim of an answer against what its prompt had, and gives it its scores.",
        sends=("evaluations", "dead-letters"),
        receives=("responses", "queries.admitted", "evaluations", "control"),
    ),
    "monitor": Role(
        doc="Watches figures for drift and objectives, and joins answers with what people say.",
        sends=("drift", "alerts", "dead-letters"),
        receives=("evaluations", "feedback", "index.changes", "responses", "drift", "alerts"),
    ),
    "steward": Role(
        doc="Puts aside what does not count in `control`, and says again what does.",
        sends=("control", "dead-letters"),
        receives=("control",),
    ),
    "operator": Role(
        doc="Looks at what could not be processed, and sends it again once it is mended.",
        sends=("documents", "queries", "feedback", "control"),
        receives=("dead-letters", "usage"),
    ),
}
"""The topics that no role has yet are a contract already: their events may be written and read."""
