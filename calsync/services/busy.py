"""What takes the time of people and resources, each thing with its source, and how far each calendar can be believed.

One reading for free slots, overlaps and explanations, so that they never disagree. Asks for no right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import rules as engine_rules
from calsync.engine import scope, series
from calsync.engine.event import Content, Event
from calsync.engine.rules import Rules
from calsync.engine.series import Occurrence
from calsync.engine.vocabulary import EventKind
from calsync.services import believing, frame, settings
from calsync.services.believing import Source, Subject
from calsync.store import asked_busy, unfolding
from calsync.store import busy as rows
from calsync.store import tables as t
from calsync.store.busy import Row, Window

CRM, CALENDAR, BOOKING, HOLD, ASKED = "crm", "calendar", "booking", "hold", "asked"
"""Sources of busy time."""

FREE, SWITCHED_OFF, NOT_BELIEVED = "free", "switched_off", "not_believed"
"""Why a thing takes no time after all: it says so itself or was declined; external events are no source; the calendar
could not be read lately and is to be ignored then."""


class Busy(NamedTuple):
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
    is_open: bool = False  # as of store.busy.Row: known only where what is free was asked for, too


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


def read(
    session: Session, subjects: Sequence[Subject], window: Window, now: datetime, *, with_free: bool = False
) -> dict[Subject, Times]:
    """Return what takes the subjects' time; `with_free` adds everything that says of itself that it takes none."""
    found = _read(session, subjects, window, now, with_free)
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
    asked: dict[int, tuple[t.AskedBusy, t.Account, Rules]]  # by resource
    contents: dict[str, Mapping[int, Content]]  # by source, of what is not plain
    changed: dict[str, Mapping[tuple[int, str], list[unfolding.Changed]]]  # by source, of series by place and uid
    series: set[tuple[str, int, str]]  # source, place and uid of the series that come with their changed occurrences
    over: set[tuple[int, str]]
    addresses: Mapping[int, frozenset[str]]


def _read(session: Session, subjects: Sequence[Subject], window: Window, now: datetime, with_free: bool) -> _Read:
    user_ids = {s.user_id for s in subjects if s.user_id is not None}
    own = {s.calendar_id for s in subjects if s.calendar_id is not None}
    base, _ = settings.organisation_rules(session)
    calendars = rows.calendars(session, user_ids, own)
    ruled = [(c, account, engine_rules.overlay(base, account.overrides)) for c, account in calendars]
    hosts = {account.user_id for calendar, account in calendars if calendar.id in own}
    planned = rows.activities_of(session, user_ids, window, with_free=with_free)
    placed = rows.activities_on(session, hosts, own, window, with_free=with_free)
    mirrored = rows.events_on(session, [t.pk(calendar) for calendar, _ in calendars], window, with_free=with_free)
    taken = rows.taken(session, [s.resource_id for s in subjects if s.resource_id], window, now)
    folded = {
        CRM: [r for r in (*planned, *placed) if not r.is_plain],
        CALENDAR: [r for r in mirrored if not r.is_plain],
    }
    masters = {source: [r for r in found if not r.recurrence_key] for source, found in folded.items()}
    loose = [r for r in folded[CRM] if r.recurrence_key]
    return _Read(
        ruled,
        _grouped(planned, lambda row: row.place),
        _grouped(placed, lambda row: row.calendar_id),
        _grouped(_counting(mirrored, ruled), lambda row: row.place),
        _grouped(taken, lambda row: row.resource_id),
        {
            row.resource_id: (row, account, engine_rules.overlay(base, account.overrides))
            for row, account in asked_busy.of_resources(session, [s.resource_id for s in subjects if s.is_asked])
        },
        {
            CRM: _contents(folded[CRM], lambda ids: unfolding.activity_contents(session, ids)),
            CALENDAR: _contents(folded[CALENDAR], lambda ids: unfolding.event_contents(session, ids)),
        },
        {
            CRM: _grouped(unfolding.changed_activities(session, masters[CRM]), lambda c: (c.place, c.uid)),
            CALENDAR: _grouped(unfolding.changed_events(session, masters[CALENDAR]), lambda c: (c.place, c.uid)),
        },
        {(source, r.place, r.uid) for source, found in masters.items() for r in found},
        unfolding.ended_series(session, loose) if loose else set(),
        addresses(session, user_ids | hosts) if folded[CRM] else {},
    )


def _contents(found: Sequence[Row], ask: Callable[[set[int]], Mapping[int, Content]]) -> dict[int, Content]:
    """Return the contents by id, asking for those that did not come with their rows."""
    known = {row.id: row.content for row in found if row.content is not None}
    return {**known, **ask({row.id for row in found} - known.keys())}


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
    told = read_.asked.get(subject.resource_id)
    others = None if told is None else believing.asked_source(subject, *told, now)
    ignored = {s.calendar_id: SWITCHED_OFF if s.is_switched_off else NOT_BELIEVED for s in asked if not s.counts}
    by_account = {s.account_id: ignored[s.calendar_id] for s in asked if not s.counts}
    taken = read_.taken.get(subject.resource_id, [])
    things = [
        *_planned(read_, subject, window, by_account),
        *_mirrored(read_, subject, window, {s.calendar_id: ignored.get(s.calendar_id, "") for s in asked}),
        *(_booked(row) for row in taken),
        *(() if told is None or others is None else _told(told[0], others, window)),
    ]
    return Times(things, asked if others is None else [*asked, others], taken)


def _told(asked: t.AskedBusy, source: Source, window: Window) -> Iterator[Busy]:
    """Yield what a provider told of somebody else's time; beyond what was asked for, everything is taken."""
    ignored = "" if source.counts else SWITCHED_OFF if source.is_switched_off else NOT_BELIEVED
    spans = [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in asked.spans]
    for start, end in [*spans, (asked.ends_at, max(asked.ends_at, window[1]))]:
        if start < window[1] and end > window[0]:
            yield Busy(start, end, ASKED, f"asked {asked.resource_id}", ignored=ignored)


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
            yield from _unfolded(read_, CRM, row, subject.tz, window, ignored)


def _unfolded(read_: _Read, source: str, row: Row, tz: str, window: Window, ignored: str) -> Iterator[Busy]:
    """Yield the occurrences of a series, or what a day or a floating time is by the subject's clock."""
    content = read_.contents[source][row.id]
    changed = [] if row.recurrence_key else read_.changed[source].get((row.place, row.uid), [])
    own = read_.addresses.get(row.place, frozenset())
    takes = {c.recurrence_key: c.takes_time and (source == CALENDAR or _takes(c.content, own)) for c in changed}
    takes_itself = row.takes_time and (source == CALENDAR or _takes(content, own))
    event = _event(row.uid, row.recurrence_key, content)
    if not changed and series.is_undisturbed(event):
        for starts_at, ends_at in _stretches(event, window):
            yield _busy(source, row, starts_at, ends_at, ignored if takes_itself else FREE)
        return
    others = [_event(c.uid, c.recurrence_key, c.content) for c in changed]
    for occurrence in occurrences(event, others, window, tz):
        is_taken = takes.get(events.recurrence_key(occurrence.event), takes_itself)
        yield _busy(source, row, occurrence.starts_at, occurrence.ends_at, ignored if is_taken else FREE)


def _event(uid: str, recurrence_key: str, content: Content) -> Event:
    """Return an event as far as its times are concerned."""
    time, read_moment = content["time"], events.parse_moment
    return Event(
        uid,
        read_moment(time["start"]),
        read_moment(time["end"]),
        time["tz"],
        recurrence_id=read_moment(recurrence_key) if recurrence_key else None,
        rrule=time["rrule"],
        rdates=tuple(map(read_moment, time["rdates"])),
        exdates=tuple(map(read_moment, content["exdates"])),
        status=content["status"],
    )


def _takes(content: Content, own: frozenset[str]) -> bool:
    """Return whether an activity takes its owner's time: it says so, and its owner did not decline it."""
    is_declined = any(told == "declined" and address in own for address, told in content["responses"].items())
    return content["transparency"] == "opaque" and not is_declined


def _is_shown(read_: _Read, source: str, row: Row) -> bool:
    """Return whether a changed occurrence comes with its series, which then shows it."""
    return bool(row.recurrence_key) and (source, row.place, row.uid) in read_.series


def _mirrored(read_: _Read, subject: Subject, window: Window, shelves: Mapping[int, str]) -> Iterator[Busy]:
    for calendar_id, ignored in shelves.items():
        for row in read_.events.get(calendar_id, ()):
            if row.is_plain:
                yield _busy(CALENDAR, row, row.span_start, row.span_end, ignored if row.takes_time else FREE)
            elif not _is_shown(read_, CALENDAR, row):
                yield from _unfolded(read_, CALENDAR, row, subject.tz, window, ignored)


def occurrences(event: Event, others: Sequence[Event], window: Window, tz: str) -> list[Occurrence]:
    """Return the occurrences in the window; a series that cannot be computed has its first alone."""
    try:
        return series.expand(event, others, *window, tz)
    except ValueError:
        return series.expand(replace(event, rrule=None, rdates=(), tz=None), [], *window, tz)


def _stretches(event: Event, window: Window) -> list[tuple[datetime, datetime]]:
    """Return what `occurrences` does of an undisturbed series, without what is not needed of each."""
    try:
        return series.stretches(event, *window)
    except ValueError:
        return [(each.starts_at, each.ends_at) for each in occurrences(event, [], window, "UTC")]


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
        row.is_open,
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
