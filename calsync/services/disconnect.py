"""Disconnecting an account, at once or by a run that first deletes what the account brought about.

Links, mirror and history stay in every case, so that connecting the same login again finds everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, Direction, Reason, RunState, StepState, Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import (
    apply_local,
    apply_remote,
    busy_blocks,
    channels,
    claims,
    clients,
    errand,
    grants,
    leaving,
    notices,
    queued,
    settings,
    sync,
)
from calsync.services.context import Context
from calsync.store import accounts as rows
from calsync.store import audit, conflicts, runs
from calsync.store import busy_blocks as block_rows
from calsync.store import notices as notice_rows
from calsync.store import settings as store
from calsync.store import tables as t


class Choice(StrEnum):
    """What becomes of the copies when an account goes."""

    KEEP = "keep"  # both sides stay as they are
    DELETE_REMOTE = "delete_remote"  # events that we created are deleted at the provider
    DELETE_LOCAL = "delete_local"  # activities that came from its calendars are cancelled here
    DELETE_BOTH = "delete_both"


@dataclass(frozen=True, slots=True)
class Preview:
    """What each choice would touch. `why_not` says why nothing can be deleted at the provider, or is "".

    `shared` names accounts of ours that live by the same permission there, which is then not revoked.
    """

    remote_events: int
    activities: int
    why_not: str
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done. `run_id` None: nothing had to be deleted. Unless `is_disconnected`, `failed` steps say
    why.
    """

    run_id: int | None
    deleted_remote: int
    cancelled_local: int
    failed: int
    is_disconnected: bool


def preview(rt: Runtime, account_id: int) -> Preview:
    """Return how many events and activities the choices concern. Raises NotFound."""
    with rt.reading() as session:
        account = rows.get(session, account_id)
        remote, local = _events(session, account_id), leaving.count(session, leaving.theirs(account_id))
        shared = tuple(other.label for other in grants.siblings(session, account)) if account.credential_id else ()
        return Preview(remote, local, _why_not(session, account), shared)


def ask(rt: Runtime, account_id: int, choice: Choice | str, *, by: Actor) -> int | None:
    """Stop syncing an account for good, forget its password, and do with the copies what was chosen.

    Nothing to delete: it is done at once, and None is returned. Otherwise the run that deletes, and then disconnects,
    waits for a free thread; asked again, that run is returned. Its deletions are steps that can be undone after
    connecting again. If one of them fails the account stays connected, so that nothing is half gone unnoticed. Killed
    in the middle, it is taken up again. Raises NotFound, and Refused with code `disconnected` (it is already) or
    `cannot_delete` (the provider cannot be written to).
    """
    choice = Choice(choice)
    known = underway(rt, account_id)
    if known is not None:
        return t.pk(known)
    _check(rt, account_id, choice)
    if choice is Choice.KEEP:
        _finish(rt, account_id, choice, by)
        return None
    with rt.writing() as session:
        account = rows.get(session, account_id)
        # Not as other waiting runs are added: a paused account may be left, too.
        run = t.Run(
            account_id=account_id,
            trigger=Trigger.DISCONNECT,
            requested_by_id=by.user_id,
            state=RunState.QUEUED,
            rules={"choice": choice.value},
            started_at=rt.now(),
        )
        session.add(run)
        session.flush()
        audit.record(session, by, "account.disconnect_asked", account, at=rt.now(), after={"choice": choice.value})
        run_id = t.pk(run)
    rt.enqueue(queued.JOB, run_id=run_id)
    return run_id


def underway(rt: Runtime, account_id: int) -> t.Run | None:
    """Return the run that disconnects an account, as long as it waits or goes on."""
    with rt.reading() as session:
        return runs.underway(session, account_id, Trigger.DISCONNECT)


def again(rt: Runtime, run_id: int, *, by: Actor) -> int | None:
    """Ask once more for what a run could not finish. Raises as `ask` does."""
    with rt.reading() as session:
        run = runs.get(session, run_id)
    return ask(rt, run.account_id, run.rules.get("choice", Choice.KEEP), by=by)


def disconnect(rt: Runtime, account_id: int, choice: Choice | str, *, by: Actor) -> Outcome:
    """Disconnect at once, and wait for it. Raises as `ask` does, and Refused with code `busy` (a run is under way)."""
    run_id = ask(rt, account_id, choice, by=by)
    if run_id is None:
        return Outcome(None, 0, 0, 0, True)
    with rt.reading() as session:
        run = runs.get(session, run_id)
    try:
        work(rt, run, by)
    except Refused as why:
        queued.cancel(rt, run_id, why.reason)
        raise
    return outcome(rt, run_id)


def outcome(rt: Runtime, run_id: int) -> Outcome:
    """Return what a run that disconnects has done so far. Raises NotFound."""
    counts = _counts(rt, run_id)
    with rt.reading() as session:
        account = rows.get(session, runs.get(session, run_id).account_id)
    return Outcome(run_id, *counts, account.state == AccountState.DISCONNECTED)


def _check(rt: Runtime, account_id: int, choice: Choice) -> t.Account:
    with rt.reading() as session:
        account = rows.get(session, account_id)
        if account.state == AccountState.DISCONNECTED:
            raise Refused("This account is disconnected already.", code="disconnected")
        why_not = _why_not(session, account)
        if choice in (Choice.DELETE_REMOTE, Choice.DELETE_BOTH) and why_not and _events(session, account_id):
            raise Refused(why_not, code="cannot_delete", field="choice")
        return account


def _events(session: Session, account_id: int) -> int:
    """Return how many events at the provider are ours: those of activities, and busy blocks."""
    calendars = [t.pk(calendar) for calendar in rows.list_calendars(session, account_id)]
    blocks = sum(known.blocks for known in block_rows.sums(session, calendars).values())
    return leaving.count(session, leaving.ours(account_id)) + blocks


def _why_not(session: Session, account: t.Account) -> str:
    """Return why events cannot be deleted at the provider, or ""."""
    if not account.grant_ok:
        return "The provider no longer accepts this login, so nothing can be deleted there. Reconnect it first."
    rules, switches = settings.in_force(store.find_all(session, settings.RULES, "switches"), account)
    if switches.writes_paused:
        return "All writing is paused, so nothing can be deleted there. An admin can end that."
    if not clients.may_write(account, rules):
        return "This account may not write to its calendars, so nothing can be deleted there."
    return ""


# --- the run


def work(rt: Runtime, run: t.Run, by: Actor) -> None:
    """Carry out a waiting run: delete what was chosen, then disconnect. What an interrupted one has done stays done.

    Raises Refused as `ask` does, and with code `busy` when it must wait on.
    """
    choice = Choice(run.rules.get("choice", Choice.KEEP))
    was = _check(rt, run.account_id, choice).state
    owner = errand.claim_active(rt, run.account_id)
    if owner is None:
        raise Refused("This account is being synced right now. Try again in a moment.", code="busy")
    asked = sync.Ask(Trigger.DISCONNECT, by=by, queued_id=run.id)
    try:
        errand.carry_out(rt, run.account_id, lambda ctx: _leave(ctx, choice, by), ask=asked, owner=owner)
        if was == AccountState.PAUSED:
            _rest_again(rt, run.account_id)
    except claims.LeaseLost:
        raise
    except Exception:
        sync.crashed(rt, t.pk(run))
        raise
    finally:
        claims.release(rt, run.account_id, owner)


def _leave(ctx: Context, choice: Choice, by: Actor) -> None:
    """Delete, and disconnect if everything went; otherwise the account stays connected."""
    if ctx.has_open_steps:
        apply_remote.settle_doubts(ctx)
    remote = choice in (Choice.DELETE_REMOTE, Choice.DELETE_BOTH)
    local = choice in (Choice.DELETE_LOCAL, Choice.DELETE_BOTH)
    errand.save(ctx, leaving.steps(ctx, remote=remote, local=local))
    apply_local.apply(ctx)
    apply_remote.apply(ctx)
    if remote:
        busy_blocks.clear(ctx)
    if _counts(ctx.rt, ctx.run_id)[2] == 0:
        _finish(ctx.rt, ctx.account_id, choice, by)


def _rest_again(rt: Runtime, account_id: int) -> None:
    """Pause an account again that was paused, and could not be left."""
    with rt.writing() as session:
        account = rows.get(session, account_id)
        if account.state == AccountState.ACTIVE:
            account.state = AccountState.PAUSED


def _counts(rt: Runtime, run_id: int) -> tuple[int, int, int]:
    """Return how many events were deleted, how many activities cancelled, and how many of both were not.

    What counts is the last step about a record: a run that was taken up again has several.
    """
    with rt.reading() as session:
        query = sa.select(col(t.Step.subject), col(t.Step.direction), col(t.Step.state))
        found = session.execute(query.where(col(t.Step.run_id) == run_id).order_by(col(t.Step.id)))
        last = {(subject, direction): state for subject, direction, state in found}
        error = session.get_one(t.Run, run_id).error
    done = Counter(direction for (_, direction), state in last.items() if state == StepState.DONE)
    undone = sum(state not in (StepState.DONE, StepState.SKIPPED) for state in last.values())
    return done[Direction.OUTBOUND], done[Direction.INBOUND], undone or int(bool(error))


# --- the end


def _finish(rt: Runtime, account_id: int, choice: Choice, by: Actor) -> None:
    now = rt.now()
    channels.stop_all(rt, account_id)
    grants.end(rt, account_id)  # while its token is at hand; a crash after it only repeats the rest
    with rt.writing() as session:
        account = rows.get(session, account_id)
        account.state, account.disconnected_at = AccountState.DISCONNECTED, now
        account.secret, account.secret_version = None, account.secret_version + 1
        account.next_sync_at = account.lease_owner = account.lease_until = None
        account.requested_trigger, account.requested_by_id = "", None
        account.paused_until = account.in_sync_since = account.rate_limited_until = None
        _close_open(session, account_id)
        runs.cut_short(session, account_id, now, "The account was disconnected in the middle of this run.")
        rows.park_links(session, Reason.PAUSED_CALENDAR, col(t.Link.account_id) == account_id)
        _tell(session, account, by)
        after = {"choice": choice.value}
        audit.record(session, by, "account.disconnected", account, at=now, after=after)
    rt.enqueue("watch_notices")


def _close_open(session: Session, account_id: int) -> None:
    """Close steps and conflicts that wait: after connecting again everything is decided anew."""
    waiting = (StepState.PLANNED, StepState.HELD, StepState.FAILED)
    changes: Sequence[sa.Update] = (
        sa.update(t.Step)
        .where(col(t.Step.account_id) == account_id, col(t.Step.state).in_(waiting))
        .values(state=StepState.SUPERSEDED),
        sa.update(t.Link).where(col(t.Link.account_id) == account_id).values(considered_rules="", waits_for=""),
    )
    for change in changes:
        session.execute(change.execution_options(synchronize_session=False))
    conflicts.settle_open(session, account_id)


def _tell(session: Session, account: t.Account, by: Actor) -> None:
    """Tell the owner and the admins, except who did it."""
    facts = {"account": account.label, "provider": account.provider, "why": by.label}
    people = dict.fromkeys([account.user_id, *(a.id for a in notice_rows.admins(session) if a.id is not None)])
    for user_id in people:
        if user_id != by.user_id:
            at = account.disconnected_at or account.created_at
            notices.raise_notice(session, user_id, "disconnected", account.id, facts, at)
