"""WebDAV and CalDAV as XML: requests written, multistatus answers read (RFC 4918, 4791, 6578).

Names are compared expanded (`{DAV:}href`), since every server chooses its own prefixes. Only properties with a 2xx
status count: others are answered empty by servers that do not have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape

from calsync.errors import ProviderError, Rejected, Unavailable
from calsync.providers.http import Answer

D, C = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
CS, A = "{http://calendarserver.org/ns/}", "{http://apple.com/ns/ical/}"
_PREFIXES = {D: "D", C: "C", CS: "CS", A: "A"}
_NAMESPACES = " ".join(f'xmlns:{prefix}="{uri[1:-1]}"' for uri, prefix in _PREFIXES.items())
_CONTROL = bytes(set(range(32)) - {9, 10, 13})
_CONTROL_REFERENCE = re.compile(rb"&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));", re.I)
_SLICE = 256 * 1024
_PLAIN_PATH = re.compile(r"(?:/(?!\.)[^/?#\s\x00-\x20]+)+/?")

_BAD_DATA = (
    "valid-calendar-data",
    "supported-calendar-data",
    "valid-calendar-object-resource",
    "supported-calendar-component",
    "calendar-collection-location-ok",
    "min-date-time",
    "max-date-time",
    "max-instances",
    "max-attendees-per-instance",
    "allowed-organizer-scheduling-object-change",
    "allowed-attendee-scheduling-object-change",
)
_CODES: Mapping[str, str] = {
    **dict.fromkeys(_BAD_DATA, "invalid"),
    "no-uid-conflict": "duplicate",
    "unique-scheduling-object-resource": "duplicate",
    "max-resource-size": "too_large",
    "need-privileges": "permission",
    "quota-not-exceeded": "quota",
    "sufficient-disk-space": "quota",
    "supported-report": "unsupported",
}
"""Precondition elements of RFC 4791, 4918, 6638 and what they mean for a write: it will not be accepted as it is."""


class NotDav(Rejected):
    """The answer is no multistatus: whatever runs there does not speak WebDAV."""


@dataclass(frozen=True, slots=True)
class Item:
    """One response of a multistatus. `status` is that of the whole response, None when only properties have one."""

    href: str
    status: int | None
    properties: Mapping[str, ElementTree.Element]
    conditions: frozenset[str] = frozenset()

    def text(self, name: str) -> str | None:
        """Return a property's text without surrounding space; None when the server does not have it."""
        element = self.properties.get(name)
        return None if element is None else (element.text or "").strip()

    def has(self, name: str, inner: str) -> bool:
        """Return whether a property contains an element."""
        element = self.properties.get(name)
        return element is not None and any(part is not element for part in element.iter(inner))

    def hrefs(self, name: str) -> list[str]:
        element = self.properties.get(name)
        return [] if element is None else [_address(e.text) for e in element.iter(f"{D}href") if e.text]


@dataclass
class Multistatus:
    """The responses of a 207, read once and one by one; `sync_token` is known when they are exhausted."""

    answer: Answer
    sync_token: str | None = None
    _items: Iterator[Item] | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[Item]:
        if self._items is None:
            self._items = self._read()
        return self._items

    def _read(self) -> Iterator[Item]:
        if self.answer.status != 207:
            raise NotDav("unsupported", f"{self.answer.url} answered {self.answer.status} instead of 207")
        for element in _elements(self.answer.body):
            if element.tag == f"{D}response":
                yield _item(element)
                element.clear()
            elif element.tag == f"{D}sync-token":
                self.sync_token = (element.text or "").strip() or self.sync_token


def _elements(body: bytes) -> Iterator[ElementTree.Element]:
    """Yield the children of the multistatus as they are complete. Raises NotDav, Unavailable (cut short)."""
    body = body.translate(None, _CONTROL).lstrip(b"\xef\xbb\xbf \r\n\t")
    if b"&#" in body:
        body = _CONTROL_REFERENCE.sub(b"", body)
    _refuse_dtd(body)
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    depth = 0
    try:
        for start in range(0, len(body), _SLICE):
            parser.feed(body[start : start + _SLICE])
            for event, element in parser.read_events():
                if event == "start":
                    depth += 1
                    if depth == 1 and element.tag != f"{D}multistatus":
                        raise NotDav("unsupported", f"the answer is {element.tag}, not a multistatus")
                    continue
                depth -= 1
                if depth == 1:
                    yield element
        parser.close()
    except ElementTree.ParseError as error:
        raise Unavailable(f"the answer is not whole: {error}") from error


class _RootReached(Exception):
    """The prolog is over."""


def _refuse_dtd(body: bytes) -> None:
    """Refuse a document type: entities hide in one, and no WebDAV answer has one. It can only stand before the root."""

    def refuse(*_: object) -> NoReturn:
        raise NotDav("unsupported", "the answer declares a document type")

    def stop(*_: object) -> NoReturn:
        raise _RootReached

    checker = expat.ParserCreate()
    checker.StartDoctypeDeclHandler = refuse
    checker.StartElementHandler = stop
    try:
        checker.Parse(body, True)
    except (_RootReached, expat.ExpatError):
        return


def _item(response: ElementTree.Element) -> Item:
    properties = {
        child.tag: child
        for group in response.findall(_PROPSTAT)
        if 200 <= (_code(group.findtext(_STATUS) or "") or 200) < 300
        for prop in group.findall(_PROP)
        for child in prop
    }
    return Item(
        href=_address(response.findtext(_HREF) or ""),
        status=_code(response.findtext(_STATUS) or ""),
        properties=properties,
        conditions=frozenset(e.tag.rpartition("}")[2] for error in response.findall(_ERROR) for e in error),
    )


def _address(text: str) -> str:
    """Return an address as a server wrote it; what nobody can take apart is a name below, which will not be found."""
    text = text.strip()
    if "[" in text or "]" in text or not text.isascii():
        try:
            urlsplit(text)
        except ValueError:
            return quote(text, safe="")
    return text


_HREF, _STATUS, _PROPSTAT, _PROP, _ERROR = (f"{D}{name}" for name in ("href", "status", "propstat", "prop", "error"))


@lru_cache(maxsize=256)
def _code(line: str) -> int | None:
    """Return the number in a status line, None when there is none."""
    match = re.search(r"\b([1-5]\d\d)\b", line)
    return int(match[1]) if match else None


# Requests


def propfind(names: Iterable[str]) -> bytes:
    return _document("D:propfind", f"<D:prop>{_empty(names)}</D:prop>")


def sync_collection(token: str) -> bytes:
    """Ask for changes. Without a limit: Xandikos cuts the list at it and says nothing (contract B3.1)."""
    inner = f"<D:sync-token>{escape(token)}</D:sync-token><D:sync-level>1</D:sync-level>"
    return _document("D:sync-collection", f"{inner}<D:prop><D:getetag/></D:prop>")


def multiget(hrefs: Iterable[str]) -> bytes:
    listed = "".join(f"<D:href>{escape(href)}</D:href>" for href in hrefs)
    return _document("C:calendar-multiget", f"<D:prop><D:getetag/><C:calendar-data/></D:prop>{listed}")


def query_uid(uid: str) -> bytes:
    """Ask for the resources whose events have a UID; the match is of substrings, so look at what comes."""
    match = f'<C:text-match collation="i;octet">{escape(uid)}</C:text-match>'
    event = f'<C:comp-filter name="VEVENT"><C:prop-filter name="UID">{match}</C:prop-filter></C:comp-filter>'
    wanted = "<D:prop><D:getetag/><C:calendar-data/></D:prop>"
    calendar = f'<C:comp-filter name="VCALENDAR">{event}</C:comp-filter>'
    return _document("C:calendar-query", f"{wanted}<C:filter>{calendar}</C:filter>")


def _document(name: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?><{name} {_NAMESPACES}>{inner}</{name}>'.encode()


def _empty(names: Iterable[str]) -> str:
    parts = (name.rpartition("}") for name in names)
    return "".join(f"<{_PREFIXES[uri + brace]}:{local}/>" for uri, brace, local in parts)


# Errors and addresses


def conditions(answer: Answer) -> frozenset[str]:
    """Return the local names in an error's body; none when it is no XML."""
    names = re.findall(rb"<(?:[\w.-]+:)?([A-Za-z][\w-]*)", answer.body[:20_000]) if b"<" in answer.body else []
    return frozenset(name.decode("ascii", "replace") for name in names)


def read_error(answer: Answer) -> ProviderError | None:
    """Return what a refusal says by its precondition, None when it names none that we know."""
    named = next((_CODES[name] for name in conditions(answer) & _CODES.keys()), None)
    if named is None and answer.status == 415:
        named = "invalid"
    if named is None and answer.status == 409 and answer.method in ("PUT", "MOVE"):
        named = "not_found"  # RFC 4918 section 9.7.1: the parent is missing
    if named is None:
        return None
    said = ", ".join(sorted(conditions(answer) & _CODES.keys()))
    return Rejected(named, f"{answer.method} answered {answer.status} {said}".strip())


def key(address: str) -> str:
    """Return an address in the form in which two spellings of one resource are equal: its decoded path."""
    return unquote(address if _is_plain_path(address) else urlsplit(address).path)


def handle(base: str, href: str) -> str:
    """Return how we store an address below `base`: the server's own path, or all of it when the host is another."""
    if _is_plain_path(href):
        return href
    whole = urljoin(base, href)
    place, home = urlsplit(whole), urlsplit(base)
    return place.path if (place.scheme, place.netloc) == (home.scheme, home.netloc) else whole


def _is_plain_path(address: str) -> bool:
    """Return whether an address is a path and nothing more, as nearly all are: no need to take it apart."""
    return _PLAIN_PATH.fullmatch(address) is not None
