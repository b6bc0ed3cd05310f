"""Google's side of the simulator: what people do there, in the words that they use at the memory server.

Their calls go to the emulator directly, past wire, faults and client, and mail nobody. Events are read as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from calsync.engine.event import FIELDS, Event, Moment
from calsync.providers.google import bodies, codec, when
from calsync.providers.google.wire import events_path
from calsync.providers.memory import Quirks
from tests.emulators.google import discovery, gateway, people, switch_events, wire
from tests.emulators.google.access import Session
from tests.emulators.google.world import World, events_of
from tests.simulator.google_wire import BASE, GoogleWire

ZONE = "Europe/Berlin"
TWO_RULES = ["RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY;COUNT=3"]
"""What nobody can compute with."""

QUIRKS = Quirks(series_is_one_resource=False, cancel_is_visible=False, mails_by_choice=True, can_move=True)
"""What checks have to know of Google."""

OURS = (codec.MARK, codec.SLOT, codec.TIME, codec.LINK, codec.KEY, codec.BACK)
_WHY = {"invitation": "new", "cancellation": "cancelled"}


class CallRefused(Exception):
    """Google did not let a person do something."""


@dataclass(frozen=True, slots=True)
class Mail:
    to: str
    why: str


class GoogleSide:
    """Calendars by the names that the simulator has for them; `owner` is the person behind all of them."""

    def __init__(self, clock: Callable[[], datetime], owner: str, page_cap: int | None = None) -> None:
        self.google = World()
        self.wire = GoogleWire(self.google, clock)
        self.wire.tell_time()
        self.google.settings.page_cap = page_cap
        self.google.settings.per_minute = self.google.settings.per_user_per_minute = None
        self.owner = people.add_user(self.google, owner, time_zone=ZONE)
        for guest in ("bo@example.com", "di@example.com"):
            people.add_user(self.google, guest)  # to Google, external are those without a calendar there
        self.quirks = QUIRKS
        self.shelves: dict[str, str] = {}
        self._serial = 0
        self._known: tuple[int, dict[str, list[tuple[str, Event]]]] = (-1, {})

    # --- what a run leaves behind ------------------------------------------------------------------------------

    @property
    def faults(self) -> Any:
        return self.wire.faults

    @property
    def writes(self) -> int:
        return self.wire.writes

    @property
    def latest(self) -> int:
        return self.google.revision

    @property
    def mails(self) -> list[Mail]:
        entries = [(line["kind"], to) for line in self.google.mail for to in line["sent_to"]]
        return [Mail(to, _WHY.get(kind, "changed")) for kind, to in entries]

    # --- calendars ---------------------------------------------------------------------------------------------

    def add_calendar(self, name: str) -> str:
        """Add a calendar under one of the simulator's names and return its id; the first is the person's own."""
        if not self.shelves:
            self.shelves[name] = self.owner.email
        else:
            calendar_id = f"{name}@group.calendar.google.com"
            self.shelves[name] = people.add_calendar(self.google, self.owner, name, calendar_id=calendar_id).id
        return self.shelves[name]

    def expire_cursors(self, name: str) -> None:
        people.expire_marks(self.google, events_of(self.shelves[name]), "fullSyncRequired")

    def allow(self) -> None:
        """A grant that was revoked stays so; signing in again makes another."""

    def tick(self) -> None:
        """Google tells of deletions at once."""

    # --- events ------------------------------------------------------------------------------------------------

    def put(self, name: str, event: Event, **unknown: str) -> str:
        self._serial += 1
        body = bodies.insert(event, f"their{self._serial}", "", ZONE)
        body["extendedProperties"] = {"private": unknown}
        return str(self._call("POST", events_path(self.shelves[name]), body)["id"])

    def put_raw(self, name: str, _text: str, *, handle: str) -> str:
        """Store an event that cannot be read."""
        bounds = {"dateTime": self.google.now().isoformat(), "timeZone": ZONE}
        event = {"id": handle.replace("-", ""), "summary": handle, "start": bounds, "end": bounds}
        sent = {"calendar": self.shelves[name], "event": {**event, "recurrence": TWO_RULES}}
        return str(switch_events.seed_event(self.google, sent)["id"])

    def edit(self, name: str, handle: str, *, at: Moment | None = None, **changes: Any) -> None:
        """Change an event; an occurrence is named by its own handle, so `at` tells nothing new."""
        path = events_path(self.shelves[name], handle)
        item = self._call("GET", path)
        wanted = replace(codec.event_of(item), **changes)
        self._call("PATCH", path, bodies.patch(wanted, frozenset(FIELDS), item, ZONE))

    def cancel(self, name: str, handle: str, *, at: Moment | None = None) -> None:
        self.delete(name, handle)

    def delete(self, name: str, handle: str) -> None:
        self._call("DELETE", events_path(self.shelves[name], handle))

    def respond(self, name: str, handle: str, address: str, partstat: str) -> None:
        item = self._call("GET", events_path(self.shelves[name], handle))
        guests = codec.event_of(item).attendees
        answered = tuple(replace(g, partstat=partstat) if g.address == address else g for g in guests)
        self.edit(name, handle, attendees=answered)

    def move(self, name: str, handle: str, to: str) -> str:
        path = events_path(self.shelves[name], handle, "move")
        return str(self._call("POST", path, query={"destination": self.shelves[to]})["id"])

    def touch(self, name: str, handle: str) -> None:
        switch_events.touch_event(self.google, {"calendar": self.shelves[name], "event": handle})

    # --- occurrences -------------------------------------------------------------------------------------------

    def override(self, name: str, master: str, at: Moment, **changes: Any) -> str:
        handle = f"{master}_{when.slot_text(at, ZONE)}"
        self.edit(name, handle, **changes)
        return handle

    def delete_occurrence(self, name: str, master: str, at: Moment) -> None:
        """Remove an occurrence; one that is gone already is not there to be removed."""
        handle = f"{master}_{when.slot_text(at, ZONE)}"
        if not any(known == handle and event.is_cancelled for known, event in self.all_events(name)):
            self.delete(name, handle)

    # --- what is there -----------------------------------------------------------------------------------------

    def all_events(self, name: str) -> list[tuple[str, Event]]:
        """Return every event of a calendar with its id, and the cancelled occurrences of living series."""
        if self._known[0] != self.google.revision:
            self._known = (self.google.revision, {})
        if name not in self._known[1]:
            self._known[1][name] = self._read(name)
        return self._known[1][name]

    def _read(self, name: str) -> list[tuple[str, Event]]:
        items = self._items(name)
        series = {item["id"]: item for item in items if not codec.series_of(item) and not codec.is_cancelled(item)}
        found = []
        for item in items:
            master = codec.series_of(item)
            if (codec.is_cancelled(item) and master is None) or (master is not None and master not in series):
                continue
            if not codec.is_cancelled(item) and codec.is_gone(item):
                continue
            resource = codec.resource_of(item, uid=None if master is None else codec.uid_of(series[master]))
            found += [(resource.handle, event) for event in resource.events]
        return found

    def _items(self, name: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        query = {"showDeleted": "true", "singleEvents": "false", "maxResults": "2500"}
        while True:
            page = self._call("GET", events_path(self.shelves[name]), query=query)
            items += page["items"]
            if "nextPageToken" not in page:
                return items
            query["pageToken"] = page["nextPageToken"]

    def unknown(self, name: str, handle: str) -> dict[str, str]:
        """Return the properties of an event that are not ours."""
        item = self._call("GET", events_path(self.shelves[name], handle))
        return {key: value for key, value in codec.private(item).items() if key not in OURS}

    def _call(self, verb: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> dict[str, Any]:
        """Make a call as the owner; nobody is mailed."""
        self.wire.tell_time()
        pairs = {**(query or {}), **({} if verb == "GET" else {"sendUpdates": "none"})}
        asked = wire.Request(
            verb,
            f"/calendar/v3{path}",
            parse_qsl(urlencode(pairs)),
            {"content-type": "application/json"} if body is not None else {},
            b"" if body is None else json.dumps(body).encode(),
        )
        scopes = frozenset(discovery.load().raw["auth"]["oauth2"]["scopes"])
        reply = gateway.act_as(self.google, Session(self.owner, "people", scopes), asked, BASE)
        if reply.status >= 400:
            raise CallRefused(f"{verb} {path}: {reply.status} {reply.body}")
        return reply.body if isinstance(reply.body, dict) else {}
