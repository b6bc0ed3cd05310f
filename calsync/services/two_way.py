"""Letting a one-way account sync both ways: what would happen is shown first, and only that is approved by saying yes.

Anything that comes on top between the preview and the next run is held, because the account holds its next plan.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import brake
from calsync.engine import rules as engine_rules
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Direction, RunState, StepState, Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import accounts, queued, settings
from calsync.store import accounts as rows
from calsync.store import audit, runs
from calsync.store import tables as t


def preview(rt: Runtime, account_id: int, *, by: Actor) -> int:
    """Ask what a sync in both directions would do and return the id of the preview."""
    with rt.reading() as session:
        rules = rules_both_ways(session, rows.get(session, account_id))
    return queued.preview(rt, account_id, rules=rules, by=by)


def rules_both_ways(session: Session, account: t.Account) -> Rules:
    """Return the account's rules as they would be with both directions. Raises Refused where it may not choose."""
    base, _ = settings.organisation_rules(session)
    if "direction" not in base.account_overrides:
        reason = "Accounts may not choose the direction themselves. An admin can allow it in Sync Settings."
        raise Refused(reason, code="not_overridable", field="direction")
    return engine_rules.overlay(base, {**account.overrides, "direction": Direction.BOTH.value})


def digest(session: Session, run_id: int) -> str:
    """Return what saying yes to a preview is bound to."""
    query = sa.select(col(t.Step.digest)).where(col(t.Step.run_id) == run_id, col(t.Step.state) == StepState.PREVIEW)
    return brake.plan_digest(session.scalars(query))


def confirm(rt: Runtime, account_id: int, run_id: int, *, digest: str, by: Actor) -> None:
    """Switch to both directions, approve what the preview showed, and sync.

    Raises NotFound; Refused with code `changed` when this is not the account's newest preview as it was shown.
    """
    with rt.reading() as session:
        run = runs.get(session, run_id)
        is_shown = _is_shown(session, run, account_id, digest)
    if not is_shown:
        raise Refused("The preview has changed since you looked at it. Look again.", code="changed")
    accounts.set_overrides(rt, account_id, {"direction": Direction.BOTH.value}, by=by)
    with rt.writing() as session:
        account = rows.get(session, account_id)
        account.approved_digest = str(run_id)
        audit.record(session, by, "account.two_way_approved", account, at=rt.now(), after={"run": run_id})
    if account.grant_ok and account.state == "active":
        accounts.sync_now(rt, account_id, by=by)


def _is_shown(session: Session, run: t.Run, account_id: int, shown: str) -> bool:
    is_of_it = run.account_id == account_id and run.trigger == Trigger.PREVIEW and run.state == RunState.PREVIEW
    return is_of_it and digest(session, t.pk(run)) == shown
