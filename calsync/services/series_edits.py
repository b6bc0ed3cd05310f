"""Edits of series: one occurrence, this and the following, or all; and what they do to changed occurrences."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

from sqlmodel import Session

from calsync.engine import event as events
from calsync.engine import mapping, series, slots
from calsync.engine.event import Event, Moment
from calsync.engine.mapping import ActivityValues
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import activity_access as access
from calsync.services import activity_fields as fields
from calsync.services import places, series_rows, settings
from calsync.services.activity_fields import Changes
from calsync.store import activities, audit
from calsync.store import tables as t
from calsync.store.tables.columns import public_id

Scope = Literal["this", "following", "all"]


def edit_occurrence(
    rt: Runtime,
    activity_id: int,
    moment: Moment,
    scope: Scope,
    changes: Changes,
    *,
    by: Actor,
    orphans: str | None = None,
) -> t.Activity:
    """Change one occurrence of a series, it and the following ones, or all; return the activity that now shows it.

    `moment` is the slot of the occurrence (Occurrence.moment); `start` and `end` among the changes are those of the
    occurrence. Raises as `activities.edit` does, and Refused when the series has no such occurrence.
    """
    now, kinds = rt.now(), places.link_kinds(rt)
    with rt.writing() as session:
        row = _series(session, activity_id, by)
        master = mapping.event_of(row)
        moment = _slot(session, row, master, moment)
        rules, _ = settings.organisation_rules(session)
        scope = "all" if scope == "following" and moment == master.start else scope
        match scope:
            case "this":
                edited = _edit_this(session, row, moment, changes, rules, now)
            case "following":
                edited = _edit_following(session, row, moment, changes, rules, orphans, now, by)
            case "all":
                edited = _edit_all(session, row, moment, changes, kinds, rules, orphans, now)
        woken = access.wake(session, row, by, now)
        facts = {"scope": scope, "occurrence": events.moment_text(moment), "fields": sorted(changes)}
        audit.record(session, by, "activity.edited", edited, at=now, after=facts)
    access.hint(rt, woken)
    return edited


def cancel_occurrence(rt: Runtime, activity_id: int, moment: Moment, scope: Scope, *, by: Actor) -> t.Activity:
    """Cancel one occurrence of a series, it and the following ones, or all; return the series. Raises as above."""
    now = rt.now()
    with rt.writing() as session:
        row = _series(session, activity_id, by)
        master = mapping.event_of(row)
        moment = _slot(session, row, master, moment)
        access.check_writable(session, row, ["exdates"])
        scope = "all" if scope == "following" and moment == master.start else scope
        match scope:
            case "this":
                _remove(session, row, moment, now)
            case "following":
                head, _ = _split(master, moment)
                series_rows.write(row, head, now)
                for other in _from(session, row, moment):
                    series_rows.set_status(other, "cancelled", now)
            case "all":
                series_rows.cancel_row(session, row, now)
        woken = access.wake(session, row, by, now)
        facts = {"scope": scope, "occurrence": events.moment_text(moment)}
        audit.record(session, by, "activity.cancelled", row, at=now, after=facts)
    access.hint(rt, woken)
    return row


def _series(session: Session, activity_id: int, by: Actor) -> t.Activity:
    row = access.get(session, activity_id, by, lock=True)
    if row.recurrence_key:
        master = activities.master_of(session, row)
        row = row if master is None else access.get(session, t.pk(master), by, lock=True)
    if not row.is_series or row.status == "cancelled":
        raise Refused("This activity does not repeat.", code="no_series")
    return row


def _slot(session: Session, row: t.Activity, master: Event, moment: Moment) -> Moment:
    """Return the slot in the master's form. Raises Refused when the series has none there."""
    slot = slots.moment_at(master, slots.key_of(master, moment))
    if not series.yields(master, slot):
        raise Refused("The series has no occurrence at this time any more.", code="no_occurrence")
    return slot


# --- all of them


def _edit_all(
    session: Session,
    row: t.Activity,
    moment: Moment,
    changes: Changes,
    kinds: list[str],
    rules: Rules,
    orphans: str | None,
    now: datetime,
) -> t.Activity:
    """Change the series and, with it, the facts that no calendar gets."""
    facts = fields.check_facts(changes, kinds)
    access.check_new_id(session, facts.get("external_id"), row.id)
    master, place = mapping.event_of(row), row.location_kind
    after = series_rows.whole(master, moment, places.with_link_left(row, changes, kinds), rules, row.due_is)
    access.check_writable(session, row, series_rows.differing(master, after))
    series_rows.rewrite(session, row, after, orphans=orphans, now=now)
    fields.set_facts(row, facts, now)
    places.note_move(session, row, place, kinds)
    return row


# --- this occurrence


def _edit_this(
    session: Session, row: t.Activity, moment: Moment, changes: Changes, rules: Rules, now: datetime
) -> t.Activity:
    if fields.CRM_FACTS & set(changes):
        raise Refused(
            "Kind and ids belong to the whole series.", code="invalid", field=min(fields.CRM_FACTS & set(changes))
        )
    other = _override(session, row, moment)
    before = _occurrence(mapping.event_of(row), moment) if other is None else mapping.event_of(other)
    after = fields.apply(before, changes, rules, row.due_is)
    access.check_writable(session, row, series_rows.differing(before, after))
    if after == before:
        return row if other is None else other
    if other is None:
        other = series_rows.new_override(row, after, now)
        other.field_times = dict.fromkeys(series_rows.differing(before, after), now.isoformat())
        session.add(other)
        session.flush()
    else:
        series_rows.write(other, after, now)
    return other


def _occurrence(master: Event, moment: Moment) -> Event:
    """Return one occurrence of a series as an event of its own."""
    return replace(
        master,
        start=moment,
        end=slots.later(moment, slots.length(master)),
        recurrence_id=moment,
        rrule=None,
        rdates=(),
        exdates=(),
    )


def _override(session: Session, row: t.Activity, moment: Moment) -> t.Activity | None:
    master = mapping.event_of(row)
    key = slots.key_of(master, moment)
    for other in activities.overrides_of(session, [row]):
        if slots.key_of(master, events.parse_moment(other.recurrence_key)) == key and other.status != "cancelled":
            return activities.get(session, t.pk(other), lock=True)
    return None


def _remove(session: Session, row: t.Activity, moment: Moment, now: datetime) -> None:
    """Take an occurrence out: the series' EXDATE says it, a changed occurrence's own row is kept as cancelled."""
    other = _override(session, row, moment)
    if other is not None:
        series_rows.set_status(other, "cancelled", now)
    series_rows.write(row, series.without(mapping.event_of(row), moment), now)


# --- this and the following ones


def _edit_following(
    session: Session,
    row: t.Activity,
    moment: Moment,
    changes: Changes,
    rules: Rules,
    orphans: str | None,
    now: datetime,
    by: Actor,
) -> t.Activity:
    access.check_writable(session, row, ["time"])
    head, tail = _split(mapping.event_of(row), moment)
    later = _from(session, row, moment)
    new_id = public_id()
    bare = replace(tail, uid=new_id, our_id=None, organizer=None)
    after = series_rows.whole(bare, bare.start, changes, rules, row.due_is)
    made = activities.new(
        ActivityValues(Kind(row.kind), new_id, "", None, events.content(after), row.due_is),
        owner_id=row.owner_id,
        created_by_id=by.user_id,
        now=now,
    )
    made.public_id, made.location_kind = new_id, row.location_kind
    session.add(made)
    session.flush()
    series_rows.write(row, head, now)
    series_rows.carry(session, made, bare, after, later, orphans, now)
    return made


def _split(master: Event, moment: Moment) -> tuple[Event, Event]:
    try:
        return series.split(master, moment)
    except ValueError as error:
        reason = "This occurrence was added by hand, so the series cannot be split at it. Change it alone, or all."
        raise Refused(reason, code="no_split") from error


def _from(session: Session, row: t.Activity, moment: Moment) -> list[t.Activity]:
    """Return the changed occurrences from a slot on, cancelled ones too."""
    master = mapping.event_of(row)
    first = slots.as_wall(slots.key_of(master, moment))
    return [
        other
        for other in activities.overrides_of(session, [row])
        if slots.as_wall(slots.key_of(master, events.parse_moment(other.recurrence_key))) >= first
    ]
