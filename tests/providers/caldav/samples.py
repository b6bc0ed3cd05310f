"""iCalendar texts to test with: our own corners, and every file that two libraries carry for their tests."""

import importlib.util
from collections import Counter
from pathlib import Path

from calsync.providers.caldav import lines
from calsync.providers.caldav.lines import Component, Line

CORNERS = Path(__file__).parents[2] / "data" / "ics"
PACKAGES = ("icalendar", "recurring_ical_events")


def corner(name: str) -> str:
    """Return one of our own texts, its line ends as they are."""
    return (CORNERS / f"{name}.ics").read_bytes().decode()


def corner_names() -> list[str]:
    return sorted(path.stem for path in CORNERS.glob("*.ics"))


def package_files() -> list[Path]:
    """Return every .ics file inside the two packages."""
    found = [path for name in PACKAGES for path in _folder(name).rglob("*.ics")]
    return sorted(found, key=lambda path: path.name)


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def resources(text: str, name: str) -> list[str]:
    """Return a text as resources that a server may hold: one uid each, with all zones; a missing uid is given one.

    Raises Broken when the text has no structure.
    """
    found = []
    for calendar in lines.parse(text).children("VCALENDAR"):
        head = "".join(item.raw for item in calendar.items if isinstance(item, Line))
        zones = "".join(zone.text() for zone in calendar.children("VTIMEZONE"))
        for events in _by_uid(calendar, name, lines.newline_of(text)).values():
            found.append(calendar.begin + head + zones + "".join(event.text() for event in events) + calendar.end)
    return found


def _by_uid(calendar: Component, name: str, newline: str) -> dict[str, list[Component]]:
    groups: dict[str, list[Component]] = {}
    for number, event in enumerate(calendar.children("VEVENT")):
        uid = event.first("UID")
        if uid is None:
            uid = lines.from_text(f"UID:{name}-{number}", newline)
            event.items.insert(0, uid)
        groups.setdefault(uid.value, []).append(event)
    return groups


def facts(text: str, ignoring: tuple[str, ...] = ("SUMMARY", "DTSTAMP", "LAST-MODIFIED")) -> Counter[tuple[str, ...]]:
    """Return what a text says, line by line, without what order, folding and quoting say.

    The named properties of events are left out; METHOD too, which may not be stored.
    """
    found: Counter[tuple[str, ...]] = Counter()
    for item in lines.parse(text).items:
        if isinstance(item, Component):
            _count(item, (item.name,), found, ignoring)
    return found


def _count(
    component: Component, path: tuple[str, ...], found: Counter[tuple[str, ...]], ignoring: tuple[str, ...]
) -> None:
    if component.name == "VTIMEZONE" and component.begin and not component.items:
        found[(*path, *sorted(component.begin.split()))] += 1
    where = (*path, *(_said(line) for line in component.lines("UID", "RECURRENCE-ID")))
    for item in component.items:
        if isinstance(item, Component):
            _count(item, (*where, item.name), found, ignoring)
        elif item.name and not (component.name == "VEVENT" and item.name in ignoring) and item.name != "METHOD":
            found[(*where, _said(item))] += 1


def _said(line: Line) -> str:
    parameters = ";".join(f"{name}={value}" for name, value in sorted(line.parameters.items()))
    return f"{line.name};{parameters}:{line.value}"
