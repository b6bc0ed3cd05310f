"""What every run asks of the database, and writes to it, also when it finds nothing to do.

A large installation polls thousands of accounts an hour, and building a statement costs more than running it: these are
built once, ask for columns instead of objects, and put several questions into one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import OPEN_STEP_STATES, RunState
from calsync.errors import NotFound
from calsync.store import conflicts, linkless, links, placements
from calsync.store import tables as t
from calsync.store.tables.columns import plain

A, C, R = t.Account, t.Calendar, t.Run


@dataclass(frozen=True, slots=True)
class Facts:
    """`email` is the person's, `epoch` the database's (see instance.py), `saved` the settings by name, {} for none."""

    email: str
    epoch: int
    saved: dict[str, dict[str, Any]]
    has_open_steps: bool
    has_rechecks: bool  # of any calendar
    has_succeeded: bool
    has_orphans: bool  # runs whose process died, if none has begun since the account was claimed


_OPEN = sa.exists().where(
    col(t.Step.account_id) == sa.bindparam("account_id"), col(t.Step.state).in_(list(map(plain, OPEN_STEP_STATES)))
)
_RECHECKS = (
    sa.select(col(t.MirrorResource.id))
    .join(C, col(C.id) == col(t.MirrorResource.calendar_id))
    .where(col(C.account_id) == sa.bindparam("account_id"), col(t.MirrorResource.recheck).is_(True))
    .exists()
)
_SUCCEEDED = sa.exists().where(
    col(R.account_id) == sa.bindparam("account_id"),
    col(R.state).in_(list(map(plain, (RunState.SUCCEEDED, RunState.NO_CHANGES, RunState.PARTIAL, RunState.HELD)))),
    col(R.error_class) == "",
)


def _saved(name: str) -> Any:
    return sa.select(col(t.Setting.value)).where(col(t.Setting.name) == name).scalar_subquery()


_SETTINGS = ("rules", "switches")
_ACCOUNT = sa.select(A).where(col(A.id) == sa.bindparam("account_id"))
_ACCOUNT_AND_FACTS = _ACCOUNT.join(t.User, col(t.User.id) == col(A.user_id)).add_columns(
    col(t.User.email),
    sa.select(col(t.Instance.epoch)).where(col(t.Instance.id) == 1).scalar_subquery(),
    _OPEN,
    _RECHECKS,
    _SUCCEEDED,
    sa.exists().where(col(R.account_id) == sa.bindparam("account_id"), col(R.state) == plain(RunState.RUNNING)),
    *map(_saved, _SETTINGS),
)


def account_and_facts(session: Session, account_id: int) -> tuple[t.Account, Facts]:
    """Return the account's row, and what a run must know beside it and its calendars. Raises NotFound."""
    row = session.execute(_ACCOUNT_AND_FACTS, {"account_id": account_id}).first()
    if row is None:
        raise NotFound("account", account_id)
    found, email, epoch, open_, rechecks, succeeded, orphans, *saved = row
    facts = Facts(email, epoch or 0, _by_name(saved), bool(open_), bool(rechecks), bool(succeeded), bool(orphans))
    return found, facts


_ACCOUNT_AND_SETTINGS = _ACCOUNT.add_columns(*map(_saved, _SETTINGS))


def account(session: Session, account_id: int) -> t.Account:
    """Return the account's row. Raises NotFound."""
    found = session.execute(_ACCOUNT, {"account_id": account_id}).scalar()
    return _existing(found, account_id)


def account_and_settings(session: Session, account_id: int) -> tuple[t.Account, dict[str, dict[str, Any]]]:
    """Return the account's row, and the settings by name as in Facts. Raises NotFound."""
    row = session.execute(_ACCOUNT_AND_SETTINGS, {"account_id": account_id}).first()
    found, *saved = row if row is not None else (None,)
    return _existing(found, account_id), _by_name(saved)


def _existing(found: t.Account | None, account_id: int) -> t.Account:
    if found is None:
        raise NotFound("account", account_id)
    return found


def _by_name(saved: Sequence[dict[str, Any] | None]) -> dict[str, dict[str, Any]]:
    return {name: value or {} for name, value in zip(_SETTINGS, saved, strict=False)}


_CALENDARS = sa.select(C).where(col(C.account_id) == sa.bindparam("account_id")).order_by(col(C.id))


def calendars(session: Session, account_id: int) -> list[t.Calendar]:
    """Return the account's calendars by id."""
    return list(session.execute(_CALENDARS, {"account_id": account_id}).scalars())


# --- the run's row


_INSERT_RUN = sa.insert(R).returning(col(R.id))


def insert_run(session: Session, values: Mapping[str, Any]) -> int:
    """Save a new run and return its id."""
    run_id = session.connection().execute(_INSERT_RUN, {"phases": {}, **values}).scalar_one()
    return int(run_id or 0)


def update_run(session: Session, run_id: int, values: Mapping[str, Any]) -> None:
    """Write columns of a run."""
    session.connection().execute(_update_run(tuple(values)), {"run": run_id, **values})


@functools.cache
def _update_run(names: tuple[str, ...]) -> sa.Update:
    return sa.update(R).where(col(R.id) == sa.bindparam("run")).values({n: sa.bindparam(n) for n in names})


_PROGRESS = (
    sa.update(R)
    .where(col(R.id) == sa.bindparam("run"))
    .values(progress_done=col(R.progress_done) + sa.bindparam("more", type_=sa.Integer))
)


def note_progress(session: Session, run_id: int, more: int) -> None:
    """Count what a run has done, for whoever watches it."""
    session.connection().execute(_PROGRESS, {"run": run_id, "more": more})


# --- who holds the account


_HOLDER = sa.select(col(A.lease_owner), col(A.lease_until)).where(col(A.id) == sa.bindparam("account_id"))


def holder(session: Session, account_id: int) -> tuple[str | None, datetime | None]:
    """Return whose claim is on an account, and until when; nobody's on one that is gone."""
    row = session.connection().execute(_HOLDER, {"account_id": account_id}).first()
    return (None, None) if row is None else (row[0], row[1])


_STOPS = (
    sa.select(col(A.state), _saved("switches"), col(C.id), col(C.name))
    .join_from(A, C, sa.and_(col(C.account_id) == col(A.id), col(C.syncs).is_(False)), isouter=True)
    .where(col(A.id) == sa.bindparam("account_id"))
    .order_by(col(C.id))
)


def stops(session: Session, account_id: int) -> tuple[str | None, dict[str, Any], dict[int, str]]:
    """Return what may stop a run: the account's state (None when it is gone), the saved switches, and the names of its
    calendars that do not sync, by id.
    """
    rows = session.connection().execute(_STOPS, {"account_id": account_id}).all()
    off = {int(row[2]): str(row[3]) for row in rows if row[2] is not None}
    return (rows[0][0], rows[0][1] or {}, off) if rows else (None, {}, off)


# --- what a run leaves on the account


@dataclass(frozen=True, slots=True)
class Read:
    """A complete read of a calendar: where it came to, when it began and ended, provider time minus our time."""

    calendar_id: int
    cursor: str | None
    began_at: datetime
    ended_at: datetime
    offset_s: float


_READ_ACCOUNT = (
    sa.update(A)
    .where(col(A.id) == sa.bindparam("account"))
    .values(last_complete_read_at=sa.bindparam("read_at"), clock_offset_s=sa.bindparam("offset_s"))
)
_READ_CALENDAR = (
    sa.update(C)
    .where(col(C.id) == sa.bindparam("calendar"))
    .values(cursor=sa.bindparam("to"), last_read_at=sa.bindparam("began_at"))
)


def note_reads(session: Session, account_id: int, reads: Sequence[Read]) -> None:
    """Save the cursors of complete reads of an account's calendars, and that the account was read."""
    if reads:
        _note_cursors(session, reads)
        values = {"account": account_id, "read_at": reads[-1].ended_at, "offset_s": reads[-1].offset_s}
        session.connection().execute(_READ_ACCOUNT, values)


def _note_cursors(session: Session, reads: Sequence[Read]) -> None:
    for read in reads:
        values = {"calendar": read.calendar_id, "to": read.cursor, "began_at": read.began_at}
        session.connection().execute(_READ_CALENDAR, values)


def _as(column: Any, name: str) -> Any:
    """Return a parameter of a column's type, where nothing beside it says which."""
    return sa.bindparam(name, type_=column.type)


_IS_ASKED = col(A.next_sync_at) < col(A.lease_until)
_IS_WELL = sa.and_(
    col(A.grant_ok),
    col(A.grant_error) == "",
    col(A.grant_lost_at).is_(None),
    col(A.failed_runs) == 0,
    col(A.rate_limited_until).is_(None),
    col(A.last_error) == "",
    col(A.last_error_class) == "",
)
_END_WELL = (
    sa.update(A)
    .where(col(A.id) == sa.bindparam("account"), col(A.lease_owner) == sa.bindparam("owner"), _IS_WELL)
    .values(
        timed_out=False,
        grant_checked_at=sa.bindparam("now"),
        last_success_at=sa.bindparam("now"),
        in_sync_since=sa.func.coalesce(col(A.in_sync_since), sa.bindparam("now")),
        last_complete_read_at=sa.func.coalesce(_as(A.last_complete_read_at, "read_at"), col(A.last_complete_read_at)),
        clock_offset_s=sa.func.coalesce(_as(A.clock_offset_s, "offset_s"), col(A.clock_offset_s)),
        next_sync_at=sa.case((_IS_ASKED, col(A.next_sync_at)), else_=_as(A.next_sync_at, "due")),
        requested_trigger=sa.case((_IS_ASKED, col(A.requested_trigger)), else_=""),
        requested_by_id=sa.case((_IS_ASKED, col(A.requested_by_id)), else_=None),
        lease_owner=None,
        lease_until=None,
    )
)


def end_well(
    session: Session, account_id: int, owner: str, now: datetime, due: datetime | None, reads: Sequence[Read]
) -> bool:
    """End the claim of `owner` on an account that was well, after a run without any failure.

    Returns whether it was so; otherwise nothing is written. `due` is when the account is due again unless somebody
    asked for it meanwhile; None: when someone asks.
    """
    read_at, offset_s = (reads[-1].ended_at, reads[-1].offset_s) if reads else (None, None)
    values = {"account": account_id, "owner": owner, "now": now, "due": due, "read_at": read_at, "offset_s": offset_s}
    is_done = bool(session.connection().execute(_END_WELL, values).rowcount)
    if is_done:
        _note_cursors(session, reads)
    return is_done


# --- is there anything to do


_ANYTHING = sa.select(
    sa.or_(
        links.TO_PARK.exists(),
        links.TO_RESUME.exists(),
        links.CHANGED.exists(),
        conflicts.SHIFTED.exists(),
        linkless.EVENTS.exists(),
        linkless.OVERRIDES.exists(),
        placements.WAITING.exists(),
        sa.and_(linkless.WRITE_TARGET.exists(), linkless.ACTIVITIES.exists()),
    )
)


def is_anything_to_plan(session: Session, account: t.Account, *, rules: str, projection: str) -> bool:
    """Return whether a pair differs, a calendar was switched, or something without a link was not yet considered under
    these rules. One query, which ends at the first yes.
    """
    values = {
        "account_id": account.id,
        "owner_id": account.user_id,
        "rules": rules,
        "considered": rules,
        "projection": projection,
        "all": False,
    }
    return bool(session.connection().execute(_ANYTHING, values).scalar_one())
