"""The mirror: our last copy of what a provider holds. Saving pages of a read, tombstones, and the queries on both.

Rows are written in bulk with Core statements: a first read brings tens of thousands of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import series
from calsync.engine.resource import Resource
from calsync.store import conflicts, mirror_columns, rechecks
from calsync.store import tables as t
from calsync.store.mirror_columns import Read

CHUNK = 250
"""Resources saved in one transaction: at most 500 rows with their events."""


@dataclass(slots=True)
class Saved:
    """What saving did. `faults` are ids of resources that became unreadable; `late` those to ask for again."""

    changed: int = 0
    faults: list[int] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


def versions(session: Session, calendar_id: int, handles: Collection[str] | None = None) -> dict[str, str | None]:
    """Return the living handles of a calendar and their versions: those among `handles`, or all for None."""
    table = t.MirrorResource
    query = sa.select(col(table.handle), col(table.version)).where(
        col(table.calendar_id) == calendar_id, col(table.is_deleted).is_(False)
    )
    if handles is not None:
        query = query.where(col(table.handle).in_(sorted(handles)))
    rows = session.connection().execute(query)
    return {handle: version for handle, version in rows}  # noqa: C416 (rows are not pairs to mypy)


def save(
    session: Session,
    calendar: t.Calendar,
    resources: Sequence[Resource],
    now: datetime,
    *,
    own_addresses: frozenset[str],
    folds: bool,
    trusts: bool = False,
) -> Saved:
    """Bring the mirror in line with `resources`, at most CHUNK of them.

    `own_addresses` are those of the account's person: what they declined takes none of their time. `folds` tells
    that a resource holds a whole series, so that its cancelled overrides become EXDATEs of the master.
    An answer that shows what our own recent write replaced is set aside for a second question, unless `trusts`.
    """
    saved = Saved()
    held = _held(session, calendar, [r.handle for r in resources])
    fresh: list[Read] = []
    changed: list[tuple[t.MirrorResource, Read]] = []
    for each in {r.handle: r for r in resources}.values():
        resource, rows = mirror_columns.readable(each, own_addresses, folds)
        row = held.get(resource.handle)
        if row is None:
            fresh.append((resource, rows))
        elif not trusts and _is_late(row, resource, now):
            row.recheck = True
            saved.late.append(resource.handle)
        elif _differs(row, resource):
            changed.append((row, (resource, rows)))
        else:
            row.recheck = False
    _update_all(session, calendar, changed, now, saved)
    _insert(session, calendar, fresh, now, saved)
    return saved


def bury(session: Session, calendar: t.Calendar, handles: Iterable[str], now: datetime) -> int:
    """Turn resources into tombstones; their events keep what they held. Unknown handles are ignored."""
    wanted = list(handles)
    count = 0
    for start in range(0, len(wanted), CHUNK):
        rows = session.scalars(
            sa.select(t.MirrorResource).where(
                col(t.MirrorResource.calendar_id) == calendar.id,
                col(t.MirrorResource.handle).in_(wanted[start : start + CHUNK]),
                col(t.MirrorResource.is_deleted).is_(False),
            )
        ).all()
        for row in rows:
            row.is_deleted, row.deleted_at, row.read_at, row.recheck = True, now, now, False
            count += 1
        ids = [row.id for row in rows]
        held = sa.select(col(t.MirrorEvent.id)).where(col(t.MirrorEvent.resource_id).in_(ids))
        conflicts.drop_questions(session, list(session.scalars(held)), now)
        session.execute(
            sa.update(t.MirrorEvent)
            .where(col(t.MirrorEvent.resource_id).in_(ids), col(t.MirrorEvent.is_deleted).is_(False))
            .values(is_deleted=True, seen_at=now, before_read_at=calendar.last_read_at, considered="")
            .execution_options(synchronize_session=False)
        )
    return count


def refold(session: Session, calendar_id: int, uids: Iterable[str], now: datetime) -> None:
    """Give masters the EXDATEs that their cancelled instances stand for, where instances are resources of their own."""
    for uid in sorted(set(uids)):
        rows = session.scalars(
            sa.select(t.MirrorEvent).where(col(t.MirrorEvent.calendar_id) == calendar_id, col(t.MirrorEvent.uid) == uid)
        ).all()
        master = next((r for r in rows if r.recurrence_key == "" and not r.is_deleted), None)
        if master is not None:
            _refold_master(master, rows, now)


def _refold_master(master: t.MirrorEvent, rows: Sequence[t.MirrorEvent], now: datetime) -> None:
    own = master.facts.get("own_exdates", master.facts["exdates"])
    series_as_written = events.from_json({**master.facts, "exdates": own})
    folded = series_as_written
    for row in rows:
        if row.recurrence_key and row.is_cancelled and not row.is_deleted:
            folded = series.removing(folded, events.parse_moment(row.recurrence_key))
    exdates = events.content(folded)["exdates"]
    if exdates == master.facts["exdates"]:
        return
    facts = {**master.facts, "exdates": exdates, "own_exdates": own}
    master.facts = facts
    master.fingerprint = events.fingerprint(events.content(events.from_json(facts)))
    master.seen_at, master.considered = now, ""


# --- one resource


def _held(session: Session, calendar: t.Calendar, handles: Sequence[str]) -> dict[str, t.MirrorResource]:
    rows = session.execute(_HELD, {"calendar_id": calendar.id, "handles": handles})
    return {row.handle: row for row in rows.scalars()}


_HELD = sa.select(t.MirrorResource).where(
    col(t.MirrorResource.calendar_id) == sa.bindparam("calendar_id"),
    col(t.MirrorResource.handle).in_(sa.bindparam("handles", expanding=True)),
)
_EVENTS = sa.select(t.MirrorEvent).where(
    col(t.MirrorEvent.resource_id).in_(sa.bindparam("resource_ids", expanding=True))
)


def _is_late(row: t.MirrorResource, resource: Resource, now: datetime) -> bool:
    return (
        row.written_at is not None
        and now - row.written_at < rechecks.LATE_ANSWERS
        and resource.version is not None
        and resource.version == row.replaced_version
        and resource.version != row.version
    )


def _differs(row: t.MirrorResource, resource: Resource) -> bool:
    return row.is_deleted or resource.version is None or row.version != resource.version or row.fault != resource.fault


def _update_all(
    session: Session,
    calendar: t.Calendar,
    changed: Sequence[tuple[t.MirrorResource, Read]],
    now: datetime,
    saved: Saved,
) -> None:
    if not changed:
        return
    held: dict[int, list[t.MirrorEvent]] = {t.pk(row): [] for row, _ in changed}
    for event in session.execute(_EVENTS, {"resource_ids": list(held)}).scalars():
        held[event.resource_id].append(event)
    for row, (resource, events_read) in changed:
        _update(row, resource, now, saved)
        if resource.fault is None:
            _save_events(session, calendar, row, held[t.pk(row)], events_read, now)


def _update(row: t.MirrorResource, resource: Resource, now: datetime, saved: Saved) -> None:
    was_fault = row.fault
    row.version, row.body, row.fault = resource.version, resource.body, resource.fault
    row.is_deleted, row.deleted_at, row.recheck, row.read_at = False, None, False, now
    saved.changed += 1
    if resource.fault is not None and was_fault != resource.fault:
        saved.faults.append(t.pk(row))


def _save_events(
    session: Session,
    calendar: t.Calendar,
    resource: t.MirrorResource,
    found: Sequence[t.MirrorEvent],
    rows: Sequence[dict[str, Any]],
    now: datetime,
) -> None:
    held = {(e.uid, e.recurrence_key): e for e in found}
    wanted = {(values["uid"], values["recurrence_key"]): values for values in rows}
    for key, values in wanted.items():
        event = held.pop(key, None)
        if event is None:
            times = {"seen_at": now, "before_read_at": calendar.last_read_at}
            ids = {"resource_id": resource.id, "calendar_id": calendar.id}
            session.execute(sa.insert(t.MirrorEvent), [{**values, **times, **ids}])
        else:
            _change_event(event, values, calendar, now)
    for event in held.values():
        if not event.is_deleted:
            event.is_deleted, event.seen_at, event.before_read_at = True, now, calendar.last_read_at
            event.considered = ""
            conflicts.drop_questions(session, [t.pk(event)], now)


def _change_event(event: t.MirrorEvent, values: Mapping[str, Any], calendar: t.Calendar, now: datetime) -> None:
    is_new = event.fingerprint != values["fingerprint"] or event.is_deleted
    for name, value in values.items():
        if getattr(event, name) != value:
            setattr(event, name, value)
    event.is_deleted = False
    if is_new:
        event.seen_at, event.before_read_at, event.considered = now, calendar.last_read_at, ""


def _insert(session: Session, calendar: t.Calendar, fresh: Sequence[Read], now: datetime, saved: Saved) -> None:
    if not fresh:
        return
    saved.changed += len(fresh)
    table = t.MirrorResource
    resource_values = [
        {
            "calendar_id": calendar.id,
            "handle": r.handle,
            "version": r.version,
            "body": r.body,
            "fault": r.fault,
            "is_deleted": False,
            "recheck": False,
            "read_at": now,
        }
        for r, _ in fresh
    ]
    # By the connection: a session would leave out what is None and send every other shape of row by itself.
    connection = session.connection()
    inserted = connection.execute(sa.insert(table).returning(col(table.id), col(table.handle)), resource_values)
    ids = {handle: i for i, handle in inserted if i is not None}
    saved.faults.extend(ids[r.handle] for r, _ in fresh if r.fault is not None)
    times = {"calendar_id": calendar.id, "seen_at": now, "before_read_at": calendar.last_read_at}
    event_values = [{**v, **times, "resource_id": ids[resource.handle]} for resource, rows in fresh for v in rows]
    if event_values:
        connection.execute(sa.insert(t.MirrorEvent), event_values)


def get(session: Session, calendar_id: int, handle: str) -> t.MirrorResource:
    """Return a mirrored resource. Raises NoResultFound."""
    found: t.MirrorResource = session.execute(_HELD, {"calendar_id": calendar_id, "handles": [handle]}).scalars().one()
    return found


def events_of(session: Session, resource_id: int) -> dict[tuple[str, str], t.MirrorEvent]:
    """Return the living events of a resource by uid and recurrence key."""
    rows = session.execute(_EVENTS, {"resource_ids": [resource_id]}).scalars()
    return {(row.uid, row.recurrence_key): row for row in rows if not row.is_deleted}
