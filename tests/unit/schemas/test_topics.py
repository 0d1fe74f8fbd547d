import pytest
from msgspec import Struct

from schemas.documents import Document
from schemas.queries import Cancellation
from schemas.topics import (
    TOPICS,
    Topic,
    configs,
    index_topics,
    retention_ms,
    topic_named,
    type_of,
)

DAY_MS = 24 * 3600 * 1000
HORIZON = 3 * DAY_MS


def test_every_topic_of_the_design_is_there():
    """Fourteen names, in the order of the stream."""
    assert sorted(TOPICS) == sorted(
        [
            *("documents", "queries", "queries.admitted", "responses", "response.deltas"),
            *("feedback", "index.changes", "index.progress", "evaluations", "usage", "control"),
            *("drift", "alerts", "dead-letters"),
        ]
    )


def test_the_contract_with_the_outside_is_four_topics():
    """Those must be readable by yesterday's readers."""
    public = {topic.name for topic in TOPICS.values() if topic.public}
    assert public == {"documents", "queries", "responses", "feedback"}


def test_documents_keep_every_version_within_the_horizon_and_the_newest_for_ever():
    """Compaction waits as long as replay may reach back, for deletions as well."""
    found = configs(TOPICS["documents"], HORIZON)
    assert found["cleanup.policy"] == "compact"
    assert found["min.compaction.lag.ms"] == str(HORIZON)
    assert found["delete.retention.ms"] == str(HORIZON)
    assert found["retention.ms"] == "-1"


def test_the_log_of_the_index_is_kept_for_ever():
    """The indexer's memory is a view of it."""
    found = configs(TOPICS["index.changes"], HORIZON)
    assert (found["cleanup.policy"], found["retention.ms"]) == ("delete", "-1")


@pytest.mark.parametrize("name", ["queries", "responses", "feedback", "evaluations"])
def test_what_replay_needs_is_kept_for_the_horizon(name: str):
    """Not for less, whatever it is set to."""
    for horizon in (1, DAY_MS, 400 * DAY_MS):
        assert configs(TOPICS[name], horizon)["retention.ms"] == str(horizon)


@pytest.mark.parametrize("name", ["dead-letters", "usage"])
def test_some_outlive_the_horizon(name: str):
    """Somebody has to find time to look at dead letters; budgets reach back over a month."""
    for horizon in (1, 400 * DAY_MS):
        assert retention_ms(TOPICS[name], horizon) >= max(horizon, 90 * DAY_MS)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS)
def test_segments_close_before_what_is_in_them_is_due(topic: Topic):
    """Kafka drops whole closed segments: one that stays open keeps all of its records."""
    kept = retention_ms(topic, HORIZON)
    if kept > 0:
        assert int(configs(topic, HORIZON)["segment.ms"]) <= kept / 4


def test_an_event_knows_its_type():
    """The same wherever it travels."""
    assert type_of(Cancellation(query_id="q", tenant="t")) == "dev.freshet.query.cancelled.v1"
    assert type_of(Document(doc_id="d", text="", content_type="text/plain")) == (
        "dev.freshet.document.changed.v1"
    )


def test_a_struct_that_travels_nowhere_has_no_type():
    """It is a mistake of the program, and says so."""
    with pytest.raises(KeyError):
        type_of(Struct())


def test_a_type_name_means_one_struct():
    """Otherwise a `ce_type` would not say how to read the value."""
    pairs = {pair for topic in TOPICS.values() for pair in topic.types.items()}
    assert len({name for name, _ in pairs}) == len(pairs)


def test_each_index_version_has_topics_of_its_own():
    """The first has the plain ones; all are of one kind."""
    assert index_topics("v1") == (TOPICS["index.changes"], TOPICS["index.progress"])
    changes, progress = index_topics("finer")
    assert (changes.name, progress.name) == ("index.changes.finer", "index.progress.finer")
    assert configs(changes, HORIZON) == configs(TOPICS["index.changes"], HORIZON)
    assert configs(progress, HORIZON) == configs(TOPICS["index.progress"], HORIZON)


@pytest.mark.parametrize(
    "name", ["index.changes.v1", "index.changes.", "index.changes.V2", "documents.v2", "nothing"]
)
def test_no_other_name_is_a_topic(name: str):
    """Nor has the first version a second name."""
    with pytest.raises(KeyError):
        topic_named(name)
