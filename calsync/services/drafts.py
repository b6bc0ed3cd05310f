"""Drafts: decisions as step rows. A draft knows everything its row will hold, and no database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from calsync.engine import brake, mailing
from calsync.engine.event import FIELDS, Content
from calsync.engine.pair import Decision
from calsync.engine.vocabulary import Action, Direction, MailRule, Reason, StepState
from calsync.services import booked_rules
from calsync.services.context import Context
from calsync.store import steps
from calsync.store import tables as t
from calsync.store.links import Pair, mark

Row = dict[str, Any]


def link_subject(link_id: int) -> str:
    return f"link:{link_id}"


def event_subject(event_id: int) -> str:
    return f"event:{event_id}"


def activity_subject(activity_id: int, calendar_id: int) -> str:
    return f"activity:{activity_id}:{calendar_id}"


def fault_subject(resource_id: int) -> str:
    return f"{steps.RESOURCE}{resource_id}"


def for_pair(ctx: Context, pair: Pair, decision: Decision) -> Row:
    """Return the step of a decision on a linked pair."""
    outbound = decision.remote_action != Action.NONE
    action = decision.remote_action if outbound else decision.local_action
    after = decision.outward if outbound else decision.inward
    held = _remote_content(pair.event) if outbound else pair.activity.content
    row = _row(ctx, link_subject(t.pk(pair.link)), action, outbound, after, decision.reason)
    row |= {
        "calendar_id": pair.calendar.id,
        "activity_id": pair.activity.id,
        "event_id": pair.event.id,
        "link_id": pair.link.id,
        "title": _title(pair.activity.content if not outbound else held),
        "is_private": pair.activity.is_private,
        "fields": list(after),
        "before": {name: held.get(name) for name in (FIELDS if action is Action.DELETE else after)},
        "losing": decision.losing or None,
    }
    row["detail"] = {
        "trace": list(decision.trace),
        "local_fp": pair.activity.fingerprint,
        "row_version": pair.activity.row_version,
        "remote_fp": mark(pair.event),
        "version": pair.resource.version,
        "revives": decision.revives,
        "is_merge": decision.is_merge,
        "waits_for": decision.waits_for,
        "drift": list(decision.drift),
    }
    if outbound:
        row["detail"] |= {"local": pair.activity.content, "inward": decision.inward}
        row["key"] = key(pair.activity, pair.link.generation + (action is Action.CREATE))
        _count_mail(ctx, row, action, held, pair)
    _finish(row)
    return row


def add_occurrences(row: Row, occurrences: Sequence[Content]) -> None:
    """Keep on the step that erases a series what goes along and nobody here has seen yet."""
    if occurrences:
        row["losing"] = {**(row["losing"] or {}), "occurrences": {"side": "remote", "value": list(occurrences)}}


def for_new_activity(ctx: Context, event: t.MirrorEvent, after: Content) -> Row:
    """Return the step that makes an activity of an event."""
    row = _row(ctx, event_subject(t.pk(event)), Action.CREATE, False, after, Reason.REMOTE_CREATED)
    row |= {
        "calendar_id": event.calendar_id,
        "event_id": event.id,
        "title": _title(after),
        "is_private": after["classification"] != "public",
        "fields": list(after),
        "detail": {"remote_fp": mark(event)},
    }
    _finish(row)
    return row


def for_question(ctx: Context, event: t.MirrorEvent, several: Sequence[t.Activity]) -> Row:
    """Return the step that tells that a person is asked which of several activities an event is."""
    row = _row(ctx, event_subject(t.pk(event)), Action.NONE, False, {}, Reason.DUPLICATE_MATCH)
    row |= {
        "calendar_id": event.calendar_id,
        "event_id": event.id,
        "title": event.title[:500],
        "is_private": event.facts["classification"] != "public",
        "state": StepState.CONFLICT,
        "finished_at": ctx.now(),
        "detail": {"remote_fp": mark(event), "candidates": [a.id for a in several]},
    }
    _finish(row)
    return row


def for_new_event(ctx: Context, activity: t.Activity, calendar: t.Calendar, after: Content) -> Row:
    """Return the step that writes an activity to a calendar for the first time."""
    subject = activity_subject(t.pk(activity), t.pk(calendar))
    row = _row(ctx, subject, Action.CREATE, True, after, Reason.LOCAL_CREATED)
    row |= {
        "calendar_id": calendar.id,
        "activity_id": activity.id,
        "title": _title(activity.content),
        "is_private": activity.is_private,
        "fields": list(after),
        "key": key(activity, 0),
        "detail": {
            "local": activity.content,
            "local_fp": activity.fingerprint,
            "row_version": activity.row_version,
        },
    }
    row["people_mailed"] = _people(ctx, Action.CREATE, after, activity, calendar)
    _finish(row)
    return row


def for_left_out(ctx: Context, activity: t.Activity, calendar: t.Calendar, reason: Reason) -> Row:
    """Return the step of an activity that is not written to a calendar, for the reason given."""
    row = _row(ctx, activity_subject(t.pk(activity), t.pk(calendar)), Action.NONE, True, {}, reason)
    row |= {
        "calendar_id": calendar.id,
        "activity_id": activity.id,
        "title": activity.title[:500],
        "is_private": activity.is_private,
        "state": StepState.SKIPPED,
        "finished_at": ctx.now(),
    }
    _finish(row)
    return row


def for_note(ctx: Context, pair: Pair, action: Action, reason: Reason, state: StepState) -> Row:
    """Return the step of something that writes on neither side: linked, moved, parked, skipped."""
    row = _row(ctx, link_subject(t.pk(pair.link)), action, False, {}, reason)
    row |= {
        "calendar_id": pair.calendar.id,
        "activity_id": pair.activity.id,
        "event_id": pair.event.id,
        "link_id": pair.link.id,
        "title": _title(pair.activity.content),
        "is_private": pair.activity.is_private,
        "state": state,
        "finished_at": ctx.now(),
        "detail": {"local_fp": pair.activity.fingerprint, "remote_fp": mark(pair.event)},
    }
    _finish(row)
    return row


def for_fault(ctx: Context, resource: t.MirrorResource) -> Row:
    """Return the failed step that names an event we cannot read."""
    row = _row(ctx, fault_subject(t.pk(resource)), Action.NONE, False, {}, Reason.BROKEN_EVENT)
    row |= {
        "calendar_id": resource.calendar_id,
        "title": resource.handle.rsplit("/", 1)[-1][:500],
        "state": StepState.FAILED,
        "attempts": 1,
        "error_class": "invalid_data",
        "error": resource.fault or "",
        "next_attempt_at": t.NEVER,
        "finished_at": ctx.now(),
        "detail": {"handle": resource.handle},
    }
    _finish(row)
    return row


def is_arriving(event: t.MirrorEvent, keys: Collection[str]) -> bool:
    """Return whether an event is what a create made whose answer never came: repeating it will find this very event.

    `keys` are those of such creates. A provider that gives events a uid of its own keeps our mark.
    """
    return bool(keys) and any(event.uid == uid_of(key) or event.our_id == key.partition("-")[0] for key in keys)


def uid_of(key: str) -> str:
    """Return the uid of an event that a record gets after its first one was erased."""
    return f"{key}@calsync"


def key(activity: t.Activity, generation: int) -> str:
    """Return what makes a repeated create harmless: the same for every try of the same record."""
    return activity.public_id if generation == 0 else f"{activity.public_id}-{generation}"


def _row(ctx: Context, subject: str, action: Action, outbound: bool, after: Content, reason: Reason) -> Row:
    return {
        "run_id": ctx.run_id,
        "account_id": ctx.account_id,
        "calendar_id": None,
        "activity_id": None,
        "event_id": None,
        "link_id": None,
        "subject": subject,
        "title": "",
        "is_private": False,
        "action": action,
        "direction": Direction.OUTBOUND if outbound else Direction.INBOUND,
        "fields": [],
        "before": None,
        "after": after,
        "losing": None,
        "detail": {},
        "reason": reason,
        "state": StepState.PLANNED,
        "key": "",
        "people_mailed": 0,
        "digest": "",
        "is_approved": False,
        "attempts": 0,
        "error_class": "",
        "error": "",
        "next_attempt_at": None,
        "finished_at": None,
        "created_at": ctx.now(),
    }


def _finish(row: Row) -> None:
    row["digest"] = brake.step_digest(row["subject"], Action(row["action"]), row["direction"], row["after"])


def _title(content: Content) -> str:
    return str(content.get("summary") or "")[:500]


def _remote_content(event: t.MirrorEvent) -> Content:
    return event.facts


def _count_mail(ctx: Context, row: Row, action: Action, held: Content, pair: Pair) -> None:
    row["people_mailed"] = _people(ctx, action, {**held, **row["after"]}, pair.activity, pair.calendar)
    if _would_mail_unasked(ctx, action, held, pair):
        row["state"], row["reason"] = StepState.HELD, Reason.WOULD_MAIL
        row["people_mailed"] = mailing.guests(held, ctx.own_addresses)


def _people(ctx: Context, action: Action, content: Content, activity: t.Activity, calendar: t.Calendar) -> int:
    if not (ctx.capabilities.mails_by_choice or ctx.capabilities.mails_on_write):
        return 0
    rules = booked_rules.rules_of(ctx, activity, t.pk(calendar))
    rule = mailing.rule_for(action, rules, activity.span_end, ctx.now())
    return mailing.people(content, rule, rules, ctx.own_addresses)


def _would_mail_unasked(ctx: Context, action: Action, held: Content, pair: Pair) -> bool:
    """A write that cannot be silent and would mail guests against the settings."""
    if not ctx.capabilities.mails_on_write or pair.activity.span_end <= ctx.now():
        return False
    rules = booked_rules.rules_of(ctx, pair.activity, t.pk(pair.calendar))
    rule = mailing.rule_for(action, rules, pair.activity.span_end, ctx.now())
    return rule is not MailRule.ALL and mailing.guests(held, ctx.own_addresses) > 0
