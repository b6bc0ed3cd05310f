"""Plan: decide every pair that differs, save the decisions as rows, and let the brake look at the whole.

Everything is found by comparing stored fingerprints with the links' snapshots, never from what was just fetched, so a
crash between fetch and plan loses nothing. A dry run goes through the same functions and saves previews.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session

from calsync.engine import brake, decide, scope
from calsync.engine.brake import Counted
from calsync.engine.event import Content
from calsync.engine.pair import Decision
from calsync.engine.vocabulary import (
    Action,
    Direction,
    LinkState,
    Reason,
    StepState,
)
from calsync.services import cases, drafts, faults, firsts, places, settle
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import conflicts, links, plans, polls, steps
from calsync.store import tables as t
from calsync.store.links import Pair

BATCH = 200
"""Pairs decided at a time, and steps saved in one transaction."""


@dataclass(slots=True)
class Plan:
    """What planning found. Rows are saved as it goes; this keeps what the brake and the run's counters need."""

    open: steps.Open
    counted: list[tuple[str, Counted]] = field(default_factory=list)  # digest, what the brake counts
    skipped: int = 0
    merged: int = 0
    conflicts: int = 0
    processed: int = 0
    held: list[str] = field(default_factory=list)
    creating: set[tuple[str, str]] = field(default_factory=set)  # uid and recurrence key of activities to be made
    still_failing: set[str] = field(default_factory=set)  # subjects whose failed step is still what is wanted
    again: bool = False  # something can only be planned once this plan is applied
    matched: set[int] = field(default_factory=set)  # activities paired with an event in this very plan

    @property
    def digest(self) -> str:
        return brake.plan_digest(self.held)

    @property
    def is_quiet(self) -> bool:
        return self.open.is_quiet


def plan(ctx: Context) -> Plan:
    """Plan one run. Raises LeaseLost."""
    plan = Plan(_look(ctx))
    if plan.is_quiet:
        return plan
    _begin(ctx, plan.open)
    for batch in _batches(_changed(ctx, plan)):
        _plan_pairs(ctx, plan, batch)
    for events in _batches(_unlinked_events(ctx)):
        firsts.plan_events(ctx, plan, events)
    firsts.plan_activities(ctx, plan)
    _save_faults(ctx, plan)
    _drop_moot(ctx, plan)
    _brake(ctx, plan)
    return plan


def _look(ctx: Context) -> steps.Open:
    """Return the open steps. Most runs find nothing at all, which this one look must show cheaply."""
    with ctx.rt.reading() as session:
        found = open_steps(ctx, session)
        if ctx.account.hold_next_plan:
            found.approved |= plans.shown_digests(session, ctx.account.approved_digest)
        found.is_quiet = not (
            found.superseded
            or found.waiting
            or ctx.faults
            or ctx.only_subjects is not None
            or _is_anything(ctx, session)
        )
    return found


def open_steps(ctx: Context, session: Session) -> steps.Open:
    """Return the account's open steps as a new plan must know them, without asking where there are none."""
    if not ctx.has_open_steps:
        return steps.Open()
    return steps.open_steps(session, ctx.account_id, ctx.now(), ctx.only_subjects)


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
    for start in range(0, len(found.superseded), BATCH):
        with ctx.rt.writing() as session:
            ctx.holding(session)
            steps.supersede(session, found.superseded[start : start + BATCH], ctx.now())
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
        return links.unlinked_event_ids(session, ctx.account_id, considered)


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


# --- linked pairs


def _plan_pairs(ctx: Context, plan: Plan, ids: Sequence[int]) -> None:
    with ctx.rt.reading() as session:
        pairs = links.pairs(session, ids)
        around = settle.surroundings(session, ctx, pairs)
    rows, effects = decide_pairs(ctx, plan, pairs, around)
    save(ctx, plan, rows, effects)


def decide_pairs(
    ctx: Context, plan: Plan, pairs: Sequence[Pair], around: settle.Surroundings
) -> tuple[list[Row], list[settle.Effect]]:
    """Return the steps of linked pairs and what they do to links and conflicts. Writes nothing."""
    rows: list[Row] = []
    effects: list[settle.Effect] = []
    for pair in pairs:
        plan.processed += 1
        moved = _follow_move(ctx, pair, around)
        if moved is not None:
            effects.append(moved)
            rows.append(drafts.for_note(ctx, pair, Action.LINK, Reason.MOVED, StepState.DONE))
        if moved is None or moved.goes_on:
            decide_pair(ctx, plan, moved.pair if moved else pair, around, rows, effects)
    return rows, effects


def _follow_move(ctx: Context, pair: Pair, around: settle.Surroundings) -> settle.Effect | None:
    """Return the re-pointing of a link whose event lives on in another calendar of the account, else None."""
    if not pair.event.is_deleted or pair.link.state == LinkState.CANCELLED:
        return None
    return settle.moved(pair, around, ctx.now())


def decide_pair(
    ctx: Context,
    plan: Plan,
    pair: Pair,
    around: settle.Surroundings,
    rows: list[Row],
    effects: list[settle.Effect],
) -> None:
    """Decide one pair and append its step and its effect on link and conflict."""
    decision = decision_on(ctx, pair, around)
    if decision.conflict is not None:
        plan.conflicts += 1
        rows.append(_conflict_row(ctx, pair, decision))
        effects.append(settle.Effect(pair, conflict=decision, considered=Reason.NEEDS_CHOICE))
        return
    effects.append(settle.after_decision(ctx, pair, decision))
    row = _step_row(ctx, plan, pair, decision, around.goes_along(pair))
    if row is not None:
        plan.merged += decision.is_merge
        rows.append(row)


def decision_on(ctx: Context, pair: Pair, around: settle.Surroundings) -> Decision:
    """Return what the engine says about a pair. Explain, preview and run all come here."""
    if ctx.is_restored and pair.event.is_deleted and pair.link.state == LinkState.ACTIVE:
        return Decision(Reason.DELETION_UNLINKS, parks=True)
    outside = _outside(ctx, pair)
    if outside is not None:
        return Decision(outside, waits_for=outside)
    terms = cases.terms_of(ctx, pair, is_source=around.is_source(pair), choices=around.choices(pair))
    remote = cases.remote_of(ctx, pair.event)
    decision = decide.decide(cases.local_of(pair.activity), remote, cases.agreed_of(ctx, pair.link), terms)
    return _without_recreation(ctx, pair, places.decide(ctx, pair, decision))


def _outside(ctx: Context, pair: Pair) -> Reason | None:
    """Return why a pair has left the window, when both of its sides have."""
    there = scope.outside((pair.event.span_start, pair.event.span_end), ctx.rules, ctx.now(), is_linked=True)
    here = scope.local_exclusion(scope.facts_of(pair.activity), ctx.rules, ctx.now(), is_linked=True)
    return here if there is not None else None


def _without_recreation(ctx: Context, pair: Pair, decision: Decision) -> Decision:
    """A restored database must not recreate what is missing at the provider."""
    if ctx.is_restored and decision.remote_action is Action.CREATE:
        return Decision(Reason.DELETION_UNLINKS, parks=True)
    return decision


def _step_row(ctx: Context, plan: Plan, pair: Pair, decision: Decision, goes_along: Sequence[Content]) -> Row | None:
    if decision.writes:
        row = drafts.for_pair(ctx, pair, decision)
        drops = decision.remote_action is Action.DELETE or not {"time", "exdates"}.isdisjoint(decision.outward)
        drafts.add_occurrences(row, goes_along if drops else ())
        return ready(ctx, plan, row)
    if decision.parks:
        return drafts.for_note(ctx, pair, Action.UNLINK, decision.reason, StepState.DONE)
    if decision.fails is not None:
        row = drafts.for_note(ctx, pair, Action.NONE, decision.fails, StepState.FAILED)
        return row | {"error_class": "provider", "attempts": 1, "next_attempt_at": t.NEVER, "error": decision.fails}
    if decision.waits_for is not None or decision.drift:
        plan.skipped += 1
        return drafts.for_note(ctx, pair, Action.NONE, decision.waits_for or decision.reason, StepState.SKIPPED)
    return None


def ready(ctx: Context, plan: Plan, row: Row) -> Row | None:
    """Return the row with what is known of earlier tries; None while a failed one waits for its next attempt."""
    subject, digest = row["subject"], row["digest"]
    waiting = plan.open.waiting.get(subject)
    if waiting is not None:
        if waiting.digest == digest:
            plan.still_failing.add(subject)
            return None
        plan.open.superseded.append(t.pk(waiting))
        row["detail"]["replaces"] = waiting.id
    failed = plan.open.attempts.get(subject)
    if failed is not None and failed[0] == digest:
        row["attempts"] = failed[1]
    row["is_approved"] = digest in plan.open.approved
    if row["state"] == StepState.HELD and row["is_approved"]:
        row["state"] = StepState.PLANNED
    return row


def _conflict_row(ctx: Context, pair: Pair, decision: Decision) -> Row:
    row = drafts.for_note(ctx, pair, Action.NONE, decision.reason, StepState.CONFLICT)
    values = {
        name: {"agreed": clash.agreed, "local": clash.local, "remote": clash.remote}
        for name, clash in decision.clashes.items()
    }
    return row | {"fields": list(decision.clashes), "losing": None, "detail": row["detail"] | {"clashes": values}}


# --- saving


def save(ctx: Context, plan: Plan, rows: Sequence[Row], effects: Sequence[settle.Effect]) -> None:
    """Save steps and what they do to links and conflicts, in one transaction of bounded size."""
    ready = [row for row in rows if row is not None]
    for row in ready:
        if row["state"] in (StepState.PLANNED, StepState.HELD):
            counted = Counted(row["calendar_id"], Action(row["action"]), row["people_mailed"])
            if not row["is_approved"]:
                plan.counted.append((row["digest"], counted))
    if ctx.is_dry:
        ready = [_as_preview(row) for row in ready]
    with ctx.rt.writing() as session:
        ctx.holding(session)
        if not ctx.is_dry:
            replaced = [row["detail"]["replaces"] for row in ready if row["detail"].get("replaces")]
            steps.supersede(session, replaced, ctx.now())
            settle.apply_all(session, ctx, effects)
            session.flush()
        steps.insert(session, ready)
    ctx.has_open_steps = True
    ctx.rt.checkpoint("plan.saved")


def _as_preview(row: Row) -> Row:
    was = row["state"]
    return row | {"state": StepState.PREVIEW, "detail": row["detail"] | {"would_be": was}, "finished_at": None}


def _save_faults(ctx: Context, plan: Plan) -> None:
    if ctx.is_dry:
        return
    found = faults.news(ctx, plan.open.waiting)
    for start in range(0, len(found.over), BATCH):
        with ctx.rt.writing() as session:
            ctx.holding(session)
            steps.supersede(session, found.over[start : start + BATCH], ctx.now())
    for start in range(0, len(found.broken), BATCH):
        save(ctx, plan, [drafts.for_fault(ctx, row) for row in found.broken[start : start + BATCH]], [])


def _drop_moot(ctx: Context, plan: Plan) -> None:
    """Close failed steps of which nothing is wanted any more: both sides have come to agree without them."""
    if ctx.is_dry or ctx.only_subjects is not None:
        return
    moot = [
        t.pk(step)
        for subject, step in plan.open.waiting.items()
        if subject not in plan.still_failing and step.action != Action.NONE
    ]
    for start in range(0, len(moot), BATCH):
        with ctx.rt.writing() as session:
            ctx.holding(session)
            steps.supersede(session, moot[start : start + BATCH], ctx.now())


# --- the brake


def _brake(ctx: Context, plan: Plan) -> None:
    """Hold what exceeds a limit; on a plan that must be approved as a whole, hold everything."""
    with ctx.rt.reading() as session:
        recent = steps.tallies(session, ctx.account_id, ctx.now(), links.count(session, ctx.account_id))
    over = brake.brake([c for _, c in plan.counted], recent, ctx.rules, is_first=ctx.is_first)
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
        for start in range(0, len(ids), BATCH):
            with ctx.rt.writing() as session:
                ctx.holding(session)
                steps.hold(session, ids[start : start + BATCH], reason)
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
