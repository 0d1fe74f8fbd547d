import msgspec
import pytest

from processors.version import IndexSpec
from schemas.codec import InvalidEvent, decode_as, encode
from schemas.control import (
    Alias,
    ApiKey,
    Budget,
    Calibration,
    Environment,
    IndexVersion,
    PromptVersion,
    Quota,
    Route,
    Tenant,
    key_of,
)
from schemas.examples import EXAMPLES
from schemas.topics import TOPICS

WHO = {"revision": 1, "by": "ana", "why": "first", "at": 1}


def test_an_index_version_holds_all_that_pins_an_index():
    """The specs of cutting, weighing and fusing go in and come out as they were."""
    spec = IndexSpec()
    plain = msgspec.to_builtins(spec)
    event = IndexVersion(state="building", **WHO, **plain)
    read = decode_as(IndexVersion, encode(event))
    assert msgspec.convert({name: getattr(read, name) for name in plain}, IndexSpec) == spec


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (PromptVersion, "prompt/answer@1"),
        (Alias, "alias/prompt/answer@production"),
        (Route, "route/default"),
        (Quota, "quota/acme"),
        (Budget, "budget/acme-daily"),
        (Tenant, "tenant/acme"),
        (Environment, "environment/this"),
        (IndexVersion, "index/v1"),
        (ApiKey, "key/9f86d081884c"),
        (Calibration, "calibration/words-at-fault@2"),
    ],
)
def test_a_change_has_the_key_of_what_it_changes(kind: type, key: str):
    """So that a later change of it, and of nothing else, takes its place."""
    assert key_of(EXAMPLES[kind]) == key  # type: ignore[arg-type]


def test_every_kind_of_change_has_a_key():
    """None is without a place in the compacted topic."""
    kinds = TOPICS["control"].types.values()
    assert len({key_of(EXAMPLES[kind]) for kind in kinds}) == len(kinds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("revision", 0),
        ("by", ""),
        ("why", "x" * 1025),
        ("target", "answer"),
        ("target", "a@b"),
        ("name", "answer"),
        ("name", "answer@3"),
    ],
)
def test_a_change_without_its_author_or_its_revision_is_refused(field: str, value: object):
    """Who, why and after which other change: never left open."""
    fields = {
        "kind": "alias",
        "name": "answer@production",
        "of": "prompt",
        "target": "answer@1",
        **WHO,
    }
    with pytest.raises(InvalidEvent, match=rf"\$\.{field}"):
        decode_as(Alias, msgspec.json.encode({**fields, field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "group:staff"),
        ("name", "*"),
        ("name", "acme\n"),
        ("name", "\u0430cme"),
        ("name", "acme or true"),
        ("groups", ["staff"]),
        ("groups", ["group:"]),
        ("groups", ["group:*"]),
        ("groups", ["Group:staff"]),
        ("limits", {"top_k": 0}),
        ("limits", {"top_k": 51}),
        ("limits", {"question_characters": 16 * 1024 + 1}),
        ("priority", "highest"),
        ("prefix", ""),
    ],
)
def test_a_tenant_cannot_be_named_like_a_group_and_its_limits_lie_within_everybodys(
    field: str, value: object
):
    """What an `acl` says is never ambiguous, whatever somebody calls a tenant."""
    fields = {"kind": "tenant", "name": "acme", **WHO}
    with pytest.raises(InvalidEvent, match=rf"\$\.{field}"):
        decode_as(Tenant, msgspec.json.encode({**fields, field: value}))
