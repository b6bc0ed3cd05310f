"""Upserts: a program says what its records are like now, by its own ids, one or a thousand at once.

Each record stands for itself: one that cannot be is refused alone. What is as it was said to be is left alone, so that
sending everything again is harmless.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import mapping
from calsync.engine.mapping import ActivityValues
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Kind
from calsync.errors import CalsyncError, NotAllowed, NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import activities as one_by_one
from calsync.services import activity_access as access
from calsync.services import activity_fields as fields
from calsync.services import conferences, places, series_rows, settings
from calsync.store import activities, audit
from calsync.store import tables as t

AT_ONCE = 250
"""Records in one transaction."""
MOST = 1000
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Record:
    """What a program says of one of its records. `values` are those of `activity_fields`, and `status` may be
    cancelled. `owner_id` None: whoever asks, or whose it is already. `public_id` names the activity that the record is,
    where that was made here and has no id of the program's yet.
    """

    external_id: str
    values: Mapping[str, Any]
    owner_id: int | None = None
    public_id: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a record: its activity, or why not."""

    external_id: str
    activity: t.Activity | None = None
    is_new: bool = False
    is_changed: bool = False
    error: CalsyncError | None = None


@dataclass(slots=True)
class _Batch:
    """What a transaction needs to know for all of its records."""

    session: Session
    rules: Rules
    kinds: list[str]
    known: dict[str, t.Activity]  # by the program's ids
    named: dict[str, t.Activity]  # by ours
    linked: Collection[int]
    owners: dict[int, t.User]
    now: datetime
    by: Actor


def upsert(rt: Runtime, records: Sequence[Record], *, by: Actor) -> list[Result]:
    """Create or change an activity for each record and return what became of it, in order.

    An id that comes twice is written twice, in order. Raises Refused for more than MOST records.
    """
    if len(records) > MOST:
        raise Refused(f"At most {MOST} records fit one request.", code="invalid", field="activities")
    kinds = places.link_kinds(rt)
    results: list[Result] = []
    for start in range(0, len(records), AT_ONCE):
        results += _transaction(rt, records[start : start + AT_ONCE], kinds, by)
    conferences.hurry(rt, *{r.activity.location_kind for r in results if r.activity is not None and r.is_changed})
    return results


def _transaction(rt: Runtime, records: Sequence[Record], kinds: list[str], by: Actor) -> list[Result]:
    with rt.writing() as session:
        batch = _prepared(session, records, kinds, by, rt.now())
        results = [_result(batch, record) for record in records]
        session.flush()
        changed = [r.activity for r in results if r.activity is not None and r.is_changed]
        woken = access.wake_all(session, changed, by, rt.now())
        if changed:
            counts = {"created": sum(r.is_new for r in results), "changed": len(changed)}
            thing = ("activity", "", f"{len(changed)} records of a program")
            audit.record(session, by, "activity.upserted", thing, at=rt.now(), after=counts)
    access.hint(rt, woken)
    return results


def _prepared(session: Session, records: Sequence[Record], kinds: list[str], by: Actor, now: datetime) -> _Batch:
    A = t.Activity
    is_known = col(A.external_id).in_({r.external_id for r in records})
    is_named = col(A.public_id).in_({r.public_id for r in records if r.public_id})
    rows = list(session.scalars(sa.select(A).where(is_known | is_named).with_for_update()))
    known = {row.external_id: row for row in rows if row.external_id}
    ids = [t.pk(row) for row in rows]
    linked = set(session.scalars(sa.select(col(t.Link.activity_id)).where(col(t.Link.activity_id).in_(ids))))
    wanted = {r.owner_id or by.user_id for r in records} - {None}
    owners = {t.pk(user): user for user in session.scalars(sa.select(t.User).where(col(t.User.id).in_(wanted)))}
    rules, _ = settings.organisation_rules(session)
    return _Batch(session, rules, kinds, known, {row.public_id: row for row in rows}, linked, owners, now, by)


def _result(batch: _Batch, record: Record) -> Result:
    """Write one record. A refusal comes before anything was written, or is taken back with its savepoint."""
    row = batch.known.get(record.external_id)
    try:
        seen = batch.named.get(record.public_id or "") or row
        before = (0, "") if seen is None else (seen.row_version, seen.fingerprint)
        if record.public_id is not None:
            row = _claimed(batch, record.public_id, record.external_id, row)
        if row is None:
            return _created(batch, record)
        if row.is_series:  # only of a series a refusal can come late
            with batch.session.begin_nested():
                return _changed(batch, record, row, before)
        return _changed(batch, record, row, before)
    except (Refused, NotAllowed, NotFound) as error:
        return Result(record.external_id, error=error)


def _claimed(batch: _Batch, public_id: str, external_id: str, known: t.Activity | None) -> t.Activity:
    """Return the activity that a program names by our id and wants to know by its own. Raises NotFound, Refused."""
    row = batch.named.get(public_id)
    if row is None or not access.may_see(row, batch.by) or row.is_dissolved:
        raise NotFound("activity", public_id)
    if known is not None and known is not row:
        raise Refused(f"Another activity has the id {external_id} already.", code="duplicate", field="external_id")
    if row.external_id != external_id:
        batch.known.pop(row.external_id or "", None)
        fields.set_facts(row, fields.check_facts({"external_id": external_id}, batch.kinds), batch.now)
        batch.known[external_id] = row
    return row


def _created(batch: _Batch, record: Record) -> Result:
    owner_id = record.owner_id or batch.by.user_id
    if owner_id is None:
        raise Refused("Say whose activity this is.", code="invalid", field="owner")
    access.check_owner(batch.by, owner_id)
    owner = batch.owners.get(owner_id)
    if owner is None:
        raise NotFound("user", owner_id)
    is_cancelled, values = _status_apart(record.values)
    facts = fields.check_facts({**values, "external_id": record.external_id}, batch.kinds)
    kind = Kind(facts.get("kind", Kind.MEETING))
    made = one_by_one.first_event(values, batch.rules, owner.tz)
    due_is = "end" if kind is Kind.TASK and values.get("due") is not None else None
    content = {**events.content(made), **({"status": CANCELLED} if is_cancelled else {})}
    new = ActivityValues(kind, made.uid, "", None, content, due_is)
    row = activities.new(new, owner_id=owner_id, created_by_id=batch.by.user_id, now=batch.now)
    row.public_id = made.uid
    fields.set_facts(row, facts, batch.now)
    row.row_version = 1
    batch.session.add(row)
    batch.known[record.external_id] = row
    return Result(record.external_id, row, is_new=True, is_changed=True)


def _changed(batch: _Batch, record: Record, row: t.Activity, before: tuple[int, str]) -> Result:
    if not access.may_see(row, batch.by):
        raise Refused("Somebody else's activity has this id.", code="duplicate", field="external_id")
    if record.owner_id is not None and record.owner_id != row.owner_id:
        raise Refused("An activity goes to another owner by a hand-over only.", code="owner_fixed", field="owner")
    is_cancelled, values = _status_apart(record.values)
    if is_cancelled:
        if row.status != CANCELLED:
            _check_writable(batch, row, ["status"])
            series_rows.cancel_row(batch.session, row, batch.now)
    else:
        _write(batch, row, values)
    return Result(record.external_id, row, is_changed=(row.row_version, row.fingerprint) != before)


def _write(batch: _Batch, row: t.Activity, values: dict[str, Any]) -> None:
    """Bring an activity to what was said; one that was cancelled comes back."""
    facts = fields.check_facts(values, batch.kinds)
    place = row.location_kind
    changes = places.with_link_left(row, values, batch.kinds)
    before = mapping.event_of(row)
    after = series_rows.whole(before, before.start, changes, batch.rules, row.due_is)
    differing = series_rows.differing(before, after)
    if row.status == CANCELLED:
        _check_writable(batch, row, ["status", *differing])
        series_rows.revive_row(batch.session, row, batch.now)
        after = series_rows.whole(mapping.event_of(row), before.start, changes, batch.rules, row.due_is)
    else:
        _check_writable(batch, row, differing)
    series_rows.rewrite(batch.session, row, after, orphans=None, now=batch.now)
    fields.set_facts(row, facts, batch.now)
    places.note_move(batch.session, row, place, batch.kinds)


def _check_writable(batch: _Batch, row: t.Activity, changed: Collection[str]) -> None:
    if row.id in batch.linked or row.recurrence_key:
        access.check_writable(batch.session, row, changed)


def _status_apart(values: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Return whether the record is cancelled, and the values without that."""
    is_cancelled = values.get("status") == CANCELLED
    return is_cancelled, {n: v for n, v in values.items() if not (n == "status" and is_cancelled)}
