"""Why no calendars were found behind what somebody typed: of all failures the one that helps most, in words."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from calsync.errors import ProviderError, RateLimited, Refused, Rejected, SignInNeeded, Unavailable
from calsync.providers import network, redirects
from calsync.providers.caldav import presets


def refusal(failures: list[tuple[str, ProviderError]], start: str) -> Refused:
    """Return what to tell the person: of several failures the one that helps most."""
    for kind, code in _ORDER:
        hit = next(((url, error) for url, error in failures if isinstance(error, kind)), None)
        if hit is not None:
            return _told(code, host_of(hit[0]) or host_of(start), hit[1])
    return _told("unreachable", host_of(start), Unavailable("no answer"))


_ORDER: tuple[tuple[type[ProviderError], str], ...] = (
    (redirects.Elsewhere, "other_host"),
    (SignInNeeded, "wrong_password"),
    (network.CertificateError, "certificate"),
    (redirects.Loop, "redirect_loop"),
    (network.PrivateNetwork, "private_network"),
    (network.Insecure, "insecure"),
    (Rejected, "not_caldav"),
    (ProviderError, "unreachable"),
)


def _told(code: str, host: str, error: ProviderError) -> Refused:
    return Refused(_sentence(host, error), code=code, field="password" if code == "wrong_password" else "url")


def _sentence(host: str, error: ProviderError) -> str:
    """Return what happened and what to do, in words for the person who typed the address."""
    match error:
        case redirects.Elsewhere():
            return (
                f"{host} leads to {error.host}, which is not told your password because you did not name it. "
                f"If it is the right one, give an address that begins with https://{error.host}/."
            )
        case SignInNeeded():
            known = presets.for_host(host)
            hint = known.note if known is not None else "Check both, and whether it wants an app password."
            return f"{host} refused this user name and password. {hint}"
        case network.CertificateError():
            return f"The certificate of {host} cannot be trusted: {_DISTRUSTED[error.cause]}"
        case redirects.Loop():
            return f"{host} redirects in circles. Give the full address of the CalDAV service instead."
        case network.PrivateNetwork():
            return f"{host} is on a private network. Allow those for this account if the server is really there."
        case network.Insecure():
            return f"{host} would receive the password unencrypted. Use an address that begins with https://."
        case Rejected():
            return f"{host} answers, but there is no CalDAV service at this address. Check the path in its manual."
        case _:
            return _absent(host, error)


_DISTRUSTED = {
    network.Distrust.UNKNOWN_ISSUER: (
        "it is signed by nobody whom this machine knows. Ask whoever runs the server for one of a public authority; "
        "an authority of your own belongs to those of the system that Calsync runs on."
    ),
    network.Distrust.OUT_OF_DATE: "it has run out, or is not valid yet. Ask whoever runs the server to renew it.",
    network.Distrust.OTHER_NAME: (
        "it was made for another name. Give the name that stands in it, or ask whoever runs the server to add this one."
    ),
    network.Distrust.OTHER: "it proves nothing. Ask whoever runs the server to renew it.",
}


def _absent(host: str, error: ProviderError) -> str:
    """Return what to say of a server from which nothing usable came, but not because of what was typed."""
    why = _plainly(host, str(error) or "no answer")
    match error:
        case network.NotTls():
            return (
                f"{host} does not speak https there. Check the port; a server in your own network that has no https "
                "needs an address that begins with http://."
            )
        case network.Unreachable():
            return f"{host} cannot be reached ({why}). Check the address, and whether the server is running."
        case RateLimited():
            return f"{host} wants to be left alone until {error.until:%Y-%m-%d %H:%M} UTC. Try again then."
        case Unavailable(is_timeout=True):
            return f"{host} takes the connection and does not answer. Check the port, and whether the server is well."
        case _:
            return f"{host} answers with a fault of its own ({why}). Try again later, or ask whoever runs it."


def _plainly(host: str, detail: str) -> str:
    """Return what an error of the network says, without what only programmers read."""
    noise = rf"^[A-Z]+ {re.escape(host)}: ([^\s[]\S*: )?|\[Errno -?\d+\] |\[SSL[^]]*\] | \(_ssl\.c:\d+\)"
    return re.sub(noise, "", detail)


def host_of(url: str) -> str:
    """Return the host in an address, "" where nobody can find one."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        return parts.hostname or ""
    except ValueError:
        return ""
