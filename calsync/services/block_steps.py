"""Steps about busy blocks: what a run did to them as rows, like everything else that it does.

A step is saved before its block is asked for and closed with the answer. What is to be done is found by comparing
(`busy_blocks.py`), never by these rows: a step that a killed run left open is closed by what the next one finds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlmodel import Session

from calsync.engine import brake
from calsync.engine.brake import Tally
from calsync.engine.busy_blocks import Do, Wanted
from calsync.engine.event import Content
from calsync.engine.projection import BUSY
from calsync.engine.vocabulary import Action, Direction, Reason, StepState
from calsync.errors import ProviderError
from calsync.services import failures
from calsync.services.context import Context
from calsync.store import block_steps as rows
from calsync.store import busy_blocks, runs, steps
from calsync.store import tables as t

A_DAY = timedelta(hours=24)
MOST_TRIED = 20
"""Earlier failures of a block that are told where it was taken up."""

_REASONS = {Action.CREATE: Reason.BLOCK_WANTED, Action.UPDATE: Reason.BLOCK_FOLLOWS, Action.DELETE: Reason.BLOCK_OVER}


class What(NamedTuple):
    """What is to be done to one block. `known_key` is the one it had before it is made anew."""

    key: str
    known_key: str
    action: Action
    held: t.MirrorEvent | None
    origin_id: int | None
    after: Content | None = None


def subject(key: str) -> str:
    return f"{steps.BLOCK}{key}"


def keys_of(subjects: Iterable[str]) -> frozenset[str]:
    """Return the keys of the blocks among the subjects of steps."""
    return frozenset(s.removeprefix(steps.BLOCK) for s in subjects if s.startswith(steps.BLOCK))


# --- before and after a write


def begin(session: Session, ctx: Context, calendar: t.Calendar, batch: Sequence[What]) -> list[int]:
    """Save a step for each write that is about to be sent, instead of older open ones; return their ids."""
    known = rows.open_of(session, t.pk(calendar))
    before = [_close_older(ctx, known, each) for each in batch]
    session.flush()
    found = [_step(ctx, calendar, each, older) for each, older in zip(batch, before, strict=True)]
    session.add_all(found)
    session.get_one(t.Run, ctx.run_id).processed += len(found)
    session.flush()
    ctx.wrote_blocks = ctx.wrote_blocks or bool(found)
    return [t.pk(step) for step in found]


def _close_older(ctx: Context, known: dict[str, t.Step], what: What) -> t.Step | None:
    older = [known.pop(subject(key)) for key in {what.key, what.known_key} if subject(key) in known]
    for step in older:
        if step.state == StepState.FAILED:
            step.retried_in_id = ctx.run_id
        step.state, step.finished_at = StepState.SUPERSEDED, ctx.now()
    return max(older, key=t.pk, default=None)


def _step(ctx: Context, calendar: t.Calendar, what: What, older: t.Step | None) -> t.Step:
    facts = {} if what.held is None else what.held.facts
    after = what.after or {}
    changed = [name for name, value in after.items() if facts.get(name) != value]
    fields = changed if what.action is Action.UPDATE else list(after)
    kept = list(busy_blocks.CONTENT) if what.action is Action.DELETE else fields
    detail = {"origin": what.origin_id, "tried": _tried(older)}
    return t.Step(
        run_id=ctx.run_id,
        account_id=ctx.account_id,
        calendar_id=calendar.id,
        event_id=None if what.held is None else what.held.id,
        subject=subject(what.key),
        title=BUSY,
        is_private=True,
        action=what.action,
        direction=Direction.OUTBOUND,
        fields=fields,
        before={name: facts[name] for name in kept if name in facts} or None,
        after={name: after[name] for name in fields} or None,
        detail=detail,
        reason=_REASONS[what.action],
        state=StepState.APPLYING,
        key=what.key if what.action is Action.CREATE else "",
        digest=brake.step_digest(subject(what.key), what.action, Direction.OUTBOUND, what.after),
        is_approved=older is not None and older.is_approved and older.action == what.action,
        attempts=older.attempts if older is not None and older.error_class else 0,
        created_at=ctx.now(),
    )


def _tried(older: t.Step | None) -> list[int]:
    """Return the failed steps that this one takes up."""
    if older is None:
        return []
    tried = list(older.detail.get("tried", ()))
    return ([*tried, t.pk(older)] if older.error_class else tried)[-MOST_TRIED:]


def close(
    session: Session, ctx: Context, step_id: int, *, is_missed: bool = False, event_id: int | None = None
) -> None:
    """Close a step that had its effect; `is_missed` says that what it was about was gone, and it is decided anew."""
    step = session.get_one(t.Step, step_id)
    step.state = StepState.SUPERSEDED if is_missed else StepState.DONE
    step.attempts, step.finished_at = step.attempts + 1, ctx.now()
    step.event_id = event_id or step.event_id
    for earlier in step.detail.get("tried", ()):
        known = session.get(t.Step, earlier)
        if known is not None:
            known.retried_in_id = step.run_id


def fail(session: Session, ctx: Context, step_id: int, error: ProviderError, row: t.BusyBlock | None) -> None:
    """Leave an error on a step; its block says when it is tried again."""
    step = session.get_one(t.Step, step_id)
    failures.record(step, error, ctx.now())
    step.next_attempt_at = ctx.now() if row is None else row.next_try_at


# --- what a person has to agree to


def restrain(ctx: Context, calendar: t.Calendar, found: Sequence[Wanted]) -> tuple[list[Wanted], list[Wanted]]:
    """Return what may be done now, and the deletions that wait for a person: too many at once, by the limits of the
    brake on what stands in this calendar.
    """
    gone = [each for each in found if each.do is Do.DELETE]
    if not gone:
        return list(found), []
    with ctx.rt.reading() as session:
        total = len(busy_blocks.there(session, calendar))
        removed = rows.removed(session, t.pk(calendar), ctx.account_id, ctx.now() - A_DAY)
        agreed = {key for key, step in rows.open_of(session, t.pk(calendar)).items() if step.is_approved}
    unasked = [each for each in gone if subject(each.key) not in agreed]
    tally = Tally(links=total + removed, deletions=removed + len(unasked))
    if Reason.BRAKE_DELETIONS not in brake.exceeded(tally, ctx.rules, is_first=False):
        return list(found), []
    return [each for each in found if each not in unasked], unasked


def hold(session: Session, ctx: Context, calendar: t.Calendar, waiting: Sequence[Wanted]) -> None:
    """Save what waits for a person; what waits already goes on waiting."""
    known = rows.open_of(session, t.pk(calendar))
    fresh = [each for each in waiting if _state(known, each.key) != StepState.HELD]
    held = busy_blocks.events(session, [each.there.event_id for each in fresh if each.there is not None])
    whats = [_deletion(each, held) for each in fresh]
    older = [_close_older(ctx, known, what) for what in whats]
    session.flush()
    for what, before in zip(whats, older, strict=True):
        step = _step(ctx, calendar, what, before)
        step.state, step.reason = StepState.HELD, Reason.BRAKE_DELETIONS
        session.add(step)
    session.flush()
    ctx.wrote_blocks = ctx.wrote_blocks or bool(fresh)


def _state(known: dict[str, t.Step], key: str) -> str:
    return known[subject(key)].state if subject(key) in known else ""


def _deletion(wanted: Wanted, held: dict[int, t.MirrorEvent]) -> What:
    event_id = 0 if wanted.there is None else wanted.there.event_id
    origin_id = None if wanted.block is None else wanted.block.event_id
    return What(wanted.key, wanted.key, Action.DELETE, held.get(event_id), origin_id)


def waiting(session: Session, calendar: t.Calendar) -> set[str]:
    """Return the keys of the blocks whose deletion waits for a person."""
    found = rows.open_of(session, t.pk(calendar)).values()
    return set(keys_of(step.subject for step in found if step.state == StepState.HELD and not step.is_approved))


# --- when nothing is left to do


def settle(ctx: Context, calendar: t.Calendar, held: Collection[Wanted]) -> None:
    """Close what stands open although the calendar is as it should be: a killed run's writes had their effect, and
    failures whose ground is gone need no other try. What waits for a person goes on waiting as long as it is wanted.
    """
    if not (ctx.has_open_steps or ctx.wrote_blocks):
        return
    wanted = {subject(each.key) for each in held}
    with ctx.rt.writing() as session:
        ctx.holding(session)
        failing = _failing(session, calendar)
        ended: set[int] = set()
        for each, step in rows.open_of(session, t.pk(calendar)).items():
            if step.state in (StepState.APPLYING, StepState.IN_DOUBT):
                step.state, step.finished_at = StepState.DONE, ctx.now()
                step.error = step.error_class = ""
                ended.add(step.run_id)
            elif each not in (wanted if step.state == StepState.HELD else failing):
                step.state, step.finished_at = StepState.SUPERSEDED, ctx.now()
                ctx.wrote_blocks = True
        session.flush()
        for run_id in ended - {ctx.run_id}:
            runs.count(session, runs.get(session, run_id))


def _failing(session: Session, calendar: t.Calendar) -> set[str]:
    """Return the subjects of blocks that could not be written, and of strays that stand there still."""
    known = busy_blocks.of_calendar(session, t.pk(calendar))
    strays = busy_blocks.there(session, calendar).keys() - {row.key for row in known}
    return {subject(key) for key in strays | {row.key for row in known if row.error}}


def leave(session: Session, step: t.Step) -> None:
    """Note that a person wants a block left as it is, until what it is there for changes."""
    if step.action == Action.DELETE and step.event_id is not None:
        session.get_one(t.MirrorEvent, step.event_id).excluded = busy_blocks.KEPT
        return
    row = busy_blocks.find(session, step.subject.removeprefix(steps.BLOCK))
    if row is not None:
        row.next_try_at, row.error, row.error_class = t.NEVER, "", ""
