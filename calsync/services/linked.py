"""What becomes of linked pairs. What was just linked comes here too; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from calsync.engine import decide, scope
from calsync.engine.pair import Decision
from calsync.engine.vocabulary import Action, LinkState, Reason, StepState
from calsync.services import cases, drafts, heirs, places, planned, settle
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.services.planned import Plan
from calsync.store import tables as t
from calsync.store.links import Pair


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
    row = _step_row(ctx, plan, pair, decision, around)
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
    remote, agreed = cases.remote_of(ctx, pair.event), cases.agreed_of(ctx, pair.link)
    heir = around.heirs.get(t.pk(pair.activity))
    inherited = None if heir is None else heirs.decision(heir, remote, agreed, terms)
    if inherited is not None:
        return inherited
    decision = decide.decide(cases.local_of(pair.activity), remote, agreed, terms)
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


def _step_row(ctx: Context, plan: Plan, pair: Pair, decision: Decision, around: settle.Surroundings) -> Row | None:
    if decision.writes:
        row = drafts.for_pair(ctx, pair, decision)
        drops = decision.remote_action is Action.DELETE or not {"time", "exdates"}.isdisjoint(decision.outward)
        drafts.add_occurrences(row, around.goes_along(pair) if drops else ())
        if decision.passes_on:
            row["detail"] |= heirs.detail(around.heirs[t.pk(pair.activity)])
        return planned.ready(ctx, plan, row)
    if decision.parks:
        return drafts.for_note(ctx, pair, Action.UNLINK, decision.reason, StepState.DONE)
    if decision.fails is not None:
        row = drafts.for_note(ctx, pair, Action.NONE, decision.fails, StepState.FAILED)
        return row | {"error_class": "provider", "attempts": 1, "next_attempt_at": t.NEVER, "error": decision.fails}
    if decision.waits_for is not None or decision.drift:
        plan.skipped += 1
        return drafts.for_note(ctx, pair, Action.NONE, decision.waits_for or decision.reason, StepState.SKIPPED)
    return None


def _conflict_row(ctx: Context, pair: Pair, decision: Decision) -> Row:
    row = drafts.for_note(ctx, pair, Action.NONE, decision.reason, StepState.CONFLICT)
    values = {
        name: {"agreed": clash.agreed, "local": clash.local, "remote": clash.remote}
        for name, clash in decision.clashes.items()
    }
    return row | {"fields": list(decision.clashes), "losing": None, "detail": row["detail"] | {"clashes": values}}
