"""Queries of the overview: what the last day did, hour by hour, and what fails right now, by cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, RunState, StepState
from calsync.store import tables as t

R, S, A = t.Run, t.Step, t.Account

MOST_RUNS = 20_000
WITH_CHANGES = tuple(
    s for s in RunState if s not in (RunState.NO_CHANGES, RunState.PREVIEW, RunState.QUEUED, RunState.CANCELLED)
)


@dataclass(frozen=True, slots=True)
class Moment:
    """One run that did something, or failed to."""

    started_at: datetime
    state: str
    created: int
    updated: int
    deleted: int
    skipped: int
    failed: int

    @property
    def changes(self) -> int:
        return self.created + self.updated + self.deleted


@dataclass(frozen=True, slots=True)
class Day:
    """Runs since a moment. `quiet` counts those that found nothing to do; `has_activities` is true of all time."""

    runs: list[Moment]
    quiet: int
    has_activities: bool

    def total(self, name: str) -> int:
        return sum(int(getattr(run, name)) for run in self.runs)


@dataclass(frozen=True, slots=True)
class Issue:
    """What fails now for one reason."""

    error_class: str
    accounts: int
    records: int
    since: datetime
    account_id: int  # one of them
    run_id: int  # the newest run it happened in


def day(session: Session, since: datetime, viewer_id: int | None) -> Day:
    """Return what happened since a moment. Runs without changes are counted on an index and never read."""
    oldest = sa.select(col(R.id)).where(col(R.started_at) >= since).order_by(col(R.started_at), col(R.id)).limit(1)
    recent = [col(R.id) >= oldest.scalar_subquery(), *_of(R, viewer_id)]
    quiet = sa.select(sa.func.count()).where(col(R.state) == RunState.NO_CHANGES, *recent).scalar_subquery()
    columns: tuple[Any, ...] = (R.started_at, R.state, R.created, R.updated, R.deleted, R.skipped, R.failed)
    query = sa.select(*columns).where(col(R.state).in_(WITH_CHANGES), *recent).limit(MOST_RUNS)
    count, has_activities = session.execute(sa.select(quiet, _activities(viewer_id).exists())).one()
    return Day([Moment(*row) for row in session.execute(query)], int(count), bool(has_activities))


def issues(session: Session, viewer_id: int | None) -> list[Issue]:
    """Return what fails now, by error class, the most frequent first; disconnected accounts do not count."""
    count = sa.func.count()
    query = (
        sa.select(
            col(S.error_class),
            sa.func.count(sa.distinct(col(S.account_id))),
            count,
            sa.func.min(col(S.created_at)),
            sa.func.min(col(S.account_id)),
            sa.func.max(col(S.run_id)),
        )
        .join(A, col(A.id) == col(S.account_id))
        .where(
            col(S.state).in_((StepState.FAILED, StepState.IN_DOUBT)),
            col(A.state) != AccountState.DISCONNECTED,
            *_of(S, viewer_id),
        )
        .group_by(col(S.error_class))
        .order_by(count.desc())
    )
    return [Issue(*row) for row in session.execute(query)]


def rested(lines: Sequence[Any], now: datetime) -> list[t.Account]:
    """Return accounts that somebody paused until a moment still to come."""
    return [line.account for line in lines if line.account.paused_until is not None and line.account.paused_until > now]


def limited(lines: Sequence[Any], now: datetime) -> list[t.Account]:
    """Return accounts whose provider asked for a pause that goes on."""
    pauses = [(line.account, line.account.rate_limited_until) for line in lines]
    return [account for account, until in pauses if until is not None and until > now]


def _activities(viewer_id: int | None) -> Any:
    """What there is to see on the calendar page."""
    query = sa.select(col(t.Activity.id))
    return query if viewer_id is None else query.where(col(t.Activity.owner_id) == viewer_id)


def _of(table: Any, viewer_id: int | None) -> list[Any]:
    if viewer_id is None:
        return []
    return [col(table.account_id).in_(sa.select(col(A.id)).where(col(A.user_id) == viewer_id))]
