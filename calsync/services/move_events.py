"""Move events that we created to another calendar, after the place for new ones has changed.

Inside an account whose provider can move, a resource goes over in one piece. Otherwise it is created there, seen to be
there, and then deleted here. Nobody is mailed, and events of others stay where they are. Interrupted anywhere, the next
ordinary run finds out what is where: a moved event is followed, a deleted one has no link any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlmodel import Session

from calsync.engine import mailing
from calsync.engine.pair import Decision
from calsync.engine.vocabulary import Action, Reason, StepState, Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import accounts as account_service
from calsync.services import approvals, claims, drafts, errand, fetch, first_writes, moving, owners, queued, sync
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import accounts, existing, links
from calsync.store import tables as t
from calsync.store.links import Pair

BATCH = 200
KIND = approvals.Kind(Trigger.MOVE, "move", "account.move_asked", "events")


def preview(rt: Runtime, source_id: int, target_id: int, *, by: Actor) -> int:
    """Ask which events would move from one calendar to another and return the id of the preview.

    Raises NotFound, and Refused when the two are not of one person, are the same, or the target cannot be written.
    """
    with rt.writing() as session:
        source, target = accounts.get_calendar(session, source_id), accounts.get_calendar(session, target_id)
        _check(session, source, target)
        run = queued.add(session, rt, source.account_id, Trigger.MOVE, by=by)
        run.rules = {"source": source_id, "target": target_id}  # the request, until the rules in force stand there
        run_id = t.pk(run)
    rt.enqueue(queued.JOB, run_id=run_id)
    return run_id


def ask(rt: Runtime, preview_id: int, *, digest: str, by: Actor) -> int:
    """Ask for a preview to be carried out and return the id of the run. Raises as approvals.ask does."""
    return approvals.ask(rt, preview_id, KIND, digest=digest, by=by)


def work(rt: Runtime, run: t.Run, by: Actor) -> None:
    """Carry out a waiting run: a preview, or what its parent showed. Raises Refused, `busy` when it must wait on."""
    if run.parent_id is None:
        _preview(rt, run, by)
        return
    with rt.reading() as session:
        step = existing.first_planned(session, run.parent_id)
        target = accounts.get_calendar(session, step.detail["to"]) if step else None
        approved = existing.planned_digests(session, run.parent_id)
    if target is None or step is None or step.calendar_id is None:
        raise Refused("There is nothing to move.", code="nothing")
    _move(rt, run, step.calendar_id, target, approved, by)


def _check(session: Session, source: t.Calendar, target: t.Calendar) -> None:
    people = {accounts.get(session, c.account_id).user_id for c in (source, target)}
    if len(people) > 1:
        raise Refused("The two calendars belong to different people.", code="strangers")
    if source.id == target.id:
        raise Refused("The events are in this calendar already.", code="same")
    if target.is_gone or not target.syncs or not target.is_writable:
        raise Refused(f"The calendar {target.name} must sync and be writable.", code="read_only")
    account_service.require_runnable(session, target.account_id)


# --- the preview


def _preview(rt: Runtime, run: t.Run, by: Actor) -> None:
    owner = owners.new_owner()
    was_due = claims.due_at(rt, run.account_id)
    if not claims.claim(rt, run.account_id, owner):
        raise Refused("This account is being synced right now.", code="busy")
    source_id, target_id = int(run.rules["source"]), int(run.rules["target"])
    asked = sync.Ask(Trigger.MOVE, dry=True, by=by, queued_id=run.id)
    try:
        errand.run(rt, run.account_id, lambda ctx: _drafted(ctx, source_id, target_id), owner=owner, by=by, ask=asked)
    finally:
        claims.give_back(rt, run.account_id, owner, was_due)


def _drafted(ctx: Context, source_id: int, target_id: int) -> list[Row]:
    fetch.fetch(ctx)
    with ctx.rt.reading() as session:
        ids = existing.movable_link_ids(session, source_id)
        target = accounts.get_calendar(session, target_id)
    one_piece = moving.in_one_piece(ctx, target)
    # Copied, a changed occurrence follows its series by itself.
    return [row(ctx, pair, target) for pair in _pairs(ctx, ids) if one_piece or not pair.link.recurrence_key]


def _pairs(ctx: Context, ids: Sequence[int]) -> Iterator[Pair]:
    for start in range(0, len(ids), BATCH):
        with ctx.rt.reading() as session:
            found = links.pairs(session, ids[start : start + BATCH])
        yield from found


def row(ctx: Context, pair: Pair, target: t.Calendar) -> Row:
    """Return the step of one event that moves, or the one that says why it stays."""
    reason = _stays(ctx, pair, target)
    if reason is not None:
        return drafts.for_note(ctx, pair, Action.NONE, reason, StepState.SKIPPED)
    made = drafts.for_pair(ctx, pair, Decision(Reason.MOVED, remote_action=Action.UPDATE))
    made["state"], made["is_approved"], made["people_mailed"] = StepState.PLANNED, True, 0
    made["detail"] |= {"to": target.id}
    return made


def _stays(ctx: Context, pair: Pair, target: t.Calendar) -> Reason | None:
    if moving.in_one_piece(ctx, target):
        return None
    if ctx.capabilities.mails_on_write and mailing.guests(pair.event.facts, ctx.own_addresses):
        return Reason.WOULD_MAIL
    return None if first_writes.exclusion(ctx, pair.activity, target) is None else Reason.UNSUPPORTED


# --- the move itself


def _move(rt: Runtime, run: t.Run, source_id: int, target: t.Calendar, approved: dict[int, str], by: Actor) -> None:
    """Copy first where events cannot go over in one piece, then empty the old calendar under the queued run."""
    owner = owners.new_owner()
    if not claims.claim(rt, run.account_id, owner):
        raise Refused("This account is being synced right now.", code="busy")
    asked = sync.Ask(Trigger.MOVE, by=by, parent_id=run.parent_id, queued_id=run.id)
    try:
        if not _goes_in_one_piece(rt, run.account_id, target):
            _copy(rt, run, target, sorted(approved), owner, by)
        errand.carry_out(
            rt, run.account_id, lambda ctx: _carry(ctx, source_id, target, approved), ask=asked, owner=owner
        )
    finally:
        claims.release(rt, run.account_id, owner)


def _goes_in_one_piece(rt: Runtime, account_id: int, target: t.Calendar) -> bool:
    with rt.reading() as session:
        account = accounts.get(session, account_id)
    return account_id == target.account_id and rt.providers[account.provider].info.capabilities.can_move


def _copy(rt: Runtime, run: t.Run, target: t.Calendar, activity_ids: list[int], owner: str, by: Actor) -> None:
    """Create what is not there yet in the target, in a run of its account."""
    is_elsewhere = target.account_id != run.account_id
    holder = owners.new_owner() if is_elsewhere else owner
    if is_elsewhere and not claims.claim(rt, target.account_id, holder):
        raise Refused("The other account is being synced right now.", code="busy")
    asked = sync.Ask(Trigger.MOVE, by=by, parent_id=run.parent_id)
    try:
        errand.run(
            rt, target.account_id, lambda ctx: _copies(ctx, target, activity_ids), owner=holder, by=by, ask=asked
        )
    finally:
        if is_elsewhere:
            claims.release(rt, target.account_id, holder)


def _copies(ctx: Context, target: t.Calendar, activity_ids: list[int]) -> list[Row]:
    with ctx.rt.reading() as session:
        there = existing.placed_ids(session, t.pk(target), activity_ids)
        wanted = existing.activities(session, [i for i in activity_ids if i not in there])
    fitting = [a for a in wanted if first_writes.exclusion(ctx, a, target) is None]
    made = (drafts.for_new_event(ctx, a, target, first_writes.content_of(ctx, a, target)) for a in fitting)
    return [each | {"is_approved": True, "people_mailed": 0} for each in made]


def _carry(ctx: Context, source_id: int, target: t.Calendar, approved: dict[int, str]) -> None:
    """Save the steps that were shown and still hold, then do them one resource at a time."""
    with ctx.rt.reading() as session:
        ids = existing.movable_link_ids(session, source_id)
    pairs = [pair for pair in _pairs(ctx, ids) if t.pk(pair.activity) in approved]
    rows = [(row(ctx, pair, target), pair) for pair in pairs]
    kept = [(r, p) for r, p in rows if r["digest"] == approved[t.pk(p.activity)] and r["action"] != Action.NONE]
    errand.save(ctx, [r for r, _ in kept])
    moving.carry(ctx, [p for _, p in kept], target)
