import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from streams.index.lite import collections_in, index_keys

LOOK_UP = "explain query plan delete from units where milvus_id in ('a', 'b')"


def test_a_delete_by_key_searches_an_index(tmp_path: Path):
    """In a database that is not there yet, as before the server's first start."""
    database = tmp_path / "milvus.db"
    index_keys(database, ["units", "texts"])
    with closing(sqlite3.connect(database)) as opened:
        plan = " ".join(str(step) for step in opened.execute(LOOK_UP))
    assert "SEARCH units USING COVERING INDEX" in plan or "SEARCH units USING INDEX" in plan


def test_tables_with_rows_keep_them(tmp_path: Path):
    """However often it is done."""
    database = tmp_path / "milvus.db"
    for _ in range(2):
        index_keys(database, ["units"])
        with closing(sqlite3.connect(database)) as opened, opened:
            opened.execute("insert into units (milvus_id, data) values ('a', x'00')")
    with closing(sqlite3.connect(database)) as opened:
        assert opened.execute("select count(*) from units").fetchone() == (2,)


def test_the_collections_of_every_index_version_are_found(tmp_path: Path):
    """Those of our prefix alone; none before the server's first start."""
    database = tmp_path / "milvus.db"
    assert collections_in(database, "freshet") == []
    names = ["freshet_v1_units", "freshet_finer_texts", "other_v1_units"]
    index_keys(database, names)
    assert sorted(collections_in(database, "freshet")) == sorted(names[:2])


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    """And left as it is."""
    database = tmp_path / "milvus.db"
    database.write_text("not a database " * 100)
    with pytest.raises(sqlite3.Error):
        index_keys(database, ["units"])
    assert database.read_text() == "not a database " * 100
