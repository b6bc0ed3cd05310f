"""Apply, the CRM's half: planned changes of activities, in batches.

An activity that changed after it was planned is decided again; so is one whose event changed. A record that the
database refuses fails by itself: its batch is then repeated with a savepoint for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import mapping, merge
from calsync.engine.event import Content, fingerprint, resulting
from calsync.engine.vocabulary import Action, Direction, LinkState, StepState
from calsync.errors import Rejected
from calsync.services import cases, failures, halting, heirs, new_links
from calsync.services.context import Context
from calsync.store import activities, imports, links, polls, steps
from calsync.store import tables as t
from calsync.store.imports import Create, Made, Source
from calsync.store.links import Pair, mark

REFUSALS = (sa.exc.IntegrityError, sa.exc.DataError)
"""A database cannot keep a record. Whatever else it says concerns all of them."""


@dataclass(slots=True)
class Outcome:
    """What the local half did. `missed` steps must be decided again."""

    done: int = 0
    missed: int = 0
    created_series: bool = False
    activity_ids: list[int] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.done += other.done
        self.missed += other.missed
        self.created_series = self.created_series or other.created_series
        self.activity_ids += other.activity_ids


def apply(ctx: Context) -> Outcome:
    """Apply every planned local change of the run. Raises LeaseLost and Halted."""
    outcome = Outcome()
    for direction in (Direction.INBOUND, Direction.OUTBOUND):
        after = 0
        while True:
            with ctx.rt.reading() as session:
                batch = steps.planned_inward(session, ctx.run_id, direction=direction, after=after)
            if not batch:
                break
            after = batch[-1][0]
            wanted = [step_id for step_id, is_inward in batch if is_inward]
            if wanted:
                _apply_batch(ctx, wanted, outcome)
    return outcome


def _apply_batch(ctx: Context, step_ids: Sequence[int], outcome: Outcome) -> None:
    ctx.keep_lease()
    halting.check(ctx, writes=False)
    with ctx.rt.writing() as session:
        ctx.holding(session)
        try:
            with session.begin_nested():
                done = _apply_steps(session, ctx, step_ids)
        except REFUSALS:
            done = _apply_singly(session, ctx, step_ids)
        polls.note_progress(session, ctx.run_id, len(step_ids))
    outcome.add(done)
    ctx.rt.checkpoint("apply.local")


def _apply_steps(session: Session, ctx: Context, step_ids: Sequence[int]) -> Outcome:
    outcome = Outcome()
    # The batch was read before: only what is still planned is ours to do.
    creates = imports.planned(session, step_ids)
    _create(session, ctx, creates, outcome)
    rest = set(step_ids) - {create.step_id for create in creates}
    others = [s for s in steps.by_ids(session, rest) if s.state == StepState.PLANNED]
    pairs = _pairs(session, others)
    for step in others:
        _change(session, ctx, step, pairs.get(step.link_id or 0), outcome)
    session.flush()
    return outcome


def _apply_singly(session: Session, ctx: Context, step_ids: Sequence[int]) -> Outcome:
    """Apply steps one by one, so that only those fail which the database refuses."""
    outcome = Outcome()
    for step_id in step_ids:
        try:
            with session.begin_nested():
                outcome.add(_apply_steps(session, ctx, [step_id]))
        except REFUSALS as error:
            refused = Rejected("invalid", f"the database cannot keep this record ({type(error.orig).__name__})")
            failures.record(session.get_one(t.Step, step_id), refused, ctx.now())
    return outcome


# --- new activities


def _create(session: Session, ctx: Context, batch: Sequence[Create], outcome: Outcome) -> None:
    found = imports.sources(session, batch)
    made: list[Made] = []
    missed: list[int] = []
    for create in batch:
        event = found.get(create.event_id)
        if event is None or event.is_deleted or mark(event) != create.remote_fp:
            missed.append(create.step_id)
            continue
        made.append(_made(ctx, create, event))
        outcome.created_series = outcome.created_series or event.is_series
    imports.save(session, made, ctx.now())
    imports.miss(session, missed, ctx.now())
    outcome.done += len(made)
    outcome.missed += len(missed)


def _made(ctx: Context, create: Create, event: Source) -> Made:
    """Return the activity that an event becomes, and the link between them."""
    values = mapping.imported(events.from_json(event.facts), ctx.rules)
    origin = {"owner_id": ctx.account.user_id, "source_account_id": ctx.account_id}
    activity = activities.columns_of_new(values, now=ctx.now(), **origin)
    return Made(create, activity, new_links.link_columns(ctx, event, activity["content"], activity["fingerprint"]))


# --- changed activities


def _pairs(session: Session, batch: Sequence[t.Step]) -> dict[int, Pair]:
    ids = [s.link_id for s in batch if s.link_id is not None]
    return {t.pk(pair.link): pair for pair in links.pairs(session, ids)} if ids else {}


def _change(session: Session, ctx: Context, step: t.Step, pair: Pair | None, outcome: Outcome) -> None:
    if pair is None or not _is_as_planned(step, pair):
        _miss(step, ctx, outcome)
        return
    inward = (step.after or {}) if step.direction == Direction.INBOUND else step.detail["inward"]
    if "heir" in step.detail:
        heir_id = heirs.receive(session, step, inward, ctx.now())
        if heir_id is None:
            _miss(step, ctx, outcome)
            return
        outcome.activity_ids.append(heir_id)
    dissolves = step.action == Action.CANCEL and _is_dissolved(session, pair)
    _write(session, ctx, pair.activity, inward, dissolves=dissolves)
    _agree(session, ctx, step, pair, inward, dissolves=dissolves)
    if step.direction == Direction.INBOUND:
        _done(step, ctx, outcome)
        outcome.activity_ids.append(t.pk(pair.activity))
        return
    replaced = {name: step.detail["local"].get(name) for name in inward}
    detail = {"local": pair.activity.content, "local_fp": pair.activity.fingerprint, "inward": {}}
    detail |= {"pulled": inward, "replaced": replaced}
    step.detail = step.detail | detail | {"row_version": pair.activity.row_version}


def _is_as_planned(step: t.Step, pair: Pair) -> bool:
    versions = (step.detail["row_version"], step.detail["remote_fp"])
    return (pair.activity.row_version, mark(pair.event)) == versions


def _write(session: Session, ctx: Context, activity: t.Activity, inward: Content, *, dissolves: bool) -> None:
    """Write merge units into an activity. What came in is not an edit of ours: its times stay what they were."""
    if dissolves:
        activity.is_dissolved = True
        activity.row_version += 1
        activity.updated_at = ctx.now()
        return
    content = resulting(activity.content, inward)
    activities.set_content(activity, content, now=ctx.now(), edited=False)


def _is_dissolved(session: Session, pair: Pair) -> bool:
    """Return whether a missing override went back to its series: the occurrence itself is still there."""
    if not pair.activity.recurrence_key or not pair.event.is_deleted:
        return False
    master = session.scalars(
        sa.select(t.MirrorEvent).where(
            col(t.MirrorEvent.calendar_id) == pair.calendar.id,
            col(t.MirrorEvent.uid) == pair.event.uid,
            col(t.MirrorEvent.recurrence_key) == "",
            col(t.MirrorEvent.is_deleted).is_(False),
            col(t.MirrorEvent.is_cancelled).is_(False),
        )
    ).first()
    return master is not None and bool(pair.activity.recurrence_key not in master.facts["exdates"])


def _agree(session: Session, ctx: Context, step: t.Step, pair: Pair, inward: Content, *, dissolves: bool) -> None:
    """Move the snapshots: to both sides as they now are, or only by these fields where others still wait."""
    link, remote = pair.link, cases.content_of(pair.event)
    is_partial = step.detail.get("waits_for") or step.direction == Direction.OUTBOUND
    if is_partial:
        names = [name for name in inward if name in remote]
        ours, theirs, now = link.agreed_local, link.agreed_remote, pair.activity.content
        followed = {n: merge.followed(n, ours.get(n), theirs.get(n), remote[n], now[n]) for n in names}
        link.agreed_local = resulting(ours, followed)
        link.agreed_remote = {**theirs, **{n: remote[n] for n in names}}
    else:
        link.agreed_local, link.agreed_remote = pair.activity.content, remote
    link.local_fp, link.remote_fp = fingerprint(link.agreed_local), fingerprint(link.agreed_remote)
    link.state = LinkState.CANCELLED if dissolves or pair.activity.status == "cancelled" else LinkState.ACTIVE
    link.park_reason = ""
    if step.detail.get("parks"):
        link.state, link.park_reason = LinkState.PARKED, step.reason
    link.agreed_at = ctx.now()
    if step.detail.get("waits_for"):
        link.considered_local = pair.activity.fingerprint
    session.add(link)


def _done(step: t.Step, ctx: Context, outcome: Outcome) -> None:
    step.state, step.finished_at, step.attempts = StepState.DONE, ctx.now(), step.attempts + 1
    outcome.done += 1


def _miss(step: t.Step, ctx: Context, outcome: Outcome) -> None:
    step.state, step.finished_at = StepState.SUPERSEDED, ctx.now()
    outcome.missed += 1
