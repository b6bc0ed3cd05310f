"""Queries of the support bundle: rows as plain values, by a list of columns that name nobody and hold no secret."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.store import tables as t

Row = dict[str, Any]

ACCOUNT = (
    "id",
    "provider",
    "server_url",
    "scopes",
    "can_write",
    "allow_private_network",
    "state",
    "paused_at",
    "paused_until",
    "grant_ok",
    "grant_error",
    "grant_lost_at",
    "grant_checked_at",
    "last_answer_at",
    "last_answer_ms",
    "last_error_class",
    "last_error",
    "last_success_at",
    "in_sync_since",
    "last_complete_read_at",
    "rate_limited_until",
    "failed_runs",
    "timed_out",
    "clock_offset_s",
    "overrides",
    "next_sync_at",
    "requested_trigger",
    "lease_until",
    "hold_next_plan",
    "restore_epoch",
    "created_at",
    "disconnected_at",
)
CALENDAR = (
    "id",
    "account_id",
    "tz",
    "is_primary",
    "access",
    "syncs",
    "blocks",
    "is_write_target",
    "is_gone",
    "last_read_at",
    "created_at",
)
RUN = tuple(name for name in t.Run.model_fields if name not in ("requested_by_id", "plan_digest", "rules", "cursors"))
STEP = (
    "id",
    "account_id",
    "calendar_id",
    "activity_id",
    "event_id",
    "link_id",
    "subject",
    "is_private",
    "action",
    "direction",
    "fields",
    "reason",
    "state",
    "people_mailed",
    "is_approved",
    "attempts",
    "error_class",
    "error",
    "next_attempt_at",
    "created_at",
    "finished_at",
    "retried_in_id",
)
"""Never a title, and never a value of a field."""


def accounts(session: Session) -> list[Row]:
    return _rows(session, t.Account, ACCOUNT)


def calendars(session: Session) -> list[Row]:
    return _rows(session, t.Calendar, CALENDAR)


def recent_runs(session: Session, limit: int) -> list[Row]:
    """Return the newest runs, newest first."""
    return _rows(session, t.Run, RUN, sa.select(col(t.Run.id)).order_by(col(t.Run.id).desc()).limit(limit))[::-1]


def run(session: Session, run_id: int) -> Row:
    """Return one run with the rules that were in force."""
    query = sa.select(col(t.Run.id)).where(col(t.Run.id) == run_id)
    return _rows(session, t.Run, (*RUN, "rules"), query)[0]


def steps(session: Session, run_id: int, limit: int) -> list[Row]:
    query = sa.select(col(t.Step.id)).where(col(t.Step.run_id) == run_id).order_by(col(t.Step.id)).limit(limit)
    return _rows(session, t.Step, STEP, query)


def sizes(session: Session) -> dict[str, int]:
    """Return the highest id of each table that grows: how many rows it ever had. Counting them would read them all."""
    tables: tuple[Any, ...] = (t.User, t.Account, t.Activity, t.MirrorEvent, t.Link, t.Run, t.Step, t.Conflict)
    highest = [sa.select(sa.func.max(table.id)).scalar_subquery() for table in tables]
    return {
        table.__tablename__: int(n or 0)
        for table, n in zip(tables, session.execute(sa.select(*highest)).one(), strict=True)
    }


def names(session: Session) -> list[tuple[str, str]]:
    """Return what people and their things are called, each with what stands for it in the bundle."""
    found = [(email, f"person-{i}") for i, email in session.execute(sa.select(col(t.User.id), col(t.User.email)))]
    found += [(name, f"person-{i}") for i, name in session.execute(sa.select(col(t.User.id), col(t.User.name)))]
    a = t.Account
    accounts = session.execute(sa.select(col(a.id), col(a.label), col(a.username), col(a.subject)))
    found += [(name, f"account-{i}") for i, *called in accounts for name in called]
    c = t.Calendar
    calendars = session.execute(sa.select(col(c.id), col(c.name), col(c.remote_id)))
    found += [(name, f"calendar-{i}") for i, *called in calendars for name in called]
    return [(name, stand_in) for name, stand_in in found if name]


def _rows(session: Session, table: Any, columns: tuple[str, ...], ids: Any = None) -> list[Row]:
    query = sa.select(*(getattr(table, name) for name in columns)).order_by(table.id)
    if ids is not None:
        query = query.where(table.id.in_(ids))
    return [dict(row._mapping) for row in session.execute(query)]
