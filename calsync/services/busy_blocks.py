"""Busy blocks: in every calendar that takes them, one event without details for each busy time of its person's others.

They stand beside activities and links: each run makes the calendar's blocks those of their origins, whatever happened
in between. A row is saved before its block is asked for, with the key that makes a repeat harmless, and a step that
tells of it in the run (`block_steps.py`). Nothing of them is undone: they would be made anew. Blocks go where our mark
survives, because without it they would come back as meetings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from calsync.engine import busy_blocks as blocks
from calsync.engine import rules as engine_rules
from calsync.engine import scope
from calsync.engine.busy_blocks import Do, Origin, Wanted
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import EventKind, Trigger
from calsync.runtime import Runtime
from calsync.services import accounts, block_choices, block_steps, block_writes, clients, settings
from calsync.services.context import Context
from calsync.store import busy_blocks as rows
from calsync.store import tables as t

PASSES = 3
"""How often a run looks again: an adopted block whose origin is gone is deleted in the next pass."""

# --- in a run of the account


def keep(ctx: Context) -> None:
    """Bring the blocks in the account's calendars in line with what is busy elsewhere; a retry tries its own alone.

    Raises what ends a run: RateLimited, SignInNeeded, LeaseLost. Any other error stays on its row and its step.
    """
    keys = None if ctx.only_subjects is None else block_steps.keys_of(ctx.only_subjects)
    if ctx.client is None or ctx.is_dry or ctx.is_restored or keys == frozenset():
        return
    for calendar in _calendars(ctx):
        if keys is not None:
            _try_now(ctx, calendar, keys)
        _settle(ctx, calendar, keys, is_on=calendar.takes_blocks and block_choices.can_hold(ctx.capabilities))


def clear(ctx: Context) -> None:
    """Delete every block in the account's calendars, for good. Raises as `keep` does."""
    if ctx.client is None:
        return
    for calendar in _calendars(ctx):
        _try_now(ctx, calendar, None)
        _settle(ctx, calendar, None, is_on=False)


def _try_now(ctx: Context, calendar: t.Calendar, keys: Collection[str] | None) -> None:
    """Somebody asked for it: blocks (None: all) that wait for another try wait no longer."""
    with ctx.rt.writing() as session:
        ctx.holding(session)
        rows.wait_no_longer(session, t.pk(calendar), keys)


def _settle(ctx: Context, calendar: t.Calendar, keys: Collection[str] | None, *, is_on: bool) -> None:
    """Look and write until there is nothing more to do; a calendar that was switched off and cleared is done with."""
    for _ in range(PASSES):
        done, held = _pass(ctx, calendar, keys, is_on=is_on)
        if not done:
            if keys is None:
                block_steps.settle(ctx, calendar, held)
            break
    if calendar.clears_blocks:
        with ctx.rt.writing() as session:
            ctx.holding(session)
            if not rows.of_calendar(session, t.pk(calendar)):
                session.get_one(t.Calendar, calendar.id).clears_blocks = False


def _calendars(ctx: Context) -> list[t.Calendar]:
    """Return the account's calendars that take blocks, or did until lately."""
    wanted = [calendar for calendar in ctx.calendars if calendar.takes_blocks or calendar.clears_blocks]
    return [c for c in wanted if ctx.push_refused(c) is None and not c.is_gone]


def _pass(
    ctx: Context, calendar: t.Calendar, keys: Collection[str] | None, *, is_on: bool
) -> tuple[list[Wanted], list[Wanted]]:
    """Do once what is to be done in a calendar; return what was, and what waits for a person.

    Whoever switches blocks off, or leaves, has said that all of them are to go.
    """
    with ctx.rt.reading() as session:
        found = list(_wanted(session, calendar, ctx.account.user_id, ctx.now(), is_on, keys))
    found, held = block_steps.restrain(ctx, calendar, found) if is_on else (found, [])
    if held:
        with ctx.rt.writing() as session:
            ctx.holding(session)
            block_steps.hold(session, ctx, calendar, held)
    size = ctx.capabilities.batch_size
    for start in range(0, len(found), size):
        block_writes.carry_out(ctx, calendar, found[start : start + size])
    return found, held


def _wanted(
    session: Session,
    calendar: t.Calendar,
    user_id: int,
    now: datetime,
    is_on: bool,
    keys: Collection[str] | None = None,
) -> Iterator[Wanted]:
    """Yield what is to be done; of blocks with these keys alone, if any are given."""
    origins = list(_origins(session, calendar, user_id, now)) if is_on else []
    known = [_rested(rows.as_value(row), row, now) for row in rows.of_calendar(session, t.pk(calendar))]
    found = blocks.plan(origins, known, rows.there(session, calendar), now, is_on=is_on)
    return found if keys is None else (each for each in found if each.key in keys)


def _rested(block: blocks.Block, row: t.BusyBlock, now: datetime) -> blocks.Block:
    """A day after it was put right, a block may be put right as often again."""
    is_old = row.rewritten_at is not None and now - row.rewritten_at > blocks.A_DAY
    return replace(block, rewrites=0) if is_old else block


def _origins(session: Session, calendar: t.Calendar, user_id: int, now: datetime) -> Iterator[Origin]:
    """Yield what takes a person's time in their other calendars, as far as the accounts' rules count it."""
    base, _ = settings.organisation_rules(session)
    found = rows.sources(session, user_id, t.pk(calendar))
    rules = {t.pk(account): engine_rules.overlay(base, account.overrides) for _, account in found}
    places = {i: t.pk(account) for i, account in found if rules[t.pk(account)].block_busy_time}
    for each in rows.busy(session, places, t.pk(calendar), (now, now + blocks.AHEAD)) if places else ():
        if not scope.is_left_out(EventKind(each.event_kind), rules[each.account_id]):
            yield each.origin


# --- between runs


def hurry(rt: Runtime) -> list[int]:
    """Make the accounts due in whose calendars blocks are to be written; return their ids. Safe to repeat."""
    with rt.reading() as session:
        due = {t.pk(account) for calendar, account in rows.targets(session) if _is_due(session, rt, calendar, account)}
    if due:
        with rt.writing() as session:
            for account_id in sorted(due):
                accounts.ask_for_run(session.get_one(t.Account, account_id), Trigger.EDIT, rt.now())
    for account_id in sorted(due):
        rt.enqueue("sync_account", account_id=account_id)
    return sorted(due)


def _is_due(session: Session, rt: Runtime, calendar: t.Calendar, account: t.Account) -> bool:
    """Return whether a run of the account would find something to do about blocks, and may do it now."""
    base, _ = settings.organisation_rules(session)
    rules, now = engine_rules.overlay(base, account.overrides), rt.now()
    if not _may_run(session, calendar, account, rules, now):
        return False
    is_on = calendar.takes_blocks and block_choices.can_hold(
        clients.provider_of(rt, account.provider).info.capabilities
    )
    found = list(_wanted(session, calendar, account.user_id, now, is_on))
    if not any(each.do is Do.DELETE for each in found) or not is_on:
        return bool(found)
    waiting = block_steps.waiting(session, calendar)
    return any(each.do is not Do.DELETE or each.key not in waiting for each in found)


def _may_run(session: Session, calendar: t.Calendar, account: t.Account, rules: Rules, now: datetime) -> bool:
    """Not an account that is in trouble, runs, is about to, or only runs when somebody asks."""
    is_running = account.lease_until is not None and account.lease_until > now
    is_about_to = account.next_sync_at is not None and account.next_sync_at <= now
    is_limited = account.rate_limited_until is not None and account.rate_limited_until > now
    return (
        calendar.is_writable
        and calendar.last_read_at is not None
        and account.grant_ok
        and not (account.failed_runs or is_running or is_about_to or is_limited)
        and rules.frequency != "manual"
        and clients.may_write(account, rules)
        and not settings.switches_of(session)[0].writes_paused
    )
