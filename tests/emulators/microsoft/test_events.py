"""Events: writing, versions, times, whole days, bodies, extended properties, ids, mail."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.microsoft.cast import ADA, BERLIN, ELI, PROPERTY, Api, all_day, code, guests, ids, timed
from tests.emulators.microsoft.server import Switchboard


def test_a_new_event_shows_what_the_server_adds(ada: Api) -> None:
    event = ada.insert(timed(zone=BERLIN, location={"displayName": "Room 1"}, reminderMinutesBeforeStart=5))
    assert event["start"] == {"dateTime": "2030-01-08T09:00:00.0000000", "timeZone": "UTC"}
    assert (event["originalStartTimeZone"], event["type"], event["isOrganizer"]) == (BERLIN, "singleInstance", True)
    assert event["@odata.etag"] == f'W/"{event["changeKey"]}"'
    assert event["responseStatus"] == {"response": "organizer", "time": "0001-01-01T00:00:00Z"}
    assert (event["location"]["displayName"], len(event["locations"])) == ("Room 1", 1)
    assert (event["isReminderOn"], event["reminderMinutesBeforeStart"]) == (True, 5)
    assert "singleValueExtendedProperties" not in event
    assert "transactionId" not in event


def test_versions_guard_writes(ada: Api) -> None:
    event = ada.insert(timed())
    path, match = f"me/events/{event['id']}", {"if-match": event["@odata.etag"]}
    changed = ada.ok("PATCH", path, {"subject": "New"}, headers=match)
    assert changed["@odata.etag"] != event["@odata.etag"]
    assert changed["start"] == event["start"]
    assert code(ada("PATCH", path, {"subject": "Stale"}, headers=match)) == (412, "ErrorIrresolvableConflict")
    assert code(ada("DELETE", path, headers=match)) == (412, "ErrorIrresolvableConflict")
    assert ada("DELETE", path, headers={"if-match": "*"}).status_code == 204
    assert code(ada("DELETE", path)) == (404, "ErrorItemNotFound")


def test_exchange_touches_an_item_soon_after_a_write(ada: Api, switch: Switchboard) -> None:
    event = ada.insert(timed())
    switch.advance(2)
    again = ada.ok("GET", f"me/events/{event['id']}")
    assert again["changeKey"] != event["changeKey"]
    assert again["subject"] == event["subject"]
    switch.advance(60)
    assert ada.ok("GET", f"me/events/{event['id']}")["changeKey"] == again["changeKey"]


def test_a_transaction_id_works_once(ada: Api, switch: Switchboard) -> None:
    event = ada.insert(timed(transactionId="t-1"))
    assert event["transactionId"] == "t-1"
    assert code(ada("POST", "me/events", timed(transactionId="t-1"))) == (409, "ErrorDuplicateTransactionId")
    switch.settings(duplicate_status=400, tells_existing_id=True)
    again = ada("POST", "me/events", timed(transactionId="t-1"))
    assert (again.status_code, again.json()["error"]["@event.existingEventId"]) == (400, event["id"])
    assert len(ada.all("me/events")) == 1


def test_extended_properties_show_only_when_expanded(ada: Api) -> None:
    event = ada.insert(timed(singleValueExtendedProperties=[{"id": PROPERTY, "value": "Rec'1"}]))
    ada.insert(timed())
    expand = f"singleValueExtendedProperties($filter=id eq '{PROPERTY}')"
    shown = ada.ok("GET", f"me/events/{event['id']}", __expand=expand)
    assert shown["singleValueExtendedProperties"] == [{"id": PROPERTY, "value": "Rec'1"}]
    listed = ada.all("me/events", __expand=expand)
    assert [("singleValueExtendedProperties" in one) for one in listed] == [True, False]
    mine = f"singleValueExtendedProperties/Any(ep: ep/id eq '{PROPERTY}' and ep/value eq 'rec''1')"
    assert ids(ada.all("me/events", __filter=mine)) == {event["id"]}
    assert ada("GET", "me/events", __expand="singleValueExtendedProperties").status_code == 400
    window = "startDateTime=2030-01-01T00:00:00Z&endDateTime=2030-02-01T00:00:00Z"
    assert ada("GET", f"me/calendarView?{window}&$filter={mine}").status_code == 500
    bad = timed(singleValueExtendedProperties=[{"id": "record", "value": "1"}])
    assert code(ada("POST", "me/events", bad))[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {"subject": "No times"},
        timed(start={"dateTime": "2030-01-08T10:00:00Z", "timeZone": "UTC"}),
        timed(start={"dateTime": "2030-01-08T11:00:00", "timeZone": "UTC"}),
        timed(zone="Europe/Zurich"),
        timed(sensitivity="secret"),
        timed(showAs="away"),
        timed(bogus=1),
        timed(**{"@odata.etag": "x"}),
        timed(**guests("not an address")),
        timed(reminderMinutesBeforeStart=-1),
        all_day(start={"dateTime": "2030-01-08T01:00:00", "timeZone": "UTC"}),
        all_day(days=0),
        all_day(end={"dateTime": "2030-01-09T00:00:00", "timeZone": BERLIN}),
    ],
)
def test_what_exchange_refuses(ada: Api, body: dict[str, Any]) -> None:
    assert ada("POST", "me/events", body).status_code == 400
    assert ada.all("me/events") == []


def test_zones_in_and_out(ada: Api, switch: Switchboard) -> None:
    event = ada.insert(timed(10, zone="Europe/Berlin"))
    seen = ada.ok(
        "GET",
        f"me/events/{event['id']}",
        headers={"prefer": 'IdType="ImmutableId", outlook.timezone="Tokyo Standard Time"'},
    )
    assert seen["start"] == {"dateTime": "2030-01-08T18:00:00.0000000", "timeZone": "Tokyo Standard Time"}
    switch.settings(accepts_any_iana=True)
    assert ada.insert(timed(10, zone="Europe/Zurich"))["originalStartTimeZone"] == "Europe/Zurich"


def test_whole_days_float(ada: Api) -> None:
    event = ada.insert(all_day(days=2))
    for zone in ("UTC", "Tokyo Standard Time"):
        seen = ada.ok(
            "GET", f"me/events/{event['id']}", headers={"prefer": f'IdType="ImmutableId", outlook.timezone="{zone}"'}
        )
        assert (seen["start"]["dateTime"][:10], seen["end"]["dateTime"][:10]) == ("2030-01-08", "2030-01-10")
        assert seen["start"]["timeZone"] == zone
    assert "Event.Start" in ada("PATCH", f"me/events/{event['id']}", {"isAllDay": False}).text
    changed = {key: timed()[key] for key in ("start", "end")}
    assert ada.ok("PATCH", f"me/events/{event['id']}", {"isAllDay": False, **changed})["isAllDay"] is False


def test_half_a_change_of_time_keeps_the_other_half(ada: Api) -> None:
    event = ada.insert(timed(10))
    later = {"start": {"dateTime": "2030-01-08T10:15:00", "timeZone": "UTC"}}
    assert ada.ok("PATCH", f"me/events/{event['id']}", later)["end"] == event["end"]
    beyond = {"start": {"dateTime": "2030-01-08T12:00:00", "timeZone": "UTC"}}
    assert ada("PATCH", f"me/events/{event['id']}", beyond).status_code == 400


def test_bodies_are_rewritten(ada: Api) -> None:
    html = {"contentType": "html", "content": "<p onclick='x()'>Agenda &amp; more</p><script>bad()</script>"}
    event = ada.insert(timed(body=html))
    assert event["bodyPreview"] == "Agenda & more"
    assert "<p>Agenda &amp; more</p>" in event["body"]["content"]
    assert "script" not in event["body"]["content"]
    text = ada.ok("PATCH", f"me/events/{event['id']}", {"body": {"contentType": "text", "content": "One\n<two>"}})
    assert "One<br>\r\n&lt;two&gt;" in text["body"]["content"]
    plain = ada.ok(
        "GET", f"me/events/{event['id']}", headers={"prefer": 'IdType="ImmutableId", outlook.body-content-type="text"'}
    )
    assert plain["body"] == {"contentType": "text", "content": "One\r\n<two>\r\n"}


def test_ids_of_the_two_kinds_do_not_mix(ada: Api, switch: Switchboard) -> None:
    event = ada.insert(timed())
    mutable = ada.http.get("me/events").json()["value"][0]["id"]
    assert mutable != event["id"]
    assert code(ada("GET", f"me/events/{mutable}")) == (400, "ErrorInvalidIdMalformed")
    body = {"inputIds": [mutable], "sourceIdType": "restId", "targetIdType": "restImmutableEntryId"}
    assert ada.ok("POST", "me/translateExchangeIds", body)["value"][0]["targetId"] == event["id"]
    other = switch.add_calendar(ADA, "Other")
    switch.move_event(ada.home(), event["id"], other)
    assert ada.ok("GET", f"me/calendars/{other}/events/{event['id']}")["id"] == event["id"]
    assert code(ada("GET", f"me/calendars/{ada.home()}/events/{event['id']}"))[0] == 404
    assert ada.http.get(f"me/events/{mutable}").status_code == 404


def test_open_extensions(ada: Api) -> None:
    extension = {"@odata.type": "microsoft.graph.openTypeExtension", "extensionName": "com.example", "recordId": "1"}
    event = ada.insert(timed(extensions=[extension]))
    shown = ada.ok("GET", f"me/events/{event['id']}", __expand="extensions($filter=id eq 'com.example')")
    assert shown["extensions"][0]["recordId"] == "1"
    assert ada.ok("GET", f"me/events/{event['id']}/extensions/com.example")["recordId"] == "1"


def test_guests_are_mailed_and_see_the_meeting(ada: Api, eli: Api, switch: Switchboard) -> None:
    ada.insert(timed())
    assert switch.mail() == []
    event = ada.insert(timed(12, **guests(ELI, "pat@elsewhere.example")))
    assert [(line["kind"], line["to"]) for line in switch.mail()] == [("invitation", [ELI, "pat@elsewhere.example"])]
    seen = eli.view()[0]
    assert (seen["isOrganizer"], seen["iCalUId"], seen["showAs"]) == (False, event["iCalUId"], "tentative")
    switch.clear_mail()
    ada.ok("PATCH", f"me/events/{event['id']}", guests(ELI))
    assert [(line["kind"], line["to"]) for line in switch.mail()] == [("cancellation", ["pat@elsewhere.example"])]
    ada.ok("PATCH", f"me/events/{event['id']}", {"subject": "Moved"})
    assert switch.mail()[-1]["kind"] == "update"
    assert eli.view()[0]["subject"] == "Moved"


def test_answers_reach_the_organizer_unless_kept_back(ada: Api, eli: Api, switch: Switchboard) -> None:
    event = ada.insert(timed(**guests(ELI)))
    seen = eli.view()[0]["id"]
    assert code(ada("POST", f"me/events/{event['id']}/accept", {}))[0] == 400
    assert eli("POST", f"me/events/{seen}/tentativelyAccept", {"sendResponse": False}).status_code == 202
    assert ada.ok("GET", f"me/events/{event['id']}")["attendees"][0]["status"]["response"] == "none"
    assert eli("POST", f"me/events/{seen}/accept", {"comment": "Fine"}).status_code == 202
    assert ada.ok("GET", f"me/events/{event['id']}")["attendees"][0]["status"]["response"] == "accepted"
    assert [line["kind"] for line in switch.mail()] == ["invitation", "answer"]
    eli("POST", f"me/events/{seen}/decline", {})
    assert eli.view() == []


def test_only_the_organizer_cancels(ada: Api, eli: Api, switch: Switchboard) -> None:
    event = ada.insert(timed(**guests(ELI)))
    seen = eli.view()[0]["id"]
    assert "need to be an organizer" in eli("POST", f"me/events/{seen}/cancel", {}).text
    assert ada("POST", f"me/events/{event['id']}/cancel", {"comment": "Ill"}).status_code == 202
    assert (switch.mail()[-1]["kind"], switch.mail()[-1]["comment"]) == ("cancellation", "Ill")
    assert eli.view()[0]["isCancelled"] is True
    assert code(ada("GET", f"me/events/{event['id']}"))[0] == 404


def test_teams_links(ada: Api, vic: Api, switch: Switchboard) -> None:
    wanted = timed(isOnlineMeeting=True, onlineMeetingProvider="teamsForBusiness")
    event = ada.insert(wanted)
    url = event["onlineMeeting"]["joinUrl"]
    assert (event["isOnlineMeeting"], event["onlineMeetingUrl"]) == (True, None)
    assert url.replace("&", "&amp;") in event["body"]["content"]
    kept = ada.ok(
        "PATCH", f"me/events/{event['id']}", {"isOnlineMeeting": False, "body": {"contentType": "text", "content": "x"}}
    )
    assert (kept["isOnlineMeeting"], kept["onlineMeeting"]["joinUrl"]) == (True, url)
    assert url not in kept["body"]["content"]
    dropped = vic.insert(wanted)
    assert (dropped["isOnlineMeeting"], dropped["onlineMeetingProvider"]) == (False, "unknown")
    switch.settings(teams_delay_s=3)
    late = ada.insert(wanted)
    assert late["onlineMeeting"] is None
    switch.advance(3)
    assert ada.ok("GET", f"me/events/{late['id']}")["onlineMeeting"]["joinUrl"].startswith("https://teams.")


def test_a_meeting_without_event(ada: Api, vic: Api) -> None:
    made = ada.ok("POST", "me/onlineMeetings", {"subject": "Talk", "startDateTime": "2030-01-08T09:00:00Z"})
    assert made["joinWebUrl"].startswith("https://teams.")
    assert ada.all("me/events") == []
    assert vic("POST", "me/onlineMeetings", {}).status_code == 403
