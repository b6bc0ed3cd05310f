"""Activities that are on no calendar yet: plan their first write to those that take them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import projection, scope
from calsync.engine.event import Content
from calsync.engine.vocabulary import Reason
from calsync.services import booked_rules, drafts, first_events, new_links, planned
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.services.new_links import Matched, Unlinked
from calsync.services.planned import Plan
from calsync.store import conflicts, linkless, matches, placements
from calsync.store import tables as t

Place = tuple[int, str, str]
"""Where an occurrence is: calendar id, uid, recurrence key."""


def plan_activities(ctx: Context, plan: Plan) -> None:
    """Plan the first write of activities: of the account's owner, of those that are to stand on one of its calendars,
    and of new changed occurrences of linked series.
    """
    with ctx.rt.reading() as session:
        calendar = write_target(ctx, session)
        singles = [] if calendar is None else _unlinked_activities(ctx, session)
        overrides = linkless.override_ids(session, ctx.account_id, ctx.account.user_id)
        placed = placements.waiting(session, ctx.account_id, _considered(ctx))
    wanted = placed + ([(i, t.pk(calendar)) for i in singles] if calendar is not None else [])
    if not ctx.may_pull:
        _meet_known(ctx, plan, singles)
    for batch in (*planned.batches(wanted), *planned.batches(overrides)):
        _plan_activities(ctx, plan, batch)


def _meet_known(ctx: Context, plan: Plan, activity_ids: Sequence[int]) -> None:
    """Match new activities with events that stayed out because nothing comes in, and that no plan looks at again."""
    for batch in planned.batches(activity_ids):
        with ctx.rt.reading() as session:
            rows = _load(session, t.Activity, set(batch))
            alike = {i for row in rows for i in matches.events_like(session, ctx.account_id, row)}
            known = [t.pk(e) for e, _, _ in linkless.events(session, sorted(alike)) if e.excluded == Reason.ONE_WAY]
        if known:
            first_events.plan_events(ctx, plan, known)


def write_target(ctx: Context, session: Session) -> t.Calendar | None:
    """Return the calendar of the account that takes new activities, or None."""
    return session.execute(linkless.WRITE_TARGET, {"account_id": ctx.account_id}).scalars().first()


def _unlinked_activities(ctx: Context, session: Session) -> list[int]:
    return linkless.activity_ids(session, ctx.account.user_id, _considered(ctx))


def _considered(ctx: Context) -> str | None:
    return None if ctx.only_subjects is not None else ctx.rules_digest()


def _plan_activities(ctx: Context, plan: Plan, wanted: Sequence[tuple[int, int]]) -> None:
    with ctx.rt.reading() as session:
        activities = {t.pk(a): a for a in _load(session, t.Activity, {a for a, _ in wanted})}
        calendars = {t.pk(c): c for c in _load(session, t.Calendar, {c for _, c in wanted})}
        removed = dict(_removed(session, activities))
        asked = conflicts.asked_about(session, ctx.account_id)
    rows: list[Row] = []
    excluded: dict[int, Reason] = {}
    pairs: list[Matched] = []
    for activity_id, calendar_id in wanted:
        activity, calendar = activities[activity_id], calendars[calendar_id]
        if not _is_wanted(ctx, plan, activity_id, calendar_id):
            continue
        plan.processed += 1
        reason = Reason.DUPLICATE_MATCH if activity_id in asked else exclusion(ctx, activity, calendar)
        if reason is not None:
            plan.skipped += 1
            excluded[activity_id] = reason
            continue
        there = removed.get((calendar_id, activity.uid, activity.recurrence_key))
        if there is not None:
            pairs.append((there, activity, Reason.MATCHED_UID))
            continue
        row = row_of(ctx, plan, activity, calendar)
        if row is not None:
            rows.append(row)
    planned.save(ctx, plan, rows, [])
    _save_activity_exclusions(ctx, excluded)
    new_links.link(ctx, plan, pairs)


def _is_wanted(ctx: Context, plan: Plan, activity_id: int, calendar_id: int) -> bool:
    subject = drafts.activity_subject(activity_id, calendar_id)
    if subject in plan.open.frozen or activity_id in plan.matched:  # matched in a dry run, which saves no links
        return False
    return ctx.only_subjects is None or subject in ctx.only_subjects


def _removed(session: Session, activities: Mapping[int, t.Activity]) -> Iterator[tuple[Place, Unlinked]]:
    """Yield the cancelled instances that stand where changed occurrences of ours belong, by calendar, uid and key.

    Where instances are resources of their own, an occurrence that was removed there is still something to agree with.
    """
    uids = {a.uid for a in activities.values() if a.recurrence_key}
    for event, resource, calendar in linkless.cancelled_instances(session, uids) if uids else ():
        place = (t.pk(calendar), event.uid, event.recurrence_key)
        yield place, Unlinked(event, resource, calendar, events.from_json(event.facts))


def _load(session: Session, table: Any, ids: set[int]) -> list[Any]:
    return list(session.scalars(sa.select(table).where(table.id.in_(ids))))


def exclusion(ctx: Context, activity: t.Activity, calendar: t.Calendar) -> Reason | None:
    """Return why an activity is not written to a calendar, or None."""
    refused = ctx.push_refused(calendar)
    if refused is not None:
        return refused
    return scope.local_exclusion(scope.facts_of(activity), ctx.rules, ctx.now())


def row_of(ctx: Context, plan: Plan, activity: t.Activity, calendar: t.Calendar) -> Row | None:
    """Return the step of an activity's first write; None while a failed one waits for its next attempt."""
    return planned.ready(ctx, plan, drafts.for_new_event(ctx, activity, calendar, content_of(ctx, activity, calendar)))


def content_of(ctx: Context, activity: t.Activity, calendar: t.Calendar) -> Content:
    """Return what is written when an activity is created on a calendar: projected, with the event defaults."""
    content = projection.with_defaults(activity.content, ctx.rules)
    rules = booked_rules.rules_of(ctx, activity, t.pk(calendar))
    return projection.project(content, rules, ctx.capabilities)[0]


def _save_activity_exclusions(ctx: Context, excluded: dict[int, Reason]) -> None:
    if ctx.is_dry or not excluded:
        return
    considered = ctx.rules_digest()
    with ctx.rt.writing() as session:
        ctx.holding(session)
        placements.note_considered(session, ctx.account_id, list(excluded), considered)
        for activity_id, reason in excluded.items():
            session.execute(
                sa.update(t.Activity)
                .where(col(t.Activity.id) == activity_id)
                .values(excluded=reason, considered=considered)
                .execution_options(synchronize_session=False)
            )
    ctx.rt.checkpoint("plan.excluded")
