"""Steps to writes: which steps go into one request, and what that request says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col

from calsync.engine import event as events
from calsync.engine import mailing
from calsync.engine.event import FIELDS, Event, Person, parse_moment
from calsync.engine.vocabulary import Action, MailRule
from calsync.providers.base import Edit, Write
from calsync.services import booked_rules, drafts
from calsync.services.context import Context
from calsync.store import tables as t


@dataclass(slots=True)
class Target:
    """One step with the rows it is about."""

    step: t.Step
    activity: t.Activity
    calendar: t.Calendar
    link: t.Link | None = None
    event: t.MirrorEvent | None = None
    resource: t.MirrorResource | None = None  # that of the event


@dataclass(slots=True)
class Group:
    """Steps that are one write: all on one resource, or one create. `write` is what will be sent."""

    calendar: t.Calendar
    targets: list[Target]
    resource: t.MirrorResource | None
    write: Write
    wanted: dict[int, Event] = field(default_factory=dict)  # step id -> the event as it shall be
    tries: int = 0
    asked_s: float = 0.0  # how long the provider asked to wait before the next try
    is_repeat: bool = False  # a try before this one may have taken effect
    is_looked_up: bool = False  # what came of it was read later, when others may have edited it, too
    is_stale: bool = False  # what the steps were planned against is no longer there

    @property
    def creates(self) -> bool:
        return self.write.handle is None


def load(session: Session, batch: Sequence[t.Step]) -> list[Target]:
    """Return the steps with their rows, in order. A step whose activity or calendar is gone is left out."""
    activities = _by_id(session, t.Activity, {s.activity_id for s in batch})
    calendars = _by_id(session, t.Calendar, {s.calendar_id for s in batch})
    links = _by_id(session, t.Link, {s.link_id for s in batch})
    mirrored = _by_id(session, t.MirrorEvent, {s.event_id for s in batch})
    resources = _by_id(session, t.MirrorResource, {event.resource_id for event in mirrored.values()})
    targets = []
    for step in batch:
        activity, calendar = activities.get(step.activity_id or 0), calendars.get(step.calendar_id or 0)
        if activity is not None and calendar is not None:
            link, event = links.get(step.link_id or 0), mirrored.get(step.event_id or 0)
            resource = None if event is None else resources.get(event.resource_id)
            targets.append(Target(step, activity, calendar, link, event, resource))
    return targets


def group(session: Session, ctx: Context, targets: Sequence[Target]) -> list[Group]:
    """Return the writes that carry these steps, in the order of their first steps."""
    grouped: dict[tuple[int, str], list[Target]] = {}
    resources: dict[tuple[int, str], t.MirrorResource | None] = {}
    for target in targets:
        resource = _resource(session, ctx, target)
        key = (t.pk(target.calendar), f"step:{target.step.id}" if resource is None else resource.handle)
        grouped.setdefault(key, []).append(target)
        resources[key] = resource
    return [_group(session, ctx, members, resources[key]) for key, members in grouped.items()]


Row = TypeVar("Row", bound=SQLModel)


def _by_id(session: Session, table: type[Row], ids: set[int | None]) -> dict[int, Row]:
    wanted = {i for i in ids if i is not None}
    if not wanted:
        return {}
    key: Any = table.id  # type: ignore[attr-defined]
    return {t.pk(row): row for row in session.scalars(sa.select(table).where(key.in_(wanted)))}


def _resource(session: Session, ctx: Context, target: Target) -> t.MirrorResource | None:
    """Return the resource that a step writes to; None when it creates one."""
    if target.step.action == Action.CREATE:
        return _series_resource(session, ctx, target) if target.activity.recurrence_key else None
    return target.resource


def _series_resource(session: Session, ctx: Context, target: Target) -> t.MirrorResource | None:
    """Return the resource of the series that a new override belongs to, where one resource holds them all."""
    if not ctx.capabilities.series_is_one_resource:
        return None
    master = _master(session, target)
    return None if master is None else session.get(t.MirrorResource, master.resource_id)


def _master(session: Session, target: Target) -> t.MirrorEvent | None:
    """Return the mirrored series of an override's activity in the step's calendar."""
    master = aliased(t.Activity)
    query = (
        sa.select(t.MirrorEvent)
        .join(t.Link, col(t.Link.event_id) == col(t.MirrorEvent.id))
        .join(master, col(master.id) == col(t.Link.activity_id))
        .where(
            col(t.Link.calendar_id) == target.calendar.id,
            col(master.uid) == target.activity.uid,
            col(master.recurrence_key) == "",
            col(t.MirrorEvent.is_deleted).is_(False),
        )
    )
    return session.scalars(query).first()


def _group(session: Session, ctx: Context, members: list[Target], resource: t.MirrorResource | None) -> Group:
    wanted: dict[int, Event] = {}
    edits: list[Edit] = []
    for target in members:
        edit = _edit(session, ctx, target)
        wanted[t.pk(target.step)] = edit.event
        edits.append(edit)
    first = members[0]
    write = Write(
        key=first.step.key,
        edits=tuple(edits),
        handle=None if resource is None else resource.handle,
        version=None if resource is None else resource.version,
        body=None if resource is None else resource.body,
        series=_series_handle(session, ctx, first),
        occurrences=_occurrences(session, ctx, first),
        is_delete=_deletes(ctx, members),
        mail=_mail(ctx, members),
    )
    group = Group(first.calendar, members, resource, write, wanted)
    group.is_repeat = any(target.step.detail.get("is_repeat") for target in members)
    group.is_stale = resource is not None and any(_is_stale(target, resource) for target in members)
    return group


def _is_stale(target: Target, resource: t.MirrorResource) -> bool:
    """Return whether a step was planned against another version of its resource."""
    planned = target.step.detail.get("version")
    if resource.is_deleted or resource.fault is not None:
        return True
    return target.step.action != Action.CREATE and planned != resource.version


def _edit(session: Session, ctx: Context, target: Target) -> Edit:
    after = target.step.after or {}
    if target.step.action == Action.CREATE:
        new = _new_event(session, ctx, target)
        return Edit(new, link=_link_kind(ctx, target, new), rooms=_rooms(ctx, target))
    base = events.from_json(target.event.facts if target.event is not None else {})
    if _removes_override(ctx, target):
        return Edit(base, frozenset(), is_removed=True)
    marked = replace(base, our_id=target.activity.public_id) if target.link and target.link.is_ours else base
    wanted = events.with_content(marked, after)
    fields, link = frozenset(after) & frozenset(FIELDS), _link_kind(ctx, target, wanted)
    return Edit(wanted, fields, link=link, rooms=_rooms(ctx, target))


def _rooms(ctx: Context, target: Target) -> tuple[Person, ...] | None:
    return booked_rules.rooms(ctx, target.activity, t.pk(target.calendar))


def _link_kind(ctx: Context, target: Target, wanted: Event) -> str | None:
    """Return the kind of conference that the provider is to make: the activity's place, while it has no join link."""
    kind = target.activity.location_kind
    is_ours = target.link is None or target.link.is_ours
    if not booked_rules.is_main(ctx, target.activity, t.pk(target.calendar)):
        return None
    return kind if is_ours and kind in ctx.capabilities.makes_links and wanted.conference is None else None


def _removes_override(ctx: Context, target: Target) -> bool:
    over = target.step.action in (Action.CANCEL, Action.DELETE)
    return over and bool(target.activity.recurrence_key)


def _new_event(session: Session, ctx: Context, target: Target) -> Event:
    content = target.step.after or {}
    moment = events.parse_moment(content["time"]["start"])
    bare = Event(
        uid=_uid(session, target),
        start=moment,
        end=moment,
        recurrence_id=parse_moment(target.activity.recurrence_key) if target.activity.recurrence_key else None,
        organizer=_organizer(ctx) if content.get("attendees") else None,
        our_id=target.activity.public_id,
    )
    return events.with_content(bare, {name: content[name] for name in FIELDS if name in content})


def _uid(session: Session, target: Target) -> str:
    """An override has its series' uid there; a record revived after an erasure needs one never used before."""
    if target.activity.recurrence_key:
        master = _master(session, target)
        return master.uid if master is not None else target.activity.uid
    if target.link is None:
        return target.activity.uid
    return drafts.uid_of(target.step.key)


def _organizer(ctx: Context) -> Person | None:
    addresses = sorted(a for a in ctx.own_addresses if "@" in a)
    return Person(addresses[0]) if addresses else None


def _series_handle(session: Session, ctx: Context, target: Target) -> str | None:
    """Return the handle of the series, where occurrences are resources of their own."""
    if ctx.capabilities.series_is_one_resource or not target.activity.recurrence_key:
        return None
    master = _master(session, target)
    resource = None if master is None else session.get(t.MirrorResource, master.resource_id)
    return None if resource is None else resource.handle


def _occurrences(session: Session, ctx: Context, target: Target) -> dict[str, str | None] | None:
    """Return the changed occurrences that the mirror knows of a series that is edited, None where that says nothing."""
    event = target.event
    if ctx.capabilities.series_is_one_resource or event is None or not event.is_series:
        return None
    resource = t.MirrorResource
    query = (
        sa.select(col(resource.handle), col(resource.version))
        .join(t.MirrorEvent, col(t.MirrorEvent.resource_id) == col(resource.id))
        .where(
            col(t.MirrorEvent.calendar_id) == event.calendar_id,
            col(t.MirrorEvent.uid) == event.uid,
            col(t.MirrorEvent.recurrence_key) != "",
            col(resource.is_deleted).is_(False),
        )
    )
    return {str(handle): version for handle, version in session.execute(query)}


def _deletes(ctx: Context, members: Sequence[Target]) -> bool:
    """Return whether the whole resource goes: erased outright, or an occurrence that is a resource of its own."""
    if ctx.capabilities.series_is_one_resource:
        return any(m.step.action == Action.DELETE and not m.activity.recurrence_key for m in members)
    return any(m.step.action == Action.DELETE or _removes_override(ctx, m) for m in members)


def _mail(ctx: Context, members: Sequence[Target]) -> MailRule:
    """Return who may be told; where several steps share a write, the most that one of them allows."""
    order = (MailRule.NEVER, MailRule.EXTERNAL, MailRule.ALL)
    rules = [_mail_of(ctx, member) for member in members]
    return max(rules, key=order.index)


def _mail_of(ctx: Context, target: Target) -> MailRule:
    rules = booked_rules.rules_of(ctx, target.activity, t.pk(target.calendar))
    return mailing.rule_for(Action(target.step.action), rules, target.activity.span_end, ctx.now())
