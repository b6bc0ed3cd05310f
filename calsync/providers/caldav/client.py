"""The CalDAV client: one account behind CalendarClient. Reading is in `reading.py`, writing in `writing.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from calsync.providers.base import Known, Page, RemoteCalendar, Resource, Write, Written
from calsync.providers.caldav.bodies import Bodies
from calsync.providers.caldav.discovery import Account
from calsync.providers.caldav.reading import Reader
from calsync.providers.caldav.writing import Writer
from calsync.providers.http import Http
from calsync.providers.over_http import OverHttp


class CalDavClient(OverHttp):
    """Read and write access to one account. Handles are paths as the server writes them."""

    def __init__(self, http: Http, server_url: str, zones: Mapping[str, str]) -> None:
        self.http, self._server_url = http, server_url
        self._account: Account | None = None
        self._bodies = Bodies(http, zones)
        self._reader = Reader(http, self._bodies)
        self._writer = Writer(http, self._bodies, self._own_address)

    def calendars(self) -> list[RemoteCalendar]:
        """Return every calendar of the account that can hold events."""
        return self._found().calendars(self.http)

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything when it is None; see CalendarReader."""
        return self._reader.read(calendar, cursor, known)

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        """Return each handle's resource, or None where the server says that it is gone."""
        return self._bodies.get_many(calendar, handles)

    def write(self, calendar: str, writes: Sequence[Write]) -> list[Written]:
        """Apply each write, one after the other, and return its outcome."""
        return [self._writer.write(calendar, write) for write in writes]

    def move(self, calendar: str, handle: str, version: str | None, to: str) -> Resource:
        """Move a resource to another calendar of the account; the text stays as it is."""
        return self._writer.move(calendar, handle, version, to)

    def _found(self) -> Account:
        if self._account is None:
            self._account = Account.at(self.http, self._server_url)
        return self._account

    def _own_address(self) -> str | None:
        """Return the mail address that the server knows us by, for events with guests."""
        return next(iter(self._found().addresses), None)
