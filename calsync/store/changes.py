"""The feed of what became of activities: noticed while a transaction writes, put in order as it commits.

Nobody who writes an activity has to think of it. A writing session notices what its rows went through; the few
statements that go past rows (imports, hand-overs, conditional updates) say so by `note`. `publish` is the last thing
before a commit: it takes the lock of the one head row and gives positions. Ids would not do, for on PostgreSQL
transactions commit in another order than they draw numbers, and a reader would miss what comes in behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event as orm_events
from sqlalchemy.orm import SessionTransaction, attributes
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine.vocabulary import ChangeKind
from calsync.store import tables as t

FACTS = ("kind", "external_id", "is_done", "location_kind", "owner_id", "due_is")
"""Columns beside the content whose change is one of the activity."""

_NOTES = "calsync.changes"
_BY = "calsync.changed_by"
_MARKS = "calsync.savepoints"


@dataclass(frozen=True, slots=True)
class By:
    """Who made the changes of a transaction. `kind` is user, api, provider, guest or system."""

    kind: str = "system"
    label: str = ""
    account_id: int | None = None


def by_actor(who: Any) -> By:
    """Return an Actor as the feed names it; what came through the API is the API's, whoever's token it was."""
    role, via = getattr(who, "role", ""), getattr(who, "via", "")
    kind = via or ("user" if who.user_id is not None else role if role == "guest" else "system")
    return By(kind, who.label)


@dataclass(slots=True)
class Note:
    """What a transaction did to one activity so far."""

    activity_id: int
    owner_id: int
    what: ChangeKind
    at: datetime
    fields: tuple[str, ...] = ()


# --- noticing


class WritingSession(Session):
    """A session that notices what happens to activities."""


def note(session: Session, notes: Iterable[Note]) -> None:
    """Note changes made by statements, which the session cannot see."""
    session.info.setdefault(_NOTES, []).extend(notes)


def made_by(session: Session, by: By, *, weakly: bool = False) -> None:
    """Say who makes this transaction's changes; `weakly`, unless somebody said so before."""
    if weakly:
        session.info.setdefault(_BY, by)
    else:
        session.info[_BY] = by


@orm_events.listens_for(WritingSession, "after_flush")
def _notice(session: Session, _context: Any) -> None:
    made = [_created(row) for row in session.new if isinstance(row, t.Activity)]
    changed = [_changed(row) for row in session.dirty if isinstance(row, t.Activity)]
    found = [*made, *(n for n in changed if n is not None)]
    if found:
        note(session, found)


def _created(row: t.Activity) -> Note:
    return Note(t.pk(row), row.owner_id, ChangeKind.CREATED, row.created_at)


def _changed(row: t.Activity) -> Note | None:
    """Return what the flush writes of a row; None when that is nothing a reader of the feed would see."""
    fields: list[str] = [name for name in FACTS if _before(row, name) is not None]
    content = _before(row, "content")
    if content is not None:
        fields[:0] = events.changed_fields(content[0] or {}, row.content)
    if _before(row, "is_dissolved") is not None:
        return Note(t.pk(row), row.owner_id, ChangeKind.CANCELLED, row.updated_at, ("status",))
    if not fields:
        return None
    was_cancelled = content is not None and (content[0] or {}).get("status") == "cancelled"
    return Note(t.pk(row), row.owner_id, kind(fields, row.status, was_cancelled), row.updated_at, tuple(fields))


def _before(row: t.Activity, name: str) -> tuple[Any] | None:
    """Return the value a column had, as a tuple of one; None when it did not change."""
    history = attributes.get_history(row, name)
    return (history.deleted[0] if history.deleted else None,) if history.added else None


def kind(fields: Sequence[str], status: str, was_cancelled: bool) -> ChangeKind:
    """Return what a change of these fields is, for an activity that has `status` now."""
    if "status" not in fields or (status == "cancelled") == was_cancelled:
        return ChangeKind.UPDATED
    return ChangeKind.RESTORED if was_cancelled else ChangeKind.CANCELLED


# --- what is taken back by a savepoint was no change


_NOTICED = [_NOTES]


def taken_back_by_savepoints(name: str) -> None:
    """Have another list of what was noticed, in `session.info`, shortened as savepoints are rolled back."""
    _NOTICED.append(name)


@orm_events.listens_for(WritingSession, "after_transaction_create")
def _mark(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        lengths = {name: len(session.info.get(name, ())) for name in _NOTICED}
        session.info.setdefault(_MARKS, {})[id(transaction)] = lengths


@orm_events.listens_for(WritingSession, "after_soft_rollback")
def _take_back(session: Session, transaction: SessionTransaction) -> None:
    for name, length in session.info.get(_MARKS, {}).pop(id(transaction), {}).items():
        del session.info.get(name, [])[length:]


# --- putting in order


@dataclass(frozen=True, slots=True)
class Published:
    """What a transaction did to activities, one note for each, and who it was."""

    notes: Sequence[Note]
    by: By


def publish(session: Session) -> Published:
    """Give positions to what the transaction changed. Call it last: until it ends, nobody else gets a position."""
    session.flush()
    notes = _merged(session.info.pop(_NOTES, ()))
    by = session.info.pop(_BY, By())
    session.info.pop(_MARKS, None)
    if notes:
        first = _take_positions(session, len(notes))
        rows = [_row(first + i, n, by) for i, n in enumerate(notes)]
        session.connection().execute(sa.insert(t.Change), rows)
    return Published(notes, by)


def _merged(notes: Iterable[Note]) -> list[Note]:
    """Return one note per activity: a reader never sees what a transaction did to a record in between."""
    found: dict[int, Note] = {}
    for each in notes:
        held = found.setdefault(each.activity_id, each)
        if held is not each:
            held.what = _stronger(held.what, each.what)
            held.fields = tuple(dict.fromkeys((*held.fields, *each.fields)))
            held.owner_id, held.at = each.owner_id, each.at
    return list(found.values())


def _stronger(earlier: ChangeKind, later: ChangeKind) -> ChangeKind:
    """What is new stays new, whatever follows; that something was edited says less than that it came or went."""
    if earlier is ChangeKind.CREATED or later is ChangeKind.UPDATED:
        return earlier
    return later


def _take_positions(session: Session, count: int) -> int:
    """Return the first of `count` positions after the last one; the row stays locked until the transaction ends."""
    H = t.ChangeHead
    step = sa.update(H).where(col(H.id) == 1).values(position=col(H.position) + count).returning(col(H.position))
    return int(session.connection().execute(step).scalar_one()) - count + 1


def _row(position: int, change: Note, by: By) -> dict[str, Any]:
    return {
        "position": position,
        "activity_id": change.activity_id,
        "owner_id": change.owner_id,
        "what": change.what,
        "fields": list(change.fields),
        "by_kind": by.kind,
        "by": by.label[:320],
        "account_id": by.account_id,
        "at": change.at,
    }


# --- reading


@dataclass(frozen=True, slots=True)
class Told:
    """A change as the feed tells it. The ids are None when the activity is no longer there."""

    change: t.Change
    public_id: str | None
    external_id: str | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """From which position a reader can go on: not before `oldest`, because what follows it was thrown away."""

    oldest: int
    newest: int


def bounds(session: Session) -> Bounds:
    """Return the positions between which a reader may stand."""
    newest = session.scalars(sa.select(col(t.ChangeHead.position))).one()
    first = session.scalars(sa.select(sa.func.min(col(t.Change.position)))).one_or_none()
    return Bounds(newest if first is None else first - 1, newest)


def after(session: Session, position: int, limit: int, owner_id: int | None = None) -> list[Told]:
    """Return the changes that follow a position, in order; of one owner's activities, or of all."""
    C, A = t.Change, t.Activity
    query = sa.select(C, col(A.public_id), col(A.external_id)).outerjoin(A, col(A.id) == col(C.activity_id))
    query = query.where(col(C.position) > position).order_by(col(C.position)).limit(limit)
    if owner_id is not None:
        query = query.where(col(C.owner_id) == owner_id)
    return [Told(*row) for row in session.execute(query)]
