"""Who and what the emulator's own tests are about: people, moments, event bodies, a bare HTTP client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx2

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
ADA, ELI, VIC = "ada@example.com", "eli@example.com", "vic@other.example"
CALLBACK = "http://127.0.0.1:5999/accounts/google/callback"
EVENTS = "calendars/primary/events"
SCOPE = "https://www.googleapis.com/auth/"

Json = dict[str, Any]


class Api:
    """A bare HTTP client of the Calendar API as one person."""

    def __init__(self, base_url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self.token = token
        # Plain http: not loading certificates saves most of a client's start.
        self.http = httpx2.Client(base_url=f"{base_url}/calendar/v3/", headers=headers, timeout=20, verify=False)

    def __call__(
        self, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **query: Any
    ) -> httpx2.Response:
        more: Json = {"json": body} if body is not None else {}
        return self.http.request(verb, path, params=query, headers=headers, **more)

    def page(self, **query: Any) -> Json:
        """Return one page of the primary calendar's events."""
        response = self("GET", EVENTS, **query)
        assert response.status_code == 200, response.text
        return response.json()

    def events(self, **query: Any) -> list[Json]:
        return self.page(**query)["items"]

    def pages(self, **query: Any) -> list[Json]:
        """Return all pages of a list; none but the last may have a sync token."""
        found = [self.page(**query)]
        while "nextPageToken" in found[-1]:
            assert "nextSyncToken" not in found[-1]
            found.append(self.page(**query, pageToken=found[-1]["nextPageToken"]))
        return found

    def sync_token(self, **query: Any) -> str:
        return self.page(**query)["nextSyncToken"]

    def changes(self, sync_token: str, **query: Any) -> list[Json]:
        return self.events(syncToken=sync_token, **query)

    def insert(self, body: Json, **query: Any) -> Json:
        response = self("POST", EVENTS, body, **query)
        assert response.status_code == 200, response.text
        return response.json()

    def event(self, event_id: str, **query: Any) -> Json:
        return self("GET", f"{EVENTS}/{event_id}", **query).json()

    def patch(self, event_id: str, body: Json, headers: dict[str, str] | None = None, **query: Any) -> httpx2.Response:
        return self("PATCH", f"{EVENTS}/{event_id}", body, headers, **query)

    def put(self, event_id: str, body: Json, headers: dict[str, str] | None = None, **query: Any) -> httpx2.Response:
        return self("PUT", f"{EVENTS}/{event_id}", body, headers, **query)

    def delete(self, event_id: str, headers: dict[str, str] | None = None, **query: Any) -> httpx2.Response:
        return self("DELETE", f"{EVENTS}/{event_id}", None, headers, **query)


def timed(hour: int = 10, day: int = 8, **more: Any) -> Json:
    """Return a body for half an hour in January 2030, UTC."""
    return {
        "summary": "Intro call",
        "start": {"dateTime": f"2030-01-{day:02d}T{hour:02d}:00:00Z"},
        "end": {"dateTime": f"2030-01-{day:02d}T{hour:02d}:30:00Z"},
        **more,
    }


def all_day(day: int = 8, days: int = 1, **more: Any) -> Json:
    """Return a body for whole days in January 2030."""
    start, end = f"2030-01-{day:02d}", f"2030-01-{day + days:02d}"
    return {"summary": "Away", "start": {"date": start}, "end": {"date": end}, **more}


def weekly(**more: Any) -> Json:
    """Return a body for four Tuesdays at nine in Lisbon, two on each side of the change to summer time."""
    return {
        "summary": "Weekly",
        "start": {"dateTime": "2030-03-19T09:00:00", "timeZone": "Europe/Lisbon"},
        "end": {"dateTime": "2030-03-19T09:30:00", "timeZone": "Europe/Lisbon"},
        "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=4"],
        **more,
    }


TUESDAYS = ("20300319T090000Z", "20300326T090000Z", "20300402T080000Z", "20300409T080000Z")
"""The original starts of `weekly()`; summer time begins on 31 March 2030."""


def guests(*emails: str, **more: Any) -> Json:
    return {"attendees": [{"email": email} for email in emails], **more}


def reason(response: httpx2.Response) -> tuple[int, str]:
    """Return status and reason of an error answer."""
    return response.status_code, response.json()["error"]["errors"][0]["reason"]


def ids(items: list[Json]) -> set[str]:
    return {item["id"] for item in items}


def find(items: list[Json], event_id: str) -> Json:
    return next(item for item in items if item["id"] == event_id)
