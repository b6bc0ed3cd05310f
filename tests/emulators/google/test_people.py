"""Several people: copies, answers, rights, mail, sharing, lists of calendars (checklist "Events", 13)."""

from __future__ import annotations

import pytest

from tests.emulators.google.cast import ADA, ELI, EVENTS, VIC, Api, find, guests, ids, reason, timed, weekly
from tests.emulators.google.server import Switchboard


def answers(event: dict) -> dict[str, str]:
    return {guest["email"]: guest["responseStatus"] for guest in event["attendees"]}


def test_guests_get_a_copy_with_the_same_ids(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ADA, ELI)))
    copy = eli.event(event["id"])
    assert copy["iCalUID"] == event["iCalUID"]
    assert copy["organizer"] == {"email": ADA}
    assert {"email": ELI, "self": True, "responseStatus": "needsAction"} in copy["attendees"]
    assert {"email": ADA, "organizer": True, "self": True, "responseStatus": "needsAction"} in event["attendees"]
    assert copy["start"]["dateTime"] == "2030-01-08T05:00:00-05:00"


def test_changes_and_cancellation_reach_copies(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI)))
    token = eli.sync_token()
    ada.patch(event["id"], {"summary": "Renamed"})
    page = eli.page(syncToken=token)
    assert [item["summary"] for item in page["items"]] == ["Renamed"]
    ada.delete(event["id"])
    assert [item["status"] for item in eli.changes(page["nextSyncToken"])] == ["cancelled"]


def test_uninvited_guest_loses_the_copy(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI, "x@y.example")))
    ada.patch(event["id"], guests("x@y.example"))
    assert eli.event(event["id"])["status"] == "cancelled"


def test_answer_reaches_the_organizer_and_moves_the_etag(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI)))
    attendees = [{**guest, "responseStatus": "accepted"} for guest in eli.event(event["id"])["attendees"]]
    assert eli.patch(event["id"], {"attendees": attendees}).status_code == 200
    original = ada.event(event["id"])
    assert answers(original) == {ELI: "accepted"}
    assert original["etag"] != event["etag"]
    stale = ada.patch(event["id"], {"summary": "x"}, {"if-match": event["etag"]})
    assert reason(stale) == (412, "conditionNotMet")


def test_answer_alone_with_attendees_omitted(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI, VIC)))
    mine = {"attendeesOmitted": True, "attendees": [{"email": ELI, "responseStatus": "tentative"}]}
    assert eli.patch(event["id"], mine).status_code == 200
    assert answers(ada.event(event["id"])) == {ELI: "tentative", VIC: "needsAction"}


def test_guest_may_not_change_what_is_shared(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI)))
    assert reason(eli.patch(event["id"], {"summary": "Mine"})) == (403, "forbiddenForNonOrganizer")
    assert reason(eli.put(event["id"], timed())) == (403, "forbiddenForNonOrganizer")
    own = {"colorId": "3", "transparency": "transparent", "extendedProperties": {"private": {"crm": "1"}}}
    changed = eli.patch(event["id"], own).json()
    assert (changed["colorId"], changed["extendedProperties"]) == ("3", {"private": {"crm": "1"}})
    assert not {"colorId", "transparency", "extendedProperties"} & ada.event(event["id"]).keys()


def test_own_fields_of_a_guest_survive_the_organizers_changes(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI), extendedProperties={"private": {"a": "1"}, "shared": {"s": "1"}}))
    eli.patch(event["id"], {"extendedProperties": {"private": {"b": "2"}}, "colorId": "4"})
    ada.patch(event["id"], {"summary": "Renamed"})
    copy = eli.event(event["id"])
    assert (copy["summary"], copy["colorId"]) == ("Renamed", "4")
    assert copy["extendedProperties"] == {"private": {"b": "2"}, "shared": {"s": "1"}}


def test_guest_may_change_everything_if_allowed(ada: Api, eli: Api, vic: Api) -> None:
    event = ada.insert(timed(**guests(ELI, VIC), guestsCanModify=True))
    assert eli.patch(event["id"], {"summary": "Better"}).status_code == 200
    assert ada.event(event["id"])["summary"] == "Better"
    assert vic.event(event["id"])["summary"] == "Better"


def test_deleting_a_copy_declines(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI)))
    assert eli.delete(event["id"]).status_code == 204
    assert answers(ada.event(event["id"])) == {ELI: "declined"}
    assert ada.event(event["id"])["status"] == "confirmed"


def test_answer_to_one_instance(ada: Api, eli: Api) -> None:
    series = ada.insert(weekly(**guests(ELI)))
    instance = f"{series['id']}_20300326T090000Z"
    mine = {"attendeesOmitted": True, "attendees": [{"email": ELI, "responseStatus": "declined"}]}
    eli.patch(instance, mine)
    assert answers(ada.event(instance)) == {ELI: "declined"}
    assert answers(ada.event(series["id"])) == {ELI: "needsAction"}


def test_hidden_guest_list(ada: Api, eli: Api) -> None:
    event = ada.insert(timed(**guests(ELI, VIC), guestsCanSeeOtherGuests=False))
    copy = eli.event(event["id"])
    assert [guest["email"] for guest in copy["attendees"]] == [ELI]
    assert copy["attendeesOmitted"] is True


def test_long_guest_lists_shrink_to_oneself(ada: Api) -> None:
    event = ada.insert(timed(**guests(ADA, ELI, VIC)))
    shown = ada.event(event["id"], maxAttendees=2)
    assert [guest["email"] for guest in shown["attendees"]] == [ADA]
    assert shown["attendeesOmitted"] is True
    assert "attendeesOmitted" not in ada.event(event["id"], maxAttendees=3)


def test_readers_may_not_write(ada: Api, eli: Api, switch: Switchboard) -> None:
    event = ada.insert(timed(visibility="private", summary="Secret"))
    switch.share(ADA, ELI, "reader")
    path = f"calendars/{ADA}/events"
    assert reason(eli("POST", path, timed())) == (403, "requiredAccessLevel")
    assert reason(eli("PATCH", f"{path}/{event['id']}", {"summary": "x"})) == (403, "requiredAccessLevel")
    assert "summary" not in eli("GET", f"{path}/{event['id']}").json()
    switch.share(ADA, ELI, "writer")
    assert eli("GET", f"{path}/{event['id']}").json()["summary"] == "Secret"
    assert eli("POST", path, timed()).json()["creator"]["email"] == ELI


def test_writers_without_private_access(ada: Api, eli: Api, switch: Switchboard) -> None:
    secret = ada.insert(timed(visibility="private"))
    switch.share(ADA, ELI, "writerWithoutPrivateAccess")
    path = f"calendars/{ADA}/events"
    assert eli("POST", path, timed()).status_code == 200
    assert reason(eli("PATCH", f"{path}/{secret['id']}", {"summary": "x"})) == (403, "forbidden")


@pytest.mark.parametrize(
    ("mode", "sent", "kept"),
    [
        ("all", [ELI, "out@far.example"], []),
        ("externalOnly", ["out@far.example"], [ELI]),
        ("none", [], [ELI, "out@far.example"]),
        (None, [], [ELI, "out@far.example"]),
    ],
)
def test_mail_ledger(ada: Api, switch: Switchboard, mode: str | None, sent: list, kept: list) -> None:
    query = {"sendUpdates": mode} if mode else {}
    ada.insert(timed(**guests(ADA, ELI, "out@far.example")), **query)
    (line,) = switch.mail()
    assert (line["kind"], line["sent_to"], line["kept_from"]) == ("invitation", sent, kept)


def test_mail_follows_what_changed(ada: Api, switch: Switchboard) -> None:
    event = ada.insert(timed(**guests(ELI)), sendUpdates="all")
    ada.patch(event["id"], {"summary": "Renamed"}, sendUpdates="all")
    ada.patch(event["id"], {"summary": "Renamed"}, sendUpdates="all")  # nothing new, nothing sent
    ada.patch(event["id"], {"colorId": "3"}, sendUpdates="all")
    ada.patch(event["id"], guests(VIC), sendUpdates="all")
    ada.delete(event["id"], sendUpdates="all")
    lines = [(line["kind"], line["sent_to"]) for line in switch.mail()]
    assert lines == [
        ("invitation", [ELI]),
        ("update", [ELI]),
        ("invitation", [VIC]),
        ("cancellation", [ELI]),
        ("cancellation", [VIC]),
    ]


def test_old_flag_counts_by_itself_only(ada: Api, switch: Switchboard) -> None:
    ada.insert(timed(**guests(ELI)), sendNotifications="true")
    ada.insert(timed(**guests(ELI)), sendNotifications="true", sendUpdates="none")
    assert [line["sent_to"] for line in switch.mail()] == [[ELI], []]


def test_someone_else_edits(ada: Api, switch: Switchboard) -> None:
    switch.share(ADA, ELI, "writer")
    event = ada.insert(timed())
    token = ada.sync_token()
    switch.edit_event(ADA, event["id"], {"summary": "By Eli"}, by=ELI)
    made = switch.add_event(ADA, timed(summary="New"), by=ELI)
    assert ids(ada.changes(token)) == {event["id"], made["id"]}
    assert made["creator"] == {"email": ELI}
    switch.delete_event(ADA, made["id"], by=ELI)
    assert ada.event(made["id"])["status"] == "cancelled"


def test_invitation_from_outside_can_be_seeded(ada: Api, switch: Switchboard) -> None:
    foreign = timed(organizer={"email": "boss@far.example"}, **guests(ADA))
    event_id = switch.seed_event(ADA, foreign)
    assert ada.event(event_id)["organizer"] == {"email": "boss@far.example"}
    assert reason(ada.patch(event_id, {"summary": "Mine"})) == (403, "forbiddenForNonOrganizer")


def test_room_answers_by_itself(ada: Api, switch: Switchboard) -> None:
    room = switch.add_calendar(VIC, "Room 1", id="c_188@resource.calendar.google.com", auto_accepts=True)
    guest = {"attendees": [{"email": room, "resource": True}]}
    first, second = ada.insert(timed(**guest)), ada.insert(timed(**guest))
    assert answers(ada.event(first["id"])) == {room: "accepted"}
    assert answers(ada.event(second["id"])) == {room: "declined"}


# The list of calendars


def test_calendar_list(ada: Api, switch: Switchboard) -> None:
    switch.add_calendar(ELI, "Team", id="c_team@group.calendar.google.com")
    switch.share("c_team@group.calendar.google.com", ADA, "writer")
    page = ada("GET", "users/me/calendarList").json()
    mine, team = page["items"]
    assert page["kind"] == "calendar#calendarList"
    assert (mine["id"], mine["primary"], mine["accessRole"]) == (ADA, True, "owner")
    assert mine["backgroundColor"].startswith("#")
    assert mine["conferenceProperties"] == {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}
    assert (team["summary"], team["accessRole"], team["dataOwner"]) == ("Team", "writer", ELI)
    assert not {"primary", "hidden", "deleted"} & team.keys()


def test_calendar_list_filters_and_pages(ada: Api, switch: Switchboard) -> None:
    for number in range(3):
        team = switch.add_calendar(ELI, f"Team {number}")
        switch.share(team, ADA, "reader")
    ada("PATCH", f"users/me/calendarList/{team}", {"hidden": True})
    assert len(ada("GET", "users/me/calendarList").json()["items"]) == 3
    assert len(ada("GET", "users/me/calendarList", showHidden="true").json()["items"]) == 4
    assert len(ada("GET", "users/me/calendarList", minAccessRole="writer").json()["items"]) == 1
    page = ada("GET", "users/me/calendarList", maxResults=2).json()
    assert "nextSyncToken" not in page
    rest = ada("GET", "users/me/calendarList", maxResults=2, pageToken=page["nextPageToken"]).json()
    assert "nextSyncToken" in rest


def test_calendar_list_sync(ada: Api, switch: Switchboard) -> None:
    path = "users/me/calendarList"
    token = ada("GET", path).json()["nextSyncToken"]
    team = switch.add_calendar(ELI, "Team")
    switch.share(team, ADA, "reader")
    page = ada("GET", path, syncToken=token).json()
    assert [item["id"] for item in page["items"]] == [team]
    assert ada("DELETE", f"{path}/{team}").status_code == 204
    page = ada("GET", path, syncToken=page["nextSyncToken"]).json()
    assert [(item["id"], item["deleted"]) for item in page["items"]] == [(team, True)]
    assert reason(ada("GET", path, syncToken=token, minAccessRole="writer")) == (400, "invalid")
    assert reason(ada("GET", path, syncToken=token, showDeleted="false")) == (400, "invalid")


def test_title_changes_are_not_reported(ada: Api, switch: Switchboard) -> None:
    team = switch.add_calendar(ADA, "Team")
    token = ada("GET", "users/me/calendarList").json()["nextSyncToken"]
    ada("PATCH", f"calendars/{team}", {"summary": "Crew"})
    assert ada("GET", "users/me/calendarList", syncToken=token).json()["items"] == []
    assert ada("GET", f"users/me/calendarList/{team}").json()["summary"] == "Crew"


def test_own_view_of_a_calendar(ada: Api, switch: Switchboard) -> None:
    team = switch.add_calendar(ELI, "Team")
    switch.share(team, ADA, "reader", listed=False)
    assert reason(ada("GET", f"users/me/calendarList/{team}")) == (404, "notFound")
    entry = ada("POST", "users/me/calendarList", {"id": team, "summaryOverride": "Crew", "colorId": "3"}).json()
    assert (entry["summaryOverride"], entry["backgroundColor"]) == ("Crew", "#f83a22")
    rgb = {"backgroundColor": "#123456", "foregroundColor": "#ffffff"}
    path = f"users/me/calendarList/{team}"
    assert ada("PATCH", path, rgb).json()["backgroundColor"] == "#f83a22"
    assert ada("PATCH", path, rgb, colorRgbFormat="true").json()["backgroundColor"] == "#123456"
    assert "summaryOverride" not in ada("PUT", path, {"selected": True}).json()
    assert reason(ada("DELETE", f"users/me/calendarList/{ADA}")) == (400, "cannotUnsubscribeFromOwnedCalendar")


def test_calendars_are_made_changed_and_deleted(ada: Api) -> None:
    made = ada("POST", "calendars", {"summary": "Bookings", "timeZone": "Europe/Lisbon"}).json()
    assert made["id"].endswith("@group.calendar.google.com")
    assert made["dataOwner"] == ADA
    path = f"calendars/{made['id']}"
    assert ada("PATCH", path, {"description": "x"}).json()["description"] == "x"
    assert "description" not in ada("PUT", path, {"summary": "Crew"}).json()
    assert reason(ada("POST", "calendars", {})) == (400, "required")
    assert reason(ada("PATCH", path, {"timeZone": "Mars/Base"})) == (400, "invalid")
    assert ada("DELETE", path).status_code == 204
    assert reason(ada("GET", path)) == (404, "notFound")
    assert reason(ada("DELETE", "calendars/primary")) == (400, "cannotDeletePrimaryCalendar")


def test_primary_calendar_is_cleared(ada: Api) -> None:
    ada.insert(timed())
    token = ada.sync_token()
    assert ada("POST", "calendars/primary/clear").status_code == 204
    assert ada.events(showDeleted="true") == []
    assert reason(ada("GET", EVENTS, syncToken=token)) == (410, "fullSyncRequired")


def test_ownership_is_handed_over(ada: Api, eli: Api) -> None:
    made = ada("POST", "calendars", {"summary": "Bookings"}).json()["id"]
    query = {"newDataOwner": ELI, "useAdminAccess": "true"}
    assert ada("POST", f"calendars/{made}/transferOwnership", **query).status_code == 204
    assert eli("GET", f"calendars/{made}").json()["dataOwner"] == ELI
    assert reason(ada("POST", "calendars/primary/transferOwnership", **query)) == (403, "forbidden")


def test_use_limits(ada: Api, switch: Switchboard) -> None:
    switch.settings(calendars_created_limit=1, events_created_limit=1)
    assert ada("POST", "calendars", {"summary": "One"}).status_code == 200
    assert reason(ada("POST", "calendars", {"summary": "Two"})) == (403, "quotaExceeded")
    ada.insert(timed())
    assert reason(ada("POST", EVENTS, timed())) == (403, "quotaExceeded")


# Sharing rules


def test_sharing_rules(ada: Api, eli: Api) -> None:
    path = f"calendars/{ADA}/acl"
    rule = ada("POST", path, {"scope": {"type": "user", "value": ELI}, "role": "reader"}).json()
    assert (rule["id"], rule["role"]) == (f"user:{ELI}", "reader")
    assert eli("GET", f"calendars/{ADA}/events").status_code == 200
    token = ada("GET", path).json()["nextSyncToken"]
    assert ada("PATCH", f"{path}/{rule['id']}", {"role": "writer"}).json()["role"] == "writer"
    assert ada("DELETE", f"{path}/{rule['id']}").status_code == 204
    changed = ada("GET", path, syncToken=token).json()["items"]
    assert [(item["id"], item["role"]) for item in changed] == [(rule["id"], "none")]
    assert eli("GET", f"calendars/{ADA}/events").status_code == 404
    assert reason(ada("DELETE", f"{path}/user:{ADA}")) == (400, "cannotModifyAclOfCalendarOwner")
    assert reason(ada("POST", path, {"scope": {"type": "planet", "value": "x"}, "role": "reader"})) == (400, "invalid")


def test_rules_for_domains_and_everybody(ada: Api, eli: Api, vic: Api) -> None:
    path = f"calendars/{ADA}/acl"
    ada("POST", path, {"scope": {"type": "domain", "value": "example.com"}, "role": "reader"})
    assert eli("GET", f"calendars/{ADA}/events").json()["accessRole"] == "reader"
    assert vic("GET", f"calendars/{ADA}/events").status_code == 404
    ada("POST", path, {"scope": {"type": "default"}, "role": "freeBusyReader"})
    assert vic("GET", f"calendars/{ADA}/events").json()["accessRole"] == "freeBusyReader"


def test_only_owners_see_rules(ada: Api, eli: Api, switch: Switchboard) -> None:
    switch.share(ADA, ELI, "writer")
    assert reason(eli("GET", f"calendars/{ADA}/acl")) == (403, "forbidden")
    assert find(ada("GET", f"calendars/{ADA}/acl").json()["items"], f"user:{ELI}")["role"] == "writer"
