"""The Microsoft client: one account behind CalendarClient. Reading is in `reading.py`, writing in `plans.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial

import httpx2

from calsync.errors import Rejected
from calsync.providers import together
from calsync.providers.auth import BearerAuth
from calsync.providers.base import Known, Page, RemoteCalendar, Resource, Write, Written
from calsync.providers.channels import Channel
from calsync.providers.free_busy import Told, Window
from calsync.providers.http import Http
from calsync.providers.microsoft import calendars, errors, free_busy, notices, plans, rooms
from calsync.providers.microsoft.endpoints import MICROSOFT, Endpoints
from calsync.providers.microsoft.reading import Reader
from calsync.providers.microsoft.seats import Seat
from calsync.providers.microsoft.wire import BATCH, Wire
from calsync.providers.over_http import OverHttp
from calsync.providers.rooms import Room


class MicrosoftClient(OverHttp):
    """Read and write access to one account. Handles are immutable event ids, versions etags.

    `bearer` gives an access token, a fresh one when it is called with True. `zones` are the calendars' time zones,
    `person` the address of whose mailbox it is. `take` is told before each request how many calls it holds, and waits
    for their turn; `seat` holds places at the mailbox. `reads_zone`: the token may read the mailbox's time zone, which
    is then the calendars'. `transport` and `now` stand in for network and clock.
    """

    def __init__(
        self,
        bearer: Callable[[bool], str],
        zones: Mapping[str, str],
        endpoints: Endpoints = MICROSOFT,
        *,
        person: str = "",
        take: Callable[[int], None] = lambda count: None,
        seat: Seat = lambda count: nullcontext(),
        reads_zone: bool = False,
        allow_private_network: bool = False,
        transport: httpx2.BaseTransport | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.http = Http(
            auth=BearerAuth(bearer), allow_private_network=allow_private_network, transport=transport, now=now
        )
        self.http.read_error = partial(errors.read, self.http)
        self._wire = Wire(self.http, endpoints, partial(bearer, True), take, seat)
        self._zones, self._person, self._reads_zone = dict(zones), person, reads_zone
        self._reader = Reader(self._wire, self._zones, now)

    @property
    def calls(self) -> int:
        """How many calls were made so far, as Graph counts them."""
        return self._wire.calls

    def calendars(self) -> list[RemoteCalendar]:
        """Return every calendar of the account that can hold events."""
        zone = calendars.mailbox_zone(self._wire) if self._reads_zone else None
        return calendars.list_all(self._wire, zone)

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything when it is None; see CalendarReader."""
        return self._reader.read(calendar, cursor, known)

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        """Return each handle's resource, or None where Graph says that it is gone."""
        return self._reader.get_many(calendar, handles)

    def write(self, calendar: str, writes: Sequence[Write]) -> list[Written]:
        """Apply writes, as many calls as possible together, and return their outcomes in order."""
        if len(writes) > BATCH:
            raise ValueError(f"at most {BATCH} writes together")
        zone = self._zones.get(calendar, "UTC")
        planned = [plans.plan(calendar, zone, write, self._person) for write in writes]
        return together.carry_out(self._wire.send_all, planned)

    def move(self, calendar: str, handle: str, version: str | None, to: str) -> Resource:
        """Raise Rejected: Graph cannot move events (contract section A4.4)."""
        raise Rejected("unsupported", "Outlook’s events are moved by making them anew")

    def free_busy(self, addresses: Sequence[str], window: Window) -> dict[str, Told]:
        """Return when others are busy; see FreeBusy."""
        return free_busy.ask(self._wire, addresses, window)

    def rooms(self) -> list[Room]:
        """Return the rooms of the organisation; see RoomDirectory."""
        return rooms.list_all(self._wire)

    def watch(self, calendar: str, channel_id: str, secret: str, address: str) -> Channel:
        """Open a channel on a calendar's events; see Watcher."""
        return notices.watch(self._wire, calendar, channel_id, secret, address, self.http.now)

    def stop(self, channel_id: str, resource_id: str) -> None:
        """Close a channel. One that is not open any more is fine."""
        notices.stop(self._wire, resource_id)
