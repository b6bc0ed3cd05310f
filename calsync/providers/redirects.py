"""Where an answer sends us, and when we do not go there."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from calsync.errors import Rejected, SignInNeeded
from calsync.providers import network

MOST = 8
"""Redirects of one request; nobody in earnest needs more."""
_MOVED = (301, 302, 303, 307, 308)


class Loop(Rejected):
    """The server sends us in circles, or on a longer way than we go."""


class Elsewhere(SignInNeeded):
    """The way led to a host that is not told the password, and that one asks for it. `host` is its name."""

    def __init__(self, host: str, detail: str) -> None:
        self.host = host
        super().__init__("wrong_password", detail)


def target(status: int, url: str, location: str | None) -> str | None:
    """Return where an answer of `url` leads, None when it leads nowhere. Raises Rejected when that is no address."""
    if status not in _MOVED or not location:
        return None
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise Rejected("invalid", f"{urlsplit(url).hostname} redirects to something that is no address") from error


def refuse_downgrade(url: str, to: str) -> None:
    """Raise Rejected for a way to what is no web address, and Insecure for one from https to http."""
    schemes = urlsplit(url).scheme, urlsplit(to).scheme
    if schemes[1] not in ("http", "https"):
        raise Rejected("invalid", f"{urlsplit(url).hostname} redirects to something that is not a web address")
    if schemes == ("https", "http"):
        raise network.Insecure("insecure", f"{urlsplit(url).hostname} redirects from https to http")
