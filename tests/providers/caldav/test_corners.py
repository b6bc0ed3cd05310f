"""What the corners of RFC 5545 mean: each of our own texts against what a person would say it says."""

from datetime import UTC, date, datetime

import pytest

from calsync.engine.event import Attendee, Floating, Person, Reminder
from calsync.providers.caldav import ics
from calsync.providers.caldav.lines import Broken
from tests.providers.caldav import samples


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


NINE, TEN = utc(2026, 3, 2, 9), utc(2026, 3, 2, 10)


@pytest.mark.parametrize(
    ("name", "start", "end", "tz"),
    [
        ("duration-exact", NINE, utc(2026, 3, 2, 10, 30), None),
        # P1D is the same wall time on the next day, PT24H is 24 hours
        ("duration-nominal-day-over-dst", utc(2026, 3, 28, 11), utc(2026, 3, 29, 10), "Europe/Berlin"),
        ("duration-24h-over-dst", utc(2026, 3, 28, 11), utc(2026, 3, 29, 11), "Europe/Berlin"),
        ("duration-weeks-all-day", date(2026, 3, 2), date(2026, 3, 16), None),
        ("duration-beside-dtend", NINE, TEN, None),
        ("missing-dtend-timed", NINE, NINE, None),
        ("missing-dtend-all-day", date(2026, 3, 2), date(2026, 3, 3), None),
        ("zero-length", NINE, NINE, None),
        ("all-day-end-equals-start", date(2026, 3, 2), date(2026, 3, 3), None),
        ("all-day-three-days", date(2026, 3, 2), date(2026, 3, 5), None),
        ("end-before-start", TEN, TEN, None),
        ("end-in-another-zone", NINE, utc(2026, 3, 2, 18), "Europe/Berlin"),
        ("end-is-a-date", NINE, utc(2026, 3, 2, 23), "Europe/Berlin"),
        ("floating", Floating(datetime(2026, 3, 2, 9)), Floating(datetime(2026, 3, 2, 10)), None),
        ("utc", NINE, TEN, None),
        ("year-9999", utc(9999, 12, 31, 22), utc(9999, 12, 31, 22, 59), "Europe/Berlin"),
        ("year-9999-all-day", date(9999, 12, 31), date(9999, 12, 31), None),
        ("start-in-the-gap", utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 1, 30), "Europe/Berlin"),
        ("start-twice", utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 2, 30), "Europe/Berlin"),  # the first of both
        ("lower-case-names", NINE, TEN, "Europe/Berlin"),
        ("zone-windows", utc(2026, 7, 2, 8), utc(2026, 7, 2, 9), "Europe/Berlin"),
        ("zone-windows-undescribed", utc(2026, 7, 2, 1), utc(2026, 7, 2, 2), "Asia/Tokyo"),
        ("zone-windows-quoted", utc(2026, 7, 2, 14), utc(2026, 7, 2, 15), "America/New_York"),
        ("zone-vendor-path", utc(2026, 7, 2, 8), utc(2026, 7, 2, 9), "Europe/Berlin"),
        ("zone-custom", utc(2026, 7, 2, 8), utc(2026, 7, 2, 9), "Europe/Berlin"),  # the same rules
        ("zone-custom-1601", utc(2026, 7, 2, 8), utc(2026, 7, 2, 9), "Europe/Berlin"),
        ("zone-custom-unlike-any", utc(2026, 7, 2, 6, 40), utc(2026, 7, 2, 7, 40), None),
        ("zone-lic-location", utc(2026, 7, 2, 4, 30), utc(2026, 7, 2, 5, 30), "Asia/Kolkata"),
        ("zone-offset-name", utc(2026, 7, 2, 8), utc(2026, 7, 2, 9), "Europe/Amsterdam"),
        ("zone-three-parts", utc(2026, 7, 2, 13), utc(2026, 7, 2, 14), "America/Argentina/Buenos_Aires"),
        ("zone-utc-by-name", utc(2026, 7, 2, 10), utc(2026, 7, 2, 11), "Etc/UTC"),
        ("zone-of-the-calendar", utc(2026, 7, 2, 13), utc(2026, 7, 2, 14), "America/Sao_Paulo"),
        ("zone-body-contradicts-name", utc(2026, 7, 2, 8), utc(2026, 7, 2, 9), "Europe/Berlin"),
    ],
)
def test_when_it_is(name, start, end, tz):
    (event,) = ics.parse(samples.corner(name))
    assert (event.start, event.end, event.tz) == (start, end, tz)


@pytest.mark.parametrize(
    ("name", "rule", "rdates", "exdates"),
    [
        ("rrule-negative-byday", "FREQ=MONTHLY;BYDAY=-1FR", (), ()),
        ("rrule-lower-case", "FREQ=WEEKLY;BYDAY=MO;COUNT=3", (), ()),
        ("rrule-until-date-of-timed", "FREQ=DAILY;UNTIL=20260305", (), ()),
        ("rrule-count-exdate", "FREQ=DAILY;COUNT=3", (), (utc(2026, 3, 3, 9),)),
        ("until-9999", "FREQ=YEARLY;UNTIL=99991231T235959Z", (), ()),
        ("exdate-list", "FREQ=DAILY", (), (utc(2026, 3, 3, 9), utc(2026, 3, 4, 9), utc(2026, 3, 6, 9))),
        (
            "exdate-several-lines-and-forms",
            "FREQ=DAILY",
            (),
            (utc(2026, 3, 3, 9), utc(2026, 3, 4, 9), utc(2026, 3, 5, 9)),
        ),
        ("rdate-period", None, (utc(2026, 3, 5, 9), utc(2026, 3, 6, 9)), ()),
        ("rdate-dates", None, (date(2026, 3, 9), date(2026, 3, 20)), ()),
        ("rdate-beside-rrule", "FREQ=WEEKLY;COUNT=2", (utc(2026, 3, 9, 9), utc(2026, 3, 11, 14)), ()),
        ("floating-series", "FREQ=DAILY;UNTIL=20260310T070000", (), (Floating(datetime(2026, 3, 4, 7)),)),
    ],
)
def test_how_it_recurs(name, rule, rdates, exdates):
    (event,) = ics.parse(samples.corner(name))
    assert (event.rrule, event.rdates, event.exdates) == (rule, rdates, exdates)


@pytest.mark.parametrize(
    ("name", "slots"),
    [
        ("override-after-series", [None, utc(2026, 3, 3, 9)]),
        ("override-before-series", [utc(2026, 3, 3, 9), None]),
        ("override-id-in-utc", [None, utc(2026, 3, 3, 9)]),
        ("override-id-is-a-date", [None, utc(2026, 3, 3, 9)]),  # the occurrence of that day
        ("override-cancelled", [None, utc(2026, 3, 3, 9)]),
        ("override-this-and-future", [None, utc(2026, 3, 3, 9)]),
        ("override-alone", [utc(2026, 3, 3, 9)]),
        ("override-all-day", [None, date(2026, 3, 9)]),
        ("override-many", [None, utc(2026, 3, 5, 9), utc(2026, 3, 3, 9), utc(2026, 3, 4, 9)]),
    ],
)
def test_which_occurrences_are_changed(name, slots):
    assert [event.recurrence_id for event in ics.parse(samples.corner(name))] == slots


def test_a_cancelled_override_is_an_event_with_that_status():
    assert [event.status for event in ics.parse(samples.corner("override-cancelled"))] == ["confirmed", "cancelled"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("escapes", {"summary": "Semi; comma, back\\slash \n new line \n too", "location": "C:\\temp;x"}),
        ("folded-in-odd-places", {"summary": "Folded", "description": "ab c"}),
        ("no-summary", {"summary": "", "description": "There is no title"}),
        ("empty-values", {"summary": "", "description": "", "location": ""}),
        ("bare-line-feeds", {"summary": "Lines end in LF only"}),
        ("status-tentative-private", {"status": "tentative", "classification": "private", "sequence": 7}),
        ("status-cancelled", {"status": "cancelled"}),
        ("busy-status-free", {"transparency": "transparent"}),
        ("language-and-altrep", {"summary": "Besprechung"}),
        ("our-mark", {"our_id": "0197-abc"}),
        ("conference", {"conference": "https://meet.example.com/abc?pwd=1;x=2", "url": "https://example.com/agenda"}),
        ("conference-of-others", {"conference": "https://meet.example.com/xyz"}),
        ("alarm-default-of-apple", {"reminders": ()}),
        (
            "alarms",
            {"reminders": (Reminder(15), Reminder(1440), Reminder(60, "email"), Reminder(0))},
        ),  # from the end, absolute and by the second cannot be said
    ],
)
def test_what_it_says(name, values):
    (event,) = ics.parse(samples.corner(name))
    assert {field: getattr(event, field) for field in values} == values


def test_guests_of_all_kinds():
    (event,) = ics.parse(samples.corner("attendees-of-all-kinds"))
    assert event.organizer == Person("ann@example.com", "Ann")
    assert event.attendees == (
        Attendee("ann@example.com", "Ann", role="chair", partstat="accepted"),
        Attendee("room12@example.com", "Room 12", role="non-participant", partstat="accepted", kind="room"),
        Attendee("team@example.com", role="opt-participant", kind="group"),
        Attendee("bob@example.com", partstat="delegated"),
        Attendee("dan@icloud.example", "Dan"),  # iCloud writes a path and keeps the address beside it
        Attendee("fay@example.com"),
    )


def test_parameters_are_unquoted_and_unescaped():
    (babe,), (jane,) = (ics.parse(samples.corner(n)) for n in ("parameter-caret", "parameter-quoted-specials"))
    assert babe.attendees[0].name == 'George Herman "Babe" Ruth'
    assert jane.attendees[0].name == "Doe, Jane; the: one"


def test_every_corner_can_be_read():
    assert len(samples.corner_names()) >= 60
    assert all(ics.parse(samples.corner(name)) for name in samples.corner_names())


def wrapped(*content):
    inner = "\r\n".join(("BEGIN:VEVENT", *content, "END:VEVENT"))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{inner}\r\nEND:VCALENDAR\r\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (("UID:a", "SUMMARY:Tea"), "Tea: it has no start"),
        (("SUMMARY:Tea", "DTSTART:20260302T090000Z"), "Tea: it has no UID"),
        (("UID:a", "DTSTART:tomorrow"), "a: 'tomorrow' is not a date or time"),
        (("UID:a", "SUMMARY:Tea", "DTSTART:20260231T090000Z"), "Tea: '20260231T090000Z' is not a date: "),
        (("UID:a", "SUMMARY:Tea", "DTSTART:20260302T250000Z"), "Tea: '20260302T250000Z' is not a time: "),
        (("UID:a", "SUMMARY:Tea", "DTSTART:20260302T090000Z", "DURATION:long"), "Tea: 'long' is not a duration"),
        (("UID:a", "SUMMARY:Tea", "DTSTART:20260302T090000Z", "RRULE:FREQ=OFTEN"), "Tea: recurrence rule has no known"),
        # never silently UTC
        (("UID:a", "SUMMARY:Tea", "DTSTART;TZID=Mars/Olympus:20260302T090000"), "Tea: the time zone 'Mars/Olympus'"),
    ],
)
def test_a_broken_event_is_named(content, problem):
    with pytest.raises(Broken) as raised:
        ics.parse(wrapped(*content))
    assert str(raised.value).startswith(problem)
    resource = ics.resource("/a.ics", "1", wrapped(*content))
    assert (resource.events, resource.fault) == ((), str(raised.value))


def test_an_unknown_zone_is_read_in_the_calendars_own():
    (event,) = ics.parse(wrapped("UID:a", "DTSTART;TZID=Mars:20260702T090000"), zone="Asia/Tokyo")
    assert (event.start, event.tz) == (utc(2026, 7, 2, 0), "Asia/Tokyo")


def test_a_text_of_tasks_has_no_events():
    assert ics.parse("BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:t\nSUMMARY:Do\nEND:VTODO\nEND:VCALENDAR\n") == ()


def test_of_two_events_with_one_name_the_later_revision_counts():
    one = "BEGIN:VEVENT\nUID:a\nDTSTART:20260302T090000Z\nSEQUENCE:{}\nSUMMARY:{}\nEND:VEVENT\n"
    text = "BEGIN:VCALENDAR\n" + one.format(3, "newer") + one.format(2, "older") + "END:VCALENDAR\n"
    assert [event.summary for event in ics.parse(text)] == ["newer"]
