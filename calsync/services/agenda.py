"""The agenda: everything a window of time shows to one viewer, activities and events of calendars side by side.

What a viewer may read is decided here, entry by entry: of somebody's private records and of calendars that only block
time others see nothing but that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import rules as engine_rules
from calsync.engine import scope, series
from calsync.engine.event import Event
from calsync.engine.series import Occurrence
from calsync.engine.vocabulary import AccountState, EventKind, Kind
from calsync.runtime import Runtime
from calsync.services import activities, frame, settings
from calsync.store import booking_list, whereabouts, windows
from calsync.store import tables as t

MOST = 400
"""Records of each sort, activities and events, that one window looks at."""

OPEN, PRIVATE, BUSY = "", "private", "busy"


@dataclass(frozen=True, slots=True)
class Entry:
    """One occurrence in the window: of an activity, or of a mirrored event that no activity stands for.

    `hides` is OPEN, PRIVATE (the viewer may know that it is there and private) or BUSY (that the time is taken).
    `calendar_id` is the calendar it stands on, None for none.
    """

    owner_id: int
    occurrence: Occurrence
    hides: str
    calendar_id: int | None = None
    activity: t.Activity | None = None
    event: t.MirrorEvent | None = None
    is_free: bool = False  # it takes none of its owner's time: it says so itself, or they declined it


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be shown: of these people (None: everyone), on one calendar (None: any). `zone` is the viewer's."""

    start: datetime
    end: datetime
    viewer_id: int
    zone: str = "UTC"
    owner_ids: Collection[int] | None = None
    calendar_id: int | None = None


@dataclass(frozen=True, slots=True)
class Agenda:
    """The entries in order, and the calendars that they stand on. `is_cut` when there was too much to look at.

    `silent` are the accounts whose events block no time, as the settings say, `colors` those of bookings whose event
    type has one, by activity.
    """

    entries: list[Entry] = field(default_factory=list)
    calendars: dict[int, t.Calendar] = field(default_factory=dict)
    is_cut: bool = False
    silent: frozenset[int] = frozenset()
    colors: dict[int, str] = field(default_factory=dict)


def show(rt: Runtime, asked: Asked) -> Agenda:
    """Return what the window shows. Asks for no right to see the people: views limit `owner_ids` to those."""
    with rt.reading() as session:
        shelves = list_calendars(session, asked.owner_ids)
    planned, is_cut = _planned(rt, asked)
    known = {(e.owner_id, e.occurrence.event.uid) for e in planned}
    wanted = [s for s in shelves if asked.calendar_id in (None, s[0].id)]
    with rt.reading() as session:
        found, events_cut = _external(session, asked, wanted, known)
        silent = silent_accounts(session, {calendar.account_id for calendar, _ in shelves})
        colors = booking_list.colors(session, _booked(planned))
    entries = [e for e in (*planned, *found) if asked.calendar_id in (None, e.calendar_id)]
    return Agenda(
        sorted(entries, key=lambda e: (e.occurrence.starts_at, e.occurrence.ends_at)),
        {t.pk(calendar): calendar for calendar, _ in shelves},
        is_cut or events_cut,
        silent,
        colors,
    )


def _booked(entries: Sequence[Entry]) -> set[int]:
    """Return the activities of bookings whose title the viewer may read: a colour says of what kind they are."""
    kept = (e.activity for e in entries if e.activity is not None and not e.hides)
    return {t.pk(activity) for activity in kept if activity.kind == Kind.BOOKING}


def silent_accounts(session: Session, account_ids: Collection[int]) -> frozenset[int]:
    """Return those of the accounts whose events block no time: everybody's, or what an account may say otherwise."""
    base, _ = settings.organisation_rules(session)
    if "block_busy_time" not in base.account_overrides:
        return frozenset() if base.block_busy_time else frozenset(account_ids)
    query = sa.select(t.Account).where(col(t.Account.id).in_(account_ids))
    found = session.scalars(query)
    return frozenset(t.pk(a) for a in found if not engine_rules.overlay(base, a.overrides).block_busy_time)


def list_calendars(session: Session, owner_ids: Collection[int] | None) -> list[tuple[t.Calendar, int]]:
    """Return the calendars that are read for these people (None: everyone), each with its owner's id."""
    query = (
        sa.select(t.Calendar, col(t.Account.user_id))
        .join(t.Account, col(t.Account.id) == col(t.Calendar.account_id))
        .where(
            col(t.Account.state) != AccountState.DISCONNECTED,
            sa.or_(col(t.Calendar.syncs), col(t.Calendar.blocks)),
            col(t.Calendar.is_gone).is_(False),
        )
        .order_by(col(t.Calendar.name), col(t.Calendar.id))
    )
    if owner_ids is not None:
        query = query.where(col(t.Account.user_id).in_(owner_ids))
    return [(calendar, int(owner_id)) for calendar, owner_id in session.execute(query)]


# --- activities


def _planned(rt: Runtime, asked: Asked) -> tuple[list[Entry], bool]:
    shown = activities.occurrences(rt, asked.start, asked.end, owner_ids=asked.owner_ids, zone=asked.zone, limit=MOST)
    ids = {t.pk(s.activity) for s in shown}
    with rt.reading() as session:
        places = whereabouts.calendars_of(session, ids)
        own = addresses_of(session, {s.activity.owner_id for s in shown if s.occurrence.event.attendees})
    entries = [
        Entry(
            s.activity.owner_id,
            s.occurrence,
            PRIVATE if s.activity.is_private and s.activity.owner_id != asked.viewer_id else OPEN,
            _place(places.get(t.pk(s.activity), []), asked.calendar_id),
            activity=s.activity,
            is_free=not scope.takes_time(s.occurrence.event, own.get(s.activity.owner_id, frozenset())),
        )
        for s in shown
    ]
    return entries, len(ids) >= MOST


def addresses_of(session: Session, owner_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Return the addresses under which people may stand on events, by their ids: their own and those of accounts."""
    if not owner_ids:
        return {}
    query = (
        sa.select(t.User, t.Account)
        .outerjoin(t.Account, col(t.Account.user_id) == col(t.User.id))
        .where(col(t.User.id).in_(owner_ids))
    )
    found: dict[int, frozenset[str]] = {}
    for user, account in session.execute(query):
        known = frozenset({user.email.lower()}) if account is None else frame.addresses(account, user.email)
        found[t.pk(user)] = found.get(t.pk(user), frozenset()) | known
    return found


def _place(calendar_ids: Sequence[int], wanted: int | None) -> int | None:
    """Return the calendar under which an activity is shown: the one asked for, if it stands there, else its first."""
    return wanted if wanted in calendar_ids else next(iter(calendar_ids), None)


# --- events that no activity stands for


def _external(
    session: Session, asked: Asked, shelves: Sequence[tuple[t.Calendar, int]], known: Collection[tuple[int, str]]
) -> tuple[list[Entry], bool]:
    owners = {t.pk(calendar): owner_id for calendar, owner_id in shelves}
    calendars = {t.pk(calendar): calendar for calendar, _ in shelves}
    if not owners:
        return [], False
    found_rows = windows.list_events(session, asked.start, asked.end, owners, MOST)
    rows = _without_left_out(session, found_rows, calendars)
    linked = windows.linked_series(session, rows)
    families: dict[tuple[int, str], list[t.MirrorEvent]] = {}
    seen = set(known)
    for row in sorted(rows, key=lambda r: (r.calendar_id, t.pk(r))):
        place = (row.calendar_id, row.uid)
        copied = (owners[row.calendar_id], row.uid) in seen and place not in families
        if not copied and not (row.recurrence_key and place in linked):
            families.setdefault(place, []).append(row)
            seen.add((owners[row.calendar_id], row.uid))
    found = [
        Entry(
            owners[row.calendar_id],
            occurrence,
            _hidden(row, calendars[row.calendar_id], owners, asked),
            row.calendar_id,
            event=row,
            is_free=not row.is_busy,
        )
        for family in families.values()
        for row, occurrence in _expanded(family, asked)
    ]
    return found, len(found_rows) >= MOST


def _without_left_out(
    session: Session, rows: Sequence[t.MirrorEvent], calendars: Mapping[int, t.Calendar]
) -> list[t.MirrorEvent]:
    """Return the events without those whose kind the rules leave out. Hardly any is of a kind of its own."""
    if all(_kind(row) is EventKind.DEFAULT for row in rows):
        return list(rows)
    left_out = _left_out(session, calendars.values())
    return [row for row in rows if _kind(row) not in left_out[row.calendar_id]]


def _left_out(session: Session, calendars: Collection[t.Calendar]) -> dict[int, frozenset[EventKind]]:
    """Return by calendar the kinds of events that its account's rules leave out, so that they are shown nowhere."""
    base, _ = settings.organisation_rules(session)
    query = sa.select(t.Account).where(col(t.Account.id).in_({c.account_id for c in calendars}))
    rules = {t.pk(account): engine_rules.overlay(base, account.overrides) for account in session.scalars(query)}
    left_out = {i: frozenset(k for k in EventKind if scope.is_left_out(k, each)) for i, each in rules.items()}
    return {t.pk(calendar): left_out[calendar.account_id] for calendar in calendars}


def _hidden(row: t.MirrorEvent, calendar: t.Calendar, owners: dict[int, int], asked: Asked) -> str:
    """Return what of an event its viewer may not read. A calendar that only blocks time is nobody else's business."""
    if calendar.access == "free_busy":
        return BUSY
    if owners[row.calendar_id] == asked.viewer_id:
        return OPEN
    if not calendar.syncs:
        return BUSY
    return PRIVATE if row.facts.get("classification") != "public" else OPEN


def _expanded(family: Sequence[t.MirrorEvent], asked: Asked) -> list[tuple[t.MirrorEvent, Occurrence]]:
    masters = [row for row in family if not row.recurrence_key]
    others = {row.recurrence_key: row for row in family if row.recurrence_key}
    changed = [_event(row) for row in others.values()]
    if not masters:
        return [(row, o) for row in others.values() for o in _occurrences(_event(row), [], asked)]
    found = []
    for master in masters:
        for occurrence in _occurrences(_event(master), changed, asked):
            key = events.recurrence_key(occurrence.event)
            found.append((others.get(key, master), occurrence))
    return found


def _kind(row: t.MirrorEvent) -> EventKind:
    return EventKind(row.facts.get("event_kind", EventKind.DEFAULT))


def _event(row: t.MirrorEvent) -> Event:
    return events.from_json(row.facts)


def _occurrences(event: Event, changed: Sequence[Event], asked: Asked) -> list[Occurrence]:
    """Return the occurrences in the window; a series that cannot be computed shows its first alone."""
    try:
        return series.expand(event, changed, asked.start, asked.end, asked.zone)
    except ValueError:
        bare = replace(event, rrule=None, rdates=(), tz=None)
        return series.expand(bare, [], asked.start, asked.end, asked.zone)
