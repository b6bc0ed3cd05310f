"""Persons at work in a Google calendar, past the client under test: calls that the switchboard makes for them."""

from dataclasses import replace

from calsync.engine.event import FIELDS, Event
from calsync.providers.google import bodies, codec
from tests.emulators.google.server import Switchboard

ZONE = "Europe/Lisbon"


class GooglePeople:
    """The owner of a calendar, in a browser."""

    def __init__(self, switch: Switchboard, calendar: str) -> None:
        self.switch, self.calendar = switch, calendar

    def put(self, event: Event) -> str:
        body = bodies.insert(event, "", "", ZONE)
        return str(self.switch.add_event(self.calendar, {k: v for k, v in body.items() if k != "id"})["id"])

    def edit(self, handle: str, **changes: object) -> None:
        item = self.switch.act_as(self.calendar, "GET", self._path(handle))
        wanted = replace(codec.event_of(item), **changes)
        self.switch.edit_event(self.calendar, handle, bodies.patch(wanted, frozenset(FIELDS), item, ZONE))

    def delete(self, handle: str) -> None:
        self.switch.delete_event(self.calendar, handle)

    def settle(self) -> None:
        """The emulator answers with what is."""

    def _path(self, handle: str) -> str:
        return f"calendars/{self.calendar}/events/{handle}"
