"""Writing events: ids, replacing and merging, conditions, deletion, limits (checklist "Events")."""

from __future__ import annotations

import re

import pytest

from tests.emulators.google.cast import ADA, ELI, EVENTS, Api, all_day, guests, ids, reason, timed
from tests.emulators.google.server import Switchboard

OWN_ID = "6f1c2b1e7d7a4a539f4e0f6a5d2c8b11"


def test_insert_gives_what_google_gives(ada: Api) -> None:
    event = ada.insert(timed(id=OWN_ID))
    assert event["iCalUID"] == f"{OWN_ID}@google.com"
    assert event["created"] == "2030-01-07T09:00:00Z"
    assert event["updated"] == "2030-01-07T09:00:00.001Z"
    assert re.fullmatch(r'"\d{16}"', event["etag"])
    assert event["creator"] == event["organizer"] == {"email": ADA, "self": True}
    assert event["htmlLink"].endswith("?eid=NmYxYzJiMWU3ZDdhNGE1MzlmNGUwZjZhNWQyYzhiMTEgYWRhQGV4YW1wbGUuY29t")
    assert (event["kind"], event["sequence"], event["eventType"]) == ("calendar#event", 0, "default")


def test_defaults_are_left_out(ada: Api) -> None:
    sent = {"transparency": "opaque", "visibility": "default", "guestsCanModify": False, "description": ""}
    event = ada.insert(timed(**sent, guestsCanInviteOthers=True, attendees=[]))
    assert not {*sent, "guestsCanInviteOthers", "attendees", "recurrence"} & event.keys()
    assert event["reminders"] == {"useDefault": True}


def test_server_made_ids_are_26_characters_of_base32hex(ada: Api) -> None:
    event_id = ada.insert(timed())["id"]
    assert len(event_id) == 26
    assert set(event_id) <= set("0123456789abcdefghijklmnopqrstuv")


@pytest.mark.parametrize("wrong", ["abcd", "with-hyphen", "UPPER1", "wxyz12345", "abc_20300101T000000Z", "a" * 1025])
def test_own_ids_have_an_alphabet_and_a_length(ada: Api, wrong: str) -> None:
    answer = ada("POST", EVENTS, timed(id=wrong))
    assert reason(answer) == (400, "invalid")
    assert answer.json()["error"]["message"] == "Invalid resource id value."


def test_taken_ids_are_duplicates_even_after_deletion(ada: Api) -> None:
    ada.insert(timed(id=OWN_ID))
    assert reason(ada("POST", EVENTS, timed(id=OWN_ID))) == (409, "duplicate")
    ada.delete(OWN_ID)
    assert reason(ada("POST", EVENTS, timed(id=OWN_ID))) == (409, "duplicate")


def test_uid_may_be_given_instead_of_id(ada: Api) -> None:
    assert ada.insert(timed(iCalUID="mine@crm"))["iCalUID"] == "mine@crm"
    assert reason(ada("POST", EVENTS, timed(iCalUID="x@crm", id=OWN_ID))) == (400, "invalid")
    assert reason(ada("POST", EVENTS, timed(iCalUID="mine@crm"))) == (409, "duplicate")


def test_put_replaces_everything(ada: Api) -> None:
    event = ada.insert(timed(description="Old", extendedProperties={"private": {"a": "1"}}, **guests(ELI)))
    answer = ada.put(event["id"], timed(summary="New")).json()
    assert answer["summary"] == "New"
    assert not {"description", "extendedProperties", "attendees"} & answer.keys()
    assert answer["iCalUID"] == event["iCalUID"]
    assert reason(ada.put(event["id"], {"summary": "No time"})) == (400, "required")


def test_patch_merges_objects_removes_nulls_replaces_arrays(ada: Api) -> None:
    properties = {"private": {"a": "1", "b": "2"}}
    event = ada.insert(timed(description="Old", extendedProperties=properties, **guests(ELI, "x@y.example")))
    patch = {
        "description": None,
        "extendedProperties": {"private": {"a": None, "c": "3"}},
        "attendees": [{"email": ELI}],
    }
    answer = ada.patch(event["id"], patch).json()
    assert "description" not in answer
    assert answer["extendedProperties"] == {"private": {"b": "2", "c": "3"}}
    assert [guest["email"] for guest in answer["attendees"]] == [ELI]
    assert answer["summary"] == event["summary"]


def test_timed_becomes_all_day_only_with_nulls(ada: Api) -> None:
    event = ada.insert(timed())
    half = {"start": {"date": "2030-01-08"}, "end": {"date": "2030-01-09"}}
    assert reason(ada.patch(event["id"], half)) == (400, "invalid")
    nulls = {"dateTime": None, "timeZone": None}
    whole = {key: {**value, **nulls} for key, value in half.items()}
    assert ada.patch(event["id"], whole).json()["start"] == {"date": "2030-01-08"}


def test_every_write_moves_etag_and_updated(ada: Api) -> None:
    event = ada.insert(timed())
    patched = ada.patch(event["id"], {"summary": "x"}).json()
    assert patched["etag"] != event["etag"]
    assert patched["updated"] > event["updated"]
    assert patched["created"] == event["created"]


def test_reminders_alone_leave_updated(ada: Api) -> None:
    event = ada.insert(timed())
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]}
    patched = ada.patch(event["id"], {"reminders": reminders}).json()
    assert patched["updated"] == event["updated"]
    assert patched["etag"] != event["etag"]
    assert patched["reminders"] == reminders


def test_conditions(ada: Api) -> None:
    event = ada.insert(timed())
    stale = {"if-match": '"1"'}
    for answer in (
        ada.patch(event["id"], {"summary": "x"}, stale),
        ada.put(event["id"], timed(), stale),
        ada.delete(event["id"], stale),
    ):
        assert reason(answer) == (412, "conditionNotMet")
        assert answer.json()["error"]["errors"][0]["location"] == "If-Match"
    assert ada.patch(event["id"], {"summary": "x"}, {"if-match": event["etag"]}).status_code == 200
    assert ada.patch(event["id"], {"summary": "y"}, {"if-match": "*"}).status_code == 200


def test_unchanged_event_is_304(ada: Api) -> None:
    event = ada.insert(timed())
    path = f"{EVENTS}/{event['id']}"
    answer = ada("GET", path, None, {"if-none-match": event["etag"]})
    assert (answer.status_code, answer.content) == (304, b"")
    ada.patch(event["id"], {"summary": "x"})
    assert ada("GET", path, None, {"if-none-match": event["etag"]}).status_code == 200


def test_delete_then_gone_then_revived(ada: Api) -> None:
    event = ada.insert(timed(id=OWN_ID, description="Kept"))
    answer = ada.delete(OWN_ID)
    assert (answer.status_code, answer.content) == (204, b"")
    assert reason(ada.delete(OWN_ID)) == (410, "deleted")
    assert reason(ada.delete("neverwas")) == (404, "notFound")
    assert ada.event(OWN_ID)["status"] == "cancelled"
    revived = ada.patch(OWN_ID, {"status": "confirmed"}).json()
    assert (revived["status"], revived["description"]) == ("confirmed", "Kept")
    assert event["id"] in ids(ada.events())


def test_status_cancelled_deletes(ada: Api) -> None:
    event = ada.insert(timed())
    assert ada.patch(event["id"], {"status": "cancelled"}).json()["status"] == "cancelled"
    assert ada.events() == []
    assert ada.put(event["id"], timed()).json()["status"] == "confirmed"


@pytest.mark.parametrize(
    ("change", "expected", "message"),
    [
        ({"end": None}, "required", "Missing end time."),
        ({"start": {}}, "required", "Missing start time."),
        ({"end": {"date": "2030-01-09"}}, "invalid", "Start and end times must either both be date"),
        ({"end": {"dateTime": "2030-01-08T09:00:00Z"}}, "timeRangeEmpty", "The specified time range is empty."),
        ({"start": {"dateTime": "yesterday"}}, "invalid", "Invalid start time."),
        ({"start": {"dateTime": "2030-01-08T10:00:00"}}, "required", "Missing time zone definition for start"),
        (
            {"start": {"dateTime": "2030-01-08T10:00:00", "timeZone": "Mars/Base"}},
            "invalid",
            "Invalid time zone definition",
        ),
        ({"recurrence": ["RRULE:FREQ=DAILY"]}, "required", "Missing time zone definition for start time."),
    ],
)
def test_times_are_checked(ada: Api, change: dict, expected: str, message: str) -> None:
    answer = ada("POST", EVENTS, timed(**change))
    assert reason(answer) == (400, expected)
    assert message in answer.json()["error"]["message"]


def test_end_of_whole_days_is_exclusive(ada: Api) -> None:
    event = ada.insert(all_day(8))
    assert (event["start"], event["end"]) == ({"date": "2030-01-08"}, {"date": "2030-01-09"})
    empty = all_day(8) | {"end": {"date": "2030-01-08"}}
    assert reason(ada("POST", EVENTS, empty)) == (400, "timeRangeEmpty")


def test_moments_without_length_are_allowed(ada: Api) -> None:
    ada.insert(timed() | {"end": timed()["start"]})


def test_times_are_shown_in_the_calendars_or_the_asked_zone(eli: Api) -> None:
    body = timed() | {
        "start": {"dateTime": "2030-01-08T10:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2030-01-08T11:00:00+01:00"},
    }
    event = eli.insert(body)
    assert event["start"] == {"dateTime": "2030-01-08T04:00:00-05:00", "timeZone": "Europe/Berlin"}
    assert event["end"] == {"dateTime": "2030-01-08T05:00:00-05:00", "timeZone": "America/New_York"}
    assert eli.event(event["id"], timeZone="UTC")["start"]["dateTime"] == "2030-01-08T09:00:00Z"


def test_sequence_never_goes_back(ada: Api) -> None:
    event = ada.insert(timed(**guests(ELI)))
    moved = ada.patch(event["id"], {"location": "Room 2"}).json()
    assert (event["sequence"], moved["sequence"]) == (0, 1)
    assert ada.patch(event["id"], {"summary": "x"}).json()["sequence"] == 1
    answer = ada.put(event["id"], timed(sequence=0))
    assert reason(answer) == (400, "invalid")
    assert "Invalid sequence value" in answer.json()["error"]["message"]
    assert ada.patch(event["id"], {"sequence": 5}).json()["sequence"] == 5


def test_extended_property_limits(ada: Api) -> None:
    event = ada.insert(timed(extendedProperties={"private": {"k" * 45: "gone", "k" * 44: "v" * 2000}}))
    assert event["extendedProperties"] == {"private": {"k" * 44: "v" * 1024}}
    many = {f"k{number}": "v" for number in range(301)}
    assert ada("POST", EVENTS, timed(extendedProperties={"shared": many})).status_code == 400
    large = {f"k{number}": "v" * 1024 for number in range(32)}
    assert ada("POST", EVENTS, timed(extendedProperties={"private": large})).status_code == 400


@pytest.mark.parametrize(
    "reminders",
    [
        {"useDefault": False, "overrides": [{"method": "popup", "minutes": number} for number in range(6)]},
        {"useDefault": False, "overrides": [{"method": "popup", "minutes": 40_321}]},
        {"useDefault": False, "overrides": [{"method": "popup", "minutes": -1}]},
        {"useDefault": False, "overrides": [{"method": "sms", "minutes": 1}]},
        {"useDefault": True, "overrides": [{"method": "popup", "minutes": 1}]},
    ],
)
def test_reminder_limits(ada: Api, reminders: dict) -> None:
    assert ada("POST", EVENTS, timed(reminders=reminders)).status_code == 400


def test_attachments_need_their_parameter(ada: Api) -> None:
    attachments = [{"fileUrl": "https://example.com/1", "title": "Plan"}]
    assert "attachments" not in ada.insert(timed(attachments=attachments))
    event = ada.insert(timed(attachments=attachments), supportsAttachments="true")
    assert event["attachments"] == attachments
    assert ada.put(event["id"], timed()).json()["attachments"] == attachments
    too_many = timed(attachments=attachments * 26)
    assert ada("POST", EVENTS, too_many, supportsAttachments="true").status_code == 400
    nameless = timed(attachments=[{"title": "Plan"}])
    assert reason(ada("POST", EVENTS, nameless, supportsAttachments="true")) == (400, "required")


@pytest.mark.parametrize(
    "change",
    [
        {"status": "maybe"},
        {"visibility": "hidden"},
        {"transparency": "glass"},
        {"colorId": "12"},
        {"attendees": [{"email": "not an address"}]},
        {"attendees": [{"displayName": "Nameless"}]},
        {"attendees": [{"email": ELI, "responseStatus": "perhaps"}]},
        {"source": {"url": "ftp://example.com"}},
    ],
)
def test_values_are_checked(ada: Api, change: dict) -> None:
    assert reason(ada("POST", EVENTS, timed(**change))) == (400, "invalid")


def test_description_keeps_markup_but_no_scripts(ada: Api) -> None:
    event = ada.insert(timed(description='<b onclick="x()">Hi</b><script>x()</script><br>there\nyou'))
    assert event["description"] == "<b>Hi</b><br>there\nyou"


def test_read_only_fields_are_ignored(ada: Api) -> None:
    event = ada.insert(timed(organizer={"email": ELI}, created="2000-01-01T00:00:00Z", htmlLink="x", etag="y"))
    assert event["organizer"]["email"] == ADA
    assert event["created"] == "2030-01-07T09:00:00Z"
    patched = ada.patch(event["id"], {"id": "otherid", "iCalUID": "other"}).json()
    assert (patched["id"], patched["iCalUID"]) == (event["id"], event["iCalUID"])


def test_source_is_for_its_creator_only(ada: Api, eli: Api, switch: Switchboard) -> None:
    switch.share(ADA, ELI, "writer")
    event = ada.insert(timed(source={"title": "CRM", "url": "https://crm.example.com/1"}))
    assert "source" not in eli("GET", f"calendars/{ADA}/events/{event['id']}").json()
    eli("PUT", f"calendars/{ADA}/events/{event['id']}", timed(summary="Edited"))
    assert ada.event(event["id"])["source"]["title"] == "CRM"


def test_colours_and_labels_exclude_each_other(ada: Api) -> None:
    label = "0d0c0f6e-5c8b-4d7f-9a43-0b7d5a1f7e11"
    old = ada.insert(timed(colorId="3", eventLabelId=label))
    new = ada.insert(timed(colorId="3", eventLabelId=label), eventLabelVersion=1)
    assert (old.get("colorId"), old.get("eventLabelId")) == ("3", None)
    assert (new.get("colorId"), new.get("eventLabelId")) == (None, label)
