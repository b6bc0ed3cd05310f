"""Handing one person's activities and accounts over to another, when they leave or change their task."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from calsync.engine.vocabulary import ChangeKind
from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor, Runtime
from calsync.store import audit, changes
from calsync.store import people as store
from calsync.store import tables as t

BATCH = 500
"""Rows in one transaction at most."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """What goes over. `kept` are the ids of accounts whose login the receiver has connected too."""

    activities: int
    accounts: tuple[int, ...]
    kept: tuple[int, ...]


def preview(rt: Runtime, from_id: int, to_id: int, *, by: Actor) -> HandOver:
    """Return what `hand_over` would do now."""
    _may(by)
    with rt.reading() as session:
        _check(session, from_id, to_id)
        activities = select(func.count()).where(col(t.Activity.owner_id) == from_id)
        goes, kept = _accounts(session, from_id, to_id)
        return HandOver(session.scalars(activities).one(), goes, kept)


def hand_over(rt: Runtime, from_id: int, to_id: int, *, by: Actor) -> HandOver:
    """Make the receiver the owner of everything. May be repeated after a crash: it goes on where it was.

    Accounts move first, so that activities keep a calendar of their owner to live in. An account that the
    receiver has connected as well stays where it is.
    """
    _may(by)
    with rt.writing() as session:
        _check(session, from_id, to_id)
        goes, kept = _accounts(session, from_id, to_id)
        _keep_one_write_target(session, goes, to_id)
        move = update(t.Account).where(col(t.Account.id).in_(goes)).values(user_id=to_id)
        session.connection().execute(move)
    moved = 0
    while batch := _move_activities(rt, from_id, to_id, by):
        moved += batch
    done = HandOver(moved, goes, kept)
    with rt.writing() as session:
        facts = {"to": store.get(session, to_id).email, "activities": moved, "accounts": list(goes)}
        audit.record(session, by, "user.handed_over", store.get(session, from_id), at=rt.now(), after=facts)
    return done


def _may(by: Actor) -> None:
    if not by.is_admin:
        raise NotAllowed("hand over what others own")


def _check(session: Session, from_id: int, to_id: int) -> None:
    giver, receiver = store.get(session, from_id), store.get(session, to_id)
    if giver.id == receiver.id:
        raise Refused("Choose somebody else to hand over to.", field="to")
    if receiver.is_disabled:
        raise Refused(f"{receiver.email} is disabled and cannot take anything over.", field="to")


def _accounts(session: Session, from_id: int, to_id: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids of accounts that can go over, and of those that cannot."""
    query = select(t.Account).where(col(t.Account.user_id).in_((from_id, to_id))).order_by(col(t.Account.id))
    accounts = session.scalars(query).all()
    taken = {(a.provider, a.subject) for a in accounts if a.user_id == to_id}
    theirs = [a for a in accounts if a.user_id == from_id]
    goes = tuple(a.id or 0 for a in theirs if (a.provider, a.subject) not in taken)
    return goes, tuple(a.id or 0 for a in theirs if (a.provider, a.subject) in taken)


def _keep_one_write_target(session: Session, account_ids: tuple[int, ...], to_id: int) -> None:
    """Where the receiver's new activities are created already, the accounts that come bring no second place."""
    calendar, account = t.Calendar, t.Account
    theirs = select(col(account.id)).where(col(account.user_id) == to_id)
    has_one = select(col(calendar.id)).where(
        col(calendar.account_id).in_(theirs), col(calendar.is_write_target).is_(True)
    )
    if session.scalars(has_one.limit(1)).first() is not None:
        coming = update(calendar).where(col(calendar.account_id).in_(account_ids))
        session.connection().execute(coming.values(is_write_target=False))


def _move_activities(rt: Runtime, from_id: int, to_id: int, by: Actor) -> int:
    with rt.writing() as session:
        activity_id = col(t.Activity.id)
        query = select(activity_id).where(col(t.Activity.owner_id) == from_id).order_by(activity_id)
        ids = session.scalars(query.limit(BATCH)).all()
        move = update(t.Activity).where(col(t.Activity.id).in_(ids))
        session.connection().execute(move.values(owner_id=to_id, updated_at=rt.now()))
        notes = (changes.Note(i or 0, to_id, ChangeKind.UPDATED, rt.now(), ("owner_id",)) for i in ids)
        changes.note(session, notes)
        changes.made_by(session, changes.by_actor(by))
    return len(ids)
