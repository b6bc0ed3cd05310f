"""Rows to the values that the engine decides on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from calsync.engine import mapping, projection
from calsync.engine.event import FIELDS, Content
from calsync.engine.pair import Agreed, Local, Remote, Terms
from calsync.engine.vocabulary import EventKind, LinkState, Policy, Reason
from calsync.services import booked_rules
from calsync.services.context import Context
from calsync.store import tables as t
from calsync.store.links import Pair


def local_of(activity: t.Activity) -> Local:
    """Return an activity's side of a pair. An override that went back to its series is gone."""
    edited = {name: datetime.fromisoformat(text) for name, text in activity.field_times.items()}
    return Local(
        content=activity.content,
        is_gone=activity.status == "cancelled" or activity.is_dissolved,
        edited_at=edited,
        gone_at=activity.cancelled_at or edited.get("status"),
    )


class HasFacts(Protocol):
    """A mirrored event, as a row or as some of its columns."""

    @property
    def facts(self) -> dict[str, Any]: ...


def content_of(event: HasFacts) -> Content:
    return {name: event.facts[name] for name in FIELDS}


def remote_of(ctx: Context, event: t.MirrorEvent) -> Remote:
    """Return a mirrored event's side, its time corrected by the provider's clock."""
    told = event.facts.get("last_modified")
    modified = None if told is None or event.is_deleted else datetime.fromisoformat(told) - ctx.offset()
    return Remote(
        content=content_of(event),
        seen_at=event.seen_at,
        is_gone=event.is_deleted or event.is_cancelled,
        is_erased=event.is_deleted,
        is_hole=is_hole(ctx, event),
        modified_at=modified,
        after=event.before_read_at,
    )


def is_hole(ctx: Context, event: t.MirrorEvent) -> bool:
    """Return whether an event is a cancelled occurrence of its own. Its series may have changed it since, or may do so
    in the same run: what it holds, and its version, are nothing to write over.
    """
    is_alone = bool(event.recurrence_key) and not ctx.capabilities.series_is_one_resource
    return is_alone and event.is_cancelled and not event.is_deleted


def agreed_of(ctx: Context, link: t.Link) -> Agreed:
    return Agreed(
        local=link.agreed_local,
        remote=link.agreed_remote,
        was_gone=link.state == LinkState.CANCELLED,
        is_ours=link.is_ours,
        projection_changed=link.projection != ctx.projection_digest(),
        pushes={name: (value, int(times)) for name, (value, times) in link.pushes.items()},
    )


def terms_of(ctx: Context, pair: Pair, *, is_source: bool, choices: Mapping[str, Policy]) -> Terms:
    """Return what the account's rules, access and capabilities mean for one pair."""
    project, hidden = writing(ctx, pair)
    return Terms(
        policy=ctx.rules.policy,
        field_policies={name: Policy(policy) for name, policy in ctx.rules.field_policies},
        per_field=ctx.rules.merge_fields,
        deletions=ctx.rules.deletions,
        cancel_visibly=cancels_visibly(ctx, pair.activity.recurrence_key),
        push_refused=push_refused(ctx, pair),
        may_pull=ctx.may_pull,
        is_source=is_source,
        is_owner=not pair.link.is_guest_copy,
        own_addresses=ctx.own_addresses,
        hidden=hidden,
        project=project,
        choices=choices,
    )


def push_refused(ctx: Context, pair: Pair) -> Reason | None:
    """Return why nothing may be written to a pair's event, or None. Providers let some kinds be read alone."""
    kind = EventKind(pair.event.facts.get("event_kind", EventKind.DEFAULT))
    refused = None if kind in ctx.capabilities.edits_kinds else Reason.READ_ONLY_KIND
    return ctx.push_refused(pair.calendar) or refused


def cancels_visibly(ctx: Context, recurrence_key: str) -> bool:
    """A removed occurrence has one form, the series' EXDATE, so an override is never left as cancelled."""
    return ctx.capabilities.cancel_is_visible and ctx.rules.cancel_visibly and recurrence_key == ""


def writing(ctx: Context, pair: Pair) -> tuple[Callable[[Content], Content], frozenset[str]]:
    """Return how local content is written out, and the fields that are therefore never read back."""
    if pair.link.is_ours:
        rules = booked_rules.rules_of(ctx, pair.activity, t.pk(pair.calendar))
        return (
            lambda content: projection.project(content, rules, ctx.capabilities)[0],
            projection.hidden(rules, ctx.capabilities),
        )
    untouched = frozenset(FIELDS) - ctx.capabilities.expresses
    untouched |= mapping.concealed(content_of(pair.event), ctx.rules)
    return _without(untouched), untouched


def _without(fields: frozenset[str]) -> Callable[[Content], Content]:
    if not fields:
        return dict
    return lambda content: {name: value for name, value in content.items() if name not in fields}
