"""Retention: what is thrown away when it is old enough, in small transactions.

How long runs, steps and before-images are kept is set by the admin. The audit log and tombstones are never
pruned, and neither is a step that is still open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlmodel import col

from calsync.engine.rules import Rules
from calsync.engine.vocabulary import OPEN_STEP_STATES, RunState
from calsync.runtime import Runtime
from calsync.services import settings
from calsync.store import accounts as rows
from calsync.store import tables as t

BATCH = 500
KEEP_PREVIEWS = timedelta(days=7)
KEEP_LOGINS = timedelta(days=90)
KEEP_SIGN_IN_FAILURES = timedelta(days=7)
KEEP_INVITES = timedelta(days=30)
KEEP_MAILS = timedelta(days=30)
KEEP_NOTICES = timedelta(days=90)
KEEP_DELIVERIES = timedelta(days=30)
KEEP_USAGE = timedelta(days=90)
KEEP_CHANGES = timedelta(days=90)
KEEP_IDEMPOTENCY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class _Old:
    """Rows of one table that have had their time. `change` makes the statement for a batch of ids."""

    table: Any
    where: ColumnElement[bool]
    change: Callable[[Any, ColumnElement[bool]], Any] = lambda table, chosen: delete(table).where(chosen)
    key: str = "id"


def prune(rt: Runtime) -> int:
    """Remove everything that is past its time and return how many rows were touched."""
    with rt.reading() as session:
        rules, _ = settings.organisation_rules(session)
    return sum(_prune(rt, old) for old in _all_old(rules, rt.now()))


def _all_old(rules: Rules, now: datetime) -> Iterator[_Old]:
    closed = col(t.Step.state).not_in(OPEN_STEP_STATES)
    images = or_(col(t.Step.before).is_not(None), col(t.Step.after).is_not(None), col(t.Step.losing).is_not(None))
    past_images = col(t.Step.created_at) < now - timedelta(days=rules.keep_images_days)
    yield _Old(t.Step, closed & past_images & images, _drop_images)
    yield _Old(t.Step, closed & (col(t.Step.created_at) < now - timedelta(days=rules.keep_steps_days)))
    yield _Old(t.Run, _old_runs(now - timedelta(days=rules.keep_runs_days), now - KEEP_PREVIEWS))
    yield _Old(t.Login, col(t.Login.last_seen_at) < now - KEEP_LOGINS)
    yield _Old(t.SignInFailure, col(t.SignInFailure.at) < now - KEEP_SIGN_IN_FAILURES)
    yield _Old(t.Invite, col(t.Invite.expires_at) < now - KEEP_INVITES)
    yield _Old(t.Mail, (col(t.Mail.state) != "waiting") & (col(t.Mail.created_at) < now - KEEP_MAILS))
    yield _Old(t.Notice, col(t.Notice.ended_at) < now - KEEP_NOTICES)
    # What still waits after so long is for a webhook that nobody switched on again.
    yield _Old(t.Delivery, col(t.Delivery.at) < now - KEEP_DELIVERIES)
    yield _Old(t.IdempotencyKey, col(t.IdempotencyKey.created_at) < now - KEEP_IDEMPOTENCY)
    yield _Old(t.Change, col(t.Change.at) < now - KEEP_CHANGES, key="position")
    yield _Old(t.UsageDay, col(t.UsageDay.day) < (now - KEEP_USAGE).date())


def _old_runs(before: datetime, previews_before: datetime) -> ColumnElement[bool]:
    """Runs that ended long ago and of which no step is open; a run takes its steps with it."""
    steps = select(col(t.Step.id)).where(col(t.Step.run_id) == col(t.Run.id), col(t.Step.state).in_(OPEN_STEP_STATES))
    is_old = col(t.Run.started_at) < before
    is_old_preview = (col(t.Run.state) == RunState.PREVIEW) & (col(t.Run.started_at) < previews_before)
    return (is_old | is_old_preview) & ~steps.exists()


def _drop_images(table: Any, chosen: ColumnElement[bool]) -> Any:
    return update(table).where(chosen).values(before=None, after=None, losing=None)


def _prune(rt: Runtime, old: _Old) -> int:
    """Work in batches, so that no transaction keeps others waiting."""
    touched = 0
    while True:
        with rt.reading() as session:
            key = getattr(old.table, old.key)
            ids = list(session.scalars(select(key).where(old.where).limit(BATCH)))
        if not ids:
            return touched
        change = old.change(old.table, col(key).in_(ids))
        with rt.writing() as session:
            touched += rows.rows_changed(session, change.execution_options(synchronize_session=False))
