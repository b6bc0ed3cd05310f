"""Writing busy blocks: each saved before it is asked for, closed with what the calendar made of it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session

from calsync.engine import busy_blocks as blocks
from calsync.engine import event as events
from calsync.engine.busy_blocks import Do, Wanted
from calsync.engine.event import Content, Event
from calsync.engine.vocabulary import Action
from calsync.errors import ProviderError, RateLimited, Rejected, SignInNeeded, Unavailable, VersionMismatch
from calsync.providers.base import Edit, Write, Written
from calsync.services import block_steps, failures, halting
from calsync.services.context import Context
from calsync.store import busy_blocks as rows
from calsync.store import mirror
from calsync.store import tables as t

FIELDS = frozenset(
    {"summary", "time", "exdates", "description", "location", "status", "transparency", "classification", "reminders"}
)
"""What a block is put right in. Guests whom somebody invited to it stay theirs."""

SOON, LATER, TOMORROW = timedelta(seconds=30), timedelta(minutes=5), blocks.A_DAY


@dataclass(slots=True)
class _Job:
    """One write in the making: what is wanted, its row, what was sent, and the step that tells of it."""

    wanted: Wanted
    row: t.BusyBlock | None
    event: Event | None
    content: Content | None
    resource: t.MirrorResource | None
    write: Write
    held: t.MirrorEvent | None = None
    step_id: int = 0


def carry_out(ctx: Context, calendar: t.Calendar, found: Sequence[Wanted]) -> None:
    """Write a batch of at most Capabilities.batch_size blocks. Raises what ends a run, Halted among it."""
    halting.check(ctx)  # before anything is noted as begun
    jobs = _prepare(ctx, calendar, found)
    ctx.rt.checkpoint("blocks.saved")
    if not jobs or ctx.client is None:
        return
    ctx.keep_lease()
    answers = ctx.client.write(calendar.remote_id, [job.write for job in jobs])
    ctx.rt.checkpoint("blocks.written")
    with ctx.rt.writing() as session:
        ctx.holding(session)
        for job, answer in zip(jobs, answers, strict=True):
            _close(session, ctx, calendar, job, answer)
    ctx.rt.checkpoint("blocks.closed")
    for answer in answers:
        if isinstance(answer, RateLimited | SignInNeeded):
            raise answer


def _prepare(ctx: Context, calendar: t.Calendar, found: Sequence[Wanted]) -> list[_Job]:
    """Save what is about to be asked for, and return the writes. What needs none is closed here."""
    with ctx.rt.writing() as session:
        ctx.holding(session)
        there = [each.there.event_id for each in found if each.there is not None]
        origins = rows.events(session, [each.origin.event_id for each in found if each.origin is not None])
        pairs = [(row.calendar_id, row.uid) for row in origins.values() if row.is_series]
        changed = rows.changed_keys(session, pairs)
        held, resources = rows.events(session, there), rows.resources(session, there)
        drafts: list[_Job | None] = []
        for each in found:
            origin = None if each.origin is None else origins.get(each.origin.event_id)
            keys = [] if origin is None else changed.get((origin.calendar_id, origin.uid), [])
            stands = None if each.there is None else (held[each.there.event_id], resources[each.there.event_id])
            drafts.append(_job(session, ctx, calendar, each, _Cause(origin, keys), stands))
        jobs = [job for job in drafts if job is not None]
        for job, step_id in zip(jobs, block_steps.begin(session, ctx, calendar, [_what(j) for j in jobs]), strict=True):
            job.step_id = step_id
        return jobs


def _what(job: _Job) -> block_steps.What:
    """Return what the step of a write tells."""
    key = job.wanted.key if job.row is None else job.row.key
    action = Action.DELETE if job.write.is_delete else Action.CREATE if job.resource is None else Action.UPDATE
    origin_id = None if job.row is None else job.row.event_id
    after = {n: v for n, v in (job.content or {}).items() if n in FIELDS}
    return block_steps.What(key, job.wanted.key or key, action, job.held, origin_id, after or None)


class _Cause(NamedTuple):
    """The event that a block is about, with the keys of its occurrences that stand alone."""

    event: t.MirrorEvent | None
    changed: Sequence[str]


def _job(
    session: Session,
    ctx: Context,
    calendar: t.Calendar,
    wanted: Wanted,
    cause: _Cause,
    stands: tuple[t.MirrorEvent, t.MirrorResource] | None,
) -> _Job | None:
    row = None if wanted.block is None else session.get_one(t.BusyBlock, wanted.block.id)
    match wanted.do:
        case Do.FORGET if row is not None:
            session.delete(row)
            return None
        case Do.DELETE if stands is not None:
            if row is not None:
                row.stamp = ""
            return _Job(wanted, row, None, None, stands[1], _deletion(stands[1], wanted), stands[0])
        case Do.UPDATE if row is not None and stands is not None and cause.event is not None:
            return _update(ctx, calendar, wanted, row, cause, stands)
        case Do.CREATE:
            return _create(session, ctx, calendar, wanted, row, cause)
    return None


def _deletion(resource: t.MirrorResource, wanted: Wanted) -> Write:
    return Write(key="", handle=resource.handle, version=resource.version, body=resource.body, is_delete=True)


def _create(
    session: Session, ctx: Context, calendar: t.Calendar, wanted: Wanted, row: t.BusyBlock | None, cause: _Cause
) -> _Job | None:
    now = ctx.now()
    if row is None:
        if cause.event is None or wanted.origin is None:
            return None
        row = t.BusyBlock(
            calendar_id=t.pk(calendar),
            event_id=cause.event.id,
            key=uuid.uuid4().hex,
            content={},
            ends_at=cause.event.span_end,
            created_at=now,
        )
        session.add(row)
    if wanted.is_anew:
        row.key, row.remote_fp = uuid.uuid4().hex, ""
    event = _event(calendar, row, cause)
    if event is None:
        return None
    row.content, row.asked_at, row.stamp = events.content(event), now, ""
    if wanted.origin is not None:
        row.stamp, row.ends_at = wanted.origin.stamp, wanted.origin.ends_at
    session.flush()
    return _Job(wanted, row, event, row.content, None, Write(key=row.key, edits=(Edit(event),)))


def _update(
    ctx: Context,
    calendar: t.Calendar,
    wanted: Wanted,
    row: t.BusyBlock,
    cause: _Cause,
    stands: tuple[t.MirrorEvent, t.MirrorResource],
) -> _Job | None:
    event, (held, resource) = _event(calendar, row, cause), stands
    if event is None or wanted.origin is None:
        return None
    content = events.content(event)
    is_same = content == row.content and (row.remote_fp == held.fingerprint or _has_arrived(ctx, row, held))
    row.stamp, row.ends_at = wanted.origin.stamp, wanted.origin.ends_at
    if is_same:  # only what a block does not show has changed at its origin, or an answer was lost
        row.remote_fp = held.fingerprint
        row.tries, row.error, row.error_class, row.next_try_at = 0, "", "", None
        return None
    if content == row.content and row.remote_fp not in ("", blocks.PENDING):
        rested = row.rewritten_at is None or ctx.now() - row.rewritten_at > TOMORROW
        row.rewrites, row.rewritten_at = 1 if rested else row.rewrites + 1, ctx.now()
    row.content = content
    if row.remote_fp:  # until it is known what the calendar made of it, it is not as it should be
        row.remote_fp = blocks.PENDING
    base = replace(events.from_json(held.facts), our_id=event.our_id)
    edit = Edit(events.with_content(base, {n: content[n] for n in FIELDS}), FIELDS & ctx.capabilities.expresses)
    write = Write(key=row.key, edits=(edit,), handle=resource.handle, version=resource.version, body=resource.body)
    return _Job(wanted, row, event, content, resource, write, held)


def _has_arrived(ctx: Context, row: t.BusyBlock, held: t.MirrorEvent) -> bool:
    """Return whether the calendar holds what was asked for although nobody was told so."""
    is_unknown = row.remote_fp in ("", blocks.PENDING)
    return is_unknown and all(held.facts.get(n) == row.content[n] for n in FIELDS & ctx.capabilities.expresses)


def _event(calendar: t.Calendar, row: t.BusyBlock, cause: _Cause) -> Event | None:
    """Return the block as it should be; of one whose origin is gone, as it was asked for."""
    mark, uid = blocks.mark(calendar.public_id, row.key), f"{row.key}@calsync"
    if cause.event is not None:
        return blocks.block_of(events.from_json(cause.event.facts), cause.changed, mark, uid)
    if not row.content:
        return None
    start = events.parse_moment(row.content["time"]["start"])
    return events.with_content(Event(uid, start, start, our_id=mark), row.content)


# --- answers


def _close(session: Session, ctx: Context, calendar: t.Calendar, job: _Job, answer: Written) -> None:
    row = None if job.row is None else session.get(t.BusyBlock, job.row.id)
    if isinstance(answer, Rejected) and answer.code == "not_found" and job.resource is not None:
        mirror.bury(session, calendar, [job.resource.handle], ctx.now())
        answer = None
    if isinstance(answer, ProviderError):
        _note(row, answer, ctx.now())
        block_steps.fail(session, ctx, job.step_id, answer, row)
        return
    if answer is None:
        _close_gone(session, ctx, calendar, job, row)
        block_steps.close(session, ctx, job.step_id, is_missed=not job.write.is_delete)
        return
    folds = ctx.capabilities.series_is_one_resource
    mirror.save(session, calendar, [answer], ctx.now(), own_addresses=ctx.own_addresses, folds=folds, trusts=True)
    session.flush()
    resource = mirror.get(session, t.pk(calendar), answer.handle)
    before = None if job.resource is None else job.resource.version
    resource.written_at, resource.replaced_version = ctx.now(), before if before != answer.version else None
    held = next(iter(mirror.events_of(session, t.pk(resource)).values()), None)
    block_steps.close(session, ctx, job.step_id, event_id=None if held is None else held.id)
    if row is not None:
        row.remote_fp = row.remote_fp if held is None else held.fingerprint
        row.tries, row.error, row.error_class, row.next_try_at = 0, "", "", None


def _close_gone(session: Session, ctx: Context, calendar: t.Calendar, job: _Job, row: t.BusyBlock | None) -> None:
    """A block was deleted, or was found to be gone when it was to be changed: it is then made anew by the next pass."""
    if job.resource is not None:
        mirror.bury(session, calendar, [job.resource.handle], ctx.now())
    if row is not None and job.write.is_delete:
        session.delete(row)


def _note(row: t.BusyBlock | None, error: ProviderError, now: datetime) -> None:
    """Leave an error on its row. What was changed meanwhile is decided again by the next run."""
    if row is None:
        return
    row.tries += 1
    row.error, row.error_class = str(error)[:300], failures.error_class(error)
    is_soon = isinstance(error, Unavailable | RateLimited | SignInNeeded) and row.tries < failures.ATTEMPTS
    wait = LATER if is_soon else TOMORROW
    row.next_try_at = now + (SOON if isinstance(error, VersionMismatch) else wait)
