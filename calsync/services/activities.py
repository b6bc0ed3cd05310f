"""Activities: create, edit, cancel, list, and what a window of the calendar shows.

Every edit is one transaction on the locked row; the accounts that push at once are hinted after it. Edits of single
occurrences stand in `series_edits.py` and are offered from here too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from calsync.engine import event as events
from calsync.engine import mapping, series
from calsync.engine.event import Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.rules import Rules
from calsync.engine.series import Occurrence
from calsync.engine.vocabulary import Kind
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import activity_access as access
from calsync.services import activity_fields as fields
from calsync.services import conferences, places, series_rows, settings
from calsync.services.activity_fields import Changes
from calsync.services.series_edits import cancel_occurrence, edit_occurrence
from calsync.store import activities, activity_list, audit, people, windows
from calsync.store import tables as t
from calsync.store.activity_list import Filters
from calsync.store.keyset import Cut, Slice
from calsync.store.tables.columns import public_id

__all__ = ["Shown", "cancel", "cancel_occurrence", "create", "edit", "edit_occurrence", "get", "list_activities"]
__all__ += ["occurrences", "revive"]


# --- one activity


def create(rt: Runtime, owner_id: int, values: Changes, *, by: Actor) -> t.Activity:
    """Create an activity of the CRM; `values` as `activity_fields` lists them, with a title and a start or due time.

    A start needs no end: the length is then the setting for tasks, or one day. A time without a zone takes the
    owner's. Raises Refused naming the field, NotAllowed, NotFound (the owner).
    """
    access.check_owner(by, owner_id)
    facts = fields.check_facts(values, places.link_kinds(rt))
    now = rt.now()
    with rt.writing() as session:
        owner = people.get(session, owner_id)
        rules, _ = settings.organisation_rules(session)
        access.check_new_id(session, facts.get("external_id"), None)
        kind = Kind(facts.get("kind", Kind.MEETING))
        made = first_event(values, rules, owner.tz)
        due_is = "end" if kind is Kind.TASK and values.get("due") is not None else None
        content = events.content(made)
        row = activities.new(
            ActivityValues(kind, made.uid, "", None, content, due_is),
            owner_id=owner_id,
            created_by_id=by.user_id,
            now=now,
        )
        row.public_id = made.uid
        fields.set_facts(row, facts, now)
        row.row_version = 1
        session.add(row)
        session.flush()
        woken = access.wake(session, row, by, now)
        audit.record(session, by, "activity.created", row, at=now, after={"kind": row.kind, "owner_id": owner_id})
    access.hint(rt, woken)
    conferences.hurry(rt, row.location_kind)
    return row


def first_event(values: Changes, rules: Rules, tz: str) -> Event:
    """Return the event of a new activity. Raises Refused.

    Its uid is its public id: a repeated create finds what it made before.
    """
    if not str(values.get("title") or "").strip():
        raise Refused("Give it a title.", code="invalid", field="title")
    start = values.get("due") if values.get("due") is not None else values.get("start")
    if start is None:
        raise Refused("Give a start, or for a task a due time.", code="invalid", field="start")
    given = {"tz": tz, **{name: value for name, value in values.items() if value is not None}}
    any_day = datetime(2000, 1, 1).date()
    # Of another form than the start where that is a time, so that its length is the default one.
    bare = Event(public_id(), any_day, any_day.replace(day=2))
    return fields.apply(bare, given, rules, "end")


def edit(
    rt: Runtime,
    activity_id: int,
    changes: Changes,
    *,
    by: Actor,
    expected_version: int | None = None,
    orphans: str | None = None,
) -> t.Activity:
    """Change an activity; of a series, all of it. Naming a field with the value it has changes nothing.

    `expected_version` is the row_version the person saw. When a series moves, its changed occurrences move along;
    `orphans` says what becomes of those that have no place any more: "keep" them as single activities or "cancel"
    them. Raises NotFound; Refused with a field, or the code stale, series, not_owner, one_way or read_only.
    """
    now = rt.now()
    kinds = places.link_kinds(rt)
    facts = fields.check_facts(changes, kinds)
    with rt.writing() as session:
        row = access.get(session, activity_id, by, lock=True)
        _check_version(row, expected_version)
        _check_alive(row)
        rules, _ = settings.organisation_rules(session)
        access.check_new_id(session, facts.get("external_id"), row.id)
        before, place = mapping.event_of(row), row.location_kind
        changes = places.with_link_left(row, changes, kinds)
        after = series_rows.whole(before, before.start, changes, rules, row.due_is)
        access.check_writable(session, row, series_rows.differing(before, after))
        changed = series_rows.rewrite(session, row, after, orphans=orphans, now=now)
        told = [*changed, *fields.set_facts(row, facts, now)]
        places.note_move(session, row, place, kinds)
        if told:
            audit.record(session, by, "activity.edited", row, at=now, after={"fields": told})
        woken = access.wake(session, row, by, now) if told else []
    access.hint(rt, woken)
    conferences.hurry(rt, place, row.location_kind)
    return row


def cancel(rt: Runtime, activity_id: int, *, by: Actor) -> t.Activity:
    """Cancel an activity; of a series, all of it. Nothing is erased. Cancelling twice is fine.

    A changed occurrence is taken out of its series. Raises NotFound; Refused with the code not_owner, one_way or
    read_only.
    """
    now = rt.now()
    with rt.writing() as session:
        row = access.get(session, activity_id, by, lock=True)
        if row.status == "cancelled" or row.is_dissolved:
            return row
        access.check_writable(session, row, ["status"])
        series_rows.cancel_row(session, row, now)
        woken = access.wake(session, row, by, now)
        audit.record(session, by, "activity.cancelled", row, at=now)
    access.hint(rt, woken)
    conferences.hurry(rt, row.location_kind)
    return row


def revive(rt: Runtime, activity_id: int, *, by: Actor) -> t.Activity:
    """Take a cancellation back. Reviving what is not cancelled is fine. Raises as `cancel` does."""
    now = rt.now()
    with rt.writing() as session:
        row = access.get(session, activity_id, by, lock=True)
        if row.status != "cancelled" or row.is_dissolved:
            return row
        access.check_writable(session, row, ["status"])
        series_rows.revive_row(session, row, now)
        woken = access.wake(session, row, by, now)
        audit.record(session, by, "activity.revived", row, at=now)
    access.hint(rt, woken)
    conferences.hurry(rt, row.location_kind)
    return row


def get(rt: Runtime, activity_id: int, *, by: Actor) -> t.Activity:
    """Return an activity that `by` may see. Raises NotFound."""
    with rt.reading() as session:
        return access.get(session, activity_id, by)


def _check_version(row: t.Activity, expected: int | None) -> None:
    if expected is not None and row.row_version != expected:
        reason = "Somebody changed this activity meanwhile. Look at it again, then make your change."
        raise Refused(reason, code="stale")


def _check_alive(row: t.Activity) -> None:
    if row.status == "cancelled" or row.is_dissolved:
        raise Refused("This activity is cancelled. Bring it back first.", code="cancelled")


# --- many


def list_activities(
    rt: Runtime, filters: Filters, cut: Cut | None = None, *, by: Actor, newest_first: bool = True
) -> Slice:
    """Return a slice of the activities that `by` may see, by start. A search finds private titles of one's own only."""
    owner_id = filters.owner_id if by.is_admin else by.user_id
    wanted = replace(filters, owner_id=owner_id, viewer_id=by.user_id)
    with rt.reading() as session:
        return activity_list.list_activities(session, wanted, cut, newest_first=newest_first)


@dataclass(frozen=True, slots=True)
class Shown:
    """One occurrence in a window, and the activity it shows: a single one, a series, or a changed occurrence."""

    activity: t.Activity
    occurrence: Occurrence


def occurrences(
    rt: Runtime,
    start: datetime,
    end: datetime,
    *,
    owner_ids: Collection[int] | None = None,
    zone: str = "UTC",
    limit: int | None = None,
) -> list[Shown]:
    """Return what touches the window of these people (None: of all), in order; cancelled ones are left out.

    Days and floating times are read in `zone`. A series that cannot be computed shows its first occurrence alone.
    `limit` bounds the activities that are looked at. Asks for no right: pages show people what they may see.
    """
    with rt.reading() as session:
        rows = windows.list_activities(session, start, end, owner_ids, limit)
    by_series: dict[tuple[int, str], list[t.Activity]] = {}
    for row in rows:
        by_series.setdefault((row.owner_id, row.uid), []).append(row)
    shown = [s for family in by_series.values() for s in _shown(family, start, end, zone)]
    return sorted(shown, key=lambda s: (s.occurrence.starts_at, s.occurrence.ends_at, t.pk(s.activity)))


def _shown(family: list[t.Activity], start: datetime, end: datetime, zone: str) -> list[Shown]:
    masters = [row for row in family if not row.recurrence_key]
    others = {row.recurrence_key: row for row in family if row.recurrence_key}
    changed = [mapping.event_of(row) for row in others.values()]
    if not masters:
        # Only occurrences of a series that is not here, or over: they stand for themselves.
        alone = [(row, mapping.event_of(row)) for row in others.values() if row.status != "cancelled"]
        return [Shown(row, o) for row, event in alone for o in series.expand(event, [], start, end, zone)]
    found: list[Shown] = []
    for master in masters:
        for occurrence in _expanded(mapping.event_of(master), changed, start, end, zone):
            key = events.recurrence_key(occurrence.event)
            found.append(Shown(others[key] if key else master, occurrence))
    return found


def _expanded(master: Event, changed: list[Event], start: datetime, end: datetime, zone: str) -> list[Occurrence]:
    try:
        return series.expand(master, changed, start, end, zone)
    except ValueError:
        return series.expand(replace(master, rrule=None, rdates=(), tz=None), [], start, end, zone)
