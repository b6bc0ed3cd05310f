"""The Google client: one account behind CalendarClient. Reading is in `reading.py`, writing in `plans.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import httpx2

from calsync.errors import Rejected, VersionMismatch
from calsync.providers.auth import BearerAuth
from calsync.providers.base import Known, Page, RemoteCalendar, Resource, Write, Written
from calsync.providers.channels import Channel
from calsync.providers.free_busy import Told, Window
from calsync.providers.google import calendars, codec, errors, free_busy, notices, plans
from calsync.providers.google.endpoints import GOOGLE, Endpoints
from calsync.providers.google.reading import Reader
from calsync.providers.google.wire import BATCH, Call, Wire, events_path
from calsync.providers.http import Http
from calsync.providers.over_http import OverHttp


class GoogleClient(OverHttp):
    """Read and write access to one account. Handles are event ids, versions etags.

    `bearer` gives an access token, a fresh one when it is called with True. `zones` are the calendars' time zones.
    `take` is told before each request how many calls it holds, and waits for their turn. `transport` and `now` stand
    in for network and clock, for tests.
    """

    def __init__(
        self,
        bearer: Callable[[bool], str],
        zones: Mapping[str, str],
        endpoints: Endpoints = GOOGLE,
        *,
        take: Callable[[int], None] = lambda count: None,
        allow_private_network: bool = False,
        transport: httpx2.BaseTransport | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.http = Http(
            auth=BearerAuth(bearer), allow_private_network=allow_private_network, transport=transport, now=now
        )
        self.http.read_error = partial(errors.read, self.http)
        self._wire = Wire(self.http, endpoints, partial(bearer, True), take)
        self._reader = Reader(self._wire)
        self._zones = dict(zones)

    @property
    def calls(self) -> int:
        """How many calls were made so far, as Google counts them."""
        return self._wire.calls

    def calendars(self) -> list[RemoteCalendar]:
        """Return every calendar of the account that can hold events."""
        found = calendars.list_all(self._wire)
        self._zones |= {calendar.remote_id: calendar.tz for calendar in found if calendar.tz}
        return found

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything when it is None; see CalendarReader."""
        return self._reader.read(calendar, cursor, known)

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        """Return each handle's resource, or None where Google says that it is gone."""
        return self._reader.get_many(calendar, handles)

    def write(self, calendar: str, writes: Sequence[Write]) -> list[Written]:
        """Apply writes, as many calls as possible together, and return their outcomes in order."""
        if len(writes) > BATCH:
            raise ValueError(f"at most {BATCH} writes together")
        zone = self._zones.get(calendar, "UTC")
        return plans.carry_out(self._wire, [plans.plan(calendar, zone, write) for write in writes])

    def move(self, calendar: str, handle: str, version: str | None, to: str) -> Resource:
        """Move an event, a series with its exceptions, to another calendar of the account; it keeps its id.

        Nobody is mailed. Raises VersionMismatch, and Rejected for an occurrence, which cannot move by itself.
        """
        item = self._wire.send(Call("GET", events_path(calendar, handle), handle=handle)).item
        if version is not None and item.get("etag") != version:
            raise VersionMismatch(handle)
        if codec.series_of(item) or codec.is_cancelled(item):
            raise Rejected("unsupported", f"{handle} cannot be moved by itself")
        call = Call("POST", events_path(calendar, handle, "move"), {"destination": to, "sendUpdates": "none"})
        return codec.resource_of(self._wire.send(call).item)

    def free_busy(self, addresses: Sequence[str], window: Window) -> dict[str, Told]:
        """Return when others are busy; see FreeBusy."""
        return free_busy.ask(self._wire, addresses, window)

    def watch(self, calendar: str, channel_id: str, secret: str, address: str) -> Channel:
        """Open a channel on a calendar's events; see Watcher."""
        return notices.watch(self._wire, calendar, channel_id, secret, address)

    def stop(self, channel_id: str, resource_id: str) -> None:
        """Close a channel. One that is not open any more is fine."""
        notices.stop(self._wire, channel_id, resource_id)
