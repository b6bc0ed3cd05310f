"""Whatever people do, a client that follows sync tokens holds what a full list shows (contract 5.2, 5.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulators.google.app import create_app
from tests.emulators.google.cast import ADA, ELI, EVENTS, NOW, TUESDAYS, Json, timed, weekly

ORGANIZERS = (ADA, ELI)
RULES = ("COUNT=4", "COUNT=2", "COUNT=4;INTERVAL=2")


class Person:
    """One person's API client, inside this process."""

    def __init__(self, http: FlaskClient, email: str) -> None:
        self.http = http
        minted = http.post("/_switch/tokens", json={"user": email, "client_id": "c"}).get_json()
        self.headers = {"authorization": f"Bearer {minted['access_token']}"}

    def __call__(self, verb: str, path: str, body: Any = None, **query: Any) -> Json:
        url = f"/calendar/v3/{EVENTS}{path}"
        answer = self.http.open(url, method=verb, json=body, query_string=query, headers=self.headers)
        return answer.get_json(silent=True) or {}


class Mirror:
    """Follows one calendar by sync tokens, as a client would."""

    def __init__(self, person: Person, **params: str) -> None:
        self.person, self.params = person, params
        page = person("GET", "", **params)
        self.items = {item["id"]: item for item in page["items"]}
        self.token = page["nextSyncToken"]

    def follow(self) -> None:
        page = self.person("GET", "", syncToken=self.token, **self.params)
        self.token = page["nextSyncToken"]
        for item in page["items"]:
            self._take(item)

    def _take(self, item: Json) -> None:
        if item["status"] == "cancelled" and ("recurringEventId" not in item or "singleEvents" in self.params):
            self.items = {
                key: kept for key, kept in self.items.items() if item["id"] not in (key, kept.get("recurringEventId"))
            }
        else:
            self.items[item["id"]] = item

    def live(self) -> dict[str, str]:
        return {key: item["etag"] for key, item in self.items.items() if item["status"] != "cancelled"}

    def cancelled(self) -> set[str]:
        return self.items.keys() - self.live().keys()


def world() -> FlaskClient:
    http = create_app().test_client()
    client = {"client_id": "c", "client_secret": "s"}
    users = [{"email": email, "time_zone": "Europe/Lisbon"} for email in ORGANIZERS]
    http.post("/_switch/reset", json={"now": NOW.isoformat(), "clients": [client], "users": users})
    http.post("/_switch/settings", json={"per_user_per_minute": None, "per_minute": None})
    return http


Action = tuple[str, int, int]

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            "single,series,rename,delete,revive,invite,rule,move,"
            "change one,cancel one,revive one,answer,answer one".split(",")
        ),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=14,
)


def act(people: list[Person], made: list[str], action: Action, number: int) -> None:
    """Do one thing to one of the events made so far; many things are refused, which is fine."""
    what, which, slot = action
    ada, eli = people
    if what in ("single", "series"):
        body = timed() if what == "single" else weekly()
        made.append(ada("POST", "", body | {"attendees": [{"email": ELI}] if slot % 2 else []})["id"])
        return
    if not made:
        return
    event = f"/{made[which % len(made)]}"
    instance = f"{event}_{TUESDAYS[slot]}"
    mine = {"attendeesOmitted": True, "attendees": [{"email": ELI, "responseStatus": "tentative"}]}
    start, end = ({"dateTime": f"2030-03-19T09:{minute}:00", "timeZone": "Europe/Lisbon"} for minute in ("15", "45"))
    steps: dict[str, Callable[[], object]] = {
        "rename": lambda: ada("PATCH", event, {"summary": f"Name {number}"}),
        "delete": lambda: ada("DELETE", event),
        "revive": lambda: ada("PATCH", event, {"status": "confirmed"}),
        "invite": lambda: ada("PATCH", event, {"attendees": [{"email": ELI}] if slot % 2 else []}),
        "rule": lambda: ada("PATCH", event, {"recurrence": [f"RRULE:FREQ=WEEKLY;{RULES[slot % 3]}"]}),
        "move": lambda: ada("PATCH", event, {"start": start, "end": end}),
        "change one": lambda: ada("PATCH", instance, {"summary": f"One {number}"}),
        "cancel one": lambda: ada("DELETE", instance),
        "revive one": lambda: ada("PATCH", instance, {"status": "confirmed"}),
        "answer": lambda: eli("PATCH", event, mine),
        "answer one": lambda: eli("PATCH", instance, mine),
    }
    steps[what]()


def assert_agrees(mirror: Mirror) -> None:
    """Compare with a full list. A followed mirror may keep cancelled exceptions that are no news to anyone."""
    full = Mirror(mirror.person, **mirror.params)
    assert mirror.live() == full.live()
    assert full.cancelled() <= mirror.cancelled()
    for gone in mirror.cancelled() - full.cancelled():
        assert mirror.person("GET", f"/{gone}").get("status") != "confirmed"


@pytest.mark.parametrize("params", [{}, {"singleEvents": "true"}], ids=["series", "instances"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=ACTIONS)
def test_followed_mirror_equals_full_list(params: dict[str, str], actions: list[Action]) -> None:
    http = world()
    people = [Person(http, email) for email in ORGANIZERS]
    mirrors = [Mirror(person, **params) for person in people]
    made: list[str] = []
    for number, action in enumerate(actions):
        act(people, made, action, number)
        for mirror in mirrors:
            if (number + action[2]) % 2:
                mirror.follow()
    for mirror in mirrors:
        mirror.follow()
        assert_agrees(mirror)
