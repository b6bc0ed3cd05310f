"""Starting and stopping the emulator from tests, and talking to its switchboard.

with MicrosoftServer.running() as microsoft:
    microsoft.switch.add_user("ana@example.com", time_zone="W. Europe Standard Time")
    ... point the code under test at microsoft.base_url ...
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.emulators.process import Child
from tests.emulators.switch import Switch

CLIENT_ID = "11111111-2222-4333-8444-555555555555"
CLIENT_SECRET = "EXA8Q~ExampleOnlyExampleOnly.Exampl_Only1"

USUAL_CLIENT = {"client_id": CLIENT_ID, "secret": CLIENT_SECRET}

Json = dict[str, Any]


class Switchboard(Switch):
    """Client of the `/_switch` endpoints; the package docstring lists them."""

    def usual_clients(self, redirect_uris: list[str]) -> list[Json]:
        return [{**USUAL_CLIENT, "redirect_uris": redirect_uris}]

    def most_at_once(self, user: str) -> int:
        """Return the most calls of one mailbox that were under way at once."""
        return self.get("/load").get(user, 0)

    # People

    def add_client(self, redirect_uris: list[str], **fields: object) -> str:
        """Add the usual app, or one with other `fields`; return its id."""
        return self.post("/clients", redirect_uris=redirect_uris, **{**USUAL_CLIENT, **fields})["client_id"]

    def change_client(self, client_id: str = CLIENT_ID, **fields: object) -> None:
        self.post("/clients", client_id=client_id, **fields)

    def change_tenant(self, domain: str, **fields: object) -> Json:
        return self.post("/tenants", domain=domain, **fields)

    def change_user(self, email: str, **fields: object) -> None:
        self.post("/users/change", email=email, **fields)

    def end_script(self) -> None:
        self.post("/consent")

    def tokens(self, user: str, scopes: list[str] | None = None, client_id: str = CLIENT_ID) -> Json:
        """Return a token answer without the dance."""
        return self.post("/tokens", user=user, scopes=scopes, client_id=client_id)

    def expire_tokens(self, user: str | None = None) -> None:
        self.post("/tokens/expire", user=user)

    def end_grant(self, user: str, number: int = 50173) -> None:
        self.post("/grants/end", user=user, number=number)

    def take_scopes(self, user: str, scopes: list[str]) -> None:
        self.post("/grants/take", user=user, scopes=scopes)

    # Calendars and events

    def calendars(self, mailbox: str) -> list[Json]:
        return self.get("/calendars", mailbox=mailbox)

    def default_calendar(self, mailbox: str) -> str:
        """Return the id of a mailbox's default calendar."""
        return next(one["id"] for one in self.calendars(mailbox) if one["isDefaultCalendar"])

    def add_calendar(self, mailbox: str, name: str, **fields: object) -> str:
        return self.post("/calendars", mailbox=mailbox, name=name, **fields)["id"]

    def change_calendar(self, calendar: str, **fields: object) -> None:
        self.post("/calendars/change", calendar=calendar, **fields)

    def add_event(self, calendar: str, body: Json, *, organizer: list[str] | None = None) -> Json:
        return self.post("/events/add", calendar=calendar, body=body, organizer=organizer)

    def edit_event(self, calendar: str, event: str, body: Json) -> Json:
        return self.post("/events/edit", calendar=calendar, event=event, body=body)

    def delete_event(self, calendar: str, event: str) -> None:
        self.post("/events/delete", calendar=calendar, event=event)

    def touch(self, calendar: str, event: str) -> str:
        return self.post("/events/touch", calendar=calendar, event=event)["etag"]

    def cancel_event(self, calendar: str, event: str) -> None:
        self.post("/events/cancel", calendar=calendar, event=event)

    def move_event(self, calendar: str, event: str, to: str) -> Json:
        return self.post("/events/move", calendar=calendar, event=event, to=to)

    def bulk_events(self, calendar: str, count: int, start: datetime, **more: object) -> list[str]:
        return self.post("/events/bulk", calendar=calendar, count=count, start=start.isoformat(), **more)["ids"]

    def stored(self, calendar: str) -> list[Json]:
        """Return every stored event of a calendar, deleted ones too."""
        return self.get("/events", calendar=calendar)

    def expire_delta(self, calendar: str | None = None, **how: object) -> int:
        which = {"calendar": calendar} if calendar else {}
        return self.post("/delta/expire", **which, **how)["ended"]

    def subscriptions(self) -> list[Json]:
        return self.get("/subscriptions")

    def tell_lifecycle(self, subscription: str, event: str) -> None:
        self.post("/subscriptions/lifecycle", subscription=subscription, event=event)

    def pushes(self) -> list[Json]:
        """Return all tries to deliver notifications, once none is under way."""
        self.post("/pushes/wait")
        return self.get("/pushes")

    def mail(self) -> list[Json]:
        return self.get("/mail")

    def clear_mail(self) -> None:
        self.post("/mail/clear")


class MicrosoftServer(Child[Switchboard]):
    """The emulator in a process of its own on a free loopback port."""

    package = "tests.emulators.microsoft"
    switchboard = Switchboard
