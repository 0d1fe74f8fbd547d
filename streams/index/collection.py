"""A table in Milvus: its fields, and how a record is written in them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np
from pymilvus import AsyncMilvusClient, CollectionSchema, DataType
from pymilvus.milvus_client.index import IndexParams

from processors.rows import Demand, Record, Vector

COLUMNS = ["key", "id", "owner", "valid_from", "valid_to", "part", "parts", "acl", "tags", "body"]

_AT_ONCE = 100
"""Keys that one call asks for. In milvus-lite the time for each grows with their number."""
_BATCH_ROWS = 1000
_BATCH_BYTES = 2 * 1024 * 1024
_HNSW = {"M": 16, "efConstruction": 200}
_T = TypeVar("_T")


def schema(dimensions: int | None, owner: str = "") -> CollectionSchema:
    """Every table has the same fields but for the vector: sparse where it has no `dimensions`.

    Lengths are in bytes. `owner` is the environment that it belongs to.
    """
    made = AsyncMilvusClient.create_schema(
        auto_id=False, enable_dynamic_field=False, description=owner
    )
    made.add_field("pk", DataType.VARCHAR, max_length=96, is_primary=True)
    made.add_field("key", DataType.VARCHAR, max_length=40)
    made.add_field("id", DataType.VARCHAR, max_length=2048)
    made.add_field("owner", DataType.VARCHAR, max_length=2048)
    made.add_field("valid_from", DataType.INT64)
    made.add_field("valid_to", DataType.INT64)
    made.add_field("part", DataType.INT64)
    made.add_field("parts", DataType.INT64)
    hashes = {"element_type": DataType.VARCHAR, "max_length": 40}
    made.add_field("acl", DataType.ARRAY, max_capacity=256, **hashes)
    made.add_field("tags", DataType.ARRAY, max_capacity=64, **hashes)
    made.add_field("body", DataType.VARCHAR, max_length=65_535)
    if dimensions is None:
        made.add_field("vector", DataType.SPARSE_FLOAT_VECTOR)
    else:
        made.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
    return made


def index_params(*, dense: bool, dense_index: str) -> IndexParams:
    """How vectors are indexed: exactly by default, and by a graph where `dense_index` says so."""
    made = AsyncMilvusClient.prepare_index_params()
    kind = dense_index if dense else "SPARSE_INVERTED_INDEX"
    params = _HNSW if kind == "HNSW" else {}
    made.add_index("vector", index_type=kind, metric_type="IP", params=params)
    return made


def search_params(*, dense: bool, dense_index: str, limit: int) -> dict[str, Any]:
    """How wide a search looks; an exact one needs not be told."""
    if dense and dense_index == "HNSW":
        return {"metric_type": "IP", "params": {"ef": max(128, 2 * limit)}}
    return {"metric_type": "IP", "params": {}}


def written(record: Record) -> dict[str, Any]:
    """A record as the client takes it."""
    values = {column: getattr(record, column) for column in COLUMNS}
    vector: Any = record.vector
    if isinstance(vector, bytes):
        vector = np.frombuffer(vector, "<f4")
    return {"pk": record.pk, **values, "vector": vector}


def read(row: Mapping[str, Any]) -> Record:
    """A record as the client gives it; a vector that was not asked for is empty."""
    values = {column: row[column] for column in COLUMNS}
    values["acl"], values["tags"] = list(row["acl"]), list(row["tags"])
    return Record(**values, vector=_vector(row.get("vector", b"")))


def batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Records in messages of bounded length."""
    batch: list[Record] = []
    size = 0
    for record in records:
        cost = 1024 + 4 * len(record.body) + 16 * len(record.vector)
        if batch and (len(batch) >= _BATCH_ROWS or size + cost > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += cost
    if batch:
        yield batch


def pieces(items: Sequence[_T], length: int = _AT_ONCE) -> Iterator[Sequence[_T]]:
    """A sequence in runs of bounded length."""
    return (items[start : start + length] for start in range(0, len(items), length))


def one_of(column: str, values: Sequence[str]) -> str:
    """`values` must be keys that we made: nothing in them is escaped."""
    return f"{column} in {json.dumps(list(values))}"


def visible_at(at: int, demand: Demand) -> str:
    """Rows that a reader may see at a time. It is built from numbers and hashes alone."""
    asked = [f"valid_from <= {int(at)}", f"valid_to > {int(at)}"]
    if demand.acl is not None:
        asked.append(_any_of("acl", demand.acl))
    asked.extend(_any_of("tags", group) for group in demand.tags)
    return " and ".join(asked)


def _any_of(column: str, values: Sequence[str]) -> str:
    if not values:
        return "valid_to < 0"
    return f"array_contains_any({column}, {json.dumps(list(values))})"


def _vector(value: Any) -> Vector:
    if isinstance(value, Mapping):
        return msgspec.convert(dict(value), dict[int, float])
    return value if isinstance(value, bytes) else np.asarray(value, "<f4").tobytes()
