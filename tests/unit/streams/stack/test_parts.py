"""Which parts are started, and in which order."""

from pathlib import Path

import pytest

from streams.config import PARTS, Kafka, Settings
from streams.errors import ConfigError
from streams.stack import parts


def test_every_part_comes_after_those_that_it_needs(tmp_path: Path):
    """The order of `PARTS` is one in which they can be started."""
    built = parts.build(Settings(state_dir=tmp_path))
    names = [part.name for part in built]
    assert names == list(PARTS)
    for part in built:
        assert set(part.needs) <= set(names[: names.index(part.name)])


def test_a_part_is_stopped_after_those_that_need_it(tmp_path: Path):
    """Kafka goes last: every process of ours still writes to it while it stops."""
    above = parts.dependants(parts.build(Settings(state_dir=tmp_path)))
    workers = {"indexer", "writer", "admission", "answerer", "judge", "monitor", "steward"}
    assert set(above["kafka"]) == {*workers, "gateway"}
    assert above["gateway"] == []


def test_a_server_on_another_machine_is_not_started_here(tmp_path: Path):
    """Its address is enough to say so."""
    settings = Settings(state_dir=tmp_path, kafka=Kafka(bootstrap="broker.example:9092"))
    names = [part.name for part in parts.build(settings)]
    assert "kafka" not in names
    assert "indexer" in names


def test_needs_outside_the_chosen_parts_are_not_waited_for(tmp_path: Path):
    """`up --only indexer` trusts that the others run."""
    built = parts.build(Settings(state_dir=tmp_path), only=["indexer"])
    assert parts.needs(built) == {"indexer": []}


def test_an_unknown_part_is_an_error_that_lists_the_known(tmp_path: Path):
    """A typing mistake is found out at once."""
    with pytest.raises(ConfigError, match=r"kafak.*kafka, milvus"):
        parts.build(Settings(state_dir=tmp_path), only=["kafak"])


def test_port_zero_becomes_a_free_port_of_its_own(tmp_path: Path):
    """Workers must listen where the supervisor asks them."""
    settings = Settings(state_dir=tmp_path)
    none = settings.metrics.model_copy(update={"ports": dict.fromkeys(settings.metrics.ports, 0)})
    chosen = parts.with_ports(settings.model_copy(update={"metrics": none})).metrics.ports
    assert len(set(chosen.values())) == len(chosen) == len(settings.metrics.ports)
    assert 0 not in chosen.values()
