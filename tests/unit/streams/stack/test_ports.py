"""Addresses, and who listens on them."""

import os
import socket
from collections.abc import Iterator

import pytest

from streams.errors import ConfigError, PortInUse
from streams.stack import ports
from streams.stack.ports import Address, Listener


@pytest.fixture
def taken() -> Iterator[Listener]:
    """A port that this very process listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield Listener(Address("127.0.0.1", server.getsockname()[1]), "kafka.bootstrap")


def test_a_port_in_use_is_named_with_its_process_and_its_setting(taken: Listener):
    """All that is needed to act on it is in the message."""
    with pytest.raises(PortInUse) as raised:
        ports.check([taken])
    message = str(raised.value)
    assert f"port {taken.address.port}" in message
    assert f"(pid {os.getpid()})" in message
    assert "FRESHET_KAFKA__BOOTSTRAP" in message


def test_free_ports_pass():
    """A port that was just let go is free."""
    ports.check([Listener(Address("127.0.0.1", ports.free()), "kafka.bootstrap")])


@pytest.mark.parametrize(
    "text", ["127.0.0.1:9092", "http://127.0.0.1:9092", "http://127.0.0.1:9092/"]
)
def test_an_address_may_have_a_scheme(text: str):
    """Milvus' is a URI, Kafka's is not."""
    assert ports.parse(text, "x") == Address("127.0.0.1", 9092)


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "host:x", "host:0", "host:70000"])
def test_what_is_no_address_is_a_config_error_that_names_the_setting(text: str):
    """The setting's name leads to the mistake."""
    with pytest.raises(ConfigError, match=r"kafka\.bootstrap"):
        ports.parse(text, "kafka.bootstrap")
