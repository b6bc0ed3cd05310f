"""Microsoft's side of the simulator: what people do there, in the words that they use at the memory server.

Their calls go to the emulator directly, past wire, faults and client, and mail nobody. Events are read as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from calsync.engine import slots
from calsync.engine.event import FIELDS, Event, Moment
from calsync.providers.memory import Quirks
from calsync.providers.microsoft import bodies, codec, events, when
from tests.emulators.microsoft import gateway, people, switch_events, wire
from tests.emulators.microsoft.model import Event as Stored
from tests.emulators.microsoft.world import World
from tests.simulator.microsoft_wire import BASE, MicrosoftWire

ZONE = "W. Europe Standard Time"
OURS = "Europe/Berlin"
CUSTOM = "tzone://Microsoft/Custom"
"""The zone of a series that nobody can compute with."""

QUIRKS = Quirks(
    series_is_one_resource=False,
    cancel_is_visible=False,
    mails_on_write=True,
    expresses=Quirks().expresses - {"reminders", "responses"},
)
"""What checks have to know of Microsoft: it has one reminder for each event, and answers are only given there."""

_UNMARKED = ("transactionId", "singleValueExtendedProperties")
_WHY = {"invitation": "new", "cancellation": "cancelled"}


class CallRefused(Exception):
    """Microsoft did not let a person do something."""


@dataclass(frozen=True, slots=True)
class Mail:
    to: str
    why: str


class MicrosoftSide:
    """Calendars by the names that the simulator has for them; `owner` is the person behind all of them."""

    def __init__(self, clock: Callable[[], datetime], owner: str, **settings: Any) -> None:
        self.microsoft = World()
        self.wire = MicrosoftWire(self.microsoft, clock)
        self.wire.tell_time()
        for name, value in {**settings, "per_10_minutes": None}.items():
            setattr(self.microsoft.settings, name, value)
        self.owner = people.add_user(self.microsoft, owner, time_zone=ZONE)
        self.quirks = QUIRKS
        self.shelves: dict[str, str] = {}
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
        return self.microsoft.revision

    @property
    def mails(self) -> list[Mail]:
        entries = [(line["kind"], to) for line in self.microsoft.mail for to in line["to"]]
        return [Mail(to, _WHY.get(kind, "changed")) for kind, to in entries]

    # --- calendars ---------------------------------------------------------------------------------------------

    def add_calendar(self, name: str) -> str:
        """Add a calendar under one of the simulator's names and return its id; the first is the person's own."""
        if not self.shelves:
            self.shelves[name] = self.microsoft.default_calendar(self.owner.email).id
        else:
            self.shelves[name] = people.add_calendar(self.microsoft, self.owner, name).id
        return self.shelves[name]

    def expire_cursors(self, name: str) -> None:
        self.wire.expire(self.shelves[name])

    def allow(self) -> None:
        """A grant that was revoked stays so; signing in again makes another."""

    def tick(self) -> None:
        """Microsoft tells of deletions at once."""

    # --- events ------------------------------------------------------------------------------------------------

    def put(self, name: str, event: Event, **unknown: str) -> str:
        body = bodies.insert(event, "", OURS) | {"categories": [f"{key}={value}" for key, value in unknown.items()]}
        return str(self._call("POST", self._path(name), _unmarked(body))["id"])

    def put_raw(self, name: str, _text: str, *, handle: str) -> str:
        """Store an event that cannot be read."""
        at = {"dateTime": f"{self.microsoft.now():%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}
        pattern = {"pattern": {"type": "daily", "interval": 1}, "range": {"type": "numbered", "numberOfOccurrences": 3}}
        pattern["range"]["startDate"] = at["dateTime"][:10]
        made = self._call("POST", self._path(name), {"subject": handle, "start": at, "end": at, "recurrence": pattern})
        stored = self.microsoft.ids[made["id"]]
        stored.start_zone = CUSTOM
        stored.recurrence = _in_custom_zone(stored)
        return str(made["id"])

    def edit(self, name: str, handle: str, *, at: Moment | None = None, **changes: Any) -> None:
        """Change an event; an occurrence is named by its own handle, so `at` tells nothing new."""
        item = self._item(name, handle)
        wanted = replace(codec.event_of(item), **changes)
        self._call("PATCH", self._path(name, handle), _unmarked(bodies.patch(wanted, frozenset(FIELDS), item, OURS)))

    def cancel(self, name: str, handle: str, *, at: Moment | None = None) -> None:
        self.delete(name, handle)

    def delete(self, name: str, handle: str) -> None:
        self._call("DELETE", self._path(name, handle))

    def respond(self, name: str, handle: str, address: str, partstat: str) -> None:
        stored = self.microsoft.ids[handle]
        answer = {"response": partstat, "time": "2030-01-01T00:00:00Z"}
        for guest in stored.fields["attendees"]:
            if guest["emailAddress"]["address"] == address:
                guest["status"] = answer
        self.microsoft.save(stored)

    def move(self, name: str, handle: str, to: str) -> str:
        stored = self.microsoft.ids[handle]
        belonging = [each for each in stored.calendar.events.values() if each.master == handle]
        for each in (stored, *belonging):
            sent = {"calendar": self.shelves[name], "event": each.id, "to": self.shelves[to]}
            if not each.is_deleted:
                switch_events.move_event(self.microsoft, sent)
        return handle

    def touch(self, name: str, handle: str) -> None:
        switch_events.touch_event(self.microsoft, {"calendar": self.shelves[name], "event": handle})

    # --- occurrences -------------------------------------------------------------------------------------------

    def override(self, name: str, master: str, at: Moment, **changes: Any) -> str:
        handle = self._occurrence(name, master, at)
        self.edit(name, handle, **changes)
        return handle

    def delete_occurrence(self, name: str, master: str, at: Moment) -> None:
        """Remove an occurrence; one that is gone already is not there to be removed."""
        handle = self._occurrence(name, master, at)
        if handle:
            self.delete(name, handle)

    def _occurrence(self, name: str, master: str, at: Moment) -> str:
        window = {"startDateTime": "2029-06-01T00:00:00Z", "endDateTime": "2033-01-01T00:00:00Z", "$top": "200"}
        found = self._call("GET", f"{self._path(name, master)}/instances", query=window)["value"]
        wanted = slots.instant(at)
        return next((str(item["id"]) for item in found if when.read_slot(item["originalStart"]) == wanted), "")

    # --- what is there -----------------------------------------------------------------------------------------

    def all_events(self, name: str) -> list[tuple[str, Event]]:
        """Return every event of a calendar with its id."""
        if self._known[0] != self.microsoft.revision:
            self._known = (self.microsoft.revision, {})
        if name not in self._known[1]:
            self._known[1][name] = self._read(name)
        return self._known[1][name]

    def _read(self, name: str) -> list[tuple[str, Event]]:
        stored = self.microsoft.calendars[self.shelves[name]].events.values()
        items = [self._item(name, each.id) for each in list(stored) if not each.is_deleted]
        living = [item for item in items if not codec.is_gone(item)]
        return [(each.handle, event) for item in living for each in [codec.resource_of(item)] for event in each.events]

    def unknown(self, name: str, handle: str) -> dict[str, str]:
        """Return the categories of an event, which are not ours."""
        found = self._item(name, handle, with_categories=True)["categories"]
        return dict(each.split("=", 1) for each in found)

    def _item(self, name: str, handle: str, *, with_categories: bool = False) -> dict[str, Any]:
        query = dict(events.WHOLE)
        if with_categories:
            query["$select"] += ",categories"
        item = self._call("GET", self._path(name, handle), query=query)
        series = codec.series_of(item)
        return item if series is None else codec.with_series(item, self._item(name, series))

    def _path(self, name: str, handle: str = "") -> str:
        return f"/v1.0/me/calendars/{self.shelves[name]}/events" + (f"/{handle}" if handle else "")

    def _call(self, verb: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> dict[str, Any]:
        """Make a call as the owner; whom the server mails because of it is none of the program's business."""
        self.wire.tell_time()
        headers = {"prefer": 'IdType="ImmutableId", outlook.timezone="UTC"'}
        headers |= {} if body is None else {"content-type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        asked = wire.Request(verb, path, parse_qsl(urlencode(query or {})), headers, content)
        mailed, usual = len(self.microsoft.mail), self.microsoft.settings
        self.microsoft.settings = replace(usual, page_cap=None, empty_pages=False)  # people see it all at once
        reply = gateway.act_as(self.microsoft, self.owner, asked, BASE)
        self.microsoft.settings = usual
        del self.microsoft.mail[mailed:]
        if reply.status >= 400:
            raise CallRefused(f"{verb} {path}: {reply.status} {reply.body}")
        return reply.body if isinstance(reply.body, dict) else {}


def _unmarked(body: dict[str, Any]) -> dict[str, Any]:
    """Return what somebody in Outlook would send, who knows nothing of our marks."""
    return {name: value for name, value in body.items() if name not in _UNMARKED}


def _in_custom_zone(stored: Stored) -> dict[str, Any]:
    assert stored.recurrence is not None
    return {**stored.recurrence, "range": {**stored.recurrence["range"], "recurrenceTimeZone": CUSTOM}}
