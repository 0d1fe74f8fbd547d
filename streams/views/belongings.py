"""Which documents belong to whom, in a view's database: how many a tenant keeps is counted here."""

import sqlite3
from collections.abc import Iterable

_SCHEMA = """
create table if not exists belongings (
    owner text not null, doc_id text not null, primary key (owner, doc_id)
) strict, without rowid;
create index if not exists belongings_by_document on belongings (doc_id);
"""


class Belongings:
    """Kept in step by who writes the view, in the same transactions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(_SCHEMA)

    def put(self, doc_id: str, owners: Iterable[str]) -> None:
        """From now on a document belongs to these."""
        self._db.execute("delete from belongings where doc_id = ?", (doc_id,))
        self._db.executemany(
            "insert or ignore into belongings values (?, ?)", [(one, doc_id) for one in owners]
        )

    def has(self, owner: str, doc_id: str) -> bool:
        """Whether a document belongs to somebody."""
        found = self._db.execute(
            "select 1 from belongings where owner = ? and doc_id = ?", (owner, doc_id)
        )
        return found.fetchone() is not None

    def count(self, owner: str, most: int) -> int:
        """How many documents belong to somebody, counted no further than `most`."""
        found = self._db.execute(
            "select count(*) from (select 1 from belongings where owner = ? limit ?)", (owner, most)
        )
        return int(found.fetchone()[0])
