"""Which activities of a page of a list are at the same time as others of the same person.

Days, floating times and series count like everything else. Of a series the coming month is looked at: further ahead its
overlaps are seen on the calendar, day by day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from calsync.engine import clock, overlaps, series
from calsync.engine import event as events
from calsync.engine.event import Event
from calsync.engine.vocabulary import Kind
from calsync.services import agenda, busy
from calsync.store import overlapping
from calsync.store import tables as t
from calsync.store.overlapping import Near, Window

AHEAD = timedelta(days=30)
"""How far ahead a series is looked at."""


@dataclass(slots=True)
class Met:
    """What an activity meets: when first, and each other activity once, by when it does."""

    at: datetime
    others: dict[int, Near] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Thing:
    near: Near
    starts_at: datetime
    ends_at: datetime


def find(session: Session, page: Sequence[t.Activity], now: datetime) -> dict[int, Met]:
    """Return what each activity of a page meets, by its id; those that meet nothing are left out."""
    windows = _windows(page, now)
    found = _sources_that_count(session, overlapping.near(session, windows))
    things = _things(session, found, windows)
    wanted = {t.pk(row) for row in page}
    met: dict[int, Met] = {}
    for listed in things.values():
        for pair in overlaps.find(listed):
            for mine, other in ((pair.first.near, pair.second.near), (pair.second.near, pair.first.near)):
                if mine.id in wanted and mine.uid != other.uid:
                    met.setdefault(mine.id, Met(pair.starts_at)).others.setdefault(other.id, other)
    return met


def _windows(page: Sequence[t.Activity], now: datetime) -> dict[int, list[Window]]:
    """Return between which times everything lies that could meet one of them, by owner's id."""
    spans: dict[int, list[clock.Span]] = {}
    for row in page:
        start, end = row.span_start, row.span_end
        if row.is_series:
            start, end = max(start, now), min(end, now + AHEAD)
        if _takes_time(row) and start < end:
            spans.setdefault(row.owner_id, []).append(clock.span(start, end))
    return {
        owner_id: [(clock.moment(first), clock.moment(last)) for first, last in clock.merged(listed)]
        for owner_id, listed in spans.items()
    }


def _takes_time(row: t.Activity) -> bool:
    is_due = row.kind == Kind.TASK and (row.due_is is not None or row.is_done)
    is_alive = row.status != "cancelled" and not row.is_dissolved
    return is_alive and not is_due and row.content.get("transparency") == "opaque"


def _sources_that_count(session: Session, found: Sequence[Near]) -> list[Near]:
    """Leave out what came from accounts whose events block no time."""
    accounts = {row.source_account_id for row in found if row.source_account_id is not None}
    silent = agenda.silent_accounts(session, accounts) if accounts else frozenset()
    return [row for row in found if row.source_account_id not in silent]


def _things(
    session: Session, found: Sequence[Near], windows: Mapping[int, Sequence[Window]]
) -> dict[int, list[_Thing]]:
    """Return everything with its times, by owner's id."""
    folded = [row for row in found if row.content is not None]
    changed = overlapping.changed_keys(session, [row for row in folded if row.is_series])
    things: dict[int, list[_Thing]] = {}
    for row in found:
        listed = things.setdefault(row.owner_id, [])
        if row.content is None:
            listed.append(_Thing(row, row.starts_at, row.ends_at))
        else:
            keys = changed.get((row.owner_id, row.uid), ()) if row.is_series else ()
            listed += _unfolded(row, keys, windows[row.owner_id])
    return things


def _unfolded(row: Near, changed: Sequence[str], windows: Sequence[Window]) -> Iterator[_Thing]:
    """Yield the times of a day, a floating time or a series in the windows, each once."""
    event, seen = _event(row, changed), set()
    for window in windows:
        for each in busy.occurrences(event, [], window, row.tz):
            if each.starts_at not in seen:
                seen.add(each.starts_at)
                yield _Thing(row, each.starts_at, each.ends_at)


def _event(row: Near, changed: Sequence[str]) -> Event:
    time, read = (row.content or {})["time"], events.parse_moment
    event = Event(
        row.uid,
        read(time["start"]),
        read(time["end"]),
        time["tz"],
        rrule=time["rrule"],
        rdates=tuple(map(read, time["rdates"])),
        exdates=tuple(map(read, (row.content or {})["exdates"])),
    )
    for key in changed:
        event = series.removing(event, read(key))
    return event
