"""What people do with an account: its calendars, its own rules, pausing, asking for a run.

Connecting stands in `connect.py`, claims and leases in `claims.py`, opening clients in `clients.py`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col

from calsync.engine import rules as engine_rules
from calsync.engine.vocabulary import AccountState, Direction, Reason, Trigger
from calsync.errors import NotFound, Refused
from calsync.runtime import Actor, Runtime
from calsync.services import block_choices, facts, rule_checks, settings
from calsync.store import accounts as rows
from calsync.store import audit
from calsync.store import tables as t


def set_calendar(
    rt: Runtime,
    calendar_id: int,
    *,
    syncs: bool | None = None,
    blocks: bool | None = None,
    is_write_target: bool | None = None,
    takes_blocks: bool | None = None,
    by: Actor,
) -> t.Calendar:
    """Set a calendar's flags; None leaves one as it is.

    A person has one write target over all accounts: choosing one unchooses the other. Deselecting parks the
    links of the calendar, both sides stay as they are. A calendar that takes blocks shows what is busy in its
    person's others; switched off, the blocks go with the next run. Raises NotFound; Refused for a gone or
    read-only calendar.
    """
    with rt.writing() as session:
        calendar = rows.get_calendar(session, calendar_id)
        account = rows.get(session, calendar.account_id)
        before = _flags(calendar)
        _set_flags(session, account, calendar, syncs, blocks, is_write_target)
        if takes_blocks is not None:
            block_choices.choose(rt, session, account, calendar, takes_blocks)
        audit.record(session, by, "calendar.changed", calendar, at=rt.now(), before=before, after=_flags(calendar))
        return calendar


def choose_calendars(
    rt: Runtime,
    account_id: int,
    *,
    syncs: Collection[int],
    blocks: Collection[int],
    target: int | None = None,
    by: Actor,
) -> list[t.Calendar]:
    """Set the flags of all calendars of an account: those named sync and block, the others do not.

    `target` None leaves the write target alone, 0 takes it off this account. Raises NotFound, and Refused as
    `set_calendar` does, or where the target does not sync.
    """
    with rt.writing() as session:
        account = rows.get(session, account_id)
        calendars = [c for c in rows.list_calendars(session, account_id) if not c.is_gone]
        _check_ids(calendars, {*syncs, *blocks, *({target} if target else ())})
        if target and target not in syncs:
            raise Refused("Events can be created only in a calendar that syncs. Switch Sync on for it.", field="target")
        for calendar in calendars:
            wanted = None if target is None else calendar.id == target
            _set_flags(session, account, calendar, calendar.id in syncs, calendar.id in blocks, wanted)
        after = {c.name: [name for name, is_on in _flags(c).items() if is_on] for c in calendars}
        audit.record(session, by, "account.calendars_chosen", account, at=rt.now(), after=after)
        return calendars


def set_overrides(
    rt: Runtime, account_id: int, changes: Mapping[str, Any], *, known: Mapping[str, Any] | None = None, by: Actor
) -> t.Account:
    """Change an account's own rules; None goes back to the organisation's.

    `known` is what the caller saw; changed since, it is refused (`stale`). Switching a one-way account to both
    holds its next plan for approval. Raises NotFound; Refused, with the option as `field`, for a name that the admin
    does not leave to accounts or a value that cannot be.
    """
    with rt.writing() as session:
        account = rows.get(session, account_id)
        before, old = settings.rules_of(session, account), dict(account.overrides)
        if known is not None and json.dumps(known, sort_keys=True) != json.dumps(old, sort_keys=True):
            raise Refused("Somebody changed these settings meanwhile. Look at them again, then save.", code="stale")
        account.overrides = _merged_overrides(session, old, changes)
        after = settings.rules_of(session, account)
        if before.direction is not Direction.BOTH and after.direction is Direction.BOTH:
            account.hold_next_plan, account.approved_digest = True, ""
        if before.frequency != after.frequency and _is_quiet(account, rt.now()):
            account.next_sync_at = facts.next_due(account, after, None, account.last_success_at or rt.now())
        audit.record(
            session, by, "account.rules_changed", account, at=rt.now(), before=old, after=dict(account.overrides)
        )
        return account


def pause(rt: Runtime, account_id: int, *, until: datetime | None = None, reason: str = "", by: Actor) -> t.Account:
    """Stop syncing an account until `until`, or until someone resumes it. Pausing twice is fine."""
    if until is not None and until <= rt.now():
        raise Refused("The end of the pause is in the past.", field="until")
    with rt.writing() as session:
        account = _connected(session, account_id)
        account.state = AccountState.PAUSED
        account.paused_by_id, account.paused_at = by.user_id, rt.now()
        account.paused_until, account.paused_reason = until, reason.strip()[:300]
        audit.record(session, by, "account.paused", account, at=rt.now(), after={"reason": account.paused_reason})
        return account


def resume(rt: Runtime, account_id: int, *, by: Actor) -> t.Account:
    """Sync a paused account again, at once. Resuming an active one is fine and changes nothing."""
    with rt.writing() as session:
        account = _connected(session, account_id)
        if account.state != AccountState.PAUSED:
            return account
        account.state, account.paused_by_id, account.paused_at = AccountState.ACTIVE, None, None
        account.paused_until, account.paused_reason = None, ""
        ask_for_run(account, Trigger.SCHEDULE, rt.now())
        audit.record(session, by, "account.resumed", account, at=rt.now())
    rt.enqueue("sync_account", account_id=account_id)
    return account


def sync_now(rt: Runtime, account_id: int, *, by: Actor, trigger: Trigger = Trigger.MANUAL, full: bool = False) -> bool:
    """Make an account due at once and return whether this was new: a second click does nothing more.

    `full` forgets the cursors, so that the run reads everything. The row is the request, the queue only
    hurries it. Raises NotFound; Refused when the account is paused, disconnected or has to be reconnected.
    """
    now = rt.now()
    with rt.writing() as session:
        account = require_runnable(session, account_id)
        is_new = full or not _is_asked(account, trigger, now)
        if is_new:
            ask_for_run(account, trigger, now, by.user_id)
            if full:
                _forget_cursors(session, account_id)
            audit.record(session, by, "account.sync_requested", account, at=now)
    rt.enqueue("sync_account", account_id=account_id)
    return is_new


def require_runnable(session: Session, account_id: int) -> t.Account:
    """Return an account that can be run now. Raises NotFound; Refused (`disconnected`, `paused`, `reconnect`)."""
    account = _connected(session, account_id)
    if account.state == AccountState.PAUSED:
        raise Refused("This account is paused. Resume it first.", code="paused")
    if not account.grant_ok:
        raise Refused("The provider no longer accepts this login. Reconnect the account first.", code="reconnect")
    return account


def ask_for_run(account: t.Account, trigger: Trigger, now: datetime, by_id: int | None = None) -> None:
    """Make an account due on a row that the caller is writing. While it runs, this asks for one more run."""
    account.next_sync_at = now
    account.requested_trigger, account.requested_by_id = trigger, by_id


def _is_asked(account: t.Account, trigger: Trigger, now: datetime) -> bool:
    """Whether a run like this one is waiting to start, or is running because someone asked for it."""
    is_waiting = account.next_sync_at is not None and account.next_sync_at <= now
    is_running = account.lease_until is not None and account.lease_until > now
    return account.requested_trigger == trigger and (is_waiting or is_running)


def _is_quiet(account: t.Account, now: datetime) -> bool:
    """Whether the account neither runs nor waits for a run that someone asked for. A disconnected one is never due."""
    if account.state == AccountState.DISCONNECTED:
        return False
    is_running = account.lease_until is not None and account.lease_until > now
    return not is_running and not account.requested_trigger and account.grant_ok and not account.failed_runs


def _merged_overrides(session: Session, old: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the overrides after `changes`. Old ones that the admin has withdrawn stay, without effect."""
    base, _ = settings.organisation_rules(session)
    for name in changes:
        if name not in base.account_overrides:
            reason = f"Accounts may not choose {name} themselves. An admin can allow it in Sync Settings."
            raise Refused(reason, code="not_overridable", field=name)
    new = {name: value for name, value in {**old, **changes}.items() if value is not None}
    in_force = engine_rules.to_json(_checked(base, new))
    return {name: in_force[name] if name in base.account_overrides else new[name] for name in new}


def _checked(base: engine_rules.Rules, overrides: dict[str, Any]) -> engine_rules.Rules:
    try:
        rules = engine_rules.overlay(base, overrides)
    except (ValueError, TypeError) as error:
        raise Refused(f"This value cannot be used: {error}.", code="invalid") from error
    rule_checks.check(rules)
    return rules


def _forget_cursors(session: Session, account_id: int) -> None:
    for calendar in rows.list_calendars(session, account_id):
        calendar.cursor = None


def _check_calendar(account: t.Account, calendar: t.Calendar, *, turns_on: bool) -> None:
    if turns_on and account.state == AccountState.DISCONNECTED:
        raise Refused("This account is disconnected. Connect it again first.", code="disconnected")
    if turns_on and calendar.is_gone:
        raise Refused(f"The calendar {calendar.name} no longer exists at the provider.", code="gone")


def _check_ids(calendars: Sequence[t.Calendar], wanted: set[int]) -> None:
    unknown = wanted - {t.pk(calendar) for calendar in calendars}
    if unknown:
        raise NotFound("calendar", min(unknown))


def _set_flags(
    session: Session,
    account: t.Account,
    calendar: t.Calendar,
    syncs: bool | None,
    blocks: bool | None,
    is_write_target: bool | None,
) -> None:
    """Set a calendar's flags (None leaves one as it is); links of a calendar that no longer syncs are parked."""
    did_sync = calendar.syncs
    _check_calendar(account, calendar, turns_on=bool(syncs or blocks or is_write_target))
    if is_write_target is not None:
        _set_write_target(session, account, calendar, is_write_target)
    calendar.syncs = calendar.syncs if syncs is None else syncs
    calendar.blocks = calendar.blocks if blocks is None else blocks
    if did_sync and not calendar.syncs:
        rows.park_links(session, Reason.PAUSED_CALENDAR, col(t.Link.calendar_id) == calendar.id)


def _set_write_target(session: Session, account: t.Account, calendar: t.Calendar, wanted: bool) -> None:
    if wanted and not calendar.is_writable:
        reason = f"The calendar {calendar.name} is read-only: new activities cannot be created in it."
        raise Refused(reason, code="read_only", field="is_write_target")
    for other in rows.write_targets(session, account.user_id) if wanted else []:
        other.is_write_target = False
    calendar.is_write_target = wanted


def _connected(session: Session, account_id: int) -> t.Account:
    account = rows.get(session, account_id)
    if account.state == AccountState.DISCONNECTED:
        raise Refused("This account is disconnected. Connect it again first.", code="disconnected")
    return account


def _flags(calendar: t.Calendar) -> dict[str, bool]:
    return {
        "syncs": calendar.syncs,
        "blocks": calendar.blocks,
        "is_write_target": calendar.is_write_target,
        "takes_blocks": calendar.takes_blocks,
    }
