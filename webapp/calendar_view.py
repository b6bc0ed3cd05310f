"""The calendar as the address asks for it: whose, which calendar, which span, and its entries for widget and agenda.

asked = calendar_view.asked()             view, day, person and calendar from the address
asked.span                                first day and the day after the last one
calendar_view.entries(rt, asked, ...)     what the window shows, in words
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import request, url_for
from flask_login import current_user

from calsync.engine import event as events
from calsync.engine import slots
from calsync.engine.event import Floating, Moment
from calsync.engine.vocabulary import Role
from calsync.runtime import Runtime
from calsync.services import agenda, overlap_marks
from calsync.services.agenda import Agenda, Entry
from calsync.store import tables as t
from webapp import activity_view, moments, words

VIEWS = (("month", "Month"), ("week", "Week"), ("day", "Day"), ("agenda", "Agenda"))
DAYS = {"week": 7, "day": 1, "agenda": 14}
SHORT = timedelta(minutes=30)
"""Up to this length there is room for one line in the widget."""
LONGEST_WINDOW = timedelta(days=62)
PALETTE = ("#2f6fde", "#0d8a6a", "#b4540a", "#8a3ffc", "#c2255c", "#0b7285", "#5c7a09", "#6b5b95")
NO_CALENDAR = "#64748b"
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
EVERYONE = "all"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for. `person` is an id, EVERYONE, or the viewer's own id."""

    view: str
    day: date
    person: str
    calendar_id: int | None

    @property
    def owner_ids(self) -> list[int] | None:
        return None if self.person == EVERYONE else [int(self.person)]

    @property
    def span(self) -> tuple[date, date]:
        """Return the first day that is shown and the day after the last."""
        if self.view == "month":
            first = _monday(self.day.replace(day=1))
            return first, first + timedelta(days=42)
        first = _monday(self.day) if self.view == "week" else self.day
        return first, first + timedelta(days=DAYS[self.view])

    def moved(self, by: int) -> date:
        """Return the day that the next span (1) or the one before (-1) is about."""
        if self.view == "month":
            months = self.day.year * 12 + self.day.month - 1 + by
            return date(min(max(months // 12, 1), 9998), months % 12 + 1, 1)
        try:
            return self.day + timedelta(days=by * DAYS[self.view])
        except OverflowError:
            return self.day

    @property
    def title(self) -> str:
        if self.view == "month":
            return moments.month(self.day)
        first, last = self.span[0], self.span[1] - timedelta(days=1)
        named = f"{moments.weekday(first)}, {moments.day(first)}"
        return named if first == last else f"{moments.day(first)} – {moments.day(last)}"


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday()) if day > date.min + timedelta(days=7) else day


def asked() -> Asked:
    """Return what the address asks for; what it does not say is this week of the viewer's own."""
    args = request.args
    view = args.get("view", "week")
    day = _day(args.get("date")) or moments.now().astimezone(moments.zone()).date()
    return Asked(view if view in dict(VIEWS) else "week", day, _person(), args.get("calendar", type=int))


def _person() -> str:
    """Return whose calendar is meant; a client sees their own alone."""
    wanted = request.args.get("person", "")
    mine = str(current_user.id)
    if current_user.role == Role.CLIENT or not (wanted == EVERYONE or wanted.isdecimal()):
        return mine
    return wanted if wanted == EVERYONE or int(wanted) < 2**31 else mine


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 1900 < found.year < 9990 else None


def instant(wall: datetime) -> datetime:
    """Return a wall time of the viewer in UTC."""
    return slots.instant(Floating(wall), moments.zone())


def begins(day: date) -> datetime:
    return instant(datetime.combine(day, time()))


# --- entries


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry in words. `key` is its slot in a series, "" for none; `url` is empty where there is nothing to see."""

    entry: Entry
    title: str
    color: str
    calendar: str
    url: str
    key: str
    may_move: bool
    overlaps: tuple[str, ...] = ()  # titles of what is at the same time, as the viewer may read them

    @property
    def overlap_text(self) -> str:
        return f"Overlaps with {words.joined(self.overlaps)}" if self.overlaps else ""

    @property
    def time_text(self) -> str:
        occurrence = self.entry.occurrence
        if occurrence.event.is_all_day:
            return "All day"
        if occurrence.starts_at == occurrence.ends_at:
            return moments.clock(occurrence.starts_at)
        return f"{moments.clock(occurrence.starts_at)}–{moments.clock(occurrence.ends_at)}"


def entries(
    rt: Runtime, wanted: Asked, start: datetime, end: datetime, names: dict[int, str]
) -> tuple[list[Shown], Agenda]:
    """Return what a window shows to the viewer; `names` are those of people, for a calendar of several."""
    query = agenda.Asked(start, end, current_user.id, moments.zone_name(), wanted.owner_ids, wanted.calendar_id)
    found = agenda.show(rt, query)
    several = names if wanted.person == EVERYONE else {}
    shown = [_shown(entry, found, several) for entry in found.entries]
    for place, others in overlap_marks.in_agenda(found).items():
        shown[place] = replace(shown[place], overlaps=tuple(shown[other].title for other in others))
    return shown, found


def _shown(entry: Entry, found: Agenda, names: dict[int, str]) -> Shown:
    calendar = found.calendars.get(entry.calendar_id or 0)
    own_color = found.colors.get(entry.activity.id or 0) if entry.activity is not None else None
    owner = names.get(entry.owner_id, "")
    title = _title(entry) + (f" ({owner})" if owner else "")
    is_slot = entry.occurrence.moment is not None
    return Shown(
        entry=entry,
        title=title,
        color=own_color or color_of(calendar),
        calendar=calendar.name if calendar and entry.hides != agenda.BUSY else "",
        url=_url(entry),
        key=events.moment_text(entry.occurrence.moment) if is_slot and entry.occurrence.moment is not None else "",
        may_move=_may_move(entry),
    )


def _title(entry: Entry) -> str:
    if entry.hides == agenda.BUSY:
        return "Busy"
    if entry.hides == agenda.PRIVATE:
        return words.PRIVATE_TITLE
    return entry.occurrence.event.summary or "(no title)"


def _url(entry: Entry) -> str:
    if entry.activity is not None:
        moment = entry.occurrence.moment
        is_plain = moment is not None and not entry.activity.recurrence_key
        key = events.moment_text(moment) if is_plain and moment is not None else None
        return url_for("activities.show", activity_id=entry.activity.id, occurrence=key)
    sees = entry.hides == agenda.OPEN and (current_user.role == Role.ADMIN or entry.owner_id == current_user.id)
    return url_for("explain.event", event_id=entry.event.id) if sees and entry.event else ""


def _may_move(entry: Entry) -> bool:
    activity = entry.activity
    return activity is not None and (current_user.role == Role.ADMIN or activity.owner_id == current_user.id)


def color_of(calendar: t.Calendar | None) -> str:
    """Return a calendar's colour: its own, else one by its id; a neutral one for what stands on none."""
    if calendar is None:
        return NO_CALENDAR
    own = (calendar.color or "")[:7]
    return own if _COLOR.fullmatch(own) else PALETTE[(calendar.id or 0) % len(PALETTE)]


# --- for the widget


def as_json(shown: Iterable[Shown]) -> list[dict[str, Any]]:
    """Return entries as the widget takes them: wall times of the viewer, ends of days exclusive."""
    return [_event_json(each) for each in shown]


def _event_json(shown: Shown) -> dict[str, Any]:
    entry, occurrence = shown.entry, shown.entry.occurrence
    row: Any = entry.activity or entry.event
    return {
        "id": f"{'a' if entry.activity else 'e'}{row.id}@{shown.key}",
        "title": shown.title,
        "start": _wall_text(occurrence.start, occurrence.starts_at),
        "end": _wall_text(occurrence.end, occurrence.ends_at),
        "allDay": occurrence.event.is_all_day,
        "editable": shown.may_move,
        "classNames": [*_classes(entry), *(["is-overlapping"] if shown.overlaps else [])],
        "styles": [f"--event-color: {shown.color}"],
        "extendedProps": {
            "move": url_for("calendar.move", activity_id=row.id) if shown.may_move else "",
            "occurrence": shown.key,
            "asks": bool(shown.key),
            "version": entry.activity.row_version if entry.activity else None,
            "url": shown.url,
            "calendar": shown.calendar,
            "overlaps": shown.overlap_text,
        },
    }


def _wall_text(moment: Moment, at: datetime) -> str:
    if isinstance(moment, date) and not isinstance(moment, datetime):
        return moment.isoformat()
    return at.astimezone(moments.zone()).replace(tzinfo=None).isoformat(timespec="seconds")


def _classes(entry: Entry) -> list[str]:
    found = ["is-activity" if entry.activity else "is-external"]
    if entry.hides:
        found.append("is-hidden")
    if entry.occurrence.ends_at - entry.occurrence.starts_at <= SHORT:
        found.append("is-short")
    if entry.is_free:
        found.append("is-free")
    if entry.occurrence.event.status == "tentative":
        found.append("is-tentative")
    if entry.activity is not None and entry.activity.is_done:
        found.append("is-done")
    return found


# --- for the agenda


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    entries: list[Shown]


def by_day(shown: Sequence[Shown], first: date) -> list[Day]:
    """Return entries under the day on which they begin; what began earlier stands under the first day."""
    days: dict[date, list[Shown]] = {}
    for each in shown:
        begins_on = each.entry.occurrence.starts_at.astimezone(moments.zone()).date()
        days.setdefault(max(begins_on, first), []).append(each)
    return [Day(day, days[day]) for day in sorted(days)]


def person_name(people: Sequence[t.User], person: str) -> str:
    if person == EVERYONE:
        return "Everyone"
    return next((activity_view.name_of(p) for p in people if str(p.id) == person), "")
