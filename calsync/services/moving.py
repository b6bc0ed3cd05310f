"""One resource after the other to another calendar: the provider's half of moving events.

Steps stay `planned` until they are done, because nothing here is ever in doubt: what really happened shows in the next
read, and the engine follows events that moved.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.resource import Resource
from calsync.engine.vocabulary import StepState
from calsync.errors import ProviderError, RateLimited, SignInNeeded
from calsync.providers.base import CalendarClient, Write
from calsync.services import failures, halting
from calsync.services.context import Context
from calsync.store import existing, mirror
from calsync.store import tables as t
from calsync.store.links import Pair


def in_one_piece(ctx: Context, target: t.Calendar) -> bool:
    """Return whether events of this run's account can go to `target` without being copied."""
    return target.account_id == ctx.account_id and ctx.capabilities.can_move


def carry(ctx: Context, pairs: Sequence[Pair], target: t.Calendar) -> None:
    """Move the resources of these pairs, each with everything in it. Raises what ends the run."""
    if ctx.client is None:
        return
    by_resource: dict[int, list[Pair]] = {}
    for pair in pairs:
        by_resource.setdefault(t.pk(pair.resource), []).append(pair)
    for members in by_resource.values():
        ctx.keep_lease()
        halting.check(ctx)
        _carry_one(ctx, ctx.client, members, target)
        ctx.rt.checkpoint("move.closed")


def _carry_one(ctx: Context, client: CalendarClient, members: list[Pair], target: t.Calendar) -> None:
    try:
        if in_one_piece(ctx, target):
            first = members[0]
            moved = client.move(
                first.calendar.remote_id, first.resource.handle, first.resource.version, target.remote_id
            )
            ctx.rt.checkpoint("move.written")
            _close_moved(ctx, members, target, moved)
        else:
            _replace(ctx, client, members, target)
    except (RateLimited, SignInNeeded):
        raise
    except ProviderError as error:
        _fail(ctx, members, error)


# --- in one piece


def _close_moved(ctx: Context, members: list[Pair], target: t.Calendar, moved: Resource) -> None:
    """Re-point every link of the resource to its event in the new calendar, in one transaction."""
    with ctx.rt.writing() as session:
        ctx.holding(session)
        old, new = (session.get_one(t.Calendar, c.id) for c in (members[0].calendar, target))
        left = _events(session, t.pk(members[0].resource))
        mirror.bury(session, old, [members[0].resource.handle], ctx.now())
        folds = ctx.capabilities.series_is_one_resource
        mirror.save(session, new, [moved], ctx.now(), own_addresses=ctx.own_addresses, folds=folds, trusts=True)
        session.flush()
        resource = mirror.get(session, t.pk(new), moved.handle)
        resource.written_at = ctx.now()
        arrived = mirror.events_of(session, t.pk(resource))
        for event in left:
            there = arrived.get((event.uid, event.recurrence_key))
            _repoint(session, event, there, new)
        _done(session, ctx, members)


def _events(session: Session, resource_id: int) -> list[t.MirrorEvent]:
    query = sa.select(t.MirrorEvent).where(col(t.MirrorEvent.resource_id) == resource_id)
    return list(session.scalars(query))


def _repoint(session: Session, event: t.MirrorEvent, there: t.MirrorEvent | None, calendar: t.Calendar) -> None:
    if there is None:
        return
    change = sa.update(t.Link).where(col(t.Link.event_id) == event.id)
    values = {"event_id": there.id, "calendar_id": t.pk(calendar), "uid": there.uid}
    session.execute(change.values(**values).execution_options(synchronize_session=False))


# --- copied before: delete here


def _replace(ctx: Context, client: CalendarClient, members: list[Pair], target: t.Calendar) -> None:
    """Delete the old copy once the new one is known to be there. The links go first.

    An event that vanishes while a link still points to it would read as deleted by somebody and cancel the activity.
    """
    first = members[0]
    with ctx.rt.writing() as session:
        ctx.holding(session)
        if not existing.placed_ids(session, t.pk(target), [t.pk(first.activity)]):
            _skip(session, ctx, members)
            return
        for link in existing.links_of_uid(session, t.pk(first.calendar), first.link.uid):
            session.delete(link)
    ctx.rt.checkpoint("move.unlinked")
    resource = first.resource
    write = Write(key="", handle=resource.handle, version=resource.version, body=resource.body, is_delete=True)
    answer = client.write(first.calendar.remote_id, [write])[0]
    ctx.rt.checkpoint("move.written")
    if isinstance(answer, ProviderError):
        raise answer
    with ctx.rt.writing() as session:
        ctx.holding(session)
        mirror.bury(session, session.get_one(t.Calendar, first.calendar.id), [resource.handle], ctx.now())
        _done(session, ctx, members)


# --- the steps


def _steps(session: Session, ctx: Context, members: list[Pair]) -> list[t.Step]:
    ids = [pair.activity.id for pair in members]
    query = sa.select(t.Step).where(
        col(t.Step.run_id) == ctx.run_id, col(t.Step.activity_id).in_(ids), col(t.Step.state) == StepState.PLANNED
    )
    return list(session.scalars(query))


def _done(session: Session, ctx: Context, members: list[Pair]) -> None:
    done = _steps(session, ctx, members)
    for step in done:
        step.state, step.finished_at, step.attempts = StepState.DONE, ctx.now(), step.attempts + 1
    run = session.get_one(t.Run, ctx.run_id)
    run.progress_done += len(done)


def _skip(session: Session, ctx: Context, members: list[Pair]) -> None:
    for step in _steps(session, ctx, members):
        step.state, step.finished_at = StepState.SKIPPED, ctx.now()


def _fail(ctx: Context, members: list[Pair], error: ProviderError) -> None:
    """Say on the steps why it did not work; where the event is now shows in the next read."""
    with ctx.rt.writing() as session:
        ctx.holding(session)
        for step in _steps(session, ctx, members):
            failures.record(step, error, ctx.now())
            step.state = StepState.FAILED
