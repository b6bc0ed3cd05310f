"""What stands in the demo's calendars before anybody connects them: events as other programs wrote them.

Days count from the Monday of the present week; times are wall times in the demo's zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

TZ = "Europe/Berlin"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event; without `at` it lasts whole days. `lines` are further iCalendar lines."""

    title: str
    day: int
    at: str = ""  # "09:30"
    minutes: int = 60
    rrule: str = ""
    place: str = ""
    guests: tuple[str, ...] = ()
    lines: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Shelf:
    """One calendar of one person."""

    user: str
    name: str
    title: str
    color: str
    entries: tuple[Entry, ...]


BEN = Shelf(
    "ben",
    "work",
    "Work",
    "#2f6fdf",
    (
        Entry("Team stand-up", -21, "09:15", 15, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        Entry("Sales pipeline review", -21, "14:00", 45, "FREQ=WEEKLY;BYDAY=MO", "Room Elbe"),
        Entry("One-to-one with Ada", -19, "11:00", 30, "FREQ=WEEKLY;INTERVAL=2"),
        Entry("Call: Brightwater renewal", -10, "10:30", 30),
        Entry("Workshop at Lindgren & Sons", -6, "09:00", 240, place="Lindgren & Sons, Kiel"),
        Entry("Demo for Castellan", 1, "15:00", 60, guests=("m.osei@castellan.example",)),
        Entry("Contract talk with Brightwater", 2, "10:00", 60, guests=("j.hale@brightwater.example",)),
        Entry("Train to Hamburg", 3, "07:48", 95, lines=("TRANSP:OPAQUE",)),
        Entry("Trade fair", 3, minutes=2),
        Entry("Quarterly planning", 8, "13:00", 180, place="Room Elbe"),
        Entry("Dentist", 9, "08:00", 45, lines=("CLASS:PRIVATE",)),
        Entry("Product feedback round", 15, "16:00", 60),
    ),
)
CHLOE = Shelf(
    "chloe",
    "work",
    "Client work",
    "#1f9d63",
    (
        Entry("Weekly customer hour", -20, "16:00", 60, "FREQ=WEEKLY;BYDAY=TU"),
        Entry("Onboarding: Marlowe Group", -4, "10:00", 90),
        Entry("Handover with Ben", 0, "11:30", 30),
        Entry("Summer break", 22, minutes=5),
        *(Entry(f"Site visit {n}", 4 + n * 2, "09:30", 60, place=f"Site {n}") for n in range(1, 16)),
    ),
)
CHLOE_TEAM = Shelf(
    "chloe",
    "team",
    "Team holidays",
    "#b26be0",
    (Entry("Ben away", 10, minutes=3), Entry("Office closed", 17, minutes=1)),
)
DANA = Shelf(
    "dana",
    "calendar",
    "Calendar",
    "#d9822b",
    (Entry("Budget meeting", 1, "09:00", 60), Entry("Site inspection", 6, "13:00", 120)),
)
ROOM = Shelf(
    "ada",
    "room-elbe",
    "Room Elbe",
    "#0f8b8d",
    (
        Entry("Board meeting", -15, "09:00", 180, "FREQ=WEEKLY;INTERVAL=2"),
        Entry("Visitors from Lübeck", 9, "13:00", 120),
        Entry("Room is painted", 16, minutes=2),
    ),
)
SHELVES = (BEN, CHLOE, CHLOE_TEAM, DANA, ROOM)
UNREADABLE = Entry("Imported reminder", 9, lines=("DTSTART;TZID=Head Office Standard:{day:%Y%m%d}T100000",))
"""What an old program left behind: its time zone is described nowhere, so nobody can say when it is."""


def monday(today: date) -> date:
    """Return the Monday of the week that `today` is in."""
    return today - timedelta(days=today.weekday())


def ics(entry: Entry, name: str, today: date, stamp: datetime) -> str:
    """Return the entry as an iCalendar text with CRLF lines."""
    start = monday(today) + timedelta(days=entry.day)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Another Calendar//EN",
        "BEGIN:VEVENT",
        f"UID:{name}@another-calendar.example",
        f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}",
        f"LAST-MODIFIED:{stamp:%Y%m%dT%H%M%SZ}",
        *_times(entry, start),
        f"SUMMARY:{entry.title}",
        *([f"RRULE:{entry.rrule}"] if entry.rrule else []),
        *([f"LOCATION:{_escaped(entry.place)}"] if entry.place else []),
        *(f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{guest}" for guest in entry.guests),
        *(() if entry is UNREADABLE else entry.lines),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join(lines) + "\r\n"


def _times(entry: Entry, start: date) -> list[str]:
    if entry is UNREADABLE:
        return [line.format(day=start) for line in entry.lines]
    if not entry.at:
        end = start + timedelta(days=entry.minutes)
        return [f"DTSTART;VALUE=DATE:{start:%Y%m%d}", f"DTEND;VALUE=DATE:{end:%Y%m%d}"]
    begins = datetime.combine(start, datetime.strptime(entry.at, "%H:%M").time())
    ends = begins + timedelta(minutes=entry.minutes)
    return [f"DTSTART;TZID={TZ}:{begins:%Y%m%dT%H%M%S}", f"DTEND;TZID={TZ}:{ends:%Y%m%dT%H%M%S}"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
