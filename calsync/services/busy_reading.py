"""One reading of everything that may take the time of several subjects, for `busy.py` to tell whose it is.

As few questions as can be, however many the subjects are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import rules as engine_rules
from calsync.engine import scope
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import EventKind
from calsync.services import frame, settings
from calsync.services.believing import Subject
from calsync.store import asked_busy, unfolding
from calsync.store import busy as rows
from calsync.store import tables as t
from calsync.store.busy import Depth, Row, Spans, Window
from calsync.store.unfolding import Changed

CRM, CALENDAR = "crm", "calendar"
"""The two kinds of things that have to be unfolded."""

Ruled = tuple[t.Calendar, t.Account, Rules]

_R = TypeVar("_R")
_K = TypeVar("_K")


@dataclass(slots=True)
class Reading:
    """`plain` and what has rows exclude each other: the first only where spans are enough."""

    calendars: list[Ruled]
    activities: dict[int, list[Row]]  # by owner
    placed: dict[int | None, list[Row]]  # by calendar
    events: dict[int, list[Row]]  # by calendar
    plain_activities: Spans
    plain_placed: Spans
    plain_events: Spans
    taken: dict[int, list[rows.TakenRow]]  # by resource
    asked: dict[int, tuple[t.AskedBusy, t.Account, Rules]]  # by resource
    changed: Mapping[tuple[str, int, str], list[Changed]]  # of series by source, place and uid
    series: set[tuple[str, int, str]]  # source, place and uid of the series that come with their changed occurrences
    over: set[tuple[int, str]]
    addresses: Mapping[int, frozenset[str]]


def read(
    session: Session, subjects: Sequence[Subject], window: Window, now: datetime, depth: Depth, but: Collection[int]
) -> Reading:
    """Read what may take the subjects' time; activities with the ids of `but` are left out."""
    user_ids = {s.user_id for s in subjects if s.user_id is not None}
    own = {s.calendar_id for s in subjects if s.calendar_id is not None}
    base, _ = settings.organisation_rules(session)
    calendars = rows.calendars(session, user_ids, own)
    ruled = [(c, account, engine_rules.overlay(base, account.overrides)) for c, account in calendars]
    hosts = {account.user_id for calendar, account in calendars if calendar.id in own}
    planned = rows.activities_of(session, user_ids, window, depth, but)
    placed = rows.activities_on(session, hosts, own, window, depth, but)
    mirrored = rows.events_on(session, [t.pk(calendar) for calendar, _ in calendars], window, depth)
    unsure = [r for r in (*planned.rows, *placed.rows) if r.times is None]
    series = {CRM: [r for r in unsure if r.is_series], CALENDAR: [r for r in mirrored.rows if r.is_series]}
    loose = [r for r in unsure if r.recurrence_key]
    return Reading(
        ruled,
        _grouped(planned.rows, lambda row: row.place),
        _grouped(placed.rows, lambda row: row.calendar_id),
        _grouped(_counting(mirrored.rows, ruled), lambda row: row.place),
        planned.plain,
        placed.plain,
        mirrored.plain,
        _grouped(
            rows.taken(session, [s.resource_id for s in subjects if s.resource_id], window, now),
            lambda row: row.resource_id,
        ),
        _asked(session, subjects, base),
        _grouped(
            unfolding.changed(session, series[CRM], series[CALENDAR]),
            lambda c: (CRM if c.is_activity else CALENDAR, c.place, c.uid),
        ),
        {(source, r.place, r.uid) for source, found in series.items() for r in found},
        unfolding.ended_series(session, loose) if loose else set(),
        addresses(session, user_ids | hosts) if unsure else {},
    )


def _asked(
    session: Session, subjects: Sequence[Subject], base: Rules
) -> dict[int, tuple[t.AskedBusy, t.Account, Rules]]:
    found = asked_busy.of_resources(session, [s.resource_id for s in subjects if s.is_asked])
    return {row.resource_id: (row, account, engine_rules.overlay(base, account.overrides)) for row, account in found}


def _counting(found: Iterable[Row], calendars: Iterable[Ruled]) -> Iterator[Row]:
    """Yield the events that are not of a kind that the account's rules leave out. What is plain is of none of these."""
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
