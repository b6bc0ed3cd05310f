"""Google's JSON to events and back, without a server. Bodies are composed after Google's documentation."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsync.engine.event import FIELDS, Attendee, Event, Floating, Person, Reminder, from_json, to_json
from calsync.engine.vocabulary import EventKind
from calsync.providers import occurrence
from calsync.providers.google import bodies, codec, texts, when
from tests.providers.contract import DAY, HOUR, NINE, SHAPES, STANDUP, TEA

LISBON = "Europe/Lisbon"
ITEM: dict[str, Any] = {
    "id": "6f1c2b1e",
    "etag": '"3512345678901234"',
    "status": "confirmed",
    "created": "2029-12-20T08:00:00Z",
    "updated": "2029-12-20T08:00:00.617Z",
    "summary": "Intro call",
    "iCalUID": "6f1c2b1e@google.com",
    "organizer": {"email": "Ada@example.com", "self": True},
    "start": {"dateTime": "2030-01-08T10:00:00+01:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2030-01-08T11:00:00+01:00", "timeZone": "Europe/Berlin"},
    "sequence": 2,
    "reminders": {"useDefault": True},
    "eventType": "default",
}
GUESTS = [
    {"email": "ada@example.com", "organizer": True, "self": True, "responseStatus": "accepted"},
    {
        "email": "Ben@other.example",
        "displayName": "Ben",
        "responseStatus": "tentative",
        "optional": True,
        "comment": "?",
    },
    {"email": "room@resource.calendar.google.com", "resource": True, "responseStatus": "accepted"},
]


def item(**more: Any) -> dict[str, Any]:
    return {**ITEM, **more}


def patched(stored: dict[str, Any], *fields: str, **changes: Any) -> dict[str, Any]:
    """Return the PATCH body for changes of a stored event."""
    event = replace(codec.event_of(stored), **changes)
    return bodies.patch(event, frozenset(fields or FIELDS), stored, LISBON)


# --- reading


def test_an_event_is_read() -> None:
    event = codec.event_of(ITEM)
    assert event == Event(
        "6f1c2b1e@google.com",
        NINE,
        NINE + HOUR,
        "Europe/Berlin",
        summary="Intro call",
        sequence=2,
        created=datetime(2029, 12, 20, 8, tzinfo=UTC),
        last_modified=datetime(2029, 12, 20, 8, 0, 0, 617000, tzinfo=UTC),
    )


def test_guests_are_read() -> None:
    event = codec.event_of(item(attendees=GUESTS))
    assert event.organizer == Person("ada@example.com")
    assert event.attendees == (
        Attendee("ada@example.com", partstat="accepted"),
        Attendee("ben@other.example", "Ben", "opt-participant", "tentative"),
        Attendee("room@resource.calendar.google.com", partstat="accepted", kind="resource"),
    )


@pytest.mark.parametrize(
    ("organizer", "guests", "address"),
    [
        ({"email": "ada@example.com", "self": True}, [], None),  # nobody else takes part
        ({"email": "x@group.calendar.google.com", "self": True}, GUESTS, None),  # a calendar is no person
        ({"email": "x@group.calendar.google.com"}, GUESTS, "x@group.calendar.google.com"),  # somebody else's
        ({"email": "ben@other.example"}, [], "ben@other.example"),
    ],
)
def test_who_organizes(organizer: dict[str, Any], guests: list[dict[str, Any]], address: str | None) -> None:
    found = codec.event_of(item(organizer=organizer, attendees=guests)).organizer
    assert (found.address if found else None) == address


def test_what_kind_of_event_it_is_is_kept() -> None:
    assert codec.event_of(item(eventType="party")).kind is EventKind.OTHER
    event = codec.event_of(item(eventType="outOfOffice"))
    assert event.kind is from_json(to_json(event)).kind is EventKind.OUT_OF_OFFICE
    assert codec.event_of(ITEM).kind is EventKind.DEFAULT
    assert "event_kind" not in to_json(codec.event_of(ITEM))


def test_what_the_calendars_person_declined_is_declined_under_any_address() -> None:
    mine = {"email": "alias@example.com", "self": True, "responseStatus": "declined"}
    theirs = {"email": "bob@example.com", "responseStatus": "declined"}
    event = codec.event_of(item(attendees=[mine, theirs]))
    assert event.is_declined
    assert from_json(to_json(event)).is_declined
    assert not codec.event_of(item(attendees=[mine | {"responseStatus": "accepted"}, theirs])).is_declined


def test_an_override_names_its_slot() -> None:
    original = {"dateTime": "2030-01-09T10:00:00+01:00", "timeZone": "Europe/Berlin"}
    event = codec.event_of(item(recurringEventId="6f1c", originalStartTime=original))
    assert event.recurrence_id == NINE + DAY


def test_the_mark_of_a_series_is_not_that_of_its_overrides() -> None:
    marks = {"private": {codec.MARK: "0123456789abcdef"}}
    original = {"dateTime": "2030-01-09T09:00:00Z"}
    assert codec.event_of(item(extendedProperties=marks)).our_id == "0123456789abcdef"
    override = item(extendedProperties=marks, recurringEventId="6f1c", originalStartTime=original)
    assert codec.event_of(override).our_id is None


@pytest.mark.parametrize(
    "more",
    [
        {"hangoutLink": "https://meet.google.com/a"},
        {"conferenceData": {"entryPoints": [{"entryPointType": "video", "uri": "https://meet.google.com/a"}]}},
        {"extendedProperties": {"private": {codec.LINK: "https://meet.google.com/a"}}},
    ],
)
def test_a_join_link_is_found_wherever_it_stands(more: dict[str, Any]) -> None:
    assert codec.event_of(item(**more)).conference == "https://meet.google.com/a"


def test_recurrence_lines_are_read() -> None:
    lines = [
        "RRULE:FREQ=DAILY;COUNT=9",
        "EXDATE;TZID=Europe/Berlin:20300109T100000,20300110T100000",
        "EXDATE:20300111T090000Z",
        "RDATE;TZID=America/New_York:20300120T030000",
    ]
    event = codec.event_of(item(recurrence=lines))
    assert event.rrule == "FREQ=DAILY;COUNT=9"
    assert event.exdates == (NINE + DAY, NINE + 2 * DAY, NINE + 3 * DAY)
    assert event.rdates == (datetime(2030, 1, 20, 8, tzinfo=UTC),)


@pytest.mark.parametrize(
    "more",
    [
        {"recurrence": ["RRULE:FREQ=DAILY", "RRULE:FREQ=YEARLY"]},
        {"recurrence": ["RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY"]},
        {"recurrence": ["nonsense"]},
        {"recurrence": ["RRULE:FREQ=DAILY"], "start": {"dateTime": "2030-01-08T09:00:00Z", "timeZone": "Mars/Olympus"}},
        {"start": {"dateTime": "yesterday"}},
        {"start": {}},
    ],
    ids=lambda more: json.dumps(more)[:40],
)
def test_what_cannot_be_read_is_a_fault_and_keeps_its_body(more: dict[str, Any]) -> None:
    resource = codec.resource_of(item(**more))
    assert resource.events == ()
    assert resource.fault is not None
    assert resource.fault.startswith("Intro call: ")
    assert json.loads(resource.body) == item(**more)


def test_what_a_free_busy_reader_sees_stands_alone() -> None:
    bare = {"id": "a_20300108", "etag": '"1"', "status": "confirmed", "start": ITEM["start"], "end": ITEM["end"]}
    resource = codec.resource_of(bare | {"recurringEventId": "a", "originalStartTime": ITEM["start"]}, is_detached=True)
    assert (resource.events[0].uid, resource.events[0].recurrence_id) == ("a_20300108@google.com", None)


# --- writing


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_new_reads_as_it_was_meant(shape: str) -> None:
    given_event = replace(SHAPES[shape], our_id="0123456789abcdef")
    body = bodies.insert(given_event, "abcde", "key", LISBON)
    read = codec.event_of({**body, "iCalUID": given_event.uid})
    assert replace(read, rrule=read.rrule and read.rrule.upper()) == given_event


def test_only_what_differs_is_sent() -> None:
    stored = item(description="Booked via <b>us</b>.<br>Bye", attendees=GUESTS, colorId="5")
    assert patched(stored) == {}
    assert patched(stored, summary="Outro") == {"summary": "Outro"}
    assert patched(stored, "location", summary="Outro", location="Room 1") == {"location": "Room 1"}


def test_an_answer_changes_one_entry_and_keeps_the_others() -> None:
    stored = item(attendees=GUESTS, organizer={"email": "ben@other.example"})
    ada, ben, room = codec.event_of(stored).attendees
    body = patched(stored, "responses", attendees=(replace(ada, partstat="declined"), ben, room))
    assert body == {"attendees": [{**GUESTS[0], "responseStatus": "declined"}, *GUESTS[1:]]}


def test_an_answer_alone_takes_nobody_off_the_list() -> None:
    stored = item(attendees=GUESTS)
    ada = codec.event_of(stored).attendees[0]
    body = patched(stored, "responses", attendees=(replace(ada, partstat="declined"),))
    assert [guest["email"] for guest in body["attendees"]] == [guest["email"] for guest in GUESTS]


def test_guests_come_and_go_without_touching_the_others() -> None:
    stored = item(attendees=GUESTS)
    ada, ben, _ = codec.event_of(stored).attendees
    body = patched(
        stored, "attendees", attendees=(ada, replace(ben, partstat="declined"), Attendee("cy@x.example", "Cy"))
    )
    new = {"email": "cy@x.example", "displayName": "Cy", "optional": False, "responseStatus": "needsAction"}
    assert body == {"attendees": [*GUESTS[:2], new]}


def test_hidden_guests_stay_on_the_event() -> None:
    stored = item(attendees=GUESTS[:1], attendeesOmitted=True, organizer={"email": "ben@other.example"})
    (ada,) = codec.event_of(stored).attendees
    body = patched(stored, "responses", attendees=(replace(ada, partstat="declined"),))
    assert body == {"attendees": [{**GUESTS[0], "responseStatus": "declined"}], "attendeesOmitted": True}


def test_an_all_day_event_takes_the_hour_away() -> None:
    body = patched(ITEM, "time", start=date(2030, 1, 8), end=date(2030, 1, 8), tz=None)
    assert body["start"] == {"date": "2030-01-08", "dateTime": None, "timeZone": None}
    assert body["end"]["date"] == "2030-01-09"  # Google refuses a day of no length


def test_recurrence_lines_stay_as_they_were_written() -> None:
    lines = ["RRULE:FREQ=DAILY;COUNT=9;WKST=SU", "EXDATE;TZID=Europe/Berlin:20300109T100000"]
    stored = item(recurrence=lines)
    assert patched(stored, exdates=(NINE + DAY, NINE + 2 * DAY))["recurrence"] == [
        lines[0],
        "EXDATE;TZID=Europe/Berlin:20300109T100000",
        "EXDATE;TZID=Europe/Berlin:20300110T100000",
    ]
    assert patched(stored, rrule="FREQ=DAILY;COUNT=3")["recurrence"] == ["RRULE:FREQ=DAILY;COUNT=3", lines[1]]
    assert patched(stored, rrule=None, exdates=())["recurrence"] is None


@pytest.mark.parametrize(
    ("rule", "start", "written"),
    [
        ("FREQ=DAILY;UNTIL=20300110", NINE, "FREQ=DAILY;UNTIL=20300110T225959Z"),
        ("FREQ=DAILY;UNTIL=20300110T090000Z", NINE, "FREQ=DAILY;UNTIL=20300110T090000Z"),
        ("FREQ=DAILY;UNTIL=20300109T233000Z", date(2030, 1, 8), "FREQ=DAILY;UNTIL=20300110"),
        ("FREQ=DAILY;UNTIL=20300110T090000", Floating(datetime(2030, 1, 8, 9)), "FREQ=DAILY;UNTIL=20300110T080000Z"),
    ],
)
def test_until_has_the_form_that_google_asks_for(rule: str, start: Any, written: str) -> None:
    event = Event("u", start, start, rrule=rule)
    assert when.write_lines(event, "Europe/Berlin") == [f"RRULE:{written}"]


def test_a_time_that_the_clocks_show_twice_is_named_in_utc() -> None:
    second = datetime(2030, 10, 27, 1, 30, tzinfo=UTC)  # 02:30 in Berlin, an hour after the first 02:30
    event = replace(STANDUP, exdates=(second - HOUR, second))
    assert when.write_lines(event, "Europe/Berlin")[1:] == [
        "EXDATE;TZID=Europe/Berlin:20301027T023000",
        "EXDATE:20301027T013000Z",
    ]


def test_reminders_that_google_has_no_place_for_are_left_out() -> None:
    wanted = tuple(Reminder(minutes) for minutes in (-5, 10, 20, 30, 40, 50, 60, 50_000))
    overrides = patched(ITEM, "reminders", reminders=wanted)["reminders"]["overrides"]
    assert [r["minutes"] for r in overrides] == [10, 20, 30, 40, 50]


def test_a_join_link_of_others_is_remembered_beside_the_event() -> None:
    meet = {"conferenceId": "a", "entryPoints": [{"entryPointType": "video", "uri": "https://meet.google.com/a"}]}
    stored = item(conferenceData=meet, hangoutLink="https://meet.google.com/a")
    body = patched(stored, "conference", conference="https://zoom.example/1")
    assert body["conferenceData"] is None
    assert body["extendedProperties"] == {"private": {codec.LINK: "https://zoom.example/1"}}
    assert patched(stored, "conference", "summary", summary="x") == {"summary": "x"}


def test_an_exception_like_its_series_counts_until_somebody_changes_it() -> None:
    original = {"dateTime": "2030-01-09T09:00:00Z", "timeZone": "Europe/Berlin"}
    there = item(recurringEventId="6f1c", originalStartTime=original)
    marks = {"private": {codec.BACK: occurrence.likeness(codec.event_of(there))}}
    assert codec.is_gone(there | {"extendedProperties": marks})
    assert not codec.is_gone(there | {"extendedProperties": marks, "summary": "Changed"})
    assert not codec.is_gone(there)


def test_instances_are_told_from_other_ids() -> None:
    assert codec.is_instance_id("abc_20300108T090000Z", "abc")
    assert codec.is_instance_id("abc_20300108", "abc")
    assert codec.is_instance_id("abc_R20300101T090000_20300108T090000Z", "abc_R20300101T090000")
    assert not codec.is_instance_id("abc_R20300101T090000", "abc")
    assert not codec.is_instance_id("abc_R20300101T090000_20300108T090000Z", "abc")


# --- descriptions


@given(st.text())
def test_every_text_comes_back(text: str) -> None:
    assert texts.to_text(texts.to_html(text)) == text


@given(st.lists(st.sampled_from(["<b>", "</b>", "&amp;", "&", "<", "a<b", "<br>", "\n", "x", "&lt;p&gt;", " "])))
def test_every_text_with_markup_in_it_comes_back(parts: list[str]) -> None:
    text = "".join(parts)
    assert texts.to_text(texts.to_html(text)) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain\ntext, 1 < 2 & so on", "plain\ntext, 1 < 2 & so on"),
        ("<b>Bold</b> &amp; <i>more</i>", "Bold & more"),
        ("one<br>two<br><br>three", "one\ntwo\n\nthree"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("Agenda:<ul><li>first</li><li>second</li></ul>Bye", "Agenda:\n- first\n- second\nBye"),
        ('<a href="https://x.example/r/1">link</a>', "link (https://x.example/r/1)"),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:bo@x.example">bo@x.example</a>', "bo@x.example"),
        ("a&nbsp;b", "a\xa0b"),
        ("<span>x", "x"),
    ],
)
def test_html_reads_as_text(html: str, text: str) -> None:
    assert texts.to_text(html) == text


def test_an_edit_elsewhere_leaves_the_html() -> None:
    stored = item(description="<b>Bold</b><br>text")
    assert patched(stored, summary="x") == {"summary": "x"}
    assert patched(stored, description="plain") == {"description": "plain"}


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1)), st.sampled_from([None, "Europe/Berlin", "Asia/Kolkata"])
)
def test_every_time_comes_back(at: datetime, tz: str | None) -> None:
    start = at.replace(microsecond=0, tzinfo=UTC)
    event = replace(TEA, start=start, end=start + timedelta(minutes=90), tz=tz)
    assert codec.event_of(bodies.insert(event, "abcde", "key", LISBON) | {"iCalUID": TEA.uid}) == event
