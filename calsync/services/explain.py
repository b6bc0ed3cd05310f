"""Explain: why an activity or event is, or is not, synced, and what the next run would do about it.

Everything is asked of the functions that a run plans with, on what the mirror holds now; nothing is fetched or written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

from sqlmodel import Session, select

from calsync.engine import event as events
from calsync.engine import scope
from calsync.engine.vocabulary import LinkState, Reason
from calsync.errors import NotFound
from calsync.providers.base import CalendarReader
from calsync.runtime import Runtime
from calsync.services import (
    answers,
    cases,
    drafts,
    first_events,
    first_writes,
    frame,
    linked,
    new_links,
    planned,
    settings,
    settle,
)
from calsync.services.answers import Answer
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.services.new_links import Matched, Unlinked
from calsync.services.planned import Plan
from calsync.store import conflicts, linkless, links, matches, placements, polls, whereabouts
from calsync.store import tables as t
from calsync.store.links import DISCARDED, Pair


class _NoReader:
    """Stands where a run has its reader: what is explained is what was read before."""

    def clock_offset(self) -> timedelta | None:
        return None


# --- an activity


def activity(rt: Runtime, activity_id: int, known: t.Activity | None = None) -> list[Answer]:
    """Return an answer for each calendar that an activity is on, or for the account that would take it.

    Empty when none of its owner's accounts takes new activities. Asks for no right. `known` is its row, where that was
    read already. Raises NotFound.
    """
    with rt.reading() as session:
        whole = [w for w in whereabouts.wholes(session, activity_id=activity_id) if _is_known(rt, w.account)]
        if whole:
            return [_linked(session, offline_context(rt, session, each.account), each) for each in whole]
        row = session.get(t.Activity, activity_id) if known is None else known
        if row is None:
            raise NotFound("activity", activity_id)
        return [
            _unlinked_activity(session, offline_context(rt, session, account), row, calendar)
            for calendar, account in _targets(session, row)
            if _is_known(rt, account)
        ]


def _targets(session: Session, row: t.Activity) -> list[tuple[t.Calendar, t.Account]]:
    """Return where an activity would be written: its owner's write target, of a changed occurrence its series'."""
    if row.recurrence_key:
        query = select(t.Activity.id).where(
            t.Activity.uid == row.uid, t.Activity.owner_id == row.owner_id, t.Activity.recurrence_key == ""
        )
        masters = [int(i) for i in session.exec(query) if i is not None]
        return [(p.calendar, p.account) for p in whereabouts.places(session, masters)]
    placed = placements.targets(session, [t.pk(row)]).get(t.pk(row))
    return placed or whereabouts.write_targets(session, [row.owner_id]).get(row.owner_id, [])


def _linked(session: Session, ctx: Context, known: whereabouts.Whole) -> Answer:
    link, calendar = known.link, known.calendar
    subject = drafts.link_subject(t.pk(link))
    parked = _parked(link, calendar)
    if parked is not None or known.event is None or known.resource is None:
        reason = parked or Reason.DELETION_UNLINKS
        plan, conflict = _new_plan(session, ctx), _conflict(session, subject)
        answer = _answer(ctx, plan, reason, answers.LINKED, subject, calendar)
        return replace(answer, link=link, conflict=conflict)
    return _pair_answer(session, ctx, Pair(link, known.activity, known.event, known.resource, calendar), subject)


def _pair_answer(session: Session, ctx: Context, pair: Pair, subject: str) -> Answer:
    link, around = pair.link, settle.surroundings(session, ctx, [pair])
    rows: list[Row] = []
    plan = _new_plan(session, ctx)
    asked = around.asked.get(subject)
    conflict = asked if asked is not None and conflicts.is_pending(asked) else None
    if subject not in plan.open.frozen and _differs(session, ctx, link, conflict):
        rows, _ = linked.decide_pairs(ctx, plan, [pair], around)
    decision = linked.decision_on(ctx, pair, around)
    reason = Reason(rows[-1]["reason"]) if rows else decision.waits_for or decision.fails or decision.reason
    answer = _answer(ctx, plan, reason, answers.LINKED, subject, pair.calendar)
    return replace(
        answer,
        link=link,
        conflict=conflict,
        event=pair.event,
        steps=tuple(rows),
        local=events.changed_fields(link.agreed_local, pair.activity.content),
        remote=events.changed_fields(link.agreed_remote, cases.content_of(pair.event)),
        trace=decision.trace,
        is_discarded=link.considered_rules == DISCARDED and not rows,
    )


def _parked(link: t.Link, calendar: t.Calendar) -> Reason | None:
    """Return why a link rests; None also for one that wakes because its calendar syncs again."""
    if not calendar.syncs or calendar.is_gone:
        return Reason.PAUSED_CALENDAR
    if link.state != LinkState.PARKED or link.park_reason == Reason.PAUSED_CALENDAR:
        return None
    known = link.park_reason in set(Reason)
    return Reason(link.park_reason) if known else Reason.DELETION_UNLINKS


def _differs(session: Session, ctx: Context, link: t.Link, conflict: t.Conflict | None) -> bool:
    """Return whether a run would look at a pair: a side differs, or the ground of its conflict has shifted."""
    if links.is_changed(session, link, ctx.rules_digest(), ctx.projection_digest()):
        return True
    return conflict is not None and link.id in conflicts.shifted_link_ids(session, ctx.account_id, known=set())


def _unlinked_activity(session: Session, ctx: Context, row: t.Activity, calendar: t.Calendar) -> Answer:
    """Events are planned before activities: one that matches is linked, whatever else keeps the activity here."""
    subject = drafts.activity_subject(t.pk(row), t.pk(calendar))
    plan = _new_plan(session, ctx)
    matched = _match(session, ctx, row)
    if matched is not None:
        steps_ = _matched_steps(ctx, plan, [matched])
        answer = _answer(ctx, plan, matched[2], answers.OUT, subject, calendar)
        return replace(answer, steps=steps_, event=matched[0].event)
    excluded = first_writes.exclusion(ctx, row, calendar)
    is_discarded = row.excluded == DISCARDED
    answer = _answer(ctx, plan, excluded or Reason.LOCAL_CREATED, answers.OUT, subject, calendar)
    if excluded is not None or is_discarded or subject in plan.open.frozen:
        return replace(answer, is_discarded=is_discarded)
    step = first_writes.row_of(ctx, plan, row, calendar)
    return replace(answer, steps=() if step is None else (step,))


def _match(session: Session, ctx: Context, row: t.Activity) -> Matched | None:
    """Return the event that a run would link with an activity, and by what it knows it."""
    alike = matches.events_like(session, ctx.account_id, row)
    unlinked = [_unlinked(*found) for found in linkless.events(session, alike)]
    candidates = matches.candidates(session, ctx.account.user_id, [u.event for u in unlinked])
    for each in [u for u in unlinked if _kept_out(ctx, u, candidates) is None]:
        best = candidates.best(each.event)
        if best.activity is not None and best.activity.id == row.id:
            return each, row, best.reason
    return None


def _matched_steps(ctx: Context, plan: Plan, matched: list[Matched]) -> tuple[Row, ...]:
    pairs = [new_links.pair_of(ctx, unlinked, row) for unlinked, row, _ in matched]
    return tuple(new_links.decide_matched(ctx, plan, matched, pairs)[0])


# --- an event


def event(rt: Runtime, event_id: int) -> Answer | None:
    """Return why a mirrored event is, or is not, an activity; None of a provider that is no longer installed.

    Asks for no right. Raises NotFound.
    """
    with rt.reading() as session:
        found = whereabouts.event_with_owner(session, event_id)
    if found is None:
        raise NotFound("event", event_id)
    return event_read(rt, found)


def event_read(rt: Runtime, found: whereabouts.EventWithOwner) -> Answer | None:
    """Return what `event` does, of an event that was read already."""
    row, resource, calendar, account, _, is_linked = found
    if not _is_known(rt, account):
        return None
    unlinked = _unlinked(row, resource, calendar)
    with rt.reading() as session:
        # Where an account may write matters to what was looked at before, so to what is linked alone.
        ctx = offline_context(rt, session, account, None if is_linked else [calendar])
        known = whereabouts.wholes(session, event_id=t.pk(row)) if is_linked else []
        return _linked(session, ctx, known[0]) if known else _unlinked_event(session, ctx, unlinked)


def _unlinked_event(session: Session, ctx: Context, unlinked: Unlinked) -> Answer:
    subject = drafts.event_subject(t.pk(unlinked.event))
    candidates = matches.candidates(session, ctx.account.user_id, [unlinked.event])
    reason = _outside_plan(unlinked) or _kept_out(ctx, unlinked, candidates)
    is_discarded = unlinked.event.excluded == DISCARDED
    plan = _new_plan(session, ctx)
    rows: list[Row] = []
    pairs: list[Matched] = []
    if reason is None and not is_discarded and subject not in plan.open.frozen:
        first_events.place(ctx, plan, unlinked, candidates, rows, pairs)
        reason = Reason.DUPLICATE_MATCH if plan.conflicts else None
    steps_ = _matched_steps(ctx, plan, pairs) if pairs else tuple(rows)
    known = pairs[0][2] if pairs else Reason.REMOTE_CREATED
    answer = _answer(ctx, plan, reason or known, answers.IN, subject, unlinked.calendar)
    conflict = _conflict(session, subject) if reason is Reason.DUPLICATE_MATCH else None
    return replace(answer, event=unlinked.event, steps=steps_, is_discarded=is_discarded, conflict=conflict)


def _kept_out(ctx: Context, unlinked: Unlinked, candidates: matches.Candidates) -> Reason | None:
    """Return why a run leaves an event alone. One that may not come in is linked, or asked about, all the same where
    it is one that we have, or may have: that imports nothing.
    """
    reason = first_events.exclusion(ctx, unlinked)
    return None if reason is Reason.ONE_WAY and candidates.is_met(unlinked.event) else reason


def _outside_plan(unlinked: Unlinked) -> Reason | None:
    """Return why a run would not even look at an event."""
    if unlinked.resource.fault is not None:
        return Reason.BROKEN_EVENT
    if unlinked.event.is_deleted:
        return Reason.REMOTE_DELETED
    return None if unlinked.calendar.syncs and not unlinked.calendar.is_gone else Reason.PAUSED_CALENDAR


def _unlinked(event: t.MirrorEvent, resource: t.MirrorResource, calendar: t.Calendar) -> Unlinked:
    return Unlinked(event, resource, calendar, events.from_json(event.facts))


# --- what both need


def _is_known(rt: Runtime, account: t.Account) -> bool:
    return account.provider in rt.providers


def offline_context(
    rt: Runtime, session: Session, account: t.Account, calendars: Sequence[t.Calendar] | None = None
) -> Context:
    """Return what a dry run of this account would carry, without a connection: all calendars unless some are given."""
    _, facts = polls.account_and_facts(session, t.pk(account))
    rules, switches = settings.in_force(facts.saved, account)
    return Context(
        rt=rt,
        account=account,
        run_id=0,
        owner="",
        rules=rules,
        capabilities=rt.providers[account.provider].info.capabilities,
        reader=cast(CalendarReader, _NoReader()),
        client=None,
        own_addresses=frame.addresses(account, facts.email),
        is_dry=True,
        is_restored=account.restore_epoch != facts.epoch,
        writes_paused=switches.writes_paused,
        calendars=tuple(polls.calendars(session, t.pk(account)) if calendars is None else calendars),
        has_open_steps=facts.has_open_steps,
    )


def _new_plan(session: Session, ctx: Context) -> Plan:
    return Plan(planned.open_steps(ctx, session))


def _conflict(session: Session, subject: str) -> t.Conflict | None:
    return conflicts.pending(session, [subject]).get(subject)


def _answer(
    ctx: Context, plan: Plan, reason: Reason, questions: answers.Questions, subject: str, calendar: t.Calendar
) -> Answer:
    return Answer(
        account=ctx.account,
        rules=ctx.rules,
        window=scope.window(ctx.rules, ctx.now()),
        reason=reason,
        checks=tuple(answers.checks(ctx.account, questions, reason)),
        calendar=calendar,
        waiting=plan.open.by_subject.get(subject),
    )
