"""The rows of a series: a series that moves takes its changed occurrences along, and goes and comes back with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import mapping, rrule, series, slots
from calsync.engine.event import Event, Moment
from calsync.engine.mapping import ActivityValues
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind
from calsync.errors import Refused
from calsync.services import activity_fields as fields
from calsync.services.activity_fields import Changes
from calsync.store import activities
from calsync.store import tables as t
from calsync.store.tables.columns import public_id

ORPHANS = (None, "keep", "cancel")


def whole(event: Event, moment: Moment, changes: Changes, rules: Rules, due_is: str | None) -> Event:
    """Return the event after changes that a person made on the occurrence at `moment`: a series moves as that did.

    A series that moves to other days takes its weekdays along. Raises Refused.
    """
    occurrence = replace(event, start=moment, end=slots.later(moment, slots.length(event)))
    if not event.is_series:
        occurrence = event
    changed = fields.apply(occurrence, changes, rules, due_is)
    if not event.is_series or (changed.start, changed.end, changed.tz) == (moment, occurrence.end, event.tz):
        return replace(changed, start=event.start, end=event.end) if event.is_series else changed
    days = slots.wall_of(changed).date() - slots.as_wall(slots.key_of(event, moment)).date()
    first = slots.wall_of(event).date() + days
    start = slots.moment_at(changed, datetime.combine(first, slots.wall_of(changed).time()))
    moved = replace(changed, start=start, end=slots.later(start, slots.length(changed)))
    if not moved.rrule or "rrule" in changes:
        return series.carry(event, moved)
    return series.carry(event, replace(moved, rrule=_shifted(moved.rrule, days)))


def _shifted(text: str, days: timedelta) -> str:
    try:
        return rrule.shift_days(text, days.days)
    except ValueError as error:
        reason = "This series names its days. To move it to other days, change how it repeats as well."
        raise Refused(reason, code="rule_names_days", field="rrule") from error


def differing(before: Event, after: Event) -> tuple[str, ...]:
    """Return the merge units in which two events differ."""
    return events.changed_fields(events.content(before), events.content(after))


def rewrite(session: Session, row: t.Activity, after: Event, *, orphans: str | None, now: datetime) -> tuple[str, ...]:
    """Write an event into its activity and take its changed occurrences along; return what changed on the row."""
    before = mapping.event_of(row)
    others = activities.overrides_of(session, [row]) if row.is_series else []
    changed = write(row, after, now)
    if others and "time" in changed:
        carry(session, row, before, after, others, orphans, now)
    return changed


def carry(
    session: Session,
    row: t.Activity,
    before: Event,
    after: Event,
    others: Sequence[t.Activity],
    orphans: str | None,
    now: datetime,
) -> None:
    """Bring changed occurrences to the slots of a series that moved; `before` and `after` are the series."""
    rows = {events.moment_text(slot_of(other)): other for other in others}
    living = [mapping.event_of(o) for o in others if o.status != "cancelled"]
    moved, orphaned = series.move_overrides(before, after, living)
    _check_orphans(orphaned, orphans)
    for other in others:
        if other.status == "cancelled":
            _dissolve(other, now)  # the EXDATE that took it out has moved by itself
    old_keys = [m for m in (o.recurrence_id for o in living if o not in orphaned) if m is not None]
    for key, event in zip(old_keys, moved, strict=True):
        _rekey(session, row, rows[events.moment_text(key)], event, now)
    for event in orphaned:
        other = rows[events.recurrence_key(event)]
        if orphans == "cancel":
            set_status(other, "cancelled", now)
        else:
            _detach(session, other, event, now)


def slot_of(other: t.Activity) -> Moment:
    return events.parse_moment(other.recurrence_key)


def _check_orphans(orphaned: Collection[Event], choice: str | None) -> None:
    if choice not in ORPHANS:
        raise Refused("Choose keep or cancel.", code="invalid", field="orphans")
    if not orphaned or choice is not None:
        return
    named = ", ".join(sorted(events.recurrence_key(o)[:10] for o in orphaned)[:5])
    reason = (
        f"{len(orphaned)} changed occurrences have no place in the series as it would be ({named}). "
        "Choose whether to keep them as single activities or to cancel them."
    )
    raise Refused(reason, code="series", field="orphans")


def new_override(row: t.Activity, event: Event, now: datetime) -> t.Activity:
    """Return the unsaved row of a changed occurrence of a series."""
    values = ActivityValues(
        Kind(row.kind), event.uid, events.recurrence_key(event), row.organizer, events.content(event), row.due_is
    )
    made = activities.new(values, owner_id=row.owner_id, now=now, source_account_id=row.source_account_id)
    made.source, made.created_by_id, made.location_kind = row.source, row.created_by_id, row.location_kind
    return made


def _rekey(session: Session, row: t.Activity, other: t.Activity, event: Event, now: datetime) -> None:
    """Give a changed occurrence its new slot; on a calendar the old one goes and a new one comes."""
    key = events.recurrence_key(event)
    if (other.uid, other.recurrence_key) == (row.uid, key):
        write(other, event, now)
        return
    if _is_linked(session, other):
        made = new_override(row, replace(event, uid=row.uid), now)
        made.field_times = dict(other.field_times)
        _leave_to(session, other, made, now)
    else:
        other.uid, other.recurrence_key = row.uid, key
        write(other, event, now)
        other.row_version += 1


def _detach(session: Session, other: t.Activity, event: Event, now: datetime) -> None:
    """Make a changed occurrence that its series no longer has an activity of its own."""
    new_id = public_id()
    values = ActivityValues(Kind(other.kind), new_id, "", None, events.content(event), other.due_is)
    made = activities.new(values, owner_id=other.owner_id, now=now, created_by_id=other.created_by_id)
    made.public_id, made.location_kind = new_id, other.location_kind
    _leave_to(session, other, made, now)


def _leave_to(session: Session, other: t.Activity, heir: t.Activity, now: datetime) -> None:
    session.add(heir)
    session.flush()
    other.heir_id = heir.id
    _dissolve(other, now)


def _dissolve(other: t.Activity, now: datetime) -> None:
    other.is_dissolved, other.updated_at = True, now
    other.row_version += 1


def _is_linked(session: Session, other: t.Activity) -> bool:
    return (
        session.scalars(sa.select(col(t.Link.id)).where(col(t.Link.activity_id) == other.id).limit(1)).first()
        is not None
    )


def write(row: t.Activity, event: Event, now: datetime) -> tuple[str, ...]:
    return activities.set_content(row, events.content(event), now=now)


# --- cancelled and back


def cancel_row(session: Session, row: t.Activity, now: datetime) -> None:
    """Cancel an activity's row: a series with its changed occurrences, one of those with its slot in the series."""
    if row.recurrence_key:
        master = activities.master_of(session, row)
        if master is not None and master.status != "cancelled":
            write(master, series.without(mapping.event_of(master), slot_of(row)), now)
    for other in activities.overrides_of(session, [row]) if row.is_series else ():
        set_status(other, "cancelled", now)
    set_status(row, "cancelled", now)


def revive_row(session: Session, row: t.Activity, now: datetime) -> None:
    """Take back what `cancel_row` did. An occurrence that was taken out for itself stays out of its series."""
    set_status(row, "confirmed", now)
    if row.recurrence_key:
        master = activities.master_of(session, row)
        if master is not None:
            event = mapping.event_of(master)
            key = slots.key_of(event, slot_of(row))
            kept = tuple(m for m in event.exdates if slots.key_of(event, m) != key)
            write(master, replace(event, exdates=kept), now)
    elif row.is_series:
        event = mapping.event_of(row)
        for other in activities.overrides_of(session, [row]):
            if not slots.is_in(slots.removed(event), slots.key_of(event, slot_of(other))):
                set_status(other, "confirmed", now)


def set_status(row: t.Activity, status: str, now: datetime) -> None:
    activities.set_content(row, {**row.content, "status": status}, now=now)
