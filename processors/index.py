"""What a reader of the index asks and is given: plain types, whatever the index is made of."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from schemas.queries import FilterValue

OPEN = 2**62
"""`valid_to` of a row that nothing has closed yet."""


class Access(Struct, frozen=True, kw_only=True):
    """Who asks, and which metadata a document must have; enforced inside the search."""

    tenant: str | None = None
    """None is the operator, who may find everything."""
    groups: Sequence[str] = ()
    """Those that the tenant belongs to."""
    filters: Mapping[str, FilterValue] = {}
    """Every key must match: its value, or one of a list of values."""

    @property
    def names(self) -> frozenset[str] | None:
        """A document whose `acl` has one of these may be found; None asks for none of them."""
        return None if self.tenant is None else frozenset((self.tenant, *self.groups))


class PassageRow(Struct, frozen=True, kw_only=True):
    """A passage as it was at the time of the read."""

    passage_id: str
    valid_from: int
    doc_id: str
    title: str
    heading: list[str]
    text: str
    units: list[tuple[str, int, int]]
    """`unit_id`, start and end within `text`."""

    @property
    def version(self) -> int:
        """The index time that made this row: what a receipt names behind the `@`."""
        return self.valid_from


class DocumentRow(Struct, frozen=True, kw_only=True):
    """A document as it was at the time of the read, without its text."""

    doc_id: str
    valid_from: int
    title: str
    uri: str | None
    content_type: str | None
    partition: int
    """Partition and offset of the event in `documents` that this version comes from."""
    offset: int
    layout: dict[str, tuple[int, int]]
    """Where each passage stands in the document's text: characters [start, end)."""
