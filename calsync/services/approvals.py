"""Approving a preview: what it showed is carried out by a run of its own, and nothing that came since."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from calsync.engine import brake
from calsync.engine.vocabulary import Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import queued
from calsync.store import accounts, audit, existing, runs
from calsync.store import tables as t


@dataclass(frozen=True, slots=True)
class Kind:
    """What a preview is of: its trigger, the verb for people, and how the audit log calls it and what is counted."""

    trigger: Trigger
    verb: str
    action: str
    counted: str


def digest(session: Session, preview_id: int) -> str:
    """Return what an approval of a preview is bound to."""
    return brake.plan_digest(existing.planned_digests(session, preview_id).values())


def ask(rt: Runtime, preview_id: int, kind: Kind, *, digest: str, by: Actor) -> int:
    """Ask for a preview to be carried out and return the id of the run. Asking twice returns the same run.

    Raises NotFound; Refused with code `nothing`, or `changed` when this is not what was shown.
    """
    with rt.writing() as session:
        parent = runs.get(session, preview_id)
        known = existing.child(session, preview_id, kind.trigger)
        if known is not None:
            return t.pk(known)
        planned = existing.planned_digests(session, preview_id)
        if not planned:
            raise Refused(f"There is nothing to {kind.verb}.", code="nothing")
        if digest != brake.plan_digest(planned.values()):
            raise Refused("The plan has changed since you looked at it. Look again.", code="changed")
        run = queued.add(session, rt, parent.account_id, kind.trigger, parent_id=preview_id, by=by)
        account = accounts.get(session, parent.account_id)
        audit.record(session, by, kind.action, account, after={kind.counted: len(planned)}, at=rt.now())
        run_id = t.pk(run)
    rt.enqueue(queued.JOB, run_id=run_id)
    return run_id
