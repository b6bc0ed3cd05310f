"""Graph's JSON to events and back, without a server. Bodies are composed after Microsoft's documentation."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine import zones as names
from calsync.engine.event import FIELDS, Attendee, Event, Floating, Person, Reminder, content, from_json, to_json
from calsync.providers import occurrence
from calsync.providers.microsoft import bodies, codec, marks, texts, when, zones
from tests.providers.contract import DAY, HOUR, NINE, SHAPES, STANDUP, TEA
from tests.providers.microsoft import outlook

LISBON = "Europe/Lisbon"
ITEM: dict[str, Any] = {
    "id": "AAMkAGEvt0001=",
    "@odata.etag": 'W/"DwAAABYAAAB2Zk1a"',
    "changeKey": "DwAAABYAAAB2Zk1a",
    "createdDateTime": "2029-12-20T08:00:00.1234567Z",
    "lastModifiedDateTime": "2029-12-20T08:00:00.6171234Z",
    "type": "singleInstance",
    "subject": "Intro call",
    "iCalUId": "040000008200E00074C5B7101A82E008",
    "organizer": {"emailAddress": {"name": "Ada", "address": "Ada@example.test"}},
    "isOrganizer": True,
    "originalStartTimeZone": "W. Europe Standard Time",
    "start": {"dateTime": "2030-01-08T09:00:00.0000000", "timeZone": "UTC"},
    "end": {"dateTime": "2030-01-08T10:00:00.0000000", "timeZone": "UTC"},
    "isAllDay": False,
    "isReminderOn": False,
    "reminderMinutesBeforeStart": 15,
    "showAs": "busy",
    "sensitivity": "normal",
    "categories": ["Blue category"],
    "body": {"contentType": "html", "content": "<html><body>Agenda</body></html>"},
    "location": {"displayName": "Room 1"},
    "recurrence": None,
}
GUESTS = [
    {"type": "required", "status": {"response": "accepted"}, "emailAddress": {"name": "Ben", "address": "Ben@x.test"}},
    {"type": "optional", "status": {"response": "tentativelyAccepted"}, "emailAddress": {"address": "cy@x.test"}},
    {"type": "resource", "status": {"response": "none"}, "emailAddress": {"name": "Room", "address": "room@x.test"}},
]
BLOB = (
    '<div class="me-email-text"><div><span>' + "_" * 80 + "</span></div>"
    '<a href="https://teams.microsoft.com/l/meetup-join/19%3ameeting">Join the meeting now</a>'
    "<div><span>" + "_" * 80 + "</span></div></div>"
)


def item(**more: Any) -> dict[str, Any]:
    return {**ITEM, **more}


def patched(stored: dict[str, Any], *fields: str, **changes: Any) -> dict[str, Any]:
    """Return the PATCH body for changes of a stored event."""
    event = replace(codec.event_of(stored), **changes)
    return bodies.patch(event, frozenset(fields or FIELDS), stored, LISBON)


def written(event: Event, zone: str = LISBON) -> Event:
    """Return an event as it is read back after it was created."""
    return codec.event_of(outlook.stored(bodies.insert(event, "key1", zone)))


# --- reading


def test_an_event_is_read() -> None:
    assert codec.event_of(ITEM) == Event(
        "040000008200E00074C5B7101A82E008",
        NINE,
        NINE + HOUR,
        "Europe/Berlin",
        summary="Intro call",
        description="Agenda",
        location="Room 1",
        created=datetime(2029, 12, 20, 8, 0, 0, 123456, tzinfo=UTC),
        last_modified=datetime(2029, 12, 20, 8, 0, 0, 617123, tzinfo=UTC),
    )


def test_guests_are_read() -> None:
    event = codec.event_of(item(attendees=GUESTS))
    assert event.organizer == Person("ada@example.test", "Ada")
    assert event.attendees == (
        Attendee("ben@x.test", "Ben", partstat="accepted"),
        Attendee("cy@x.test", role="opt-participant", partstat="tentative"),
        Attendee("room@x.test", "Room", kind="resource"),
    )


def test_an_invitation_that_was_declined_says_so() -> None:
    event = codec.event_of(item(isOrganizer=False, responseStatus={"response": "declined"}))
    assert event.is_declined
    assert event.organizer == Person("ada@example.test", "Ada")


@pytest.mark.parametrize(
    ("shown", "status", "transparency"),
    [
        ("busy", "confirmed", "opaque"),
        ("free", "confirmed", "transparent"),
        ("tentative", "tentative", "opaque"),
        ("oof", "confirmed", "opaque"),
        ("workingElsewhere", "confirmed", "opaque"),
        ("unknown", "confirmed", "opaque"),
    ],
)
def test_how_the_time_is_shown(shown: str, status: str, transparency: str) -> None:
    event = codec.event_of(item(showAs=shown))
    assert (event.status, event.transparency) == (status, transparency)


def test_what_was_called_off_is_cancelled() -> None:
    assert codec.event_of(item(isCancelled=True, showAs="tentative")).status == "cancelled"


@pytest.mark.parametrize(("said", "read"), [("personal", "private"), ("confidential", "confidential")])
def test_private_events(said: str, read: str) -> None:
    assert codec.event_of(item(sensitivity=said)).classification == read


def test_days_are_days_in_whatever_zone_they_come() -> None:
    midnight = [
        {"dateTime": f"2030-01-{day}T00:00:00.0000000", "timeZone": "Tokyo Standard Time"} for day in ("08", "10")
    ]
    event = codec.event_of(item(isAllDay=True, start=midnight[0], end=midnight[1]))
    assert (event.start, event.end, event.tz) == (date(2030, 1, 8), date(2030, 1, 10), None)


@pytest.mark.parametrize("name", ["tzone://Microsoft/Custom", "Moon Standard Time", "", None])
def test_a_zone_that_nobody_knows_leaves_the_time(name: str | None) -> None:
    event = codec.event_of(item(originalStartTimeZone=name))
    assert (event.start, event.tz) == (NINE, None)


def test_a_series_in_a_zone_that_nobody_knows_stays_unread_unless_the_calendar_has_one() -> None:
    ends = {"type": "noEnd", "startDate": "2030-01-08", "recurrenceTimeZone": "tzone://Microsoft/Custom"}
    series = {"pattern": {"type": "daily", "interval": 1}, "range": ends}
    custom = item(recurrence=series, originalStartTimeZone="tzone://Microsoft/Custom")
    assert "Custom" in str(codec.resource_of(custom).fault)
    assert codec.resource_of(custom, "Europe/Berlin").events[0].tz == "Europe/Berlin"


def test_an_exception_takes_from_its_series_what_it_does_not_say() -> None:
    master = item(id="M", iCalUId="master-uid", type="seriesMaster")
    own = item(type="exception", seriesMasterId="M", iCalUId="own-uid", originalStart="2030-01-09T09:00:00Z")
    event = codec.event_of(codec.with_series(own, master))
    assert (event.uid, event.recurrence_id) == ("master-uid", NINE + DAY)
    days = codec.with_series({**own, "isAllDay": True}, {**master, "isAllDay": True})
    assert codec.event_of(days).recurrence_id == date(2030, 1, 9)


@pytest.mark.parametrize("original", ["2030-01-08T23:00:00Z", "2030-01-09T00:00:00Z", "2030-01-09T11:00:00Z"])
def test_the_slot_of_a_day_is_that_day_east_and_west(original: str) -> None:
    assert when.read_slot(original, is_all_day=True) == date(2030, 1, 9)


def test_what_teams_wrote_about_the_meeting_is_no_description() -> None:
    body = {"contentType": "html", "content": f"<html><body><div>Agenda</div><br>{BLOB}</body></html>"}
    assert codec.event_of(item(body=body)).description == "Agenda"


def test_a_text_body_is_read_as_it_stands() -> None:
    assert codec.event_of(item(body={"contentType": "text", "content": "a <b>\r\nc"})).description == "a <b>\nc"


@pytest.mark.parametrize("change", [{"start": {}}, {"start": None}, {"recurrence": {"pattern": {}, "range": {}}}])
def test_what_cannot_be_read_has_a_fault_that_names_it(change: dict[str, Any]) -> None:
    resource = codec.resource_of(item(**change))
    assert (resource.events, resource.handle) == ((), "AAMkAGEvt0001=")
    assert str(resource.fault).startswith("Intro call: ")


# --- round trips


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_reads_back_the_same(shape: str) -> None:
    given_ = SHAPES[shape]
    seen, wanted = content(written(given_)), content(given_)
    if shape == "reminders":
        wanted["reminders"] = [[10, "popup"]]  # there is one only
    if shape == "series with holes" or shape == "all-day series":
        seen["exdates"] = wanted["exdates"]  # occurrences are taken out one by one
    assert seen == wanted


@pytest.mark.parametrize("shape", SHAPES)
def test_writing_back_what_was_read_writes_nothing(shape: str) -> None:
    stored = outlook.stored(bodies.insert(replace(SHAPES[shape], our_id="0123456789abcdef"), "key1", LISBON))
    assert patched(stored) == {}


def test_events_survive_the_mirror() -> None:
    event = written(replace(STANDUP, url="https://x.example", conference="https://zoom.example/1"))
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


@given(st.sampled_from(sorted(names.resolve(each) or "" for each in names._windows())))
def test_every_zone_of_windows_keeps_its_time_and_its_name(zone: str) -> None:
    for at in (NINE, NINE + 182 * DAY):
        event = replace(TEA, tz=None if names.is_utc(zone) else zone, start=at, end=at + HOUR)
        seen = written(event)
        assert (seen.start, seen.end, seen.tz) == (event.start, event.end, event.tz)


@pytest.mark.parametrize(
    "zone", ["Europe/Lisbon", "Europe/Zurich", "America/Toronto", "Asia/Ho_Chi_Minh", "Europe/Kyiv"]
)
def test_a_zone_that_shares_its_windows_name_comes_back_as_itself(zone: str) -> None:
    assert zones.windows(zone)
    assert written(replace(STANDUP, tz=zone)).tz == zone


def test_a_zone_that_somebody_changed_there_counts() -> None:
    stored = outlook.stored(bodies.insert(replace(TEA, tz=LISBON), "key1", LISBON))
    assert codec.event_of({**stored, "originalStartTimeZone": "Tokyo Standard Time"}).tz == "Asia/Tokyo"


def test_a_rule_that_somebody_changed_there_counts() -> None:
    stored = outlook.stored(bodies.insert(replace(STANDUP, rrule="FREQ=DAILY;COUNT=5;X-OURS=1"), "key1", LISBON))
    assert codec.event_of(stored).rrule == "FREQ=DAILY;COUNT=5;X-OURS=1"
    stored["recurrence"]["range"]["numberOfOccurrences"] = 6
    assert codec.event_of(stored).rrule == "FREQ=DAILY;COUNT=6"


def test_the_second_of_two_equal_wall_times_is_kept() -> None:
    twice = datetime(2030, 10, 27, 1, 30, tzinfo=UTC)  # half past two for the second time in Berlin
    seen = written(replace(TEA, tz="Europe/Berlin", start=twice, end=twice + HOUR))
    assert (seen.start, seen.end) == (twice, twice + HOUR)


def test_seconds_are_left_out_as_outlook_does() -> None:
    late = NINE.replace(second=59, microsecond=5)
    assert written(replace(TEA, start=late, end=late)).start == NINE


@given(st.text(st.characters(exclude_characters="\x00\xa0\r\t\x0c", exclude_categories=("Cs", "Cc")) | st.just("\n")))
def test_every_text_comes_back_as_it_was_written(text: str) -> None:
    assert texts.to_text(f"<html>\r\n<body>\r\n{texts.to_html(text)}\r\n</body>\r\n</html>") == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p>\r\n<p>Two</p>", "One\nTwo"),
        ("a<br>b<br>", "a\nb"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("<ul><li>x</li><li>y</li></ul>", "- x\n- y"),
        ('See <a href="https://x.example/1">this</a>', "See this (https://x.example/1)"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ("<style>p {color: red}</style>\n  many   spaces \n here", "many spaces here"),
        ("2 &lt; 3 &amp; 4", "2 < 3 & 4"),
    ],
)
def test_html_is_read_as_text(html: str, text: str) -> None:
    assert texts.to_text(html) == text


# --- writing


def test_a_new_event_says_what_makes_it_ours() -> None:
    body = bodies.insert(replace(TEA, our_id="0123456789abcdef"), "key1", LISBON)
    assert body["transactionId"] == bodies.transaction_id("key1") != bodies.transaction_id("key2")
    assert marks.key_of(body) == "key1"
    assert marks.facts(body)[marks.ID] == "0123456789abcdef"
    assert "attendees" not in body


def test_a_change_names_what_changed_and_nothing_else() -> None:
    assert patched(ITEM, summary="Other") == {"subject": "Other"}
    assert patched(ITEM, "location", summary="Other") == {}


@pytest.mark.parametrize("shown", ["oof", "workingElsewhere"])
def test_kinds_of_being_busy_stay_as_they_are(shown: str) -> None:
    stored = item(showAs=shown)
    assert "showAs" not in patched(stored, summary="Other")
    assert patched(stored, transparency="transparent") == {"showAs": "free"}


def test_what_is_tentative_and_free_is_remembered_as_both() -> None:
    seen = written(replace(TEA, status="tentative", transparency="transparent"))
    assert (seen.status, seen.transparency) == ("tentative", "transparent")


def test_one_unit_of_how_the_time_is_shown_leaves_the_other() -> None:
    assert patched(item(showAs="tentative"), "transparency", status="confirmed") == {}
    assert patched(item(showAs="free"), "status", status="tentative", transparency="opaque").get("showAs") == "free"


def test_days_and_times_change_whole() -> None:
    body = patched(ITEM, start=date(2030, 1, 8), end=date(2030, 1, 8), tz=None)
    assert (body["isAllDay"], body["start"]["dateTime"], body["end"]["dateTime"]) == (
        True,
        "2030-01-08T00:00:00",
        "2030-01-09T00:00:00",
    )


def test_a_series_that_shall_be_one_event_loses_its_recurrence() -> None:
    stored = outlook.stored(bodies.insert(STANDUP, "key1", LISBON))
    assert patched(stored, rrule=None)["recurrence"] is None


def test_the_lines_of_teams_are_written_back() -> None:
    stored = item(body={"contentType": "html", "content": f"<div>Agenda</div><br>{BLOB}"})
    sent = patched(stored, description="New agenda")["body"]["content"]
    assert "meetup-join" in sent
    assert texts.to_text(sent) == "New agenda"


def test_guests_who_stay_are_sent_as_they_stand() -> None:
    stored = item(attendees=GUESTS)
    guests = (*codec.event_of(stored).attendees[:2], Attendee("di@x.test", "Di", kind="room"))
    assert patched(stored, attendees=guests)["attendees"] == [
        {"type": "required", "emailAddress": {"name": "Ben", "address": "Ben@x.test"}},
        {"type": "optional", "emailAddress": {"address": "cy@x.test"}},
        {"type": "resource", "emailAddress": {"address": "di@x.test", "name": "Di"}},
    ]


def test_reminders_are_the_last_one() -> None:
    assert patched(ITEM, reminders=(Reminder(60), Reminder(10), Reminder(-5))) == {
        "isReminderOn": True,
        "reminderMinutesBeforeStart": 10,
    }
    assert patched(item(isReminderOn=True), reminders=()) == {"isReminderOn": False}


def test_a_link_of_others_is_noted_beside_the_event_and_taken_away_again() -> None:
    stored = outlook.stored(bodies.insert(replace(TEA, conference="https://zoom.example/1"), "key1", LISBON))
    assert codec.event_of(stored).conference == "https://zoom.example/1"
    body = patched(stored, conference=None)
    assert marks.LINK not in marks.facts(body)
    assert marks.key_of(body) == ""  # the key stays in a property of its own


def test_teams_is_asked_for_once() -> None:
    assert bodies.with_link({}, "teams", ITEM) == {"isOnlineMeeting": True, "onlineMeetingProvider": "teamsForBusiness"}
    assert bodies.with_link({}, "teams", item(isOnlineMeeting=True)) == {}
    assert bodies.with_link({}, "meet", ITEM) == {}


def test_an_occurrence_that_went_back_counts_again_once_it_changes() -> None:
    master = outlook.stored(bodies.insert(STANDUP, "key1", LISBON))
    own = item(type="exception", seriesMasterId="M", originalStart="2030-01-09T09:00:00Z")
    own = codec.with_series(own, master)
    back = {**own, **bodies.noting(own, **{marks.BACK: occurrence.likeness(codec.event_of(own))})}
    assert codec.is_gone(back)
    assert not codec.is_gone({**back, "subject": "Changed"})
    assert not codec.is_gone(own)


def test_a_floating_time_stands_in_the_calendars_zone() -> None:
    floating = replace(TEA, start=Floating(datetime(2030, 1, 8, 9)), end=Floating(datetime(2030, 1, 8, 10)))
    body = bodies.insert(floating, "key1", "America/New_York")
    assert body["start"] == {"dateTime": "2030-01-08T09:00:00", "timeZone": "Eastern Standard Time"}


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"id": 5}'])
def test_marks_that_cannot_be_read_are_none(text: str) -> None:
    event = codec.event_of(item(singleValueExtendedProperties=[{"id": marks.FACTS, "value": text}]))
    assert event.our_id in (None, "5")


def test_properties_are_found_however_the_server_writes_their_names() -> None:
    said = [{"id": marks.KEY.replace("{6d1f4c1b", "{6D1F4C1B"), "value": "key1"}]
    assert marks.key_of(item(singleValueExtendedProperties=said)) == "key1"
