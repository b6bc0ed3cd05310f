"""Hypothesis strategies for events as the engine holds them."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from calsync.engine.event import Attendee, Event, Floating, Person, Reminder

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "UTC")
RULES = (
    "FREQ=DAILY",
    "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10",
    "FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2",
    "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "FREQ=MONTHLY;BYMONTHDAY=-1,15;WKST=SU",
)

# What stays itself in a calendar: no lone surrogates, no control characters (`values.clean` takes them out).
texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff", include_characters="\n\t"),
    max_size=120,
)
names = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=30)
addresses = st.from_regex(r"[a-z0-9.+_-]{1,12}@[a-z0-9-]{1,10}\.example", fullmatch=True)
links = st.from_regex(r"https://[a-z0-9.]{1,20}/[A-Za-z0-9?=&%,;_-]{0,80}", fullmatch=True)
lengths = st.integers(0, 60 * 24 * 20).map(lambda minutes: timedelta(minutes=minutes))
instants = st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1)).map(
    lambda wall: wall.replace(microsecond=0, tzinfo=UTC)
)


@st.composite
def times(draw):
    """A start, an end and a zone: dates, floating times, plain UTC or zoned."""
    kind = draw(st.sampled_from(("date", "floating", "utc", "zoned")))
    if kind == "date":
        day = draw(st.dates(date(1975, 1, 1), date(2090, 1, 1)))
        return day, day + timedelta(days=draw(st.integers(1, 40))), None
    start, length = draw(instants), draw(lengths)
    if kind == "floating":
        wall = start.replace(tzinfo=None)
        return Floating(wall), Floating(wall + length), None
    return start, start + length, draw(st.sampled_from(ZONES)) if kind == "zoned" else None


def later(moment, days):
    """The same kind of moment some days later."""
    if isinstance(moment, Floating):
        return Floating(moment.wall + timedelta(days=days))
    return moment + timedelta(days=days)


attendees = st.lists(
    st.builds(
        Attendee,
        address=addresses,
        name=names.map(str.strip),
        role=st.sampled_from(("chair", "req-participant", "opt-participant", "non-participant")),
        partstat=st.sampled_from(("needs-action", "accepted", "declined", "tentative")),
        kind=st.sampled_from(("individual", "group", "resource", "room")),
    ),
    max_size=4,
    unique_by=lambda person: person.address,
).map(tuple)

reminders = st.lists(
    st.builds(Reminder, st.integers(-2000, 60000), st.sampled_from(("popup", "email"))), max_size=3, unique=True
).map(tuple)


@st.composite
def events(draw, uid="event@calsync.example", is_series=None):
    """A single event or a series, with anything a master may hold."""
    start, end, tz = draw(times())
    recurs = draw(st.booleans()) if is_series is None else is_series
    days = st.lists(st.integers(1, 400), max_size=3, unique=True)
    return Event(
        uid=uid,
        start=start,
        end=end,
        tz=tz,
        rrule=draw(st.sampled_from(RULES)) if recurs else None,
        rdates=tuple(later(start, d) for d in draw(days)) if recurs else (),
        exdates=tuple(later(start, d) for d in draw(days)) if recurs else (),
        **draw(
            st.fixed_dictionaries(
                {
                    "summary": texts,
                    "description": texts,
                    "location": texts,
                    "status": st.sampled_from(("confirmed", "tentative", "cancelled")),
                    "transparency": st.sampled_from(("opaque", "transparent")),
                    "classification": st.sampled_from(("public", "private", "confidential")),
                    "organizer": st.none() | st.builds(Person, addresses, names.map(str.strip)),
                    "attendees": attendees,
                    "reminders": reminders,
                    "conference": st.none() | links,
                    "url": st.none() | links,
                    "our_id": st.none() | st.uuids().map(str),
                }
            )
        ),
    )
