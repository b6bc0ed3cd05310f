"""What an edit does to a text, and what it leaves alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from calsync.engine.event import Attendee, Person, Reminder
from calsync.engine.vocabulary import MailRule
from calsync.providers.base import Edit
from calsync.providers.caldav import ics, lines
from calsync.providers.caldav.lines import Broken
from calsync.providers.caldav.patch import patch
from tests.providers.caldav import samples

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def edit(name, *fields, text=None, **changes):
    """Change fields of the first event of a corner; returns the text before, after, and the event read back."""
    before = samples.corner(name) if text is None else text
    event = replace(ics.parse(before)[0], **changes)
    after = patch(before, [Edit(event, frozenset(fields))], now=NOW)
    return before, after, ics.parse(after)[0]


def gone_and_new(before, after):
    """Return the lines that went and the ones that came, unfolded, but for the time of the revision."""
    old, new = (samples.facts(text, ("DTSTAMP", "LAST-MODIFIED")) for text in (before, after))
    return [key[-1] for key in old - new], [key[-1] for key in new - old]


def test_a_title_touches_no_other_byte():
    before, after, _ = edit("x-properties", "summary", summary="New")
    old, new = before.split("\r\n"), after.split("\r\n")
    changed = [
        (a, b)
        for a, b in zip(old, [line for line in new if not line.startswith("LAST-MODIFIED")], strict=True)
        if a != b
    ]
    assert changed == [
        ("DTSTAMP:20260101T120000Z", "DTSTAMP:20300107T090000Z"),
        ("SUMMARY:Keep the rest", "SUMMARY:New"),
    ]


def test_line_ends_of_the_text_are_kept():
    _, after, _ = edit("bare-line-feeds", "summary", summary="New" * 40)
    assert "\r" not in after


def test_a_moved_event_keeps_the_name_its_zone_has_there():
    start = datetime(2026, 7, 3, 12, tzinfo=UTC)
    _, after, _ = edit("zone-windows", "time", start=start, end=start + HOUR)
    assert "DTSTART;TZID=W. Europe Standard Time:20260703T140000\r\n" in after
    assert after.count("BEGIN:VTIMEZONE") == 1


def test_an_event_moved_to_another_zone_brings_its_rules():
    _, after, event = edit("zone-windows", "time", tz="Asia/Tokyo")
    assert "DTSTART;TZID=Asia/Tokyo:20260702T170000" in after
    assert "DTEND;TZID=Asia/Tokyo:20260702T180000" in after
    assert "TZID:Asia/Tokyo\r\nBEGIN:STANDARD" in after
    assert event.tz == "Asia/Tokyo"


def test_a_zone_that_was_never_described_is_when_its_times_are_written():
    start = datetime(2026, 7, 3, tzinfo=UTC)
    _, after, _ = edit("zone-windows-undescribed", "time", start=start, end=start + HOUR)
    assert "TZID:Tokyo Standard Time\r\nBEGIN:STANDARD" in after


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("duration-exact", "DURATION:PT2H"),  # the form stays
        ("zero-length", "DTEND:20260302T110000Z"),
        ("missing-dtend-timed", "DTEND:20260302T110000Z"),  # without one iCloud refuses
        ("duration-beside-dtend", "DTEND:20260302T110000Z"),
    ],
)
def test_an_end_is_written_in_the_form_that_was_there(name, wanted):
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    _, after, event = edit(name, "time", start=start, end=start + 2 * HOUR)
    assert f"{wanted}\r\n" in after
    assert ("DURATION:" in after) + ("DTEND" in after) == 1
    assert event.end == start + 2 * HOUR


def test_a_timed_event_becomes_all_day_with_its_exceptions():
    days = (date(2026, 3, 3), date(2026, 3, 4))
    _, after, event = edit(
        "exdate-list", "time", start=date(2026, 3, 2), end=date(2026, 3, 3), tz=None, exdates=days
    )  # fmt: skip
    assert "DTSTART;VALUE=DATE:20260302\r\n" in after
    assert event.exdates == days


def test_the_end_of_a_rule_is_written_in_the_form_of_the_start():
    _, after, _ = edit("rrule-negative-byday", "time", rrule="FREQ=WEEKLY;UNTIL=20260401")
    assert "RRULE:FREQ=WEEKLY;UNTIL=20260401T215959Z\r\n" in after
    _, after, _ = edit("all-day-three-days", "time", rrule="FREQ=WEEKLY;UNTIL=20260401T120000Z")
    assert "RRULE:FREQ=WEEKLY;UNTIL=20260401\r\n" in after


def test_the_second_of_two_equal_wall_times_is_kept_as_an_instant():
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    _, after, event = edit("start-twice", "time", start=second, end=second + HOUR)
    assert (event.start, event.tz) == (second, "Europe/Berlin")
    assert "DTSTART;X-CALSYNC-TZ=Europe/Berlin:20261025T013000Z" in after


def test_one_excluded_date_more_leaves_the_others_as_they_were():
    moments = ics.parse(samples.corner("exdate-several-lines-and-forms"))[0].exdates
    new = datetime(2026, 3, 9, 9, tzinfo=UTC)
    before, after, event = edit("exdate-several-lines-and-forms", "exdates", exdates=(*moments, new))
    gone, came = gone_and_new(before, after)
    assert (gone, sorted(came)) == ([], ["EXDATE;TZID=Europe/Berlin:20260309T100000", "SEQUENCE;:1"])
    assert set(event.exdates) == {*moments, new}


def test_one_excluded_date_less_leaves_the_others_as_they_were():
    moments = ics.parse(samples.corner("exdate-list"))[0].exdates
    before, after, _ = edit("exdate-list", "exdates", exdates=moments[1:])
    gone, came = gone_and_new(before, after)
    assert "EXDATE;TZID=Europe/Berlin:20260304T100000,20260306T100000" in came
    assert gone == ["EXDATE;TZID=Europe/Berlin:20260303T100000,20260304T100000,20260306T100000"]


def test_a_period_keeps_its_length_when_another_one_goes():
    event = ics.parse(samples.corner("rdate-period"))[0]
    _, after, _ = edit("rdate-period", "time", rdates=event.rdates[1:])
    assert "RDATE;VALUE=PERIOD:20260306T090000Z/PT30M\r\n" in after


def test_a_removed_occurrence_is_written_in_the_form_found():
    slot = datetime(2026, 3, 3, 9, tzinfo=UTC)
    before, after, _ = edit("override-cancelled", "exdates", exdates=(slot,))
    assert after is before  # it is a cancelled override, and stays one
    _, revived, _ = edit("override-cancelled", "exdates", exdates=())
    assert "STATUS:CANCELLED" not in revived
    assert revived.count("BEGIN:VEVENT") == 1


def test_an_occurrence_that_is_removed_takes_its_override_along():
    slot = datetime(2026, 3, 3, 9, tzinfo=UTC)
    _, after, event = edit("override-after-series", "exdates", exdates=(slot,))
    assert event.exdates == (slot,)
    assert after.count("BEGIN:VEVENT") == 1


def test_a_new_override_begins_as_a_copy_of_its_master():
    text = samples.corner("x-properties").replace("SUMMARY:Keep", "RRULE:FREQ=DAILY;COUNT=5\r\nSUMMARY:Keep")
    master = ics.parse(text)[0]
    slot = datetime(2026, 3, 4, 9, tzinfo=UTC)
    moved = replace(master, recurrence_id=slot, start=slot + HOUR, end=slot + 2 * HOUR, rrule=None)
    after = patch(text, [Edit(moved)], now=NOW)
    override = lines.parse(after).children("VCALENDAR")[0].children("VEVENT")[1].text()
    assert "RECURRENCE-ID;TZID=Europe/Berlin:20260304T100000\r\n" in override
    assert "DTSTART;TZID=Europe/Berlin:20260304T110000\r\n" in override
    assert "PRIORITY:3" in override
    assert "RRULE" not in override


def test_a_removed_override_leaves_the_others():
    events = ics.parse(samples.corner("override-many"))
    after = patch(samples.corner("override-many"), [Edit(events[2], is_removed=True)], now=NOW)
    assert [e.recurrence_id for e in ics.parse(after)] == [e.recurrence_id for e in events if e is not events[2]]
    assert "X-DAY:4" in after


def test_nothing_may_be_left_of_an_event():
    (event,) = ics.parse(samples.corner("utc"))
    with pytest.raises(Broken):
        patch(samples.corner("utc"), [Edit(event, is_removed=True)], now=NOW)


def test_alarms_that_no_reminder_can_say_stay():
    _, after, event = edit("alarms", "reminders", reminders=(Reminder(15), Reminder(30)))
    assert event.reminders == (Reminder(15), Reminder(30))
    for kept in ("Nearly over", "At a fixed time", "By the second", "X-WR-ALARMUID:1"):
        assert kept in after
    assert "ATTACH;VALUE=URI:Basso" not in after


def test_a_changed_response_keeps_the_rest_of_the_guest():
    event = ics.parse(samples.corner("attendees-of-all-kinds"))[0]
    people = tuple(replace(p, partstat="accepted") if p.address == "dan@icloud.example" else p for p in event.attendees)
    before, after, _ = edit("attendees-of-all-kinds", "responses", attendees=people)
    gone, came = gone_and_new(before, after)
    assert len(gone) == len(came) == 1
    assert came[0].replace("PARTSTAT=ACCEPTED;", "") == gone[0]


def test_a_guest_who_stands_there_is_not_taken_from_the_servers_hands():
    event = ics.parse(samples.corner("attendees-of-all-kinds"))[0]
    people = (*event.attendees, Attendee("new@example.com", "New"))
    before, after, _ = edit("attendees-of-all-kinds", "attendees", "responses", attendees=people)
    gone, came = gone_and_new(before, after)
    assert gone == []
    assert [line for line in came if "SCHEDULE-AGENT=NONE" in line and "new@example.com" in line] == came


def test_who_invites_is_named_when_the_server_shall_mail():
    event = replace(ics.parse(samples.corner("utc"))[0], attendees=(Attendee("bob@example.com"),))
    for rule, expected in ((MailRule.ALL, Person("me@example.com")), (MailRule.NEVER, None)):
        text = patch(None, [Edit(event)], now=NOW, mail=rule, own_address="me@example.com")
        assert ics.parse(text)[0].organizer == expected


def test_a_link_is_changed_where_it_stands():
    _, after, event = edit("conference-of-others", "conference", conference="https://new.example.com/1")
    assert event.conference == "https://new.example.com/1"
    assert "X-GOOGLE-CONFERENCE:https://new.example.com/1" in after
    _, after, event = edit("conference", "conference", conference=None)
    assert event.conference is None
    assert "tel:+49301234567" in after


def test_another_wording_of_the_description_goes_with_the_old_one():
    _, after, _ = edit("x-properties", "description", description="Changed")
    assert "X-ALT-DESC" not in after
    assert "X-MOZ-LASTACK" in after


def test_outlooks_word_follows_when_an_event_becomes_busy():
    _, after, event = edit("busy-status-free", "transparency", transparency="opaque")
    assert "X-MICROSOFT-CDO-BUSYSTATUS:BUSY" in after
    assert event.transparency == "opaque"


def test_a_new_time_is_a_new_revision_and_a_new_title_is_none():
    _, _, moved = edit("status-tentative-private", "time", end=datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert moved.sequence == 8
    _, _, renamed = edit("status-tentative-private", "summary", summary="Other")
    assert (renamed.sequence, renamed.last_modified) == (7, NOW)


def test_a_method_is_not_stored():
    _, after, _ = edit("with-method", "summary", summary="New")
    assert "METHOD" not in after


def test_no_value_can_smuggle_in_a_property():
    evil = "x\r\nATTENDEE:mailto:victim@example.com"
    event = replace(
        ics.parse(samples.corner("utc"))[0],
        uid=evil, summary=evil, url=f"https://{evil}", conference=f"https://{evil}", our_id=evil,
        organizer=Person(f"a@{evil}", evil), attendees=(Attendee(f"b@{evil}", evil, role=evil, kind=evil),),
        reminders=(Reminder(5, "email"),), status=evil, classification=evil,
    )  # fmt: skip
    text = patch(None, [Edit(event)], now=NOW)
    names = {line.name for line in lines.parse(text).children("VCALENDAR")[0].children("VEVENT")[0].lines("ATTENDEE")}
    assert names == {"ATTENDEE"}
    assert text.count("\nATTENDEE") == 1


def test_an_impossible_zone_is_refused():
    with pytest.raises(Broken, match="not a time zone"):
        edit("utc", "time", tz="Mars/Olympus")
