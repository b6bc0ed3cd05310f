"""Free and busy times, and rooms."""

from __future__ import annotations

from typing import Any

from tests.emulators.microsoft.cast import ADA, BERLIN, ELI, VIC, Api, code, timed
from tests.emulators.microsoft.server import Switchboard

ROOM = "room1@example.com"


def asked(*names: str, start: str = "2030-01-08T09:00:00", end: str = "2030-01-08T12:00:00", **more: Any) -> Any:
    span = {"startTime": {"dateTime": start, "timeZone": "UTC"}, "endTime": {"dateTime": end, "timeZone": "UTC"}}
    return {"schedules": list(names), "availabilityViewInterval": 30, **span, **more}


def schedules(api: Api, *names: str, **more: Any) -> dict[str, Any]:
    found = api.ok("POST", "me/calendar/getSchedule", asked(*names, **more))
    return {one["scheduleId"]: one for one in found["value"]}


def test_busy_times_of_colleagues_show_no_details(ada: Api, eli: Api) -> None:
    eli.insert(timed(10, showAs="oof"))
    eli.insert(timed(11, showAs="tentative"))
    eli.insert(timed(9, showAs="free"))
    ada.insert(timed(10, location={"displayName": "Here"}))
    found = schedules(ada, ADA, ELI)
    assert (found[ADA]["availabilityView"], found[ELI]["availabilityView"]) == ("002000", "003010")
    assert found[ADA]["scheduleItems"][0]["subject"] == "Intro call"
    assert "subject" not in found[ELI]["scheduleItems"][0]
    assert found[ADA]["workingHours"]["timeZone"] == {"name": BERLIN}


def test_unknown_people_have_an_error_of_their_own(ada: Api) -> None:
    found = schedules(ada, "nobody@example.com", VIC, ADA)
    assert found["nobody@example.com"]["error"]["responseCode"] == "ErrorMailRecipientNotFound"
    assert "error" in found[VIC]
    assert "error" not in found[ADA]


def test_what_cannot_be_asked(ada: Api, vic: Api) -> None:
    assert (
        code(ada("POST", "me/calendar/getSchedule", asked(ADA, end="2030-04-08T09:00:00")))[1]
        == "ErrorTimeIntervalTooBig"
    )
    assert ada("POST", "me/calendar/getSchedule", asked(*[ADA] * 21)).status_code == 400
    assert ada("POST", "me/calendar/getSchedule", asked(ADA, availabilityViewInterval=1)).status_code == 400
    assert ada("POST", "me/calendar/getSchedule", asked(ADA, end="2030-01-08T09:00:00")).status_code == 400
    assert vic("POST", "me/calendar/getSchedule", asked(VIC)).status_code == 403


def test_rooms_are_found_and_answer_later(ada: Api, switch: Switchboard) -> None:
    switch.add_user(ROOM, name="Room 1", kind="room", capacity=8, room_list="house@example.com")
    found = ada.all("places/microsoft.graph.room")
    assert [(one["emailAddress"], one["capacity"]) for one in found] == [(ROOM, 8)]
    assert ada.all("places/microsoft.graph.roomlist")[0]["emailAddress"] == "house@example.com"
    assert len(ada.all("places/house@example.com/microsoft.graph.roomlist/rooms")) == 1
    switch.settings(room_delay_s=30)
    event = ada.insert(timed(attendees=[{"type": "resource", "emailAddress": {"address": ROOM}}]))
    assert event["attendees"][0]["status"]["response"] == "none"
    switch.advance(31)
    later = ada.ok("GET", f"me/events/{event['id']}")
    assert later["attendees"][0]["status"]["response"] == "accepted"
    assert schedules(ada, ROOM)[ROOM]["availabilityView"] == "002000"


def test_a_room_that_is_taken_declines_and_looks_again_after_a_move(ada: Api, switch: Switchboard) -> None:
    switch.add_user(ROOM, name="Room 1", kind="room")
    switch.add_event(switch.default_calendar(ROOM), timed())
    event = ada.insert(timed(attendees=[{"type": "resource", "emailAddress": {"address": ROOM}}]))
    switch.advance(5)
    assert ada.ok("GET", f"me/events/{event['id']}")["attendees"][0]["status"]["response"] == "declined"
    moved = ada.ok("PATCH", f"me/events/{event['id']}", {name: timed(14)[name] for name in ("start", "end")})
    assert moved["attendees"][0]["status"]["response"] == "none"
    switch.advance(5)
    assert ada.ok("GET", f"me/events/{event['id']}")["attendees"][0]["status"]["response"] == "accepted"


def test_answers_of_rooms_are_noted_in_the_main_calendar_only(ada: Api, switch: Switchboard) -> None:
    switch.add_user(ROOM, name="Room 1", kind="room")
    other = switch.add_calendar(ADA, "Other")
    invitation = timed(attendees=[{"type": "resource", "emailAddress": {"address": ROOM}}])
    event = ada.ok("POST", f"me/calendars/{other}/events", invitation)
    switch.advance(5)
    assert ada.ok("GET", f"me/events/{event['id']}")["attendees"][0]["status"]["response"] == "none"


def test_rooms_need_an_administrators_permission(api_of: Any) -> None:
    assert code(api_of(ADA, ["Calendars.Read"])("GET", "places/microsoft.graph.room")) == (403, "ErrorAccessDenied")
