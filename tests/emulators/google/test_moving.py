"""Import, move, quickAdd, and events of secondary calendars (contract 7.6, 7.7, 10.1)."""

from __future__ import annotations

from tests.emulators.google.cast import ADA, ELI, EVENTS, Api, find, guests, reason, timed, weekly
from tests.emulators.google.server import Switchboard

OWN_ID = "6f1c2b1e7d7a4a539f4e0f6a5d2c8b11"


def test_import_replaces_in_place(ada: Api) -> None:
    body = timed(iCalUID="one@elsewhere", organizer={"email": "boss@far.example"}, **guests(ADA))
    first = ada("POST", f"{EVENTS}/import", body).json()
    assert (first["organizer"]["email"], first["privateCopy"]) == ("boss@far.example", True)
    again = ada("POST", f"{EVENTS}/import", body | {"summary": "Changed", "attendees": [{"email": ADA}]}).json()
    assert (again["id"], again["summary"]) == (first["id"], "Changed")
    assert len(ada.events()) == 1


def test_import_rules(ada: Api, switch: Switchboard) -> None:
    path = f"{EVENTS}/import"
    assert reason(ada("POST", path, timed())) == (400, "required")
    assert reason(ada("POST", path, timed(iCalUID="a@b", id=OWN_ID))) == (400, "invalid")
    foreign = timed(iCalUID="a@b", organizer={"email": "boss@far.example"})
    assert reason(ada("POST", path, foreign)) == (400, "participantIsNeitherOrganizerNorAttendee")
    focus = timed(iCalUID="f@b", eventType="focusTime", focusTimeProperties={})
    assert ada("POST", path, focus).json()["eventType"] == "default"
    ada("POST", path, timed(iCalUID="c@d", **guests(ELI)))
    assert switch.mail() == []


def test_move_changes_the_organizer(ada: Api, switch: Switchboard) -> None:
    team = switch.add_calendar(ADA, "Team")
    event = ada.insert(timed())
    token = ada.sync_token()
    moved = ada("POST", f"{EVENTS}/{event['id']}/move", destination=team).json()
    assert (moved["id"], moved["organizer"]["email"]) == (event["id"], team)
    (stub,) = ada.changes(token)
    assert stub.keys() == {"kind", "etag", "id", "status"}
    assert find(ada("GET", f"calendars/{team}/events").json()["items"], event["id"])["summary"] == "Intro call"


def test_what_cannot_be_moved(ada: Api, switch: Switchboard) -> None:
    team = switch.add_calendar(ADA, "Team")
    series = ada.insert(weekly())
    instance = f"{series['id']}_20300319T090000Z"
    answer = ada("POST", f"{EVENTS}/{instance}/move", destination=team)
    assert reason(answer) == (400, "cannotChangeOrganizerOfInstance")
    focus = ada.insert(timed(eventType="focusTime", focusTimeProperties={}))
    answer = ada("POST", f"{EVENTS}/{focus['id']}/move", destination=team)
    assert reason(answer) == (400, "eventTypeRestriction")
    assert reason(ada("POST", f"{EVENTS}/{focus['id']}/move")) == (400, "required")


def test_quick_add(ada: Api) -> None:
    event = ada("POST", f"{EVENTS}/quickAdd", text="Lunch").json()
    assert (event["summary"], event["start"]["dateTime"]) == ("Lunch", "2030-01-07T10:00:00Z")


def test_secondary_calendar_is_the_organizer(ada: Api, switch: Switchboard) -> None:
    team = switch.add_calendar(ADA, "Team")
    event = ada("POST", f"calendars/{team}/events", timed()).json()
    assert event["organizer"] == {"email": team, "displayName": "Team", "self": True}
    assert event["creator"] == {"email": ADA}
