"""What takes the time of people and resources, each thing with its source, and how far each calendar can be believed.

One reading for free slots, overlaps and explanations, so that they never disagree. Asks for no right.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from calsync.engine import clock, evenly, series
from calsync.engine import event as events
from calsync.engine.clock import Span
from calsync.engine.evenly import Even
from calsync.engine.event import Content, Event
from calsync.engine.series import Occurrence
from calsync.services import believing, busy_reading
from calsync.services.believing import Source, Subject
from calsync.services.busy_reading import Reading, Wanted
from calsync.store import busy as rows
from calsync.store import tables as t
from calsync.store.busy import Depth, Row, Window

CRM, CALENDAR = busy_reading.CRM, busy_reading.CALENDAR
BOOKING, HOLD, ASKED = "booking", "hold", "asked"
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
    """Everything known about a subject's time in a window; where only spans were asked for, `spans` are most of it."""

    things: list[Busy] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)  # of what takes time and is not among the things
    sources: list[Source] = field(default_factory=list)
    bookings: list[rows.TakenRow] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        """Whether nothing counts as free, because a calendar cannot be believed."""
        return any(source.closes for source in self.sources)

    def taken(self) -> list[Span]:
        """Return the whole seconds that are taken, in no order."""
        things = (clock.span(thing.starts_at, thing.ends_at) for thing in self.things if not thing.ignored)
        return [*self.spans, *things]


def read(
    session: Session, subjects: Sequence[Subject], window: Window, now: datetime, depth: Depth = Depth.BUSY
) -> dict[Subject, Times]:
    """Return what takes the subjects' time."""
    return read_wanted(session, Wanted(subjects, window, now, depth))


def read_wanted(session: Session, wanted: Wanted) -> dict[Subject, Times]:
    """Return what takes the time of those who are asked about."""
    found = busy_reading.read(session, wanted)
    return {subject: _times(found, subject, wanted.window, wanted.now, wanted.depth) for subject in wanted.subjects}


# --- one subject's times


def _times(read_: Reading, subject: Subject, window: Window, now: datetime, depth: Depth) -> Times:
    asked = [
        believing.source(subject, calendar, account, rules, now)
        for calendar, account, rules in read_.calendars
        if calendar.id == subject.calendar_id or (calendar.blocks and account.user_id == subject.user_id)
    ]
    told = read_.asked.get(subject.resource_id)
    others = None if told is None else believing.asked_source(subject, *told, now)
    ignored = {s.calendar_id: SWITCHED_OFF if s.is_switched_off else NOT_BELIEVED for s in asked if not s.counts}
    by_account = dict.fromkeys(read_.switched_off, SWITCHED_OFF)
    by_account |= {s.account_id: ignored[s.calendar_id] for s in asked if not s.counts}
    shelves = {s.calendar_id: ignored.get(s.calendar_id, "") for s in asked}
    taken = read_.taken.get(subject.resource_id, [])
    found = Times(
        [*(_booked(row) for row in taken), *(() if told is None or others is None else _told(told[0], others, window))],
        sources=asked if others is None else [*asked, others],
        bookings=taken,
    )
    if depth is Depth.SPANS:
        found.spans = _spans(read_, subject, window, by_account, shelves)
    else:
        found.things[:0] = [
            *_planned(read_, subject, window, by_account),
            *_mirrored(read_, subject, window, shelves),
        ]
    return found


def _told(asked: t.AskedBusy, source: Source, window: Window) -> Iterator[Busy]:
    """Yield what a provider told of somebody else's time; beyond what was asked for, everything is taken."""
    ignored = "" if source.counts else SWITCHED_OFF if source.is_switched_off else NOT_BELIEVED
    spans = [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in asked.spans]
    for start, end in [*spans, (asked.ends_at, max(asked.ends_at, window[1]))]:
        if start < window[1] and end > window[0]:
            yield Busy(start, end, ASKED, f"asked {asked.resource_id}", ignored=ignored)


def _planned(read_: Reading, subject: Subject, window: Window, by_account: Mapping[int, str]) -> Iterator[Busy]:
    """Yield what the CRM's activities take. One that an ignored account brought in is ignored with it."""
    for row in _activities(read_, subject):
        ignored = by_account.get(row.source_account_id or 0, "")
        for starts_at, ends_at, is_taken in _parts(read_, CRM, row, subject.tz, window):
            yield _busy(CRM, row, starts_at, ends_at, ignored if is_taken else FREE)


def _mirrored(read_: Reading, subject: Subject, window: Window, shelves: Mapping[int, str]) -> Iterator[Busy]:
    for calendar_id, ignored in shelves.items():
        for row in read_.events.get(calendar_id, ()):
            for starts_at, ends_at, is_taken in _parts(read_, CALENDAR, row, subject.tz, window):
                yield _busy(CALENDAR, row, starts_at, ends_at, ignored if is_taken else FREE)


def _spans(
    read_: Reading, subject: Subject, window: Window, by_account: Mapping[int, str], shelves: Mapping[int, str]
) -> list[Span]:
    """Return what `_planned` and `_mirrored` yield of what is not ignored, in seconds."""
    counted = [calendar_id for calendar_id, ignored in shelves.items() if not ignored]
    found = _plain(read_, subject, by_account, counted)
    folded = [
        *((CRM, row) for row in _activities(read_, subject) if (row.source_account_id or 0) not in by_account),
        *((CALENDAR, row) for calendar_id in counted for row in read_.events.get(calendar_id, ())),
    ]
    seconds = clock.span(*window)
    for source, row in folded:
        even = _even(read_, source, row)
        if even is None:
            parts = _parts(read_, source, row, subject.tz, window)
            found += [clock.span(starts_at, ends_at) for starts_at, ends_at, is_taken in parts if is_taken]
        else:
            found += evenly.spans(even, seconds)
    return found


def _even(read_: Reading, source: str, row: Row) -> Even | None:
    """Return a series that takes time at equal distances, and nothing else of it is to be looked at: as most are."""
    content = row.content
    if content is None or not row.is_series or not row.takes_time or (source, row.place, row.uid) in read_.changed:
        return None
    time, responses = content["time"], content["responses"]
    is_simple = not (time["rdates"] or content["exdates"]) and content["status"] != "cancelled" and bool(time["rrule"])
    is_sure = content["transparency"] == "opaque" and "declined" not in responses.values()
    if not is_simple or not (source == CALENDAR or is_sure):
        return None
    return evenly.read(time["start"], time["end"], time["tz"], time["rrule"])


def _plain(read_: Reading, subject: Subject, by_account: Collection[int], counted: Collection[int]) -> list[Span]:
    found: list[Span] = []
    for origin, spans in itertools.chain(read_.plain_activities.items(), read_.plain_placed.items()):
        is_own = origin.calendar_id is None and origin.place == subject.user_id
        is_placed = origin.calendar_id is not None and origin.calendar_id == subject.calendar_id
        is_theirs = is_own or (is_placed and origin.place != subject.user_id)
        if is_theirs and (origin.source_account_id or 0) not in by_account:
            found += spans
    for origin, spans in read_.plain_events.items():
        if origin.place in counted:
            found += spans
    return found


def _activities(read_: Reading, subject: Subject) -> Iterator[Row]:
    """Yield the subject's activities: the person's, and those of others that stand on the resource's calendar."""
    yield from read_.activities.get(subject.user_id or 0, ())
    if subject.calendar_id is not None:
        yield from (row for row in read_.placed.get(subject.calendar_id, ()) if row.place != subject.user_id)


def _parts(read_: Reading, source: str, row: Row, tz: str, window: Window) -> Iterator[tuple[datetime, datetime, bool]]:
    """Yield when an activity or event is, each time with whether it takes it: of a series its occurrences, of a day or
    a floating time what it is by the subject's clock.
    """
    if row.times is not None:
        yield (*row.times, row.takes_time)
        return
    is_over = source == CRM and (row.place, row.uid) in read_.over
    if is_over or (row.recurrence_key and (source, row.place, row.uid) in read_.series):  # its series shows it
        return
    content = row.content or {}
    changed = [] if row.recurrence_key else read_.changed.get((source, row.place, row.uid), [])
    own = read_.addresses.get(row.place, frozenset())
    takes_itself = row.takes_time and (source == CALENDAR or _takes(content, own))
    event = _event(row.uid, row.recurrence_key, content)
    if not changed and series.is_undisturbed(event):
        yield from ((starts_at, ends_at, takes_itself) for starts_at, ends_at in _stretches(event, window))
        return
    takes = {c.recurrence_key: c.takes_time and (source == CALENDAR or _takes(c.content, own)) for c in changed}
    others = [_event(c.uid, c.recurrence_key, c.content) for c in changed]
    for each in occurrences(event, others, window, tz):
        yield each.starts_at, each.ends_at, takes.get(events.recurrence_key(each.event), takes_itself)


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
