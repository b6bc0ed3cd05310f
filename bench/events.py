"""The calendar that is measured: events as calendar programs write them, the same for every run of a size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

TZ = "Europe/Berlin"
FIRST_DAYS_AGO = 20
SPREAD_DAYS = 300
"""All events lie inside the default window of 30 days back and 365 days ahead."""

_ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""
_NOTES = (
    "Agenda: where we stand\\, what is open\\, who does what until when.\\nPlease read the numbers of last month"
    " before\\; the link to them stands in the invitation. Whoever cannot come sends somebody who may decide.\\n"
)
# The organizer is the account's own person: only then is a change of the title ours to send.
_GUESTS = """ORGANIZER;CN=Eli:mailto:eli@example.com
ATTENDEE;CN=Eli;PARTSTAT=ACCEPTED;ROLE=CHAIR:mailto:eli@example.com
ATTENDEE;CN="Miller, Jo";PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:jo@example.org
ATTENDEE;CN=Kim Park;PARTSTAT=TENTATIVE;ROLE=OPT-PARTICIPANT;RSVP=TRUE:mailto:kim@example.net
"""
_ALARM = """BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Reminder
TRIGGER:-PT15M
END:VALARM
"""


def name(number: int) -> str:
    """Return the file name of an event."""
    return f"event-{number:06}.ics"


def uid(number: int) -> str:
    """Return the UID of an event, which file names begin with at vdirsyncer."""
    return f"{number:06}-5f3a9c2e-calendar.example.com"


def title(number: int, change: str = "") -> str:
    """Return the title of an event; `change` tells versions of it apart."""
    return f"Meeting {number:06} about the budget{change}"


def text(number: int, day: datetime, change: str = "") -> str:
    """Return an event of about 1.2 KB: of twenty one is a weekly series, one all-day, six have guests.

    `day` is the day from which all are counted.
    """
    begin = (day + timedelta(days=number % SPREAD_DAYS - FIRST_DAYS_AGO)).replace(hour=6 + number % 12, minute=0)
    is_all_day, is_series = number % 20 == 1, number % 20 == 2
    parts = [
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example Corp.//Calendar 12//EN\nCALSCALE:GREGORIAN\n",
        "" if is_all_day else _ZONE,
        f"BEGIN:VEVENT\nUID:{uid(number)}\nDTSTAMP:{_utc(day)}\nCREATED:{_utc(day)}\n",
        f"LAST-MODIFIED:{_utc(day)}\nSEQUENCE:1\nSUMMARY:{title(number, change)}\n",
        _times(begin, is_all_day),
        "RRULE:FREQ=WEEKLY;COUNT=20\n" if is_series else "",
        f"LOCATION:Room {number % 40}\\, second floor\nDESCRIPTION:{_NOTES}\n",
        _GUESTS if number % 10 in (3, 6, 9) else "",
        "CLASS:PUBLIC\nTRANSP:OPAQUE\nSTATUS:CONFIRMED\nX-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC\n",
        _ALARM,
        "END:VEVENT\nEND:VCALENDAR\n",
    ]
    return "\r\n".join(_folded("".join(parts)))


def today() -> datetime:
    """Return the day that events are counted from."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _times(begin: datetime, is_all_day: bool) -> str:
    if is_all_day:
        return f"DTSTART;VALUE=DATE:{begin:%Y%m%d}\nDTEND;VALUE=DATE:{begin + timedelta(days=1):%Y%m%d}\n"
    return f"DTSTART;TZID={TZ}:{begin:%Y%m%dT%H%M%S}\nDTEND;TZID={TZ}:{begin + timedelta(hours=1):%Y%m%dT%H%M%S}\n"


def _utc(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


def _folded(unfolded: str) -> list[str]:
    """Fold as RFC 5545 section 3.1 wants it; all of it is ASCII."""
    lines = []
    for line in unfolded.split("\n"):
        while len(line) > 75:
            lines.append(line[:75])
            line = " " + line[75:]
        lines.append(line)
    return lines
