"""Choosing a slot: a month with its free days, the free times of one of them, all in the visitor's zone.

    picker = slot_picker.read(find, link, zone, horizon)   what the address asks for: ?month=2030-01, ?day=2030-01-08
    slot_picker.moment("2030-01-08T09:00:00+00:00")        a time of the address or a form; None for what is none
    slot_picker.zone_asked()                               ?tz=..., else the viewer's or the organisation's

`find(start, end)` gives the free slots of a window, `link(**params)` an address of the same page with other parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import request

from calsync.engine import zones
from calsync.engine.openings import Slot
from webapp import brand, moments
from webapp.words import times

Find = Callable[[datetime, datetime], Sequence[Slot]]
Link = Callable[..., str]

DAY = timedelta(days=1)
LATEST_YEAR = 9998


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the month; `url` is "" where nothing is free."""

    number: int
    label: str
    url: str
    is_chosen: bool
    is_today: bool


@dataclass(frozen=True, slots=True)
class Time:
    """A free time, and which resources are free then."""

    starts_at: datetime
    label: str
    url: str
    resource_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Picker:
    """`weeks` begin on Monday, None where a day is another month's.

    `day` is the one whose times are shown, `day_asked` the same as addresses carry it; "" without any that is free.
    """

    month: str
    weeks: tuple[tuple[Cell | None, ...], ...]
    weekdays: tuple[str, ...]
    previous_url: str
    next_url: str
    day: str
    day_asked: str
    times: tuple[Time, ...]
    zone: str
    has_any: bool


def zone_asked() -> str:
    """Return the zone of the address or the form, or the viewer's where there is none that is known."""
    asked = request.values.get("tz", "")
    return asked if asked in moments.zone_names() else moments.zone_name()


def moment(text: str | None) -> datetime | None:
    """Return an aware time, or None for what cannot be read as one."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo and 1970 < found.year < LATEST_YEAR else None


def text(value: datetime) -> str:
    """Return a time as addresses and forms carry it: without a plus sign, which an address would read as a blank."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(value: datetime, zone: str) -> str:
    """Return the day of a moment as addresses carry it."""
    return value.astimezone(ZoneInfo(zone)).date().isoformat()


def when(value: datetime, zone: str) -> str:
    """Return day and time for people: "Tue 8 Jan 2030, 10:00"."""
    local, how = value.astimezone(ZoneInfo(zone)), _style()
    return f"{times.weekday(local, how)} {times.day(local, how)}, {_clock(local)}"


def span(start: datetime, end: datetime, zone: str) -> str:
    """Return when something is for people: "Tue 8 Jan 2030, 10:00–11:00"."""
    local, how = start.astimezone(ZoneInfo(zone)), _style()
    said = f"{times.weekday(local, how)} {times.span(start, end, ZoneInfo(zone), how)}"
    twin = zones.tells_twice(local)
    return f"{said} ({twin} at the start)" if twin else said


def _clock(local: datetime) -> str:
    """Return a time of day, with the zone's abbreviation where clocks show it twice."""
    return " ".join(part for part in (times.clock(local, _style()), zones.tells_twice(local)) if part)


def read(find: Find, link: Link, zone: str, horizon: datetime) -> Picker:
    """Return the month and the day that the address asks for, else the first that have something free."""
    tz, now = ZoneInfo(zone), moments.now()
    bounds = (now.astimezone(tz).date(), horizon.astimezone(tz).date())
    asked_day = _date(request.args.get("day"))
    asked = asked_day or _date(f"{request.args.get('month', '')}-01")
    if asked is None:
        shown, slots = _first_month(find, tz, now, horizon)
    else:
        shown = min(max(asked, bounds[0].replace(day=1)), bounds[1]).replace(day=1)
        slots = find(*_window(shown, tz, now))
    by_day: dict[date, list[Slot]] = {}
    for slot in slots:
        by_day.setdefault(slot.starts_at.astimezone(tz).date(), []).append(slot)
    chosen = asked_day if asked_day in by_day else min(by_day, default=None)
    return _picker(shown, chosen, by_day, link, zone, bounds)


def _first_month(find: Find, tz: ZoneInfo, now: datetime, horizon: datetime) -> tuple[date, Sequence[Slot]]:
    """Return the first month with something free, this or the next, and its slots; this month where there is none."""
    this = now.astimezone(tz).date().replace(day=1)
    _, end = _window(_next_month(this), tz, now)
    slots = find(now, max(min(end, horizon + DAY), now))
    if not slots:
        return this, ()
    shown = slots[0].starts_at.astimezone(tz).date().replace(day=1)
    first, last = _window(shown, tz, now)
    return shown, [slot for slot in slots if first <= slot.starts_at < last]


def _picker(
    shown: date, day: date | None, by_day: dict[date, list[Slot]], link: Link, zone: str, bounds: tuple[date, date]
) -> Picker:
    tz, how, following = ZoneInfo(zone), _style(), _next_month(shown)
    before = (shown - DAY).replace(day=1)
    return Picker(
        month=moments.month(shown),
        weeks=_weeks(shown, day, by_day, link, bounds[0]),
        weekdays=moments.weekdays(),
        previous_url=link(month=f"{before:%Y-%m}") if shown > bounds[0] else "",
        next_url=link(month=f"{following:%Y-%m}") if following <= bounds[1] else "",
        day=f"{times.weekday(day, how)} {times.day(day, how)}" if day else "",
        day_asked=day.isoformat() if day else "",
        times=tuple(
            Time(
                slot.starts_at,
                _clock(slot.starts_at.astimezone(tz)),
                link(at=text(slot.starts_at)),
                slot.resource_ids,
            )
            for slot in (by_day[day] if day else ())
        ),
        zone=zone,
        has_any=bool(by_day),
    )


def _weeks(
    shown: date, chosen: date | None, by_day: dict[date, list[Slot]], link: Link, today: date
) -> tuple[tuple[Cell | None, ...], ...]:
    last = (_next_month(shown) - DAY).day
    days = [shown.replace(day=n) for n in range(1, last + 1)]
    cells: list[Cell | None] = [None] * shown.weekday()
    cells += [
        Cell(d.day, moments.day(d), link(day=d.isoformat()) if d in by_day else "", d == chosen, d == today)
        for d in days
    ]
    cells += [None] * (-len(cells) % 7)
    return tuple(tuple(cells[i : i + 7]) for i in range(0, len(cells), 7))


def _window(shown: date, tz: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    start = datetime.combine(shown, time(), tz).astimezone(UTC)
    end = datetime.combine(_next_month(shown), time(), tz).astimezone(UTC)
    return min(max(start, now), end), end


def _next_month(shown: date) -> date:
    return (shown.replace(day=28) + timedelta(days=4)).replace(day=1)


def _date(value: str | None) -> date | None:
    try:
        found = date.fromisoformat(value or "")
    except ValueError:
        return None
    return found if 1970 < found.year < LATEST_YEAR else None


def _style() -> times.Style:
    return times.style(brand.organisation().date_format)
