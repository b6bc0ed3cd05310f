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

from calsync.errors import ProviderError, Refused, Rejected, SignInNeeded, Unavailable
from calsync.providers import http, network, redirects
from calsync.providers.auth import PasswordAuth
from calsync.providers.base import RemoteCalendar
from calsync.providers.caldav import collections, dav, presets, refusals
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
    `other_host`, `unreachable`, `certificate`, `redirect_loop`, `private_network`, `insecure`, `not_caldav`.
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
        except redirects.Elsewhere as error:
            failures.append((candidate, error))
        except SignInNeeded as error:
            raise refusals.refusal([(candidate, error)], start) from error  # once is enough: servers lock people out
        except ProviderError as error:
            failures.append((candidate, error))
        finally:
            client.close()
    raise refusals.refusal(failures, start)


def _address(typed: str) -> str:
    """Return what was typed as an https address, unless http was asked for. Raises Refused."""
    if "@" in typed and "//" not in typed:
        typed = typed.rpartition("@")[2]
    if "//" not in typed:
        typed = f"https://{typed}"
    host = refusals.host_of(typed)
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


def _candidates(
    start: str, resolve: Callable[[str], Services], failures: list[tuple[str, ProviderError]]
) -> Iterator[str]:
    """Yield addresses to try, in the order of contract B1; a host that did not answer is not asked again."""
    host = refusals.host_of(start)
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
    return any(refusals.host_of(url) == host and _is_final(error) for url, error in failures)


def _is_final(error: ProviderError) -> bool:
    """Return whether other addresses of the same host would end in the same way."""
    kinds = (network.Unreachable, network.CertificateError, network.PrivateNetwork, network.Insecure)
    return isinstance(error, kinds) or (isinstance(error, Unavailable) and error.is_timeout)


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
        if not url.endswith("/.well-known/caldav") or isinstance(error, redirects.Loop):
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
