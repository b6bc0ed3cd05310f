"""New links: an event and an activity that turned out to be the same thing, or that one was just made of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from calsync.engine import event as events
from calsync.engine.event import Content, Event, fingerprint
from calsync.engine.merge import SET_FIELDS
from calsync.engine.vocabulary import Action, LinkState, Reason, StepState
from calsync.services import cases, drafts, linked, planned, settle
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.services.planned import Plan
from calsync.store import placements
from calsync.store import tables as t
from calsync.store.links import Pair


@dataclass(frozen=True, slots=True)
class Unlinked:
    """A living event without a link, with its rows."""

    event: t.MirrorEvent
    resource: t.MirrorResource
    calendar: t.Calendar
    value: Event


Matched = tuple[Unlinked, t.Activity, Reason]
"""An event, the activity that it is, and how that was seen."""


def link(ctx: Context, plan: Plan, matched: Sequence[Matched]) -> None:
    """Pair what was matched and decide each pair at once: what differs between them is a clash."""
    if not matched:
        return
    pairs = [pair_of(ctx, unlinked, activity) for unlinked, activity, _ in matched]
    if not ctx.is_dry:
        with ctx.rt.writing() as session:
            ctx.holding(session)
            session.add_all([pair.link for pair in pairs])
            for pair in pairs:
                placements.note_written(session, t.pk(pair.activity), t.pk(pair.calendar), ctx.now())
        ctx.rt.checkpoint("plan.linked")
    plan.matched.update(t.pk(activity) for _, activity, _ in matched)
    rows, effects = decide_matched(ctx, plan, matched, pairs)
    planned.save(ctx, plan, rows, effects)


def decide_matched(
    ctx: Context, plan: Plan, matched: Sequence[Matched], pairs: Sequence[Pair]
) -> tuple[list[Row], list[settle.Effect]]:
    """Return the steps of pairs that were just matched. Writes nothing; of a dry run their links are not saved."""
    with ctx.rt.reading() as session:
        around = settle.surroundings(session, ctx, [] if ctx.is_dry else pairs)
    rows: list[Row] = []
    effects: list[settle.Effect] = []
    for pair, (_, _, reason) in zip(pairs, matched, strict=True):
        if ctx.is_dry:
            pair.link.id = -t.pk(pair.event)
        rows.append(drafts.for_note(ctx, pair, Action.LINK, reason, StepState.DONE))
        linked.decide_pair(ctx, plan, pair, around, rows, effects)
    for row in rows if ctx.is_dry else []:
        row["link_id"] = None
    return rows, effects


def pair_of(ctx: Context, unlinked: Unlinked, activity: t.Activity) -> Pair:
    """Return an event and an activity that are the same thing, with a link that is not saved."""
    remote = cases.content_of(unlinked.event)
    agreed_local, agreed_remote = without_base(activity.content, remote)
    link = new_link(ctx, activity, unlinked.event)
    link.agreed_local, link.agreed_remote = agreed_local, agreed_remote
    link.local_fp, link.remote_fp = fingerprint(agreed_local), fingerprint(agreed_remote)
    link.is_ours = unlinked.event.our_id == activity.public_id
    return Pair(link, activity, unlinked.event, unlinked.resource, unlinked.calendar)


def without_base(local: Content, remote: Content) -> tuple[Content, Content]:
    """Return snapshots for two records that were never in agreement.

    What is equal agrees. Every other field reads as changed on both sides, hence as a clash; sets keep the elements
    of both.
    """
    agreed_local, agreed_remote = dict(local), dict(remote)
    for name in events.changed_fields(local, remote):
        if name in SET_FIELDS:
            common = _common(local[name], remote[name])
            agreed_local[name], agreed_remote[name] = common, common
        else:
            agreed_local[name], agreed_remote[name] = remote[name], local[name]
    return agreed_local, agreed_remote


def _common(ours: Any, theirs: Any) -> Any:
    if isinstance(ours, dict):
        return {key: value for key, value in ours.items() if theirs.get(key) == value}
    return [element for element in ours if element in theirs]


def new_link(ctx: Context, activity: t.Activity, event: t.MirrorEvent) -> t.Link:
    """Return an unsaved link in agreement about nothing but what both sides hold now."""
    columns = link_columns(ctx, event, activity.content, activity.fingerprint)
    return t.Link(activity_id=t.pk(activity), **columns)


class Linked(Protocol):
    """What a link takes over of its mirrored event."""

    @property
    def id(self) -> int | None: ...
    @property
    def calendar_id(self) -> int: ...
    @property
    def uid(self) -> str: ...
    @property
    def recurrence_key(self) -> str: ...
    @property
    def organizer(self) -> str | None: ...
    @property
    def facts(self) -> dict[str, Any]: ...
    @property
    def fingerprint(self) -> str: ...


def link_columns(ctx: Context, event: Linked, local: Content, local_fp: str) -> dict[str, Any]:
    """Return the columns of a new link but for its activity's id."""
    now = ctx.now()
    return {
        "account_id": ctx.account_id,
        "calendar_id": event.calendar_id,
        "event_id": event.id,
        "uid": event.uid,
        "aliases": [],
        "recurrence_key": event.recurrence_key,
        "state": LinkState.ACTIVE,
        "is_guest_copy": is_guest_copy(event.organizer, ctx.own_addresses),
        "agreed_local": local,
        "agreed_remote": cases.content_of(event),
        "local_fp": local_fp,
        "remote_fp": event.fingerprint,
        "projection": ctx.projection_digest(),
        "drift": [],
        "pushes": {},
        "agreed_at": now,
        "created_at": now,
    }


def is_guest_copy(organizer: str | None, own_addresses: frozenset[str]) -> bool:
    """Return whether somebody else organizes the event: shared fields then go out through their copy only."""
    return organizer is not None and organizer not in own_addresses
