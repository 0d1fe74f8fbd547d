"""Addresses, and who already listens on one."""

import socket
from collections.abc import Iterable
from typing import NamedTuple

from streams.errors import ConfigError, PortInUse

LOCAL = ("127.0.0.1", "localhost", "0.0.0.0", "::1")  # noqa: S104


class Address(NamedTuple):
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether it is this machine's."""
        return self.host in LOCAL


class Listener(NamedTuple):
    """An address that a part listens on, and the setting that decides it."""

    address: Address
    setting: str


def parse(text: str, setting: str) -> Address:
    """`[scheme://]host:port`. Raises ConfigError."""
    host, _, port = text.split("://")[-1].rstrip("/").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"{setting} is {text!r}, not a host:port")
    return Address(host, int(port))


def free(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check(listeners: Iterable[Listener]) -> None:
    """Raises PortInUse for the first address that is taken."""
    for listener in listeners:
        if is_taken(listener.address):
            raise PortInUse(complaint(listener))


def is_taken(address: Address) -> bool:
    """Whether a server could not listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            return True
    return False


def complaint(listener: Listener) -> str:
    """What to tell whoever wanted to listen there."""
    who = owner(listener.address.port)
    return (
        f"port {listener.address.port} on {listener.address.host} is in use"
        f"{f' by {who}' if who else ''}; stop that process, or choose another port with "
        f"{variable(listener.setting)} (setting {listener.setting})"
    )


def variable(setting: str) -> str:
    """The environment variable of a setting: `kafka.bootstrap` is FRESHET_KAFKA__BOOTSTRAP."""
    return "FRESHET_" + setting.upper().replace(".", "__")


def owner(port: int) -> str | None:
    """The process that listens on a port, as far as this user may see."""
    import psutil

    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            return _named(connection.pid)
    return None


def _named(pid: int | None) -> str | None:
    import psutil

    if pid is None:
        return None
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"
