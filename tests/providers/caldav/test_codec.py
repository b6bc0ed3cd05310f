"""What is written is what is read: the codec as properties."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calsync.engine.event import FIELDS, Event, content, with_content
from calsync.engine.series import fold_cancelled
from calsync.engine.vocabulary import MailRule
from calsync.providers.base import Edit
from calsync.providers.caldav import ics, lines
from calsync.providers.caldav.patch import patch
from tests.providers.caldav import samples
from tests.providers.caldav.events import events, later, texts

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)


def new(*wanted):
    return patch(None, [Edit(event) for event in wanted], now=NOW)


def by_slot(text):
    return {ics.identity(event): event for event in ics.parse(text)}


@given(events())
def test_what_is_written_is_read_back(event):
    (read,) = ics.parse(new(event))
    assert content(read) == content(event)
    assert (read.uid, read.our_id, read.organizer) == (event.uid, event.our_id, event.organizer)


YEARS_OF_A_LONG_RULE = datetime(1987, 1, 1, tzinfo=UTC)  # Lord Howe's clocks changed on a list of dates


@given(events())
@example(Event("long-zone", YEARS_OF_A_LONG_RULE, YEARS_OF_A_LONG_RULE, "Australia/Lord_Howe"))
def test_every_line_is_short_ascii_folded_and_ends_in_crlf(event):
    text = new(event)
    assert all(len(line) <= 75 for line in text.encode().split(b"\r\n"))
    assert text.replace("\r\n", "").count("\n") == 0
    assert icalendar.Calendar.from_ical(text).errors == []


@given(events(), events())
def test_any_event_can_become_any_other(before, after):
    after = replace(after, our_id=after.our_id or before.our_id)
    text = patch(new(before), [Edit(after)], now=NOW)
    (read,) = ics.parse(text)
    assert content(read) == content(after)
    assert patch(text, [Edit(after)], now=NOW + timedelta(days=1)) is text


@given(events())
def test_writing_what_stands_there_changes_nothing(event):
    text = new(event)
    (read,) = ics.parse(text)
    assert patch(text, [Edit(read)], now=NOW + timedelta(days=1)) is text
    assert patch(text, [Edit(read, frozenset())], now=NOW) is text


@given(events(), events(), st.sets(st.sampled_from(FIELDS)))
def test_only_the_named_fields_change(before, after, fields):
    if type(before.start) is not type(after.start):
        after = replace(after, start=before.start, end=before.end, tz=before.tz, rdates=(), exdates=())
    (read,) = ics.parse(patch(new(before), [Edit(after, frozenset(fields))], now=NOW))
    wanted = content(with_content(before, {name: content(after)[name] for name in fields - {"attendees", "responses"}}))
    for name in set(FIELDS) - {"attendees", "responses"}:
        assert content(read)[name] == wanted[name], name


@given(events(is_series=True), texts, st.integers(1, 200))
def test_an_override_joins_its_series_and_leaves_it(master, title, days):
    slot = later(master.start, days)
    override = replace(
        master, recurrence_id=slot, start=slot, end=later(master.end, days), rrule=None, rdates=(), exdates=(),
        summary=title,
    )  # fmt: skip
    master = replace(master, exdates=())
    text = new(master)
    with_override = patch(text, [Edit(override)], now=NOW)
    read = by_slot(with_override)
    assert {key: content(event) for key, event in read.items()} == {
        ics.identity(event): content(event) for event in (master, override)
    }
    without = patch(with_override, [Edit(override, is_removed=True)], now=NOW)
    assert lines.parse(without).text() == text


@given(st.text(max_size=300), st.integers(20, 40))
def test_folding_is_undone_by_reading(text, width):
    text = text.replace("\r", "").replace("\n", "")
    line = lines.from_text(f"X-TEST:{text}", "\r\n")
    (read,) = lines.parse(line.raw).items
    assert read.value == text


@given(st.text(max_size=400))
def test_any_text_is_returned_as_it_came_or_refused(text):
    try:
        tree = lines.parse(text)
    except lines.Broken:
        return
    assert tree.text() == (text if "\n" in text or "\r" not in text else text.replace("\r", "\n"))


@pytest.mark.parametrize("rule", MailRule)
def test_who_may_be_mailed_is_written_beside_each_new_guest(rule):
    event = ics.parse(INVITATION)[0]
    text = patch(None, [Edit(event)], now=NOW, mail=rule)
    silent = {p.address for p, agent in guests(text) if agent == "NONE"}
    assert (
        silent
        == {
            MailRule.NEVER: {"ann@here.example", "bob@else.example"},
            MailRule.EXTERNAL: {"ann@here.example"},
            MailRule.ALL: set(),
        }[rule]
    )


def guests(text):
    calendar = lines.parse(text).children("VCALENDAR")[0]
    found = calendar.children("VEVENT")[0].lines("ATTENDEE")
    return [(ics.people.attendee(line), line.parameters.get("SCHEDULE-AGENT")) for line in found]


INVITATION = """BEGIN:VCALENDAR
BEGIN:VEVENT
UID:invitation
DTSTART:20300301T100000Z
DTEND:20300301T110000Z
ORGANIZER:mailto:eli@here.example
ATTENDEE:mailto:ann@here.example
ATTENDEE:mailto:bob@else.example
END:VEVENT
END:VCALENDAR
"""


@given(
    st.sampled_from(samples.corner_names()), events(), st.sampled_from(sorted(set(FIELDS) - {"responses", "exdates"}))
)
def test_any_field_of_any_corner_can_become_anything(name, other, field):
    """Whatever stands there, the field is what it shall be and every other field of every event is what it was."""
    text = samples.corner(name)
    (first, *rest) = fold_cancelled(ics.parse(text))
    names = {"time": {"time", "exdates"}, "attendees": {"attendees", "responses"}}.get(field, {field})
    if rest or first.recurrence_id is not None:
        names = names - {"time", "exdates"}  # moving a series moves its overrides: the engine's business
    wanted = with_content(first, {each: content(other)[each] for each in names})
    edited = patch(text, [Edit(wanted, frozenset(names))], now=NOW)
    read = {ics.identity(event): content(event) for event in fold_cancelled(ics.parse(edited))}
    assert read == {ics.identity(event): content(event) for event in (wanted, *rest)}
