"""Closing a write: its outcome goes to mirror, link and steps in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import projection, pushes, series
from calsync.engine.event import Content, Event, fingerprint
from calsync.engine.resource import Resource
from calsync.engine.vocabulary import Action, LinkState, StepState
from calsync.errors import ProviderError, RateLimited, Rejected, SignInNeeded, VersionMismatch
from calsync.providers.base import Written
from calsync.services import cases, failures, new_links, rereading
from calsync.services.context import Context
from calsync.services.writes import Group, Target
from calsync.store import activities, mirror, placements, polls, steps
from calsync.store import tables as t


@dataclass(slots=True)
class Tally:
    """What the remote half did. `missed` steps must be decided again in this run; `unanswered` writes in a row found
    nobody there.
    """

    done: int = 0
    failed: int = 0
    missed: int = 0
    unanswered: int = 0
    created_series: bool = False


def mark(ctx: Context, groups: Sequence[Group]) -> None:
    """Prove the lease and write down that these steps are being written. Raises LeaseLost."""
    with ctx.rt.writing() as session:
        ctx.holding(session)
        _set(session, groups, state=StepState.APPLYING)
    ctx.keep_lease()


def give_back(ctx: Context, groups: Sequence[Group]) -> None:
    """Return steps that were not settled to where a later run finds them."""
    certain = [group for group in groups if not group.is_repeat]
    with ctx.rt.writing() as session:
        ctx.holding(session)
        _set(session, certain, state=StepState.PLANNED)
        _set(session, [group for group in groups if group.is_repeat], state=StepState.IN_DOUBT)


def doubt(ctx: Context, group: Group) -> None:
    """Leave a step in doubt; remember on it that a try may have taken effect."""
    with ctx.rt.writing() as session:
        ctx.holding(session)
        for target in group.targets:
            step = session.get_one(t.Step, target.step.id)
            step.state, step.detail = StepState.IN_DOUBT, step.detail | {"is_repeat": True}


def plan_anew(ctx: Context, group: Group) -> None:
    """Close steps that certainly did not take effect: the coming plan decides them again."""
    with ctx.rt.writing() as session:
        ctx.holding(session)
        _set(session, [group], state=StepState.SUPERSEDED, finished_at=ctx.now())


def miss(ctx: Context, groups: Sequence[Group], tally: Tally) -> None:
    """Close steps whose resource is no longer what they were planned against."""
    if not groups:
        return
    with ctx.rt.writing() as session:
        ctx.holding(session)
        _set(session, groups, state=StepState.SUPERSEDED, finished_at=ctx.now())
    tally.missed += sum(len(group.targets) for group in groups)


def _set(session: Session, groups: Sequence[Group], **values: Any) -> None:
    ids = [target.step.id for group in groups for target in group.targets]
    if ids:
        session.execute(
            sa.update(t.Step)
            .where(col(t.Step.id).in_(ids))
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def close(ctx: Context, group: Group, answer: Written, tally: Tally) -> ProviderError | None:
    """Write the outcome of one group down. Returns the error that must end the run, or None."""
    if isinstance(answer, RateLimited | SignInNeeded):
        give_back(ctx, [group])
        return answer
    if isinstance(answer, VersionMismatch) or _is_missing(group, answer):
        rereading.reread(ctx, group, answer)
        miss(ctx, [group], tally)
        ctx.rt.checkpoint("apply.reread")
        return None
    if isinstance(answer, ProviderError):
        _fail(ctx, group, answer, tally)
        return None
    with ctx.rt.writing() as session:
        ctx.holding(session)
        if answer is None:
            _close_erased(session, ctx, group, group.calendar)
        else:
            _close_written(session, ctx, group, group.calendar, answer)
        _count(session, ctx, group, tally)
    ctx.rt.checkpoint("apply.closed")
    return None


def _is_missing(group: Group, answer: Written) -> bool:
    """Return whether the resource is no longer there: that is a change there, and is decided like one."""
    return group.write.handle is not None and isinstance(answer, Rejected) and answer.code == "not_found"


def _count(session: Session, ctx: Context, group: Group, tally: Tally) -> None:
    tally.done += len(group.targets)
    created = any(m.step.action == Action.CREATE and m.activity.is_series for m in group.targets)
    tally.created_series = tally.created_series or created
    polls.note_progress(session, ctx.run_id, len(group.targets))


# --- success


def _close_written(session: Session, ctx: Context, group: Group, calendar: t.Calendar, answer: Resource) -> None:
    before = group.write.version
    folds = ctx.capabilities.series_is_one_resource
    mirror.save(session, calendar, [answer], ctx.now(), own_addresses=ctx.own_addresses, folds=folds, trusts=True)
    session.flush()
    if not folds:
        mirror.refold(session, t.pk(calendar), {e.uid for e in answer.events}, ctx.now())
    resource = mirror.get(session, t.pk(calendar), answer.handle)
    resource.written_at = ctx.now()
    resource.replaced_version = before if before != answer.version else None
    held = mirror.events_of(session, t.pk(resource))
    for target in group.targets:
        wanted = group.wanted[t.pk(target.step)]
        event = held.get((wanted.uid, target.activity.recurrence_key))
        if event is None:
            event = held.get(_only(held)) if group.creates else _as_it_was(session, target)
        _agree(session, ctx, group, target, event, answer)


def _only(held: dict[tuple[str, str], t.MirrorEvent]) -> tuple[str, str]:
    """A provider may give a new record a uid of its own: it is then the only event of its resource."""
    return next(iter(held)) if len(held) == 1 else ("", "")


def _as_it_was(session: Session, target: Target) -> t.MirrorEvent | None:
    """Return the mirrored event of a step that took its event out of the resource."""
    return None if target.event is None else session.get(t.MirrorEvent, target.event.id)


def _close_erased(session: Session, ctx: Context, group: Group, calendar: t.Calendar) -> None:
    handle = group.write.handle or ""
    mirror.bury(session, calendar, [handle], ctx.now())
    session.flush()
    resource = mirror.get(session, t.pk(calendar), handle)
    resource.written_at, resource.replaced_version = ctx.now(), group.write.version
    for target in group.targets:
        _agree(session, ctx, group, target, _as_it_was(session, target), None)


def _agree(
    session: Session,
    ctx: Context,
    group: Group,
    target: Target,
    event: t.MirrorEvent | None,
    answer: Resource | None,
) -> None:
    """Move the link's snapshots to what this step carried and got back, and close the step."""
    step, link = target.step, _link(session, ctx, target, event)
    over = step.action in (Action.CANCEL, Action.DELETE)
    if link is not None:
        _snapshots(ctx, group, target, link, event, answer)
        link.state = LinkState.CANCELLED if over else LinkState.ACTIVE
        link.park_reason = ""
        if step.detail.get("parks"):
            link.state, link.park_reason = LinkState.PARKED, step.reason
        link.pushes = _pushes(link, step, asks=_asks_for_link(group))
        link.agreed_at = ctx.now()
        link.waits_for, link.considered_rules = "", ""
        if step.action == Action.CREATE and target.link is not None:
            link.generation += 1
        session.add(link)
        session.flush()
    link_id = step.link_id if link is None else t.pk(link)
    steps.close_as_done(session, step, ctx.now(), link_id, step.event_id if event is None else t.pk(event))
    activities.include(session, t.pk(target.activity))


def _link(session: Session, ctx: Context, target: Target, event: t.MirrorEvent | None) -> t.Link | None:
    if target.link is None:
        if event is None:
            return None
        link = new_links.new_link(ctx, target.activity, event)
        link.is_ours, link.is_guest_copy = True, False
        placements.note_written(session, link.activity_id, link.calendar_id, ctx.now())
        return link
    link = session.get_one(t.Link, target.link.id)
    if event is not None and link.event_id != event.id:
        link.aliases = [*link.aliases, link.uid]
        link.event_id, link.uid, link.calendar_id = event.id, event.uid, event.calendar_id
    return link


def _snapshots(
    ctx: Context,
    group: Group,
    target: Target,
    link: t.Link,
    event: t.MirrorEvent | None,
    answer: Resource | None,
) -> None:
    carried: Content = target.step.detail["local"]
    remote = link.agreed_remote if event is None else cases.content_of(event)
    if group.is_looked_up:
        # Only what was sent is known to be ours: any other difference is an edit there, which is yet to come in.
        remote = {**link.agreed_remote, **{n: remote[n] for n in target.step.fields if n in remote}}
    elif answer is not None and (answer.is_adopted or group.is_repeat):
        remote = _as_sent(group, target, remote)
    if _asks_for_link(group):
        # The provider made the join link, nobody here: left out of what was agreed, it reads as a change there.
        remote = {**remote, "conference": carried["conference"]}
    if target.step.detail.get("waits_for"):
        names = list(target.step.fields)
        carried = {**link.agreed_local, **{n: carried[n] for n in names}}
        remote = {**link.agreed_remote, **{n: remote[n] for n in names}}
    link.agreed_local, link.local_fp = carried, fingerprint(carried)
    link.agreed_remote, link.remote_fp = remote, fingerprint(remote)
    link.projection = ctx.projection_digest()


def _as_sent(group: Group, target: Target, remote: Content) -> Content:
    """A repeated create found what an earlier try made, and somebody may have edited it since.

    The snapshot is then what we sent, so that such an edit reads as one.
    """
    sent = events.content(group.wanted[t.pk(target.step)])
    return {**remote, **sent, "description": projection.strip_block(sent["description"])}


def _asks_for_link(group: Group) -> bool:
    return any(edit.link for edit in group.write.edits)


def _pushes(link: t.Link, step: t.Step, *, asks: bool) -> dict[str, Any]:
    """Count what was pushed. A link that is asked for is the provider's to choose: that counts as no value of ours."""
    known = {name: (value, int(times)) for name, (value, times) in link.pushes.items()}
    counted = pushes.count(known, step.after or {}) if step.action == Action.UPDATE else {}
    if asks:
        counted.pop("conference", None)
    return {name: list(pair) for name, pair in counted.items()}


# --- anything else


def _fail(ctx: Context, group: Group, error: ProviderError, tally: Tally) -> None:
    with ctx.rt.writing() as session:
        ctx.holding(session)
        for target in group.targets:
            step = session.get_one(t.Step, target.step.id)
            failures.record(step, error, ctx.now())
            if group.is_repeat and step.state == StepState.FAILED:
                step.state = StepState.IN_DOUBT
            if step.state == StepState.IN_DOUBT:
                step.detail = step.detail | {"is_repeat": True}
    tally.failed += len(group.targets)
    ctx.rt.checkpoint("apply.failed")


def is_as_wanted(ctx: Context, group: Group, found: Resource) -> bool:
    """Return whether a resource that was read back holds everything that the write carried."""
    folds = ctx.capabilities.series_is_one_resource
    held = {
        (e.uid, events.recurrence_key(e)): e for e in (series.fold_cancelled(found.events) if folds else found.events)
    }
    return all(_is_done(ctx, target, group.wanted[t.pk(target.step)], held) for target in group.targets)


def _is_done(ctx: Context, target: Target, wanted: Event, held: dict[tuple[str, str], Event]) -> bool:
    event = held.get((wanted.uid, target.activity.recurrence_key))
    over = target.step.action in (Action.CANCEL, Action.DELETE)
    if event is None or event.is_cancelled:
        return over
    if over:
        return False
    there, sent = events.content(event), events.content(wanted)
    return all(there[name] == sent[name] for name in target.step.fields if name in there)
