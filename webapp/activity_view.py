"""Activities as pages show them: titles that the viewer may read, when, and a line for each calendar.

activity_view.rows(session, activities)     a page of the list, with whereabouts and owners
activity_view.occurrence_of(row, key)       the event that a page about one occurrence shows
activity_view.when(event)                   "7 Jan 2030, 10:00-11:00, every week on MO"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import current_app, url_for
from flask_login import current_user
from sqlmodel import Session

from calsync.engine import event as events
from calsync.engine import mapping, series, slots
from calsync.engine.event import Event
from calsync.engine.vocabulary import Role
from calsync.errors import NotFound
from calsync.services import overlap_list
from calsync.store import activities, people, whereabouts
from calsync.store import tables as t
from calsync.store.keyset import Cut
from webapp import moments, values, words
from webapp.words import whereabouts as place_words
from webapp.words.whereabouts import Line

MOST_PEOPLE = 500
SOON = timedelta(days=400)
MOST_OCCURRENCES = 6
MOST_OVERLAPS = 5
KIND_ICONS = {
    "meeting": "users",
    "call": "phone",
    "task": "list-check",
    "appointment": "calendar-event",
    "booking": "ticket",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A line about a calendar, and where it leads for this viewer; "" where they may not go."""

    line: Line
    url: str

    @property
    def at_text(self) -> str:
        """Return the moment that the line ends with: of today the clock alone, of another past day with its date."""
        at = self.line.at
        if at is None:
            return ""
        if not self.line.text.endswith("since"):
            return moments.relative(at)
        is_today = moments.day(at) == moments.day(moments.now())
        return moments.clock(at) if is_today else moments.absolute(at)


@dataclass(frozen=True, slots=True)
class Row:
    """One activity of the list."""

    activity: t.Activity
    title: str
    when: str
    owner: str
    told: list[Told]
    overlaps: tuple[str, ...] = ()  # titles of what is at the same time, as the viewer may read them
    overlaps_at: datetime | None = None  # when it is at the same time as something else first

    @property
    def overlap_text(self) -> str:
        return f"Overlaps with {words.joined(self.overlaps)}"

    @property
    def overlap_url(self) -> str:
        """The day in the calendar of whom it is."""
        at = self.overlaps_at or self.activity.span_start
        day = at.astimezone(moments.zone()).date().isoformat()
        return url_for("calendar.index", view="day", date=day, person=self.activity.owner_id)

    @property
    def icon(self) -> str:
        return KIND_ICONS.get(self.activity.kind, "calendar")


def rows(session: Session, found: Sequence[t.Activity], names: dict[int, str]) -> list[Row]:
    """Return activities as a list shows them."""
    where = whereabouts.of(session, found) if found else {}
    meeting = overlap_list.find(session, found, moments.now()) if found else {}
    return [
        Row(
            a,
            title(a),
            when(mapping.event_of(a)),
            names.get(a.owner_id, ""),
            told(a, where[t.pk(a)]),
            *_overlaps(meeting.get(t.pk(a))),
        )
        for a in found
    ]


def _overlaps(met: overlap_list.Met | None) -> tuple[tuple[str, ...], datetime | None]:
    """Return the titles of what an activity meets, at most MOST_OVERLAPS, and when it does first."""
    if met is None:
        return (), None
    others = list(met.others.values())
    more = len(others) - MOST_OVERLAPS
    shown = [title(other) for other in others[:MOST_OVERLAPS]]
    return (*shown, *([f"{more} more"] if more > 0 else [])), met.at


def told(activity: t.Activity, where: whereabouts.Whereabouts) -> list[Told]:
    owners = {p.account.id: p.account.user_id for p in where.places}
    owners |= {account.id: account.user_id for _, account in where.targets}
    lines = place_words.lines(activity, where)
    return [Told(line, _url(activity, line, owners.get(line.account_id, activity.owner_id))) for line in lines]


def _url(activity: t.Activity, line: Line, account_owner_id: int) -> str:
    """Return what a line leads to: the step or the conflict for whom they belong to, else why it is so."""
    sees = current_user.role == Role.ADMIN or account_owner_id == current_user.id
    if sees and line.kind == "run":
        return url_for("history.show", run_id=line.id, _anchor=f"step-{line.step_id}")
    if sees and line.kind == "conflict" and "conflicts.show" in current_app.view_functions:
        return url_for("conflicts.show", conflict_id=line.id)
    return url_for("explain.activity", activity_id=activity.id)


def title(row: Any) -> str:
    return words.title_for(current_user, row)


def hides(activity: t.Activity) -> bool:
    """Return whether the activity is private and somebody else's: its time alone is shown."""
    return bool(activity.is_private and activity.owner_id != current_user.id)


def when(event: Event) -> str:
    """Return time and recurrence of an event in words, in the viewer's zone."""
    return values.text("time", events.content(event)["time"])


# --- people


def choosable_people(session: Session) -> list[t.User]:
    """Return the people whose activities the viewer may look at: a client sees their own alone."""
    if current_user.role == Role.CLIENT:
        return [people.get(session, current_user.id)]
    found: list[t.User] = people.list_users(session, cut=Cut(MOST_PEOPLE)).rows
    return found


def name_of(user: t.User) -> str:
    return user.name or user.email


# --- series


@dataclass(frozen=True, slots=True)
class Family:
    """A series and what belongs to it. `master` is None for what does not repeat, or whose series is not here."""

    master: t.Activity | None = None
    changed: tuple[t.Activity, ...] = ()


def family(session: Session, row: t.Activity) -> Family:
    """Return the series that an activity is, or is an occurrence of, with its changed occurrences."""
    master = activities.master_of(session, row) if row.recurrence_key else row
    if master is None or not master.is_series:
        return Family()
    living = [a for a in activities.overrides_of(session, [master]) if a.status != "cancelled"]
    return Family(master, tuple(living))


@dataclass(frozen=True, slots=True)
class Coming:
    """An occurrence that is still to come; `key` names its slot in addresses."""

    activity_id: int
    key: str
    when: str
    is_changed: bool


def coming(found: Family) -> list[Coming]:
    """Return the next occurrences of a series."""
    if found.master is None or found.master.status == "cancelled":
        return []
    others = {a.recurrence_key: t.pk(a) for a in found.changed}
    now = moments.now()
    try:
        window = (now, now + SOON, moments.zone_name())
        expanded = series.expand(mapping.event_of(found.master), [mapping.event_of(a) for a in found.changed], *window)
    except ValueError:
        return []
    return [
        Coming(
            others.get(events.recurrence_key(o.event), t.pk(found.master)),
            events.moment_text(o.moment) if o.moment is not None else "",
            when(replace(o.event, start=o.start, end=o.end, rrule=None, rdates=())),
            o.is_override,
        )
        for o in expanded[:MOST_OCCURRENCES]
    ]


def occurrence_of(row: t.Activity, key: str) -> Event:
    """Return the event of one occurrence of a series, by its slot. Raises NotFound when the series has none there."""
    master = mapping.event_of(row)
    try:
        moment = slots.moment_at(master, slots.key_of(master, events.parse_moment(key)))
        has_it = master.is_series and series.yields(master, moment)
    except (ValueError, AttributeError):
        has_it = False
    if not has_it:
        raise NotFound("occurrence", key)
    end = slots.later(moment, slots.length(master))
    return replace(master, start=moment, end=end, recurrence_id=moment, rrule=None, rdates=(), exdates=())
