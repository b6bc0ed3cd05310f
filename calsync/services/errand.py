"""An errand: a run whose steps are chosen by a person instead of being planned from differences.

It goes through the same apply as every run, so its steps are history, can be retried and undone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlmodel import Session

from calsync.engine.vocabulary import AccountState, StepState, Trigger
from calsync.errors import ProviderError
from calsync.runtime import Actor, Runtime
from calsync.services import apply_local, apply_remote, claims, frame, halting, owners, sync, usage
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import accounts, changes, steps
from calsync.store import tables as t

Draft = Callable[[Context], Sequence[Row]]
"""Makes the rows of the errand, knowing the run that they belong to."""

Work = Callable[[Context], None]
"""Does everything that an errand does, inside its run. Raises ProviderError."""


def run(rt: Runtime, account_id: int, draft: Draft, *, owner: str, by: Actor, ask: sync.Ask | None = None) -> int:
    """Apply the steps that `draft` makes, under the caller's claim, and return the id of the run.

    `ask` says more about the run; that of a preview saves its steps and applies nothing. A provider's error ends
    in the run's row. Raises LeaseLost, and Refused when the account is not active.
    """

    def work(ctx: Context) -> None:
        save(ctx, draft(ctx))
        apply_local.apply(ctx)
        apply_remote.apply(ctx)

    return carry_out(rt, account_id, work, ask=ask or sync.Ask(Trigger.MANUAL, by=by), owner=owner)


def carry_out(rt: Runtime, account_id: int, work: Work, *, ask: sync.Ask, owner: str) -> int:
    """Do `work` in a run of its own, under the caller's claim; otherwise as `run`."""
    opened = frame.open_run(rt, account_id, ask, owner)
    ended = frame.Ended(is_planned=True)
    _do(rt, opened, work, ask, owner, ended)
    frame.close_run(rt, account_id, opened.run_id, ask, ended)
    return opened.run_id


def claim_active(rt: Runtime, account_id: int) -> str | None:
    """Claim an account, also a paused one, and return the claim's owner; None when somebody runs it."""
    owner = owners.new_owner()
    if not claims.claim(rt, account_id, owner):
        return None
    with rt.writing() as session:
        account = accounts.get(session, account_id)
        if account.state == AccountState.PAUSED:
            account.state = AccountState.ACTIVE
    return owner


def _do(rt: Runtime, opened: frame.Opened, work: Work, ask: sync.Ask, owner: str, ended: frame.Ended) -> None:
    """Do the work and note how it ended. Raises LeaseLost."""
    try:
        ctx = frame.open_context(rt, opened, ask, owner)
    except ProviderError as error:
        ended.error = error
        return
    ctx.asked_by = changes.by_actor(ask.by)
    try:
        work(ctx)
    except claims.LeaseLost:
        raise
    except halting.Halted as halt:
        ended.halted = str(halt)
    except ProviderError as error:
        ended.error = error
    finally:
        ended.spent = usage.of(ctx.reader)
        ctx.reader.close()


def save(ctx: Context, rows: Sequence[Row]) -> None:
    """Write the steps down; older open ones about the same records are replaced, unless this is a preview."""
    for start in range(0, len(rows), steps.CHUNK):
        part = rows[start : start + steps.CHUNK]
        with ctx.rt.writing() as session:
            ctx.holding(session)
            if not ctx.is_dry:
                _supersede(session, ctx, [row["subject"] for row in part])
            steps.insert(session, [_as_preview(row) for row in part] if ctx.is_dry else part)
        ctx.rt.checkpoint("errand.saved")
    with ctx.rt.writing() as session:
        run = session.get_one(t.Run, ctx.run_id)
        run.progress_total = run.progress_done + len(rows)  # taken up again, it has done some already


def _as_preview(row: Row) -> Row:
    return row | {"state": StepState.PREVIEW, "finished_at": None}


def _supersede(session: Session, ctx: Context, subjects: Sequence[str]) -> None:
    found = steps.open_steps(session, ctx.account_id, ctx.now(), None)
    wanted = set(subjects)
    waiting = [t.pk(step) for subject, step in found.waiting.items() if subject in wanted]
    others = [t.pk(s) for s in steps.by_ids(session, found.superseded) if s.subject in wanted]
    steps.supersede(session, [*waiting, *others], ctx.now())
