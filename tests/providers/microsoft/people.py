"""Persons at work in an Outlook calendar, past the client under test: calls that the switchboard makes for them."""

from dataclasses import replace
from typing import Any

from calsync.engine.event import FIELDS, Event
from calsync.providers.microsoft import bodies, codec, events
from tests.emulators.microsoft.server import Switchboard

ZONE = "Europe/Lisbon"


class MicrosoftPeople:
    """The owner of a calendar, in Outlook."""

    def __init__(self, switch: Switchboard, owner: str, calendar: str) -> None:
        self.switch, self.owner, self.calendar = switch, owner, calendar

    def put(self, event: Event) -> str:
        body = bodies.insert(event, "", ZONE)
        unmarked = {name: body[name] for name in body.keys() - {"transactionId", "singleValueExtendedProperties"}}
        return str(self.switch.add_event(self.calendar, unmarked)["id"])

    def edit(self, handle: str, **changes: object) -> None:
        item = self.item(handle)
        wanted = replace(codec.event_of(item), **changes)
        self.switch.edit_event(self.calendar, handle, bodies.patch(wanted, frozenset(FIELDS), item, ZONE))

    def delete(self, handle: str) -> None:
        self.switch.delete_event(self.calendar, handle)

    def settle(self) -> None:
        """Let the server go over what was written, as it does a moment later."""
        self.switch.advance(5)

    def item(self, handle: str) -> dict[str, Any]:
        """Return an event as it is there."""
        item = self.ask("GET", f"/events/{handle}", **events.WHOLE)
        series = codec.series_of(item)
        return item if series is None else codec.with_series(item, self.item(series))

    def instances(self, master: str) -> list[dict[str, Any]]:
        window = {"startDateTime": "2029-06-01T00:00:00Z", "endDateTime": "2031-06-01T00:00:00Z", "$top": "200"}
        found: list[dict[str, Any]] = self.ask("GET", f"/events/{master}/instances", **window)["value"]
        return found

    def ask(self, verb: str, path: str, **query: str) -> dict[str, Any]:
        return self.switch.act_as(self.owner, verb, f"me/calendars/{self.calendar}{path}", query=query)
