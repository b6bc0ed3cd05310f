"""Apply, the provider's half: one write per resource, each proven before and closed after in a transaction.

Before a write its steps are marked `applying`; what the provider returned goes to mirror, link and steps in one
transaction. A write whose answer never came is in doubt: it is read back, and repeated only with the same key.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlmodel import Session

from calsync.engine import backoff
from calsync.engine.vocabulary import Action, Direction, StepState
from calsync.errors import ProviderError, RateLimited, Rejected, SignInNeeded, Unavailable, VersionMismatch
from calsync.providers.base import CalendarClient, Written
from calsync.services import closing, failures, halting, writes
from calsync.services.context import Context
from calsync.services.writes import Group
from calsync.store import steps
from calsync.store import tables as t

FULL = "there is no room left; writing waits until there is"
"""Said of what is not even sent to a calendar whose storage is full."""

LONGEST_WAIT_S = 30.0
"""A provider that asks for more than this is left to a later run."""


def apply(ctx: Context) -> closing.Tally:
    """Send every planned remote change of the run. Raises what ends the run: RateLimited, SignInNeeded, LeaseLost,
    Halted, or Unavailable after failures.STOP_AFTER records in a row found nobody there.
    """
    tally = closing.Tally()
    if ctx.client is not None:
        full = _full(ctx)
        for batch in _batches(ctx):
            _send(ctx, ctx.client, _with_room(ctx, batch, full, tally), full, tally)
    return tally


def _full(ctx: Context) -> dict[int, Rejected]:
    """Return the calendars that had no room lately: nothing is written there until it is time to look again."""
    if ctx.only_subjects is not None:
        return {}  # somebody asks for it
    with ctx.rt.reading() as session:
        found = steps.without_room(session, ctx.account_id, ctx.now())
    return {calendar_id: Rejected("quota", FULL) for calendar_id in found}


def _with_room(ctx: Context, batch: list[Group], full: dict[int, Rejected], tally: closing.Tally) -> list[Group]:
    """Return what may be written of a batch: deletions make room. The rest fails without being sent."""
    calendar_id = t.pk(batch[0].calendar)
    if calendar_id not in full:
        return batch
    for group in batch:
        if not group.write.is_delete:
            closing.close(ctx, group, full[calendar_id], tally)
    return [group for group in batch if group.write.is_delete]


def _batches(ctx: Context) -> Iterator[list[Group]]:
    """Yield groups of one calendar, as many as the provider takes at once."""
    after = 0
    while True:
        with ctx.rt.reading() as session:
            planned = steps.planned(session, ctx.run_id, direction=Direction.OUTBOUND, after=after)
            planned += _repeats(session, ctx) if after == 0 else []
            groups = writes.group(session, ctx, writes.load(session, planned))
        if not planned:
            return
        after = max((t.pk(s) for s in planned if s.run_id == ctx.run_id), default=after + 1)
        yield from _bundled(groups, ctx.capabilities.batch_size)
        if not any(s.run_id == ctx.run_id for s in planned):
            return


def _repeats(session: Session, ctx: Context) -> list[t.Step]:
    """Return creates in doubt: not finding them proves nothing, so they are repeated with their key."""
    found = steps.in_doubt(session, ctx.account_id)
    return [s for s in found if s.action == Action.CREATE and s.state == StepState.IN_DOUBT]


def _bundled(groups: Sequence[Group], size: int) -> Iterator[list[Group]]:
    """Bundle by calendar, and occurrences of their own behind everything else: what becomes of one depends on what its
    series is by then, and writes that are sent together may be carried out in any order.
    """
    bundles: dict[tuple[bool, int], list[Group]] = {}
    for group in sorted(groups, key=_is_occurrence):
        bundles.setdefault((_is_occurrence(group), t.pk(group.calendar)), []).append(group)
    for members in bundles.values():
        for start in range(0, len(members), size):
            yield members[start : start + size]


def _is_occurrence(group: Group) -> bool:
    return group.write.series is not None


def _send(
    ctx: Context, client: CalendarClient, batch: list[Group], full: dict[int, Rejected], tally: closing.Tally
) -> None:
    """Send a batch, and again what deserves it. Raises as `apply`, with every answer of the batch written down."""
    waiting = [group for group in batch if not group.is_stale]
    closing.miss(ctx, [group for group in batch if group.is_stale], tally)
    halting.check(ctx)
    while waiting:
        closing.mark(ctx, waiting)
        ctx.rt.checkpoint("apply.marked")
        answers = client.write(waiting[0].calendar.remote_id, [group.write for group in waiting])
        ctx.rt.checkpoint("apply.written")
        again, ends = _close_answered(ctx, waiting, answers, full, tally)
        if ends is not None:
            closing.give_back(ctx, again)
            raise ends
        _wait(ctx, again)
        if again:
            _check_again(ctx, again)
        waiting = again


def _check_again(ctx: Context, again: Sequence[Group]) -> None:
    """Raise Halted where somebody said stop during the wait; what was to be tried again is given back first."""
    try:
        halting.check(ctx)
    except halting.Halted:
        closing.give_back(ctx, again)
        raise


def _close_answered(
    ctx: Context,
    sent: Sequence[Group],
    answers: Sequence[Written],
    full: dict[int, Rejected],
    tally: closing.Tally,
) -> tuple[list[Group], ProviderError | None]:
    """Write down what became of the writes; return those to be tried again, and what must end the run, or None."""
    again: list[Group] = []
    ends: ProviderError | None = None
    for group, first in zip(sent, answers, strict=True):
        group.tries += 1
        answer = _read_back(ctx, group, first)
        if _deserves_another(group, answer):
            again.append(group)
            continue
        ends = closing.close(ctx, group, answer, tally) or ends
        if isinstance(answer, Rejected) and failures.is_no_room(answer):
            full[t.pk(group.calendar)] = Rejected("quota", FULL)
        tally.unanswered = tally.unanswered + 1 if isinstance(answer, Unavailable) else 0
    if ends is None and tally.unanswered >= failures.STOP_AFTER:
        ends = Unavailable("the provider did not answer several writes in a row")
    return again, ends


def _deserves_another(group: Group, answer: Written) -> bool:
    """A write that found nobody is tried again inside the run, unless the provider asks for a long wait."""
    if not isinstance(answer, Unavailable) or group.tries >= failures.TRIES:
        return False
    group.is_repeat = group.is_repeat or answer.is_in_doubt
    group.asked_s = answer.after_s or 0.0
    return answer.after_s is None or answer.after_s <= LONGEST_WAIT_S


def _wait(ctx: Context, again: Sequence[Group]) -> None:
    """Wait before the next try, as long as the provider asked at least."""
    tries, asked = max((g.tries for g in again), default=0), max((g.asked_s for g in again), default=0.0)
    wait = backoff.IN_RUN.wait(tries, jitter=_share(ctx, tries), asked=timedelta(seconds=asked)) if again else None
    if wait is not None:
        ctx.rt.sleep(wait.total_seconds())
        ctx.keep_lease()


def _share(ctx: Context, tries: int) -> float:
    """Return a number from 0 to 1 by which the waits of accounts differ, always the same for the same try."""
    return zlib.crc32(f"{ctx.account_id} {ctx.run_id} {tries}".encode()) / 2**32


def _read_back(ctx: Context, group: Group, answer: Written) -> Written:
    """Find out what became of a write without an answer. A create is not looked for: it is repeated."""
    if not isinstance(answer, Unavailable) or not answer.is_in_doubt or group.creates:
        return answer
    return look(ctx, group, answer)


def look(ctx: Context, group: Group, doubt: Unavailable) -> Written:
    """Return the outcome of an update or delete in doubt, as the resource now tells it.

    Equal to what was wanted: done. The version that was planned against: not done, an Unavailable without doubt.
    Anything else: VersionMismatch, to be decided again.
    """
    handle = group.write.handle or ""
    try:
        found = ctx.reader.get_many(group.calendar.remote_id, [handle])[handle]
    except (RateLimited, SignInNeeded) as error:
        group.is_repeat = True  # nobody could say what became of it: it stays in doubt
        return error
    except ProviderError:
        return doubt
    ctx.rt.checkpoint("apply.looked")
    if found is None:
        return None if group.write.is_delete else VersionMismatch(handle)
    if closing.is_as_wanted(ctx, group, found):
        group.is_looked_up = True
        return found
    if found.version is not None and found.version == group.write.version:
        return Unavailable(doubt.detail, doubt.after_s)
    return VersionMismatch(handle)


def settle_doubts(ctx: Context) -> closing.Tally:
    """Settle updates and deletes that an earlier run left in doubt, or was killed in the middle of."""
    tally = closing.Tally()
    with ctx.rt.reading() as session:
        doubtful = steps.in_doubt(session, ctx.account_id)
        groups = writes.group(session, ctx, writes.load(session, doubtful))
    for group in groups:
        ctx.keep_lease()
        if group.creates or _is_new_override(group):
            closing.doubt(ctx, group)
            continue
        _restore_version(group)
        answer = look(ctx, group, Unavailable("the answer never came", is_in_doubt=True))
        if isinstance(answer, Unavailable):
            closing.plan_anew(ctx, group) if not answer.is_in_doubt else closing.doubt(ctx, group)
        else:
            ends = closing.close(ctx, group, answer, tally)
            if ends is not None:
                raise ends
    return tally


def _is_new_override(group: Group) -> bool:
    return all(target.step.action == Action.CREATE for target in group.targets)


def _restore_version(group: Group) -> None:
    """The mirror may have moved on since: what counts is the version that the write was planned against."""
    planned = group.targets[0].step.detail.get("version")
    group.write = replace(group.write, version=planned)
