"""Spark is let into the log as the workers are."""

import pytest
from pydantic import SecretStr

from streams.archive.kafka import source_options
from streams.config import Kafka
from streams.errors import ConfigError


def secured(**given: str) -> Kafka:
    """A cluster that asks who comes."""
    return Kafka(security={name: SecretStr(value) for name, value in given.items()})


def test_a_plain_broker_needs_no_more_than_its_address():
    """Headers are asked for: without them there are no events."""
    assert source_options(Kafka(bootstrap="b:1")) == {
        "kafka.bootstrap.servers": "b:1",
        "includeHeaders": "true",
    }


@pytest.mark.parametrize(
    ("mechanism", "module"), [("PLAIN", "PlainLoginModule"), ("SCRAM-SHA-512", "ScramLoginModule")]
)
def test_users_and_passwords_become_a_login_module(mechanism: str, module: str):
    """A quote in a password does not end it."""
    found = source_options(
        secured(
            security_protocol="SASL_SSL",
            sasl_mechanism=mechanism,
            sasl_plain_username="u",
            sasl_plain_password='p"q',
        )
    )
    assert found["kafka.security.protocol"] == "SASL_SSL"
    assert module in found["kafka.sasl.jaas.config"]
    assert r'password="p\"q";' in found["kafka.sasl.jaas.config"]


def test_what_cannot_be_passed_on_is_refused():
    """Rather than tried without it."""
    with pytest.raises(ConfigError, match=r"kafka\.security\.ssl_context"):
        source_options(secured(ssl_context="x"))
