"""Conflicts: a person decides what policy does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import ConflictKind
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import firsts_choice
from calsync.store import accounts, audit, conflicts
from calsync.store import tables as t
from calsync.store.links import mark

SIDES = ("crm", "external")
LONGEST_WAIT = timedelta(days=30)


def resolve(
    rt: Runtime,
    conflict_id: int,
    choice: Mapping[str, str],
    *,
    local_fp: str | None = None,
    remote_fp: str | None = None,
    by: Actor,
) -> t.Conflict:
    """Take a person's choice down; the account's next run, due at once, carries it out.

    `choice` maps each clashing merge unit, or "*" for the whole record, to "crm" or "external". For a duplicate
    match it is {"*": "new"} or {"*": "<activity id>"}. The fingerprints are those of the page on which the choice was
    made: when either side has changed since, it is refused (code `changed`). Refused with code `closed` when somebody
    was quicker, and `incomplete` when a field has no choice.
    """
    with rt.writing() as session:
        row = take(session, conflict_id, choice, local_fp=local_fp, remote_fp=remote_fp, now=rt.now(), by=by)
        audit.record(session, by, "conflict.resolved", row, after={"choice": dict(choice)}, at=rt.now())
    rt.enqueue("sync_account", account_id=row.account_id)
    return row


def put_off(rt: Runtime, conflict_id: int, until: datetime | None, *, by: Actor) -> t.Conflict:
    """Take an open conflict out of the queue until then, and remind people of it again; None takes that back.

    What is put off is still not written on either side. Raises NotFound; Refused with code `closed`, and with
    `until` as field for a moment that is over or farther than LONGEST_WAIT.
    """
    with rt.writing() as session:
        row = conflicts.get(session, conflict_id)
        _check_open(row)
        if until is not None and not rt.now() < until <= rt.now() + LONGEST_WAIT:
            raise Refused(f"Choose a moment within the next {LONGEST_WAIT.days} days.", field="until")
        row.remind_at = until
        after = {"until": until.isoformat() if until else None}
        audit.record(session, by, "conflict.put_off", row, after=after, at=rt.now())
    return row


def wake(rt: Runtime) -> int:
    """Put conflicts back into the queue whose time has come, and return how many."""
    with rt.reading() as session:
        due = conflicts.due_again(session, rt.now())
    if due:
        with rt.writing() as session:
            conflicts.take_up(session, due)
    return len(due)


def take(
    session: Session,
    conflict_id: int,
    choice: Mapping[str, str],
    *,
    local_fp: str | None,
    remote_fp: str | None,
    now: datetime,
    by: Actor,
) -> t.Conflict:
    """Check a choice and write it on its conflict, in the caller's transaction. Raises as `resolve` does."""
    row = conflicts.get(session, conflict_id)
    _check_open(row)
    if row.kind == ConflictKind.DUPLICATE_MATCH:
        firsts_choice.check(row, choice)
        firsts_choice.settle(session, row)
    else:
        _check_ground(session, row, local_fp, remote_fp)
        _check_choice(row, choice)
        _wake(session, row)
    row.state, row.choice, row.resolved_by_id = "resolved", dict(choice), by.user_id
    accounts.get(session, row.account_id).next_sync_at = now
    return row


def _check_open(row: t.Conflict) -> None:
    if row.state != "open":
        raise Refused("This conflict is already decided.", code="closed")


def _check_ground(session: Session, row: t.Conflict, local_fp: str | None, remote_fp: str | None) -> None:
    seen = (local_fp or row.local_fp, remote_fp or row.remote_fp)
    if seen != (row.local_fp, row.remote_fp) or seen != _now(session, row):
        raise Refused(
            "One side has changed since this page was shown. Look at the new values, then choose.", code="changed"
        )


def _now(session: Session, row: t.Conflict) -> tuple[str, str]:
    activity = session.get(t.Activity, row.activity_id) if row.activity_id else None
    event = session.get(t.MirrorEvent, row.event_id) if row.event_id else None
    return ("" if activity is None else activity.fingerprint, "" if event is None else mark(event))


def _check_choice(row: t.Conflict, choice: Mapping[str, str]) -> None:
    wrong = [name for name, side in choice.items() if side not in SIDES]
    if wrong:
        raise Refused(f"Choose the CRM or the calendar for {wrong[0]}.", code="invalid", field=wrong[0])
    unknown = set(choice) - set(row.fields) - {"*"}
    if unknown:
        about = ", ".join(sorted(row.fields))
        raise Refused(
            f"This conflict is not about {min(unknown)} but about {about}.", code="invalid", field=min(unknown)
        )
    needed = {"status"} if row.kind == ConflictKind.CHANGED_DELETED else set(row.fields)
    missing = needed - set(choice)
    if "*" not in choice and missing:
        raise Refused(f"Choose a side for {min(missing)} too.", code="incomplete", field=min(missing))


def _wake(session: Session, row: t.Conflict) -> None:
    """Have the pair planned again although neither side changed."""
    session.execute(
        sa.update(t.Link)
        .where(col(t.Link.id) == row.link_id)
        .values(considered_rules="")
        .execution_options(synchronize_session=False)
    )
