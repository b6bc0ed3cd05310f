"""Several people: copies, answers, rights, mail, sharing, lists of calendars (checklist "Events", 13)."""

from __future__ import annotations

import pytest

from tests.emulators.google.cast import ADA, ELI, VIC, Api, guests, ids, reason, timed, weekly
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
