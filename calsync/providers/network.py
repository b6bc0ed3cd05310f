"""Sockets for provider traffic: names resolved once, addresses checked, every wait bounded.

The check happens where the connection is made, so it holds on every redirect and cannot be tricked by a name that
answers differently the second time.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

import httpcore2
import httpx2

from calsync.errors import ProviderError, Rejected, Unavailable

E = TypeVar("E", bound=BaseException)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Unreachable(Unavailable):
    """No connection: the name does not resolve, or nobody answers there."""


class Distrust(StrEnum):
    """Why a certificate proves nothing."""

    UNKNOWN_ISSUER = "unknown_issuer"
    OUT_OF_DATE = "out_of_date"
    OTHER_NAME = "other_name"
    OTHER = "other"


class CertificateError(Unavailable):
    """The server's certificate does not prove who it is; `cause` says why not."""

    def __init__(self, detail: str, cause: Distrust = Distrust.OTHER) -> None:
        self.cause = cause
        super().__init__(detail)


_DISTRUST = {
    **dict.fromkeys((18, 19, 20, 21), Distrust.UNKNOWN_ISSUER),
    **dict.fromkeys((9, 10), Distrust.OUT_OF_DATE),
    **dict.fromkeys((62, 64), Distrust.OTHER_NAME),
}
"""OpenSSL's numbers of what a check found (X509_V_ERR_... in x509_vfy.h)."""


class NotTls(Unreachable):
    """Somebody answers there, but speaks no TLS."""


class PrivateNetwork(Rejected):
    """The address lies in a private network, and the operator does not allow those."""


class Insecure(Rejected):
    """The password would travel readable over a public network."""


def is_public(address: str) -> bool:
    """Return whether an IP address may be reached without the operator's permission.

    Loopback, private, link-local (cloud metadata), multicast and reserved ranges are not public, however they are
    wrapped into IPv6.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = _wrapped(ip) if isinstance(ip, ipaddress.IPv6Address) else None
    if inner is not None:
        ip = inner
    return ip.is_global and not ip.is_multicast


def _wrapped(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


class Patience(threading.local):
    """How long the request of this thread may still take, and whether it is plain http."""

    deadline: float = float("inf")
    is_plain: bool = False

    def left(self, timeout: float | None) -> float:
        """Return the seconds that one wait may take. Raises ReadTimeout when there are none."""
        left = min(self.deadline - time.monotonic(), float("inf") if timeout is None else timeout)
        if left <= 0:
            raise httpcore2.ReadTimeout("the whole answer took too long")
        return left


class Backend(httpcore2.SyncBackend):
    """Connects to checked addresses only."""

    def __init__(self, patience: Patience, *, allow_private: bool) -> None:
        self._patience, self._allow_private = patience, allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Resolve, check and connect to the first address that answers."""
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in self._allowed(host, _resolve(host, port, self._patience.left(timeout))):
            try:
                wait = self._patience.left(timeout)
                stream = super().connect_tcp(address, port, wait, local_address, socket_options)
                return _Stream(stream, self._patience)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def _allowed(self, host: str, addresses: list[str]) -> list[str]:
        public = [address for address in addresses if is_public(address)]
        if public and self._patience.is_plain:
            raise Insecure("insecure", f"{host} is not on a private network and the address is not https")
        if addresses and not public and not self._allow_private:
            raise PrivateNetwork("private_network", f"{host} is on a private network")
        return addresses if self._allow_private else public


class _Stream(httpcore2.NetworkStream):
    """A stream whose waits end at the deadline, so that a trickle cannot hold a thread for ever."""

    def __init__(self, inner: httpcore2.NetworkStream, patience: Patience) -> None:
        self._inner, self._patience = inner, patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._patience.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._patience.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._patience.left(timeout))
        return _Stream(inner, self._patience)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Transport(httpx2.HTTPTransport):
    """httpx2's transport on our sockets. Proxy settings of the environment are not used: a proxy would
    resolve names after our check.
    """

    def __init__(self, patience: Patience, *, allow_private: bool) -> None:
        super().__init__(verify=tls(), trust_env=False)
        # httpx2 has no argument for the network backend, so its pool is replaced by one that has.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls(),
            max_connections=4,
            max_keepalive_connections=2,
            keepalive_expiry=20,
            network_backend=Backend(patience, allow_private=allow_private),
        )


@cache
def tls() -> ssl.SSLContext:
    """Return what proves servers' certificates; reading them all takes 40 ms, once in a process."""
    return httpx2.create_ssl_context()


def _resolve(host: str, port: int, timeout_s: float) -> list[str]:
    """Return the addresses of a name, in the system's order. Raises ConnectError, ConnectTimeout.

    In a thread, because the system's resolver has no time limit.
    """
    found: list[str] = []
    failures: list[Exception] = []

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except (OSError, UnicodeError) as error:
            failures.append(httpcore2.ConnectError(f"{host}: {error}"))
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=look_up, name="resolve", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise httpcore2.ConnectTimeout(f"looking up {host} took too long")
    if failures:
        raise failures[0]
    return found


def reading(error: httpx2.HTTPError, *, is_write: bool, detail: str) -> ProviderError:
    """Return our error for a request that got no answer.

    A write is in doubt unless the connection never came about: then nothing was sent.
    """
    if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)):
        return _unconnected(error, detail)
    return Unavailable(detail, is_in_doubt=is_write, is_timeout=isinstance(error, httpx2.TimeoutException))


def _unconnected(error: httpx2.HTTPError, detail: str) -> ProviderError:
    distrust = _cause(error, ssl.SSLCertVerificationError)
    if distrust is not None:
        return CertificateError(detail, _DISTRUST.get(distrust.verify_code, Distrust.OTHER))
    tls_error = _cause(error, ssl.SSLError)
    if tls_error is not None and tls_error.reason == "WRONG_VERSION_NUMBER":
        return NotTls(detail)
    return Unreachable(detail, is_timeout=isinstance(error, httpx2.TimeoutException))


def _cause(error: BaseException | None, kind: type[E]) -> E | None:
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None
