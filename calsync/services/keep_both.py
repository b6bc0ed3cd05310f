"""Keep both: a conflict's two versions go on as two records.

The pair takes the calendar's version, so that the event guests know stays as it is; the CRM's version goes on as a copy
with an identity of its own, which the next run writes to the calendar like any new activity.
"""

from __future__ import annotations

import uuid

from calsync.engine.event import Content
from calsync.engine.mapping import ActivityValues
from calsync.engine.vocabulary import ConflictKind, Kind
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import conflicts
from calsync.store import activities, audit
from calsync.store import conflicts as rows
from calsync.store import tables as t

FITS = (ConflictKind.BOTH_CHANGED, ConflictKind.SERIES)
"""Kinds of conflict that have two living versions."""


def keep_both(
    rt: Runtime, conflict_id: int, *, local_fp: str | None = None, remote_fp: str | None = None, by: Actor
) -> t.Activity:
    """Split a conflict's record in two and return the copy. Nobody is mailed beyond what the settings allow.

    Raises NotFound; Refused with code `closed` or `changed` as `conflicts.resolve` does, and `one_side` when one of the
    two versions is a deletion.
    """
    with rt.writing() as session:
        row = rows.get(session, conflict_id)
        if row.kind not in FITS or row.activity_id is None:
            raise Refused("There are no two versions to keep: one side deleted the record.", code="one_side")
        choice = {"*": "external"}
        conflicts.take(session, conflict_id, choice, local_fp=local_fp, remote_fp=remote_fp, now=rt.now(), by=by)
        copy = _copy(rt, activities.get(session, row.activity_id), by)
        session.add(copy)
        session.flush()
        audit.record(session, by, "conflict.kept_both", row, after={"copy": copy.id}, at=rt.now())
    rt.enqueue("sync_account", account_id=row.account_id)
    return copy


def _copy(rt: Runtime, original: t.Activity, by: Actor) -> t.Activity:
    """Return the CRM's version as an activity of its own: nobody has answered it yet."""
    content: Content = {**original.content, "responses": dict.fromkeys(original.content["attendees"], "needs-action")}
    values = ActivityValues(
        kind=Kind(original.kind),
        uid=f"{uuid.uuid4()}@calsync",
        recurrence_key="",
        organizer=None,
        content=content,
        due_is=original.due_is,
    )
    return activities.new(values, owner_id=original.owner_id, now=rt.now(), created_by_id=by.user_id)
