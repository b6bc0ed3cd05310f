"""Keeps tests off the network: this machine may be reached, everything else raises.

The error is no OSError, so that no client mistakes it for an unreachable host; and it is remembered, so
that nobody can swallow it.
"""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

# Names that never exist (RFC 6761 sections 6.2 and 6.4): a test may look them up and learn just that.
NOWHERE = (".invalid", ".test")


class NetworkForbidden(RuntimeError):
    """A test tried to leave this machine."""


def is_here(host: str) -> bool:
    """Whether an address or name means this machine."""
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@contextmanager
def only_this_machine() -> Iterator[list[str]]:
    """Forbid every connection and look-up that leaves this machine; yields the list of attempts so far."""
    attempts: list[str] = []
    guard = _Guard(attempts)
    with (
        mock.patch.object(socket.socket, "connect", guard.method("connect")),
        mock.patch.object(socket.socket, "connect_ex", guard.method("connect_ex")),
        mock.patch.object(socket.socket, "sendto", guard.method("sendto")),
        mock.patch.object(socket, "getaddrinfo", guard.getaddrinfo),
    ):
        yield attempts


class _Guard:
    def __init__(self, attempts: list[str]) -> None:
        self.attempts = attempts
        self._getaddrinfo = socket.getaddrinfo

    def method(self, name: str) -> Any:
        """Return a stand-in for a socket's method whose last argument is the address."""
        real = getattr(socket.socket, name)

        def guarded(sock: socket.socket, *arguments: Any) -> Any:
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                self.check(str(arguments[-1][0]))
            return real(sock, *arguments)

        return guarded

    def getaddrinfo(self, host: Any, *arguments: Any, **options: Any) -> Any:
        """Look up a name of this machine; every other one is forbidden or does not exist."""
        name = host.decode() if isinstance(host, bytes) else host or ""
        if name.rstrip(".").endswith(NOWHERE):
            raise socket.gaierror(socket.EAI_NONAME, f"{name} does not exist")
        if not _is_address(name):
            self.check(name)
        return self._getaddrinfo(host, *arguments, **options)

    def check(self, host: str) -> None:
        if not is_here(host):
            self.attempts.append(host)
            raise NetworkForbidden(f"tests reach this machine only, not {host}")


def _is_address(name: str) -> bool:
    """An address is not looked up anywhere, so asking about it is harmless."""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
