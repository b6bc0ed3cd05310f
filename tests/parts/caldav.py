"""What Radicale and Xandikos have in common as parts: an address, a login, calendars with .ics files."""

import base64
import http.client
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.parts.process import HOST, Server

USERNAME = "ann"
PASSWORD = "secret"
EVENT_LINES = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Calsync//tests//EN",
    "BEGIN:VEVENT",
    "UID:{uid}",
    "DTSTAMP:20300101T000000Z",
    "DTSTART:20300107T090000Z",
    "DTEND:20300107T100000Z",
    "SUMMARY:{title}",
    "END:VEVENT",
    "END:VCALENDAR",
    "",
)


def event_text(uid: str, title: str = "Kick-off") -> str:
    """Return the text of a plain event of one hour, as a resource holds it."""
    return "\r\n".join(EVENT_LINES).format(uid=uid, title=title)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    login: tuple[str, str] | None = None,
    timeout_s: float = 30.0,
) -> Answer:
    """Send one request and return whatever came back, 4xx and 5xx included."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port or 80, timeout=timeout_s)
    sent = dict(headers or {})
    if login is not None:
        sent["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    try:
        connection.request(method, parts.path or "/", body=body, headers=sent)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


class CalDavServer(Server):
    """A CalDAV server with one person, whose calendars a test can fill and read past our own client."""

    username = USERNAME
    password = PASSWORD

    @property
    def url(self) -> str:
        """The address of the server, ending in a slash."""
        return f"http://{HOST}:{self.port}/"

    @property
    @abstractmethod
    def home_url(self) -> str:
        """The address under which this person's calendars stand, ending in a slash."""

    def calendar_url(self, calendar: str) -> str:
        """The address of a calendar, ending in a slash; it need not exist."""
        return f"{self.home_url}{quote(calendar)}/"

    def request(self, method: str, url: str, *, body: bytes = b"", **headers: str) -> Answer:
        """Send one request with this person's login; `Content_Type="x"` is a header."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return request(method, url, body=body, headers=names, login=(self.username, self.password))

    def make_calendar(
        self,
        name: str,
        *,
        title: str | None = None,
        color: str | None = None,
        components: Iterable[str] = ("VEVENT",),
    ) -> str:
        """Make an empty calendar and return its address. Raises RuntimeError when the server refuses."""
        kinds = "".join(f'<C:comp name="{kind}"/>' for kind in components)
        shade = f"<A:calendar-color>{escape(color)}</A:calendar-color>" if color else ""
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
            ' xmlns:A="http://apple.com/ns/ical/"><D:set><D:prop>'
            f"<D:displayname>{escape(title or name)}</D:displayname>{shade}"
            f"<C:supported-calendar-component-set>{kinds}</C:supported-calendar-component-set>"
            "</D:prop></D:set></C:mkcalendar>"
        )
        url = self.calendar_url(name)
        self._expect(self.request("MKCALENDAR", url, body=body.encode(), Content_Type="text/xml"), 201)
        return url

    def drop_calendar(self, name: str) -> None:
        """Delete a calendar with all that is in it."""
        self._expect(self.request("DELETE", self.calendar_url(name)), 200, 204)

    def put(self, calendar: str, name: str, ics: str) -> None:
        """Write one resource, new or not. `name` is its file name, ending in .ics."""
        url = self.calendar_url(calendar) + quote(name)
        answer = self.request("PUT", url, body=ics.encode(), Content_Type="text/calendar; charset=utf-8")
        self._expect(answer, 200, 201, 204)

    def delete(self, calendar: str, name: str) -> None:
        """Delete one resource."""
        self._expect(self.request("DELETE", self.calendar_url(calendar) + quote(name)), 200, 204)

    def resources(self, calendar: str) -> dict[str, str]:
        """Return every resource of a calendar: file name to text."""
        return {name: self._get(calendar, name) for name in self._names(calendar)}

    def _names(self, calendar: str) -> list[str]:
        body = b'<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'
        url = self.calendar_url(calendar)
        answer = self._expect(self.request("PROPFIND", url, body=body, Depth="1", Content_Type="text/xml"), 207)
        hrefs = re.findall(rb"<(?:\w+:)?href>([^<]+)</", answer.body)
        names = {unquote(Path(href.decode()).name) for href in hrefs}
        return sorted(name for name in names if name.endswith(".ics"))

    def _get(self, calendar: str, name: str) -> str:
        answer = self.request("GET", self.calendar_url(calendar) + quote(name))
        return self._expect(answer, 200).body.decode()

    @staticmethod
    def _expect(answer: Answer, *wanted: int) -> Answer:
        if answer.status not in wanted:
            raise RuntimeError(f"the server answered {answer.status}: {answer.body[:500]!r}")
        return answer
