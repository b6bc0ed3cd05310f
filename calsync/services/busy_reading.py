"""One reading of everything that may take the time of several subjects, for `busy.py` to tell whose it is.

As few questions as can be, however many the subjects are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session

from calsync.engine import rules as engine_rules
from calsync.engine import scope
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import EventKind
from calsync.services import frame, settings
from calsync.services.believing import Subject
from calsync.store import asked_busy, busy_people, unfolding
from calsync.store import busy as rows
from calsync.store import tables as t
from calsync.store.busy import Depth, Row, Spans, Window
from calsync.store.busy_people import Person
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
    switched_off: frozenset[int]  # accounts whose external time takes none


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read: whose time, of which window, how deep. Activities with the ids of `but` are left out; `rules`
    are the organisation's, where they have been read already.
    """

    subjects: Sequence[Subject]
    window: Window
    now: datetime
    depth: Depth = Depth.BUSY
    but: Collection[int] = ()
    rules: Rules | None = None


def read(session: Session, wanted: Wanted) -> Reading:
    """Read what may take the subjects' time."""
    subjects = wanted.subjects
    base = wanted.rules or settings.organisation_rules(session)[0]
    user_ids = {s.user_id for s in subjects if s.user_id is not None}
    own = {s.calendar_id for s in subjects if s.calendar_id is not None}
    people = busy_people.find(session, user_ids, own)
    ruled = _calendars(people, user_ids, own, base)
    hosts = {account.user_id for calendar, account, _ in ruled if calendar.id in own}
    whose = rows.Whose(user_ids, hosts, own, [t.pk(calendar) for calendar, _, _ in ruled])
    planned, placed, mirrored = rows.find(session, whose, wanted.window, wanted.depth, wanted.but)
    activities = (*planned.rows, *placed.rows)
    series = {CRM: [r for r in activities if r.is_series], CALENDAR: [r for r in mirrored.rows if r.is_series]}
    loose = [r for r in activities if r.recurrence_key]
    families = unfolding.families(session, series[CRM], series[CALENDAR], loose)
    taken = rows.taken(session, [s.resource_id for s in subjects if s.resource_id], wanted.window, wanted.now)
    return Reading(
        ruled,
        _grouped(planned.rows, lambda row: row.place),
        _grouped(placed.rows, lambda row: row.calendar_id),
        _grouped(_counting(mirrored.rows, ruled), lambda row: row.place),
        planned.plain,
        placed.plain,
        mirrored.plain,
        _grouped(taken, lambda row: row.resource_id),
        _asked(session, subjects, base),
        _grouped(families.changed, lambda c: (CRM if c.is_activity else CALENDAR, c.place, c.uid)),
        {(source, r.place, r.uid) for source, found in series.items() for r in found},
        families.over,
        _addresses(people),
        frozenset(
            t.pk(person.account)
            for person in people
            if person.account is not None and not engine_rules.overlay(base, person.account.overrides).block_busy_time
        ),
    )


def _calendars(people: Sequence[Person], user_ids: Collection[int], own: Collection[int], base: Rules) -> list[Ruled]:
    """Return the calendars that block somebody's time, and those of the resources, with their accounts' rules."""
    return [
        (person.calendar, person.account, engine_rules.overlay(base, person.account.overrides))
        for person in people
        if person.account is not None
        and person.calendar is not None
        # Whose a resource's calendar is may be asked about for that one alone.
        and (person.calendar.id in own or person.user_id in user_ids)
    ]


def _asked(
    session: Session, subjects: Sequence[Subject], base: Rules
) -> dict[int, tuple[t.AskedBusy, t.Account, Rules]]:
    found = asked_busy.of_resources(session, [s.resource_id for s in subjects if s.is_asked])
    return {row.resource_id: (row, account, engine_rules.overlay(base, account.overrides)) for row, account in found}


def _counting(found: Iterable[Row], calendars: Iterable[Ruled]) -> Iterator[Row]:
    """Yield the events that are not of a kind that the account's rules leave out. What is plain is of none of these."""
    out = {t.pk(c): {kind.value for kind in EventKind if scope.is_left_out(kind, rules)} for c, _, rules in calendars}
    return (row for row in found if row.event_kind not in out[row.place])


def _addresses(people: Iterable[Person]) -> dict[int, frozenset[str]]:
    """Return under which addresses people may stand on events, by their ids."""
    found: dict[int, frozenset[str]] = {}
    for user_id, email, account, _ in people:
        known = frozenset({email.lower()}) if account is None else frame.addresses(account, email)
        found[user_id] = found.get(user_id, frozenset()) | known
    return found


def _grouped(found: Iterable[_R], key: Callable[[_R], _K]) -> dict[_K, list[_R]]:
    groups: dict[_K, list[_R]] = {}
    for each in found:
        groups.setdefault(key(each), []).append(each)
    return groups
