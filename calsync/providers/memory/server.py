"""MemoryServer: a world that persons use as well, past any client of ours.

Their edits are subject to the server's quirks and change versions and the log, but mail nobody that we would have to
answer for. `changes` are fields of Event by name.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from calsync.engine import event as events
from calsync.engine.event import Event, Floating, Moment
from calsync.providers.base import RemoteCalendar
from calsync.providers.memory import body as bodies
from calsync.providers.memory.shelves import Shelf
from calsync.providers.memory.world import World


class MemoryServer(World):
    """The calendars of one or more logins. Methods that need a resource raise Rejected when it is gone."""

    # --- calendars -------------------------------------------------------------------------------------------

    def add_calendar(
        self, calendar: str, *, owner: str = "", access: str = "owner", tz: str | None = "Europe/Berlin"
    ) -> str:
        """Add an empty calendar and return its id; the first one of a login is its primary one."""
        is_primary = not any(shelf.owner == owner for shelf in self.shelves.values())
        facts = RemoteCalendar(calendar, calendar.title(), "#3366cc", tz, is_primary, access)
        self.shelves[calendar] = Shelf(facts, owner)
        return calendar

    def delete_calendar(self, calendar: str) -> None:
        """Delete a calendar with everything in it."""
        del self.shelves[self.shelf(calendar).facts.remote_id]

    def set_access(self, calendar: str, access: str) -> None:
        """Change what we may do in a calendar: owner, writer, reader or free_busy."""
        shelf = self.shelf(calendar)
        shelf.facts = replace(shelf.facts, access=access)

    def expire_cursors(self, calendar: str) -> None:
        """Forget every cursor given so far."""
        self.shelf(calendar).age += 1

    # --- events ----------------------------------------------------------------------------------------------

    def put(self, calendar: str, event: Event, *, handle: str = "", **unknown: Any) -> str:
        """Create an event and return its handle. `unknown` are properties that our model does not know."""
        return self.create(calendar, bodies.new([event], unknown), handle=handle).handle

    def put_raw(self, calendar: str, body: str, *, handle: str) -> str:
        """Store any text as a resource, readable or not."""
        return self.save(calendar, handle, body).handle

    def edit(self, calendar: str, handle: str, *, at: Moment | None = None, **changes: Any) -> None:
        """Edit an event, or the override that replaces the occurrence `at` and is in the same resource."""
        key = "" if at is None else events.moment_text(at)

        def change(body: bodies.Body) -> bodies.Body:
            return _changed(body, key, changes)

        self.replace(calendar, handle, None, change)

    def cancel(self, calendar: str, handle: str, *, at: Moment | None = None) -> None:
        """Mark an event as cancelled; where that cannot be seen it is gone."""
        self.edit(calendar, handle, at=at, status="cancelled")

    def delete(self, calendar: str, handle: str) -> None:
        """Delete an event, or a series with its overrides."""
        self.erase(calendar, handle)

    def respond(self, calendar: str, handle: str, address: str, partstat: str) -> None:
        """Answer an invitation as one of the guests."""
        guests = self.event(calendar, handle).attendees
        answered = tuple(replace(g, partstat=partstat) if g.address == address else g for g in guests)
        self.edit(calendar, handle, attendees=answered)

    def move(self, calendar: str, handle: str, to: str) -> str:
        """Move an event, or a series with its overrides, to another calendar and return its handle, which stays."""
        self.demand(calendar, handle, None)
        for name, stored in self.family(calendar, handle).items():
            self.remove(calendar, name)
            self.save(to, name, stored.body)
        return handle

    # --- occurrences -----------------------------------------------------------------------------------------

    def override(self, calendar: str, master: str, at: Moment, **changes: Any) -> str:
        """Change the occurrence that the series has at `at`, and return the handle that holds the override."""
        wanted = replace(_occurrence(self.event(calendar, master), at), **changes)
        if self.quirks.series_is_one_resource:
            self.replace(calendar, master, None, lambda body: _with_event(body, wanted))
            return master
        handle = recurrence_handle(master, wanted)
        if self.shelf(calendar).now(handle) is None:
            return self.create(calendar, bodies.new([wanted]), handle=handle).handle
        self.replace(calendar, handle, None, lambda body: _with_event(body, wanted))
        return handle

    def delete_occurrence(self, calendar: str, master: str, at: Moment) -> None:
        """Remove one occurrence: an EXDATE of the master, or a cancelled override where those stand alone."""
        if not self.quirks.series_is_one_resource:
            self.override(calendar, master, at, status="cancelled")
            return
        key = events.moment_text(at)

        def change(body: bodies.Body) -> bodies.Body:
            kept = [values for values in body["events"] if bodies.key_of(values) != key]
            return {**body, "events": [_without(values, key) for values in kept]}

        self.replace(calendar, master, None, change)

    # --- what is there ---------------------------------------------------------------------------------------

    def event(self, calendar: str, handle: str, *, at: Moment | None = None) -> Event:
        """Return one event as it is now. Raises KeyError."""
        key = "" if at is None else events.moment_text(at)
        found = [item for item in self.resource_events(calendar, handle) if events.recurrence_key(item) == key]
        if not found and at is None:
            found = self.resource_events(calendar, handle)
        if not found:
            raise KeyError(f"no event {key!r} in {handle}")
        return found[0]

    def resource_events(self, calendar: str, handle: str) -> list[Event]:
        """Return the events in a resource, none when it is gone."""
        stored = self.shelf(calendar).now(handle)
        return [] if stored is None else list(bodies.resource(handle, None, stored.body).events)

    def all_events(self, calendar: str) -> list[tuple[str, Event]]:
        """Return every event of a calendar with the handle that holds it, cancelled ones too."""
        handles = list(self.shelf(calendar).present())
        return [(handle, item) for handle in handles for item in self.resource_events(calendar, handle)]

    def unknown(self, calendar: str, handle: str) -> dict[str, Any]:
        """Return the properties of the first event of a resource that our model does not know."""
        first = bodies.load(self.demand(calendar, handle, None).body)["events"][0]
        return {name: value for name, value in first.items() if name not in bodies.MODELLED | {"our_id"}}


def recurrence_handle(master: str, event: Event) -> str:
    """Return the handle of an override where it is a resource of its own."""
    return f"{master}_{''.join(c for c in events.recurrence_key(event) if c.isalnum())}"


def _changed(body: bodies.Body, key: str, changes: dict[str, Any]) -> bodies.Body:
    if all(bodies.key_of(values) != key for values in body["events"]) and len(body["events"]) == 1:
        key = bodies.key_of(body["events"][0])
    if all(bodies.key_of(values) != key for values in body["events"]):
        raise KeyError(f"no event {key!r} in this resource")
    return body | {
        "events": [
            values | events.to_json(replace(events.from_json(values), **changes))
            if bodies.key_of(values) == key
            else values
            for values in body["events"]
        ]
    }


def _with_event(body: bodies.Body, item: Event) -> bodies.Body:
    key = events.recurrence_key(item)
    old: bodies.Body = next((values for values in body["events"] if bodies.key_of(values) == key), {})
    others = [values for values in body["events"] if bodies.key_of(values) != key]
    return body | {"events": [*others, old | events.to_json(item)]}


def _occurrence(master: Event, at: Moment) -> Event:
    """Return the occurrence of a series at a moment, as an override that changes nothing yet."""
    end = _later(at, _length(master))
    return replace(master, recurrence_id=at, start=at, end=end, rrule=None, rdates=(), exdates=())


def _length(event: Event) -> timedelta:
    match event.start, event.end:
        case Floating(start), Floating(end):
            return end - start
        case (date() as start, date() as end):
            return end - start
    raise ValueError("start and end are of the same type")


def _later(moment: Moment, by: timedelta) -> Moment:
    return Floating(moment.wall + by) if isinstance(moment, Floating) else moment + by


def _without(values: bodies.Body, key: str) -> bodies.Body:
    if bodies.key_of(values):
        return values
    return values | {"exdates": sorted({*values["exdates"], key})}
