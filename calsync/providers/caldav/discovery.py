"""From what a person typed to a list of calendars (RFC 6764, contract B1 and B2).

Reading an account (`Account`) is here too, because finding the calendars once and listing them again is one thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

import dns.exception
import dns.resolver
import httpx2

from calsync.errors import ProviderError, Refused, Rejected, SignInNeeded
from calsync.providers import http, network
from calsync.providers.auth import PasswordAuth
from calsync.providers.base import RemoteCalendar
from calsync.providers.caldav import collections, dav, presets
from calsync.providers.caldav.dav import C, D, Item
from calsync.providers.http import Http

TRUSTED_DOMAINS = ("icloud.com",)
"""iCloud answers with hosts of its own (p07-caldav.icloud.com); the password may follow there, and nowhere else."""

LIMITS = http.Limits(connect_s=10, silence_s=15, total_s=40)
_WHO = (f"{D}resourcetype", f"{D}current-user-principal", f"{C}calendar-home-set", f"{D}displayname")
# Names that no DNS knows (RFC 6761, 6762): asking for their services is of no use.
_NOT_IN_DNS = ("localhost", "local", "invalid", "test", "example", "internal", "lan", "home.arpa")


class Found(NamedTuple):
    """`server_url` is where every later connection begins; keep it with the password."""

    server_url: str
    principal: str
    calendars: list[RemoteCalendar]


class Services(NamedTuple):
    """Where DNS says that a domain's CalDAV is (RFC 6764 section 3): hosts in order, and the path of a TXT record."""

    hosts: list[tuple[str, int]]
    path: str


def look_up(domain: str) -> Services:
    """Ask DNS for a domain's CalDAV over TLS. Answers empty when there is none or DNS does not answer."""
    name = f"_caldavs._tcp.{domain}"
    try:
        answers = dns.resolver.resolve(name, "SRV", lifetime=5)
    except (dns.exception.DNSException, OSError):
        return Services([], "")
    ranked = sorted(answers, key=lambda record: (record.priority, -record.weight))
    hosts = [(record.target.to_text(omit_final_dot=True), record.port) for record in ranked]
    try:
        texts = [text.decode() for record in dns.resolver.resolve(name, "TXT", lifetime=5) for text in record.strings]
    except (dns.exception.DNSException, OSError, UnicodeDecodeError):
        texts = []
    path = next((text.removeprefix("path=") for text in texts if text.startswith("path=")), "")
    return Services([(host, port) for host, port in hosts if host not in (".", "")], path)


def connect(
    url: str,
    username: str,
    password: str,
    allow_private_network: bool = False,
    *,
    transport: httpx2.BaseTransport | None = None,
    resolve: Callable[[str], Services] = look_up,
) -> Found:
    """Find the calendars behind an address, a bare domain or an e-mail address.

    Raises Refused with a code and a sentence for people: `invalid_address`, `use_google`, `wrong_password`,
    `unreachable`, `certificate`, `redirect_loop`, `private_network`, `insecure`, `not_caldav`.
    """
    typed = url.strip().strip("\"'<>")
    username = username.strip() or (typed if "@" in typed and "//" not in typed else "")
    start = _address(typed)
    failures: list[tuple[str, ProviderError]] = []
    for candidate in _candidates(start, resolve, failures):
        client = Http(
            auth=PasswordAuth(username, password),
            allow_private_network=allow_private_network,
            trusted_domains=TRUSTED_DOMAINS,
            read_error=dav.read_error,
            secrets=(password,),
            limits=LIMITS,
            transport=transport,
        )
        try:
            return _found(client, candidate)
        except SignInNeeded as error:
            raise _refusal([(candidate, error)], start) from error  # once is enough: servers lock people out
        except ProviderError as error:
            failures.append((candidate, error))
        finally:
            client.close()
    raise _refusal(failures, start)


def _address(typed: str) -> str:
    """Return what was typed as an https address, unless http was asked for. Raises Refused."""
    if "@" in typed and "//" not in typed:
        typed = typed.rpartition("@")[2]
    if "//" not in typed:
        typed = f"https://{typed}"
    host = host_of(typed)
    parts = urlsplit(typed if host else "")
    scheme = {"caldav": "https", "caldavs": "https", "webcal": "https"}.get(parts.scheme.lower(), parts.scheme.lower())
    if scheme not in ("http", "https") or not host or " " in host:
        raise Refused(
            "This is not an address. Type one like https://calendar.example.com, or an e-mail address.",
            code="invalid_address",
            field="url",
        )
    if presets.is_google(host):
        raise Refused(presets.WHY_NOT_GOOGLE, code="use_google", field="url")
    known = presets.for_host(host)
    if known is not None and parts.path in ("", "/"):
        return known.url
    path = quote(unquote(parts.path), safe="/~@:!$&'()*+,;=-._") or "/"
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((scheme, netloc, path, "", ""))


def host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
        return parts.hostname or ""
    except ValueError:
        return ""


def _candidates(
    start: str, resolve: Callable[[str], Services], failures: list[tuple[str, ProviderError]]
) -> Iterator[str]:
    """Yield addresses to try, in the order of contract B1; a host that did not answer is not asked again."""
    host = host_of(start)
    yield start
    if not _is_dead(host, failures):
        yield urljoin(start, "/.well-known/caldav")
    if not _is_local(host):
        services = resolve(host)
        for target, port in services.hosts:
            origin = f"https://{target}" if port == 443 else f"https://{target}:{port}"
            yield f"{origin}{services.path or '/.well-known/caldav'}"
    if urlsplit(start).path != "/" and not _is_dead(host, failures):
        yield urljoin(start, "/")


def _is_dead(host: str, failures: list[tuple[str, ProviderError]]) -> bool:
    kinds = (network.Unreachable, network.CertificateError, network.PrivateNetwork, network.Insecure)
    return any(host_of(url) == host and isinstance(error, kinds) for url, error in failures)


def _is_local(host: str) -> bool:
    is_number = ":" in host or host.replace(".", "").isdecimal()
    return is_number or "." not in host or host.rpartition(".")[2] in _NOT_IN_DNS or host.endswith(".home.arpa")


def _found(client: Http, url: str) -> Found:
    account = Account.at(client, url)
    return Found(account.url, account.principal, account.calendars(client))


@dataclass(frozen=True, slots=True)
class Account:
    """Where a person's things are on a server. `homes` hold the calendars; `single` is a calendar given by address."""

    url: str
    principal: str
    homes: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    single: str | None = None

    @classmethod
    def at(cls, client: Http, url: str) -> Account:
        """Read the account from any address inside it. Raises Rejected when there is no CalDAV behind it."""
        here, base = _who(client, url)
        if here.has(f"{D}current-user-principal", f"{D}unauthenticated"):
            raise SignInNeeded("wrong_password", "the server does not know who we are")
        is_calendar = here.has(f"{D}resourcetype", f"{C}calendar")
        homes = here.hrefs(f"{C}calendar-home-set")
        named = here.hrefs(f"{D}current-user-principal")
        principal = urljoin(base, named[0]) if named else base  # Synology names none: it is the address itself
        addresses: list[str] = []
        if not homes and named:
            homes, addresses = _homes(client, principal)
        if not homes and not is_calendar:
            _confirm(client, base)
            homes = [principal]
        whole = tuple(dict.fromkeys(urljoin(principal if named else base, home) for home in homes))
        return cls(base, principal, whole, tuple(addresses), base if is_calendar and not whole else None)

    def calendars(self, client: Http) -> list[RemoteCalendar]:
        """Return the calendars in all homes that can hold events, each once."""
        found = collections.at(client, self.single, "0", self.principal) if self.single else []
        for home in self.homes:
            found += collections.at(client, home, "1", self.principal)
        return list({dav.key(c.remote_id) + (urlsplit(c.remote_id).hostname or ""): c for c in found}.values())


def _who(client: Http, url: str) -> tuple[Item, str]:
    """Ask an address who we are there; returns the answer and the address after redirects."""
    try:
        return _propfind(client, url)
    except Rejected as error:
        if not url.endswith("/.well-known/caldav") or isinstance(error, http.RedirectLoop):
            raise
        # Some servers redirect a GET of the well-known address and nothing else.
        moved = client.request("GET", url, expect=range(400, 600)).url
        if moved == url:
            raise
        return _propfind(client, moved)


def _propfind(client: Http, url: str) -> tuple[Item, str]:
    answer = client.request("PROPFIND", url, headers=collections.headers("0"), body=dav.propfind(_WHO))
    items = list(dav.Multistatus(answer))
    if not items:
        raise dav.NotDav("unsupported", f"{url} answered nothing")
    return items[0], answer.url


def _homes(client: Http, principal: str) -> tuple[list[str], list[str]]:
    names = (f"{C}calendar-home-set", f"{C}calendar-user-address-set")
    answer = client.request("PROPFIND", principal, headers=collections.headers("0"), body=dav.propfind(names))
    homes: list[str] = []
    addresses: list[str] = []
    for item in dav.Multistatus(answer):
        homes += [urljoin(answer.url, href) for href in item.hrefs(names[0])]
        addresses += [href.lower().removeprefix("mailto:") for href in item.hrefs(names[1]) if "@" in href]
    return homes, addresses


def _confirm(client: Http, url: str) -> None:
    """Make sure that an address without a home offers calendars at all. Raises NotDav."""
    answer = client.request("OPTIONS", url, expect=range(400, 600))
    if "calendar-access" not in answer.headers.get("dav", ""):
        raise dav.NotDav("unsupported", f"{url} does not offer calendar-access")


# Refusals


def _refusal(failures: list[tuple[str, ProviderError]], start: str) -> Refused:
    """Return what to tell the person: of several failures the one that helps most."""
    for kind, code in _ORDER:
        hit = next(((url, error) for url, error in failures if isinstance(error, kind)), None)
        if hit is not None:
            return _told(code, host_of(hit[0]) or host_of(start), hit[1])
    return _told("unreachable", host_of(start), None)


_ORDER: tuple[tuple[type[ProviderError], str], ...] = (
    (SignInNeeded, "wrong_password"),
    (network.CertificateError, "certificate"),
    (http.RedirectLoop, "redirect_loop"),
    (network.PrivateNetwork, "private_network"),
    (network.Insecure, "insecure"),
    (Rejected, "not_caldav"),
    (ProviderError, "unreachable"),
)
_SENTENCES = {
    "certificate": "The certificate of {host} cannot be trusted ({why}). Ask whoever runs the server to renew it.",
    "redirect_loop": "{host} redirects in circles. Give the full address of the CalDAV service instead.",
    "private_network": (
        "{host} is on a private network. Allow private networks for this account if the server is really there."
    ),
    "insecure": "{host} would receive the password unencrypted. Use an address that begins with https://.",
    "not_caldav": "{host} answers, but there is no CalDAV service at this address. Check the path in its manual.",
    "unreachable": "{host} cannot be reached ({why}). Check the address, and whether the server is running.",
}


def _told(code: str, host: str, error: ProviderError | None) -> Refused:
    if code == "wrong_password":
        known = presets.for_host(host)
        hint = f" {known.note}" if known is not None else " Check both, and whether it wants an app password."
        return Refused(f"{host} refused this user name and password.{hint}", code=code, field="password")
    why = getattr(error, "detail", "") or "no answer"
    return Refused(_SENTENCES[code].format(host=host, why=why), code=code, field="url")
