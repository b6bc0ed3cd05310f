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
    col(t.Step.account_id) == sa.bindparam("account_id"), col(t.Step.state).in_(list(OPEN_STEP_STATES))
)
_RECHECKS = (
    sa.select(col(t.MirrorResource.id))
    .join(C, col(C.id) == col(t.MirrorResource.calendar_id))
    .where(col(C.account_id) == sa.bindparam("account_id"), col(t.MirrorResource.recheck).is_(True))
    .exists()
)
_SUCCEEDED = sa.exists().where(
    col(R.account_id) == sa.bindparam("account_id"),
    col(R.state).in_([RunState.SUCCEEDED, RunState.NO_CHANGES, RunState.PARTIAL, RunState.HELD]),
    col(R.error_class) == "",
)


def _saved(name: str) -> Any:
    return sa.select(col(t.Setting.value)).where(col(t.Setting.name) == name).scalar_subquery()


_SETTINGS = ("rules", "switches")
_FACTS = sa.select(
    col(t.User.email),
    sa.select(col(t.Instance.epoch)).where(col(t.Instance.id) == 1).scalar_subquery(),
    _OPEN,
    _RECHECKS,
    _SUCCEEDED,
    sa.exists().where(col(R.account_id) == sa.bindparam("account_id"), col(R.state) == RunState.RUNNING),
    *map(_saved, _SETTINGS),
).where(col(t.User.id) == sa.bindparam("user_id"))


def facts(session: Session, account: t.Account) -> Facts:
    """Return what a run must know beside the account and its calendars."""
    values = {"account_id": account.id, "user_id": account.user_id}
    email, epoch, open_, rechecks, succeeded, orphans, *saved = session.connection().execute(_FACTS, values).one()
    return Facts(email, epoch or 0, _by_name(saved), bool(open_), bool(rechecks), bool(succeeded), bool(orphans))


_ACCOUNT = sa.select(A).where(col(A.id) == sa.bindparam("account_id"))
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


def note_read(session: Session, calendar: t.Calendar, cursor: str | None, now: datetime, offset_s: float) -> None:
    """Save the cursor of a complete read, which began at `calendar.last_read_at`, and that the account was read."""
    began = {"calendar": calendar.id, "to": cursor, "began_at": calendar.last_read_at}
    connection = session.connection()
    connection.execute(_READ_CALENDAR, began)
    connection.execute(_READ_ACCOUNT, {"account": calendar.account_id, "read_at": now, "offset_s": offset_s})


# --- is there anything to do


_ANYTHING = sa.select(
    sa.or_(
        links.TO_SWITCH.exists(),
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
