"""Events that have no link yet: match them with activities that exist, else plan the activities they become.

Matching comes before any create, in this order: our id, then uid with the same organizer, then owner, start and title.
One candidate is linked; several become a conflict that a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import col

from calsync.engine import event as events
from calsync.engine import mapping, scope
from calsync.engine.vocabulary import ConflictKind, Reason
from calsync.services import drafts, new_links, planned
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.services.new_links import Matched, Unlinked
from calsync.services.planned import Plan
from calsync.store import conflicts, linkless, matches
from calsync.store import tables as t
from calsync.store.links import mark


def plan_events(ctx: Context, plan: Plan, ids: Sequence[int]) -> None:
    """Match or import one batch of events."""
    with ctx.rt.reading() as session:
        found = [Unlinked(e, r, c, events.from_json(e.facts)) for e, r, c in linkless.events(session, ids)]
        wanted = [u for u in found if _is_wanted(ctx, plan, u)]
        excluded = {t.pk(u.event): reason for u in wanted if (reason := exclusion(ctx, u)) is not None}
        possible = [u for u in wanted if excluded.get(t.pk(u.event), Reason.ONE_WAY) is Reason.ONE_WAY]
        candidates = matches.candidates(session, ctx.account.user_id, [u.event for u in possible])
    met = {t.pk(u.event) for u in possible if u.event.id in excluded and candidates.is_met(u.event)}
    excluded = {i: reason for i, reason in excluded.items() if i not in met}
    included = [u for u in possible if u.event.id not in excluded]
    plan.processed += len(wanted)
    plan.skipped += len(excluded)
    _save_exclusions(ctx, excluded)
    rows: list[Row] = []
    pairs: list[Matched] = []
    for unlinked in included:
        place(ctx, plan, unlinked, candidates, rows, pairs)
    planned.save(ctx, plan, rows, [])
    new_links.link(ctx, plan, pairs)


def _is_wanted(ctx: Context, plan: Plan, unlinked: Unlinked) -> bool:
    subject = drafts.event_subject(t.pk(unlinked.event))
    if subject in plan.open.frozen or drafts.is_arriving(unlinked.event, plan.open.arriving):
        return False
    return ctx.only_subjects is None or subject in ctx.only_subjects


def exclusion(ctx: Context, unlinked: Unlinked) -> Reason | None:
    """Return why an event does not become an activity, or None."""
    if not ctx.may_pull:
        return Reason.ONE_WAY
    span = (unlinked.event.span_start, unlinked.event.span_end)
    return scope.remote_exclusion(
        unlinked.value,
        span,
        ctx.rules,
        ctx.now(),
        owner_addresses=ctx.own_addresses,
    )


def _save_exclusions(ctx: Context, excluded: dict[int, Reason]) -> None:
    if ctx.is_dry or not excluded:
        return
    considered = ctx.rules_digest()
    by_reason: dict[Reason, list[int]] = {}
    for event_id, reason in excluded.items():
        by_reason.setdefault(reason, []).append(event_id)
    with ctx.rt.writing() as session:
        ctx.holding(session)
        conflicts.drop_questions(session, list(excluded), ctx.now())
        for reason, ids in by_reason.items():
            session.execute(
                sa.update(t.MirrorEvent)
                .where(col(t.MirrorEvent.id).in_(ids))
                .values(excluded=reason, considered=considered)
                .execution_options(synchronize_session=False)
            )
    ctx.rt.checkpoint("plan.excluded")


def place(
    ctx: Context,
    plan: Plan,
    unlinked: Unlinked,
    candidates: matches.Candidates,
    rows: list[Row],
    pairs: list[Matched],
) -> None:
    """Append what an event that may come in becomes: a pair with the activity it matches, or a step that imports it."""
    match = candidates.best(unlinked.event)
    if match.activity is not None:
        subject = drafts.activity_subject(t.pk(match.activity), unlinked.event.calendar_id)
        if subject in plan.open.frozen:
            return  # the answer to our own create never came: repeating it will find this very event
        pairs.append((unlinked, match.activity, match.reason))
        candidates.take(match.activity, unlinked.event.calendar_id)
        return
    if match.several:
        _several(ctx, plan, unlinked, match.several, rows, pairs)
        return
    identity = (unlinked.event.uid, unlinked.event.recurrence_key)
    if identity in plan.creating:
        plan.again = True  # a second copy: it is matched with the activity that the first one becomes
        return
    plan.creating.add(identity)
    after = mapping.imported(unlinked.value, ctx.rules).content
    row = planned.ready(ctx, plan, drafts.for_new_activity(ctx, unlinked.event, after))
    if row is not None:
        rows.append(row)


def _several(
    ctx: Context,
    plan: Plan,
    unlinked: Unlinked,
    several: list[t.Activity],
    rows: list[Row],
    pairs: list[Matched],
) -> None:
    """Ask a person which of several activities an event is, or do what the answer was."""
    subject = drafts.event_subject(t.pk(unlinked.event))
    with ctx.rt.reading() as session:
        known = conflicts.pending(session, [subject]).get(subject)
    if known is None or known.choice is None:
        plan.conflicts += 1
        rows.append(drafts.for_question(ctx, unlinked.event, several))
        _ask(ctx, unlinked, several, subject)
        return
    chosen = [a for a in several if known.choice == {"*": str(a.id)}]
    if chosen:
        pairs.append((unlinked, chosen[0], Reason.RESOLVED))
    elif ctx.may_pull:
        after = mapping.imported(unlinked.value, ctx.rules).content
        rows.append(drafts.for_new_activity(ctx, unlinked.event, after))
    else:
        _save_exclusions(ctx, {t.pk(unlinked.event): Reason.ONE_WAY})
    if not ctx.is_dry:
        with ctx.rt.writing() as session:
            ctx.holding(session)
            conflicts.close(session, subject, ctx.now())


def _ask(ctx: Context, unlinked: Unlinked, several: list[t.Activity], subject: str) -> None:
    if ctx.is_dry:
        return
    values = {
        "account_id": ctx.account_id,
        "subject": subject,
        "event_id": unlinked.event.id,
        "run_id": ctx.run_id,
        "kind": ConflictKind.DUPLICATE_MATCH,
        "title": unlinked.event.title[:500],
        "is_private": unlinked.value.classification != "public",
        "candidates": [a.id for a in several],
        "fields": {},
        "remote_fp": mark(unlinked.event),
    }
    with ctx.rt.writing() as session:
        ctx.holding(session)
        conflicts.open_or_refresh(session, values, ctx.now())
        event = session.get_one(t.MirrorEvent, unlinked.event.id)
        event.excluded, event.considered = Reason.DUPLICATE_MATCH, ctx.rules_digest()
