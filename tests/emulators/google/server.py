"""Starting and stopping the emulator from tests, and talking to its switchboard.

with GoogleServer.running() as google:
    google.switch.add_user("ana@example.com", time_zone="Europe/Lisbon")
    ... point the code under test at google.base_url ...
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.emulators.process import Child
from tests.emulators.switch import Switch

CLIENT_ID = "123456789012-emulated.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-EXAMPLEONLYEXAMPLEONLYEXAM"

USUAL_CLIENT = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}

Json = dict[str, Any]


class Switchboard(Switch):
    """Client of the `/_switch` endpoints; the package docstring lists them."""

    def usual_clients(self, redirect_uris: list[str]) -> list[Json]:
        return [{**USUAL_CLIENT, "redirect_uris": redirect_uris}]

    # People

    def add_client(self, redirect_uris: list[str], **fields: object) -> str:
        """Add the usual OAuth client, or one with other `fields`; return its id."""
        client = {**USUAL_CLIENT, **fields}
        return self.post("/clients", redirect_uris=redirect_uris, **client)["client_id"]

    def change_client(self, client_id: str = CLIENT_ID, **fields: object) -> None:
        self.post("/clients", client_id=client_id, **fields)

    def client_file(self, client_id: str = CLIENT_ID) -> Json:
        return self.get("/clients/file", client_id=client_id)

    def change_user(self, email: str, **fields: object) -> None:
        self.post("/users/change", email=email, **fields)

    def tokens(self, user: str, scopes: list[str] | None = None, client_id: str = CLIENT_ID, **more: Any) -> Json:
        """Return a token answer without the dance."""
        return self.post("/tokens", user=user, scopes=scopes, client_id=client_id, **more)

    def expire_tokens(self, user: str | None = None) -> None:
        self.post("/tokens/expire", user=user)

    def revoke(self, user: str) -> None:
        self.post("/grants/revoke", user=user)

    def untick(self, user: str, scopes: list[str]) -> None:
        self.post("/grants/untick", user=user, scopes=scopes)

    # Calendars and events

    def add_calendar(self, owner: str, summary: str, **fields: object) -> str:
        return self.post("/calendars", owner=owner, summary=summary, **fields)["id"]

    def share(self, calendar: str, user: str, role: str, *, listed: bool = True) -> None:
        self.post("/calendars/share", calendar=calendar, user=user, role=role, listed=listed)

    def add_event(self, calendar: str, body: Json, *, by: str | None = None, **query: object) -> Json:
        return self.post("/events/add", calendar=calendar, body=body, by=by, query=query)

    def edit_event(self, calendar: str, event: str, body: Json, *, by: str | None = None, **query: object) -> Json:
        return self.post("/events/edit", calendar=calendar, event=event, body=body, by=by, query=query)

    def delete_event(self, calendar: str, event: str, *, by: str | None = None) -> None:
        self.post("/events/delete", calendar=calendar, event=event, by=by)

    def seed_event(self, calendar: str, event: Json) -> str:
        return self.post("/events/seed", calendar=calendar, event=event)["id"]

    def bulk_events(self, calendar: str, count: int, start: datetime, **more: object) -> list[str]:
        start_text = start.isoformat()
        return self.post("/events/bulk", calendar=calendar, count=count, start=start_text, **more)["ids"]

    def stored(self, calendar: str) -> list[Json]:
        return self.get("/events", calendar=calendar)

    def touch(self, calendar: str, event: str) -> str:
        return self.post("/events/touch", calendar=calendar, event=event)["etag"]

    def expire_sync(self, calendar: str | None = None, reason: str = "fullSyncRequired") -> int:
        which = {"calendar": calendar} if calendar else {}
        return self.post("/sync/expire", reason=reason, **which)["ended"]

    def script_meet(self, *outcomes: str, pending_s: float | None = None) -> None:
        self.post("/meet", outcomes=list(outcomes), pending_s=pending_s)

    def resolve_meet(self, event: str | None = None, outcome: str | None = None) -> None:
        self.post("/meet/resolve", event=event, outcome=outcome)

    def mail(self) -> list[Json]:
        return self.get("/mail")

    def channels(self) -> list[Json]:
        return self.get("/channels")

    def pushes(self) -> list[Json]:
        """Return all tries to deliver notifications, once none is under way."""
        self.post("/pushes/wait")
        return self.get("/pushes")

    def send_push(self, calendar: str) -> None:
        self.post("/pushes/send", calendar=calendar)


class GoogleServer(Child[Switchboard]):
    """The emulator in a process of its own on a free loopback port."""

    package = "tests.emulators.google"
    switchboard = Switchboard
