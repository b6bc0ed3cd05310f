"""What takes the time of people and resources, each thing with its source, and how far each calendar can be believed.

One reading for free slots, overlaps and explanations, so that they never disagree. Asks for no right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import mapping, scope, series
from calsync.engine import rules as engine_rules
from calsync.engine.event import Event
from calsync.engine.rules import Rules
from calsync.engine.series import Occurrence
from calsync.engine.vocabulary import EventKind
from calsync.services import believing, frame, settings
from calsync.services.believing import Source, Subject
from calsync.store import activities, windows
from calsync.store import busy as rows
from calsync.store import tables as t
from calsync.store.busy import Row, Window

CRM, CALENDAR, BOOKING, HOLD = "crm", "calendar", "booking", "hold"
"""Sources of busy time."""

FREE, SWITCHED_OFF, NOT_BELIEVED = "free", "switched_off", "not_believed"
"""Why a thing takes no time after all: it says so itself or was declined; external events are no source; the calendar
could not be read lately and is to be ignored then."""


@dataclass(frozen=True, slots=True)
class Busy:
    """One thing in the window. `ignored` says why it takes no time, "" when it does.

    `identity` is equal for the copies of one thing, which do not overlap with each other.
    """

    starts_at: datetime
    ends_at: datetime
    source: str
    identity: str
    title: str = ""
    owner_id: int | None = None
    is_private: bool = False
    activity_id: int | None = None
    event_id: int | None = None
    calendar_id: int | None = None
    booking_id: int | None = None
    ignored: str = ""


@dataclass(slots=True)
class Times:
    """Everything known about a subject's time in a window."""

    things: list[Busy] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    bookings: list[rows.TakenRow] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        """Whether nothing counts as free, because a calendar cannot be believed."""
        return any(source.closes for source in self.sources)


def read(session: Session, subjects: Sequence[Subject], window: Window, now: datetime) -> dict[Subject, Times]:
    """Return what takes the subjects' time."""
    found = _read(session, subjects, window, now)
    return {subject: _times(found, subject, window, now) for subject in subjects}


# --- one reading for all subjects

_R = TypeVar("_R")
_K = TypeVar("_K")


@dataclass(slots=True)
class _Read:
    calendars: list[tuple[t.Calendar, t.Account, Rules]]
    activities: dict[int, list[Row]]  # by owner
    placed: dict[int | None, list[Row]]  # by calendar
    events: dict[int, list[Row]]  # by calendar
    taken: dict[int, list[rows.TakenRow]]  # by resource
    activity_facts: Mapping[int, t.Activity]
    event_facts: Mapping[int, t.MirrorEvent]
    overrides: Mapping[tuple[int, str], list[t.Activity]]
    instances: Mapping[tuple[int, str], list[t.MirrorEvent]]
    series: set[tuple[str, int, str]]  # source, place and uid of the series that come with their changed occurrences
    over: set[tuple[int, str]]
    addresses: Mapping[int, frozenset[str]]


def _read(session: Session, subjects: Sequence[Subject], window: Window, now: datetime) -> _Read:
    user_ids = {s.user_id for s in subjects if s.user_id is not None}
    own = {s.calendar_id for s in subjects if s.calendar_id is not None}
    base, _ = settings.organisation_rules(session)
    calendars = rows.calendars(session, user_ids, own)
    ruled = [(c, account, engine_rules.overlay(base, account.overrides)) for c, account in calendars]
    hosts = {account.user_id for calendar, account in calendars if calendar.id in own}
    planned = rows.activities_of(session, user_ids, window)
    placed = rows.activities_on(session, hosts, own, window)
    mirrored = rows.events_on(session, [t.pk(calendar) for calendar, _ in calendars], window)
    facts = rows.activity_facts(session, {r.id for r in (*planned, *placed) if not r.is_plain})
    event_facts = rows.event_facts(session, {r.id for r in mirrored if not r.is_plain})
    overrides = activities.overrides_of(session, [a for a in facts.values() if a.is_series])
    instances = rows.changed_occurrences(session, [e for e in event_facts.values() if e.is_series])
    return _Read(
        ruled,
        _grouped(planned, lambda row: row.place),
        _grouped(placed, lambda row: row.calendar_id),
        _grouped(_counting(mirrored, ruled), lambda row: row.place),
        _grouped(
            rows.taken(session, [s.resource_id for s in subjects if s.resource_id], window, now),
            lambda row: row.resource_id,
        ),
        facts,
        event_facts,
        _grouped(overrides, lambda a: (a.owner_id, a.uid)),
        _grouped(instances, lambda e: (e.calendar_id, e.uid)),
        {(CRM, a.owner_id, a.uid) for a in facts.values() if not a.recurrence_key}
        | {(CALENDAR, e.calendar_id, e.uid) for e in event_facts.values() if not e.recurrence_key},
        windows.cancelled_series(session, list(facts.values())),
        addresses(session, user_ids | hosts) if facts else {},
    )


def _counting(found: Iterable[Row], calendars: Iterable[tuple[t.Calendar, t.Account, Rules]]) -> Iterator[Row]:
    """Yield the events that are not of a kind that the account's rules leave out."""
    out = {t.pk(c): {kind.value for kind in EventKind if scope.is_left_out(kind, rules)} for c, _, rules in calendars}
    return (row for row in found if row.event_kind not in out[row.place])


def addresses(session: Session, user_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Return under which addresses people may stand on events, by their ids."""
    query = (
        sa.select(t.User, t.Account)
        .outerjoin(t.Account, col(t.Account.user_id) == col(t.User.id))
        .where(col(t.User.id).in_(user_ids))
    )
    found: dict[int, frozenset[str]] = {}
    for user, account in session.execute(query):
        known = frozenset({user.email.lower()}) if account is None else frame.addresses(account, user.email)
        found[t.pk(user)] = found.get(t.pk(user), frozenset()) | known
    return found


def _grouped(found: Iterable[_R], key: Callable[[_R], _K]) -> dict[_K, list[_R]]:
    groups: dict[_K, list[_R]] = {}
    for each in found:
        groups.setdefault(key(each), []).append(each)
    return groups


# --- one subject's times


def _times(read_: _Read, subject: Subject, window: Window, now: datetime) -> Times:
    asked = [
        believing.source(subject, calendar, account, rules, now)
        for calendar, account, rules in read_.calendars
        if calendar.id == subject.calendar_id or (calendar.blocks and account.user_id == subject.user_id)
    ]
    ignored = {s.calendar_id: SWITCHED_OFF if s.is_switched_off else NOT_BELIEVED for s in asked if not s.counts}
    by_account = {s.account_id: ignored[s.calendar_id] for s in asked if not s.counts}
    taken = read_.taken.get(subject.resource_id, [])
    things = [
        *_planned(read_, subject, window, by_account),
        *_mirrored(read_, subject, window, {s.calendar_id: ignored.get(s.calendar_id, "") for s in asked}),
        *(_booked(row) for row in taken),
    ]
    return Times(things, asked, taken)


def _planned(read_: _Read, subject: Subject, window: Window, by_account: Mapping[int, str]) -> Iterator[Busy]:
    """Yield what the CRM's activities take. One that an ignored account brought in is ignored with it."""
    placed = () if subject.calendar_id is None else read_.placed.get(subject.calendar_id, ())
    theirs = read_.activities.get(subject.user_id or 0, [])
    others = [row for row in placed if row.place != subject.user_id]
    for row in (*theirs, *others):
        ignored = by_account.get(row.source_account_id or 0, "")
        if row.is_plain:
            yield _busy(CRM, row, row.span_start, row.span_end, ignored if row.takes_time else FREE)
        elif (row.place, row.uid) not in read_.over and not _is_shown(read_, CRM, row):
            yield from _unfolded(read_, row, subject.tz, window, ignored)


def _unfolded(read_: _Read, row: Row, tz: str, window: Window, ignored: str) -> Iterator[Busy]:
    activity = read_.activity_facts[row.id]
    changed = [] if row.recurrence_key else read_.overrides.get((row.place, row.uid), [])
    others = [mapping.event_of(a) for a in changed]
    own = read_.addresses.get(row.place, frozenset())
    for occurrence in occurrences(mapping.event_of(activity), others, window, tz):
        event = occurrence.event
        takes = scope.takes_time(event, own)
        yield _busy(CRM, row, occurrence.starts_at, occurrence.ends_at, ignored if takes else FREE)


def _is_shown(read_: _Read, source: str, row: Row) -> bool:
    """Return whether a changed occurrence comes with its series, which then shows it."""
    return bool(row.recurrence_key) and (source, row.place, row.uid) in read_.series


def _mirrored(read_: _Read, subject: Subject, window: Window, shelves: Mapping[int, str]) -> Iterator[Busy]:
    for calendar_id, ignored in shelves.items():
        for row in read_.events.get(calendar_id, ()):
            if row.is_plain:
                yield _busy(CALENDAR, row, row.span_start, row.span_end, ignored if row.takes_time else FREE)
            elif not _is_shown(read_, CALENDAR, row):
                yield from _unfolded_there(read_, row, subject.tz, window, ignored)


def _unfolded_there(read_: _Read, row: Row, tz: str, window: Window, ignored: str) -> Iterator[Busy]:
    master = read_.event_facts[row.id]
    instances = [] if row.recurrence_key else read_.instances.get((row.place, row.uid), [])
    is_busy = {e.recurrence_key: e.is_busy for e in instances}
    others = [events.from_json(e.facts) for e in instances]
    for occurrence in occurrences(events.from_json(master.facts), others, window, tz):
        takes = is_busy.get(events.recurrence_key(occurrence.event), master.is_busy)
        yield _busy(CALENDAR, row, occurrence.starts_at, occurrence.ends_at, ignored if takes else FREE)


def occurrences(event: Event, others: Sequence[Event], window: Window, tz: str) -> list[Occurrence]:
    """Return the occurrences in the window; a series that cannot be computed has its first alone."""
    try:
        return series.expand(event, others, *window, tz)
    except ValueError:
        return series.expand(replace(event, rrule=None, rdates=(), tz=None), [], *window, tz)


def _busy(source: str, row: Row, starts_at: datetime, ends_at: datetime, ignored: str) -> Busy:
    is_activity = source == CRM
    return Busy(
        starts_at,
        ends_at,
        source,
        f"{row.uid} {row.recurrence_key}",
        row.title,
        row.place if is_activity else None,
        row.is_private,
        row.id if is_activity else None,
        None if is_activity else row.id,
        row.calendar_id,
        None,
        ignored,
    )


def _booked(row: rows.TakenRow) -> Busy:
    source = HOLD if row.is_hold else BOOKING
    return Busy(
        row.starts_at,
        row.ends_at,
        source,
        f"booking {row.booking_id}",
        activity_id=row.activity_id,
        booking_id=row.booking_id,
    )
