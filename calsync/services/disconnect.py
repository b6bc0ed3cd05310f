"""Disconnecting an account: what becomes of the events and activities it brought about.

Links, mirror and history stay in every case, so that connecting the same login again finds everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.engine.decide import Decision
from calsync.engine.vocabulary import (
    AccountState,
    Action,
    LinkState,
    Reason,
    StepState,
)
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import claims, clients, drafts, errand, notices, settings
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import accounts as rows
from calsync.store import audit, links
from calsync.store import notices as notice_rows
from calsync.store import tables as t
from calsync.store.links import Pair

BATCH = 200


class Choice(StrEnum):
    """What becomes of the copies when an account goes."""

    KEEP = "keep"  # both sides stay as they are
    DELETE_REMOTE = "delete_remote"  # events that we created are deleted at the provider
    DELETE_LOCAL = "delete_local"  # activities that came from its calendars are cancelled here
    DELETE_BOTH = "delete_both"


@dataclass(frozen=True, slots=True)
class Preview:
    """What each choice would touch. `why_not` says why nothing can be deleted at the provider, or is ""."""

    remote_events: int
    activities: int
    why_not: str


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
        remote, local = _count(session, _ours(account_id)), _count(session, _theirs(account_id))
        return Preview(remote, local, _why_not(session, account))


def disconnect(rt: Runtime, account_id: int, choice: Choice | str, *, by: Actor) -> Outcome:
    """Stop syncing an account for good, forget its password, and do with the copies what was chosen.

    Deletions are steps of a run that can be undone after connecting again. If one of them fails the account
    stays connected, so that nothing is half gone unnoticed. Raises NotFound, and Refused with code `busy`
    (a run is under way), `disconnected` (it is already) or `cannot_delete` (the provider cannot be written
    to).
    """
    choice = Choice(choice)
    _check(rt, account_id, choice)
    run_id, counts = None, (0, 0, 0)
    if choice is not Choice.KEEP:
        run_id = _delete(rt, account_id, choice, by)
        counts = _counts(rt, run_id)
    is_done = counts[2] == 0
    if is_done:
        _finish(rt, account_id, choice, by)
    return Outcome(run_id, *counts, is_done)


def _check(rt: Runtime, account_id: int, choice: Choice) -> None:
    with rt.reading() as session:
        account = rows.get(session, account_id)
        if account.state == AccountState.DISCONNECTED:
            raise Refused("This account is disconnected already.", code="disconnected")
        why_not = _why_not(session, account)
        if choice in (Choice.DELETE_REMOTE, Choice.DELETE_BOTH) and why_not and _count(session, _ours(account_id)):
            raise Refused(why_not, code="cannot_delete", field="choice")


def _why_not(session: Session, account: t.Account) -> str:
    """Return why events cannot be deleted at the provider, or ""."""
    if not account.grant_ok:
        return "The provider no longer accepts this login, so nothing can be deleted there. Reconnect it first."
    if settings.switches_of(session)[0].writes_paused:
        return "All writing is paused, so nothing can be deleted there. An admin can end that."
    if not clients.may_write(account, settings.rules_of(session, account)):
        return "This account may not write to its calendars, so nothing can be deleted there."
    return ""


# --- what is whose


def _ours(account_id: int) -> sa.Select[Any]:
    """Return links to events that we created and that are still there."""
    query = _links(account_id).join(t.MirrorEvent, col(t.MirrorEvent.id) == col(t.Link.event_id))
    return query.where(col(t.Link.is_ours).is_(True), sa.not_(col(t.MirrorEvent.is_deleted)))


def _theirs(account_id: int) -> sa.Select[Any]:
    """Return links to activities that came from this account's calendars and from nowhere else."""
    elsewhere = aliased(t.Link)
    other = sa.select(col(elsewhere.id)).where(
        col(elsewhere.activity_id) == col(t.Activity.id),
        col(elsewhere.account_id) != account_id,
        col(elsewhere.state) != LinkState.CANCELLED,
    )
    query = _links(account_id).join(t.Activity, col(t.Activity.id) == col(t.Link.activity_id))
    came_from_here = col(t.Activity.source_account_id) == account_id
    return query.where(came_from_here, col(t.Activity.status) != "cancelled", ~other.exists())


def _links(account_id: int) -> sa.Select[Any]:
    return sa.select(col(t.Link.id)).where(
        col(t.Link.account_id) == account_id, col(t.Link.state) != LinkState.CANCELLED
    )


def _ids(session: Session, query: sa.Select[Any]) -> list[int]:
    return [i for i in session.scalars(query.order_by(col(t.Link.id))) if i is not None]


def _count(session: Session, query: sa.Select[Any]) -> int:
    return int(session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0)


# --- deleting


def _delete(rt: Runtime, account_id: int, choice: Choice, by: Actor) -> int:
    owner = errand.claim_active(rt, account_id)
    if owner is None:
        raise Refused("This account is being synced right now. Try again in a moment.", code="busy")
    try:
        return errand.run(rt, account_id, lambda ctx: _steps(ctx, choice), owner=owner, by=by)
    finally:
        claims.release(rt, account_id, owner)


def _steps(ctx: Context, choice: Choice) -> list[Row]:
    remote = Decision(Reason.DISCONNECTED, remote_action=Action.DELETE)
    local = Decision(Reason.DISCONNECTED, local_action=Action.CANCEL, inward={"status": "cancelled"})
    found: list[Row] = []
    if choice in (Choice.DELETE_REMOTE, Choice.DELETE_BOTH):
        found += _drafted(ctx, _ours, remote)
    if choice in (Choice.DELETE_LOCAL, Choice.DELETE_BOTH):
        found += _drafted(ctx, _theirs, local)
    return found


def _drafted(ctx: Context, which: Callable[[int], sa.Select[Any]], decision: Decision) -> list[Row]:
    drafted: list[Row] = []
    with ctx.rt.reading() as session:
        ids = _ids(session, which(ctx.account_id))
        for start in range(0, len(ids), BATCH):
            pairs = links.pairs(session, ids[start : start + BATCH])
            drafted += [_agreed_to(drafts.for_pair(ctx, pair, decision)) for pair in pairs if _is_there(pair)]
    return drafted


def _is_there(pair: Pair) -> bool:
    return not pair.event.is_deleted


def _agreed_to(row: Row) -> Row:
    """The counts were shown and chosen, so the brake is not asked; what would mail guests stays as it is."""
    row["is_approved"] = True
    if row["state"] == StepState.HELD:
        row["state"] = StepState.SKIPPED
    return row


def _counts(rt: Runtime, run_id: int) -> tuple[int, int, int]:
    """Return how many events were deleted, how many activities cancelled, and how many of both were not."""
    with rt.reading() as session:
        query = sa.select(col(t.Step.direction), col(t.Step.state), sa.func.count())
        query = query.where(col(t.Step.run_id) == run_id).group_by(col(t.Step.direction), col(t.Step.state))
        found = {(direction, state): int(n) for direction, state, n in session.execute(query)}
        error = session.get_one(t.Run, run_id).error
    done = [found.get((direction, StepState.DONE), 0) for direction in ("outbound", "inbound")]
    settled = (StepState.DONE, StepState.SKIPPED)
    undone = sum(n for (_, state), n in found.items() if state not in settled)
    return done[0], done[1], undone or int(bool(error))


# --- the end


def _finish(rt: Runtime, account_id: int, choice: Choice, by: Actor) -> None:
    now = rt.now()
    with rt.writing() as session:
        account = rows.get(session, account_id)
        account.state, account.disconnected_at = AccountState.DISCONNECTED, now
        account.secret, account.secret_version = None, account.secret_version + 1
        account.next_sync_at = account.lease_owner = account.lease_until = None
        account.requested_trigger, account.requested_by_id = "", None
        account.paused_until = account.in_sync_since = account.rate_limited_until = None
        _close_open(session, account_id)
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
        sa.update(t.Conflict)
        .where(col(t.Conflict.account_id) == account_id, col(t.Conflict.state) == "open")
        .values(state="settled"),
        sa.update(t.Link).where(col(t.Link.account_id) == account_id).values(considered_rules="", waits_for=""),
    )
    for change in changes:
        session.execute(change.execution_options(synchronize_session=False))


def _tell(session: Session, account: t.Account, by: Actor) -> None:
    """Tell the owner and the admins, except who did it."""
    facts = {"account": account.label, "provider": account.provider, "why": by.label}
    people = dict.fromkeys([account.user_id, *(a.id for a in notice_rows.admins(session) if a.id is not None)])
    for user_id in people:
        if user_id != by.user_id:
            at = account.disconnected_at or account.created_at
            notices.raise_notice(session, user_id, "disconnected", account.id, facts, at)
