"""Who and what the emulator's own tests are about: people, moments, event bodies, a bare HTTP client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx2

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
ADA, ELI, VIC = "ada@example.com", "eli@example.com", "vic@outlook.com"
CALLBACK = "http://127.0.0.1:5999/accounts/microsoft/callback"
BERLIN = "W. Europe Standard Time"
PROPERTY = "String {c0ffee42-5a1e-4d3b-9b7a-1f2e3d4c5b6a} Name example-record-id"
WINDOW = {"startDateTime": "2030-01-01T00:00:00Z", "endDateTime": "2030-12-31T00:00:00Z"}

Json = dict[str, Any]


class Api:
    """A bare HTTP client of Graph as one person, with immutable ids unless told otherwise."""

    def __init__(self, base_url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self.base_url, self.token = base_url, token
        # Plain http: not loading certificates saves most of a client's start.
        self.http = httpx2.Client(base_url=f"{base_url}/v1.0/", headers=headers, timeout=20, verify=False)

    def __call__(
        self, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **query: Any
    ) -> httpx2.Response:
        more: Json = {"json": body} if body is not None else {}
        if query:
            more["params"] = {name.replace("__", "$", 1): value for name, value in query.items()}
        return self.http.request(verb, path, headers={"prefer": 'IdType="ImmutableId"', **(headers or {})}, **more)

    def ok(self, verb: str, path: str, body: Any = None, **more: Any) -> Json:
        """Return the body of a call that must succeed."""
        response = self(verb, path, body, **more)
        assert response.status_code < 300, response.text
        return response.json() if response.content else {}

    def pages(self, path: str, **more: Any) -> list[Json]:
        """Return all pages of a list, following links verbatim."""
        found = [self.ok("GET", path, **more)]
        headers = more.get("headers")
        while "@odata.nextLink" in found[-1]:
            found.append(self.ok("GET", found[-1]["@odata.nextLink"], headers=headers))
        return found

    def all(self, path: str, **more: Any) -> list[Json]:
        return [item for page in self.pages(path, **more) for item in page["value"]]

    def insert(self, body: Json, **more: Any) -> Json:
        return self.ok("POST", "me/events", body, **more)

    def view(self, **query: Any) -> list[Json]:
        return self.all("me/calendarView", **{**WINDOW, **query})

    def home(self) -> str:
        """Return the id of the default calendar."""
        return self.ok("GET", "me/calendar")["id"]


def timed(hour: int = 10, day: int = 8, zone: str = "UTC", **more: Any) -> Json:
    """Return a body for half an hour in January 2030."""
    return {
        "subject": "Intro call",
        "start": {"dateTime": f"2030-01-{day:02d}T{hour:02d}:00:00", "timeZone": zone},
        "end": {"dateTime": f"2030-01-{day:02d}T{hour:02d}:30:00", "timeZone": zone},
        **more,
    }


def all_day(day: int = 8, days: int = 1, **more: Any) -> Json:
    """Return a body for whole days in January 2030."""
    start, end = f"2030-01-{day:02d}T00:00:00", f"2030-01-{day + days:02d}T00:00:00"
    zone = {"timeZone": "UTC"}
    return {
        "subject": "Away",
        "isAllDay": True,
        "start": {"dateTime": start, **zone},
        "end": {"dateTime": end, **zone},
        **more,
    }


def weekly(count: int | None = 4, **more: Any) -> Json:
    """Return a body for Tuesdays at nine in Berlin, two on each side of the change to summer time."""
    kind: Json = {"type": "numbered", "numberOfOccurrences": count} if count else {"type": "noEnd"}
    return {
        "subject": "Weekly",
        "start": {"dateTime": "2030-03-19T09:00:00", "timeZone": BERLIN},
        "end": {"dateTime": "2030-03-19T09:30:00", "timeZone": BERLIN},
        "recurrence": {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"], "firstDayOfWeek": "monday"},
            "range": {**kind, "startDate": "2030-03-19"},
        },
        **more,
    }


TUESDAYS = ("2030-03-19T08:00:00", "2030-03-26T08:00:00", "2030-04-02T07:00:00", "2030-04-09T07:00:00")
"""The starts of `weekly()` in UTC; summer time begins on 31 March 2030."""


def guests(*emails: str, **more: Any) -> Json:
    return {"attendees": [{"emailAddress": {"address": email}, "type": "required"} for email in emails], **more}


def code(response: httpx2.Response) -> tuple[int, str]:
    """Return status and code of an error answer."""
    return response.status_code, response.json()["error"]["code"]


def starts(items: list[Json]) -> list[str]:
    return [item["start"]["dateTime"][:19] for item in items]


def ids(items: list[Json]) -> set[str]:
    return {item["id"] for item in items}
