"""The newest runs, their steps, and conflicts: what the command line lists."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from calsync.store import tables as t


def list_runs(session: Session, account_id: int | None = None, limit: int = 50) -> list[t.Run]:
    """Return runs, newest first, of one account or of all."""
    query = select(t.Run).order_by(col(t.Run.id).desc()).limit(limit)
    if account_id is not None:
        query = query.where(col(t.Run.account_id) == account_id)
    return list(session.scalars(query))


def list_steps(session: Session, run_id: int, limit: int = 10_000) -> list[t.Step]:
    """Return the steps of a run in the order in which they were planned."""
    query = select(t.Step).where(col(t.Step.run_id) == run_id).order_by(col(t.Step.id)).limit(limit)
    return list(session.scalars(query))


def list_conflicts(session: Session, *, with_closed: bool = False, limit: int = 200) -> list[t.Conflict]:
    """Return conflicts that wait for a person, oldest first; with the decided ones if wanted."""
    query = select(t.Conflict).order_by(col(t.Conflict.id)).limit(limit)
    if not with_closed:
        query = query.where(col(t.Conflict.state) == "open")
    return list(session.scalars(query))
