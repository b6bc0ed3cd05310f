"""The one row about this database."""

from __future__ import annotations

from sqlmodel import Session

from calsync.store import tables as t


def get(session: Session) -> t.Instance:
    """Return the row, made on first use."""
    row = session.get(t.Instance, 1)
    if row is None:
        row = t.Instance(id=1)
        session.add(row)
        session.flush()
    return row


def epoch(session: Session) -> int:
    """Return how often this database was restored from a backup."""
    row = session.get(t.Instance, 1)
    return 0 if row is None else row.epoch
