"""Queries on what was asked of providers, by the day."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from calsync.store import tables as t

U, A = t.UsageDay, t.Account


@dataclass(frozen=True, slots=True)
class Used:
    """What the accounts of one provider cost on one day, and which of them cost most."""

    requests: int
    calls: int
    limited: int
    accounts: int
    most_id: int
    most_label: str
    most_calls: int


def add(session: Session, account_id: int, day: date, requests: int, calls: int, limited: int) -> None:
    """Add to an account's day."""
    session.connection().execute(
        _adding(session.get_bind().dialect.name),
        {"account_id": account_id, "day": day, "requests": requests, "calls": calls, "limited": limited},
    )


@functools.cache
def _adding(dialect: str) -> Any:
    """Return the statement for a kind of database. Others may add to the same day at the same time."""
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(U)
    names = ("requests", "calls", "limited")
    sums = {name: getattr(U.__table__.c, name) + insert.excluded[name] for name in names}  # type: ignore[attr-defined]
    return insert.on_conflict_do_update(index_elements=["account_id", "day"], set_=sums)


def of_day(session: Session, day: date) -> dict[str, Used]:
    """Return what every provider's accounts cost on a day, by one query."""
    own = col(A.provider)
    place = sa.func.row_number().over(partition_by=own, order_by=(col(U.calls).desc(), col(U.account_id)))
    sums = [sa.func.sum(col(column)).over(partition_by=own) for column in (U.requests, U.calls, U.limited)]
    ranked = (
        sa.select(
            own.label("provider"),
            *(total.label(name) for total, name in zip(sums, ("requests", "calls", "limited"), strict=True)),
            sa.func.count().over(partition_by=own).label("accounts"),
            col(A.id).label("most_id"),
            col(A.label).label("most_label"),
            col(U.calls).label("most_calls"),
            place.label("place"),
        )
        .join(A, col(A.id) == col(U.account_id))
        .where(col(U.day) == day)
        .subquery()
    )
    columns = [column for column in ranked.c if column.name != "place"]
    found = session.execute(sa.select(*columns).where(ranked.c.place == 1))
    return {row[0]: Used(int(row[1]), int(row[2]), int(row[3]), *row[4:]) for row in found}
