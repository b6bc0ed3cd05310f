"""Series to test with: Mondays in Berlin by hand, and masters of every sort drawn by hypothesis."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from calsync.engine.event import Event, Moment

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def weekly(**values: object) -> Event:
    """Mondays 10:00 to 11:00 in Berlin (09:00 UTC in winter), from 7 January 2030."""
    given = {"uid": "s", "start": utc(2030, 1, 7, 9), "end": utc(2030, 1, 7, 10), "tz": "Europe/Berlin"}
    return Event(**{**given, "rrule": "FREQ=WEEKLY", **values})


def override(master: Event, moment: Moment, **values: object) -> Event:
    return replace(master, recurrence_id=moment, rrule=None, rdates=(), exdates=(), **values)


@st.composite
def masters(draw: st.DrawFn) -> Event:
    day = date(2029, 1, 1) + timedelta(days=draw(st.integers(0, 700)))
    rrule = draw(
        st.sampled_from(
            (
                "FREQ=DAILY",
                "FREQ=DAILY;INTERVAL=3",
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,SU;WKST=SU",
                "FREQ=WEEKLY",
                "FREQ=MONTHLY;BYDAY=-1FR",
                "FREQ=MONTHLY;BYMONTHDAY=31,-2",
                "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
                "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
                "FREQ=YEARLY",
            )
        )
    )
    rrule += draw(st.sampled_from(("", ";COUNT=1", ";COUNT=40")))
    if draw(st.booleans()):
        return Event("x", day, day + draw(st.integers(1, 9)) * DAY, rrule=rrule)
    tz = draw(st.sampled_from(("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")))
    # Midday starts and short events: over a change of the clocks the two read RFC 5545's "exact duration" differently.
    local = datetime(day.year, day.month, day.day, draw(st.integers(5, 20)), 30, tzinfo=ZoneInfo(tz))
    start = local.astimezone(UTC)
    return Event("x", start, start + draw(st.integers(0, 3)) * HOUR, tz=tz, rrule=rrule)


def midnight(day: date) -> datetime:
    """Return a date as its midnight in UTC, a time in UTC."""
    if isinstance(day, datetime):
        return day.astimezone(UTC)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
