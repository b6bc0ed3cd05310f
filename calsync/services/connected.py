"""What a login that was just proven leaves here, however people sign in: who may, the account's row, its calendars."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, Reason, Role, Trigger
from calsync.errors import NotAllowed, NotFound, Refused
from calsync.providers.base import RemoteCalendar
from calsync.runtime import Actor, Runtime
from calsync.services import facts, grants, provider_settings, settings
from calsync.store import accounts as rows
from calsync.store import tables as t


def check_may_connect(rt: Runtime, user_id: int, provider: str, by: Actor) -> None:
    """Raise NotFound, Refused or NotAllowed unless accounts of a provider may be connected for this person by that one.

    The provider's own settings may keep a role out that the switches let in.
    """
    with rt.reading() as session:
        user = session.get(t.User, user_id)
        switches, _ = settings.switches_of(session)
        is_open = provider_settings.may_connect(session, provider, by.role)
    if user is None:
        raise NotFound("user", user_id)
    if user.is_disabled:
        raise Refused(f"{user.email} is disabled and cannot connect calendars.", code="disabled")
    if by.role == Role.STAFF and not switches.staff_may_connect:
        raise NotAllowed("connect a calendar")
    if not is_open or (by.role == Role.CLIENT and not switches.clients_may_connect):
        raise NotAllowed("connect a calendar")


def new_account(rt: Runtime, session: Session, user_id: int, provider: str, subject: str) -> t.Account:
    """Return a new account of a person, without a login yet."""
    account = t.Account(user_id=user_id, provider=provider, subject=subject, created_at=rt.now(), next_sync_at=None)
    account.overrides = provider_settings.first_choices(session, provider)
    session.add(account)
    session.flush()
    return account


def begin(
    rt: Runtime, session: Session, account: t.Account, found: Sequence[RemoteCalendar], *, is_first: bool
) -> None:
    """Let an account start or go on with a login that was just proven by asking for its calendars."""
    if account.state == AccountState.DISCONNECTED:
        account.state, account.disconnected_at = AccountState.ACTIVE, None
    facts.regain_grant(account, rt.now())
    account.last_answer_at, account.failed_runs = rt.now(), 0
    account.last_error = account.last_error_class = ""
    calendars = save_calendars(rt, session, account, found)
    if is_first:
        _choose(session, account, calendars)
    # Without calendars there is nothing to choose and no preview to look at.
    _plan_first_run(rt, session, account, is_first and bool(calendars))


def _plan_first_run(rt: Runtime, session: Session, account: t.Account, is_first: bool) -> None:
    """A new account waits one interval, so that its owner can choose calendars and look at a preview first."""
    rules = settings.rules_of(session, account)
    account.requested_trigger = Trigger.FIRST if is_first else Trigger.SCHEDULE
    account.next_sync_at = facts.next_due(account, rules, None, rt.now()) if is_first else rt.now()


def _choose(session: Session, account: t.Account, calendars: Sequence[t.Calendar]) -> None:
    """Let the primary calendar, else the first that can be written, else the first, sync and block."""
    ranked = sorted(calendars, key=lambda c: (not c.is_primary, not c.is_writable))
    if not ranked:
        return
    chosen = ranked[0]
    chosen.syncs = chosen.blocks = True
    chosen.is_write_target = chosen.is_writable and not rows.write_targets(session, account.user_id)


def save_calendars(
    rt: Runtime, session: Session, account: t.Account, found: Sequence[RemoteCalendar]
) -> list[t.Calendar]:
    """Bring the account's calendars in line with a complete list from the provider; return those that are."""
    known = {c.remote_id: c for c in rows.list_calendars(session, account.id or 0)}
    for remote in found:
        calendar = known.get(remote.remote_id)
        if calendar is None:
            calendar = t.Calendar(account_id=account.id or 0, remote_id=remote.remote_id, created_at=rt.now())
            session.add(calendar)
            known[remote.remote_id] = calendar
        _describe(calendar, remote)
    present = {remote.remote_id for remote in found}
    for calendar in known.values():
        if calendar.remote_id not in present and not calendar.is_gone:
            _mark_gone(session, calendar)
    account.can_write = any(remote.is_writable for remote in found) and grants.allow_writing(rt, account)
    session.flush()
    return [calendar for calendar in known.values() if calendar.remote_id in present]


def _describe(calendar: t.Calendar, remote: RemoteCalendar) -> None:
    calendar.name, calendar.color, calendar.tz = remote.name[:300], remote.color, remote.tz
    calendar.is_primary, calendar.access, calendar.is_gone = remote.is_primary, remote.access, False


def _mark_gone(session: Session, calendar: t.Calendar) -> None:
    calendar.is_gone = True
    rows.park_links(session, Reason.PAUSED_CALENDAR, col(t.Link.calendar_id) == calendar.id)
