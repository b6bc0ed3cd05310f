"""Plan: decide every pair that differs, save the decisions as rows, and let the brake look at the whole.

Everything is found by comparing stored fingerprints with the links' snapshots, never from what was just fetched, so a
crash between fetch and plan loses nothing. A dry run goes through the same functions and saves previews.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlmodel import Session

from calsync.engine import brake
from calsync.engine.brake import Counted
from calsync.engine.vocabulary import Action, Direction, Reason
from calsync.services import drafts, faults, first_events, first_writes, linked, planned, settle
from calsync.services.context import Context
from calsync.services.planned import Plan, batches
from calsync.store import conflicts, linkless, links, plans, polls, steps
from calsync.store import tables as t


def plan(ctx: Context) -> Plan:
    """Plan one run. Raises LeaseLost."""
    plan = Plan(_look(ctx))
    if plan.is_quiet:
        return plan
    _begin(ctx, plan.open)
    for batch in batches(_changed(ctx, plan)):
        _plan_pairs(ctx, plan, batch)
    for events in batches(_unlinked_events(ctx)):
        first_events.plan_events(ctx, plan, events)
    first_writes.plan_activities(ctx, plan)
    _save_faults(ctx, plan)
    _drop_moot(ctx, plan)
    _brake(ctx, plan)
    return plan


def _look(ctx: Context) -> steps.Open:
    """Return the open steps. Most runs find nothing at all, which this one look must show cheaply."""
    with ctx.rt.reading() as session:
        found = planned.open_steps(ctx, session)
        if ctx.account.hold_next_plan:
            found.approved |= plans.shown_digests(session, ctx.account.approved_digest)
        found.is_quiet = not (
            found.superseded
            or found.waiting
            or ctx.faults
            or ctx.only_subjects is not None
            or ctx.has_news
            or _is_anything(ctx, session)
        )
    return found


def _is_anything(ctx: Context, session: Session) -> bool:
    digests = {"rules": ctx.rules_digest(), "projection": ctx.projection_digest()}
    return polls.is_anything_to_plan(session, ctx.account, **digests)


def _differences(ctx: Context, session: Session) -> list[int]:
    """Return links of which a side differs, and those of open conflicts whose ground has shifted."""
    ids = links.changed_ids(session, ctx.account_id, ctx.rules_digest(), ctx.projection_digest())
    return ids + conflicts.shifted_link_ids(session, ctx.account_id, known=set(ids))


def _begin(ctx: Context, found: steps.Open) -> None:
    """Close what this plan replaces and park or wake the links of calendars that were switched."""
    if ctx.is_dry:
        return
    for ids in batches(found.superseded):
        with ctx.rt.writing() as session:
            ctx.holding(session)
            steps.supersede(session, ids, ctx.now())
        ctx.rt.checkpoint("plan.superseded")
    switched = 1
    while switched:
        with ctx.rt.writing() as session:
            ctx.holding(session)
            switched = links.park_and_resume(session, ctx.account_id)
        ctx.rt.checkpoint("plan.parked")


def _changed(ctx: Context, plan: Plan) -> list[int]:
    with ctx.rt.reading() as session:
        ids = _differences(ctx, session)
    return [i for i in ids if _is_wanted(ctx, plan, drafts.link_subject(i))]


def _is_wanted(ctx: Context, plan: Plan, subject: str) -> bool:
    if subject in plan.open.frozen:
        return False
    return ctx.only_subjects is None or subject in ctx.only_subjects


def _unlinked_events(ctx: Context) -> list[int]:
    considered = None if ctx.only_subjects is not None else ctx.rules_digest()
    with ctx.rt.reading() as session:
        return linkless.event_ids(session, ctx.account_id, considered)


def _plan_pairs(ctx: Context, plan: Plan, ids: Sequence[int]) -> None:
    with ctx.rt.reading() as session:
        pairs = links.pairs(session, ids)
        around = settle.surroundings(session, ctx, pairs)
    rows, effects = linked.decide_pairs(ctx, plan, pairs, around)
    planned.save(ctx, plan, rows, effects)


def _save_faults(ctx: Context, plan: Plan) -> None:
    if ctx.is_dry:
        return
    found = faults.news(ctx, plan.open.waiting)
    _supersede(ctx, found.over)
    for rows in batches(found.broken):
        planned.save(ctx, plan, [drafts.for_fault(ctx, row) for row in rows], [])


def _drop_moot(ctx: Context, plan: Plan) -> None:
    """Close failed steps of which nothing is wanted any more: both sides have come to agree without them."""
    if ctx.is_dry or ctx.only_subjects is not None:
        return
    moot = [
        t.pk(step)
        for subject, step in plan.open.waiting.items()
        if subject not in plan.still_failing and step.action != Action.NONE
    ]
    _supersede(ctx, moot)


def _supersede(ctx: Context, ids: Sequence[int]) -> None:
    for batch in batches(ids):
        with ctx.rt.writing() as session:
            ctx.holding(session)
            steps.supersede(session, batch, ctx.now())


# --- the brake


def _brake(ctx: Context, plan: Plan) -> None:
    """Hold what exceeds a limit; on a plan that must be approved as a whole, hold everything."""
    counted = [c for _, c in plan.counted]
    if not (ctx.account.hold_next_plan or any(map(brake.is_limited, counted))):
        return
    with ctx.rt.reading() as session:
        recent = steps.tallies(session, ctx.account_id, ctx.now(), links.count(session, ctx.account_id))
    over = brake.brake(counted, recent, ctx.rules, is_first=ctx.is_first)
    if ctx.is_dry or not (over or ctx.account.hold_next_plan):
        return
    _hold_exceeding(ctx, plan, over)


def _hold_exceeding(ctx: Context, plan: Plan, over: dict[int | None, frozenset[Reason]]) -> None:
    by_reason: dict[Reason, list[int]] = {}
    for direction in (Direction.INBOUND, Direction.OUTBOUND):
        for step in _all_planned(ctx, direction):
            counted = Counted(step.calendar_id, Action(step.action), step.people_mailed)
            reason = Reason.FIRST_PLAN_HELD if ctx.account.hold_next_plan else brake.held_for(counted, over)
            if reason is not None and not step.is_approved:
                by_reason.setdefault(reason, []).append(t.pk(step))
                plan.held.append(step.digest)
    for reason, ids in by_reason.items():
        for batch in batches(ids):
            with ctx.rt.writing() as session:
                ctx.holding(session)
                steps.hold(session, batch, reason)
            ctx.rt.checkpoint("plan.held")


def _all_planned(ctx: Context, direction: Direction) -> Iterator[t.Step]:
    after = 0
    while True:
        with ctx.rt.reading() as session:
            found = steps.planned(session, ctx.run_id, direction=direction, after=after)
        if not found:
            return
        yield from found
        after = t.pk(found[-1])
