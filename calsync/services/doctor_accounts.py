"""The three facts of every account, as findings: authorised, reachable, in sync since."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from calsync.engine import status
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, ErrorClass
from calsync.providers.oauth import ZONE
from calsync.runtime import Runtime
from calsync.services import grants, settings
from calsync.services.findings import Finding, Level, fine
from calsync.store import steps
from calsync.store import tables as t


def examine(session: Session, rt: Runtime) -> list[Finding]:
    """Return three findings for each account that is not disconnected; one for a paused account."""
    query = select(t.Account).where(col(t.Account.state) != AccountState.DISCONNECTED).order_by(col(t.Account.id))
    found: list[Finding] = []
    failing = steps.failing_by_account(session)
    for account in session.exec(query):
        if account.state == AccountState.PAUSED:
            found.append(_paused(account))
            continue
        rules = settings.rules_of(session, account)
        found += [
            authorised(account),
            reachable(account, rt.now()),
            in_sync(account, rules, rt.now(), failing.get(t.pk(account), 0)),
        ]
    return found


def unheard(session: Session) -> list[Finding]:
    """Return a finding for each calendar whose provider could not be asked to tell us of changes."""
    query = (
        select(t.Account, t.Calendar, t.Channel)
        .where(
            col(t.Channel.account_id) == col(t.Account.id),
            col(t.Channel.calendar_id) == col(t.Calendar.id),
            col(t.Channel.state) == "opening",
            col(t.Channel.tries) > 0,
        )
        .order_by(col(t.Channel.id))
    )
    return [_unheard(account, calendar, channel) for account, calendar, channel in session.exec(query)]


def _unheard(account: t.Account, calendar: t.Calendar, channel: t.Channel) -> Finding:
    return Finding(
        "notified",
        Level.NOTE,
        f"{_name(account)}: changes in {calendar.name or 'a calendar'} are not told to us. {channel.error}",
        "They arrive with the next poll instead; nothing is lost.",
        f"Nothing, if the provider cannot tell of this calendar. We ask again at {_when(channel.next_try_at)}.",
        account.id,
    )


def zones(rt: Runtime, session: Session) -> list[Finding]:
    """Return a note for each account whose times without a zone are read in UTC although its own could be asked for."""
    query = select(t.Account).where(col(t.Account.state) == AccountState.ACTIVE, col(t.Account.grant_ok))
    accounts = session.exec(query.order_by(col(t.Account.id)))
    return [_zoneless(each) for each in accounts if _could_know_zone(rt, each)]


def _could_know_zone(rt: Runtime, account: t.Account) -> bool:
    return grants.offers(rt, account, ZONE) and not grants.has_extra(rt, account, ZONE)


def _zoneless(account: t.Account) -> Finding:
    return Finding(
        "time zone",
        Level.NOTE,
        f"{_name(account)}: the mailbox's own time zone is not known.",
        "Times that are meant without a zone, and zones that somebody made up, are read in UTC.",
        "Only if such times matter: on the account's page, let the zone be read from the mailbox.",
        account.id,
    )


def authorised(account: t.Account) -> Finding:
    """Say whether the provider still accepts the login."""
    name = _name(account)
    if account.grant_ok:
        return fine("authorised", f"{name}: the login is accepted.", account.id)
    since = f" since {_when(account.grant_lost_at)}" if account.grant_lost_at else ""
    return Finding(
        "authorised",
        Level.ERROR,
        f"{name}: the provider refuses the login{since} ({account.grant_error or 'no reason given'}).",
        "Nothing is read or written until its owner signs in again.",
        "Ask the owner to press Reconnect on the account's page.",
        account.id,
    )


def reachable(account: t.Account, now: datetime) -> Finding:
    """Say whether the provider answers."""
    name = _name(account)
    if account.rate_limited_until is not None and account.rate_limited_until > now:
        return Finding(
            "reachable",
            Level.NOTE,
            f"{name}: the provider asked us to wait until {_when(account.rate_limited_until)}.",
            "Too many requests came from here in a short time.",
            "Nothing: it goes on by itself. If it happens often, choose a lower frequency.",
            account.id,
        )
    if account.failed_runs and account.last_error_class == ErrorClass.NETWORK:
        return Finding(
            "reachable",
            Level.ERROR,
            f"{name}: no answer in the last {account.failed_runs} runs. {account.last_error}",
            "Changes wait on both sides; nothing is lost.",
            f"Check that {account.server_url or 'the provider'} can be reached from this machine.",
            account.id,
        )
    if account.last_answer_at is None:
        return Finding("reachable", Level.NOTE, f"{name}: the provider was not asked yet.", "", "", account.id)
    took = f" in {account.last_answer_ms} ms" if account.last_answer_ms is not None else ""
    answered = f"{name}: the provider answered at {_when(account.last_answer_at)}{took}."
    return fine("reachable", answered, account.id)


def in_sync(account: t.Account, rules: Rules, now: datetime, failing: int = 0) -> Finding:
    """Say since when both sides agree, or since when they do not. `failing` records wait to be tried again."""
    name = _name(account)
    every = status.interval(rules)
    success = account.last_success_at
    if success is None:
        return Finding(
            "in_sync",
            Level.NOTE,
            f"{name}: never synced.",
            "It was connected, and no run has gone through since.",
            "Choose its calendars and press Sync now.",
            account.id,
        )
    if account.failed_runs and account.last_error_class != ErrorClass.NETWORK:
        return Finding(
            "in_sync",
            Level.ERROR,
            f"{name}: the last {account.failed_runs} runs failed. {account.last_error}",
            "Changes wait on both sides; nothing is lost.",
            "Open the run in Sync History: it names the cause and the way out.",
            account.id,
        )
    if every is not None and now - success > 2 * every + status.grace(every):
        return Finding(
            "in_sync",
            Level.WARNING,
            f"{name}: last in sync at {_when(success)}, although it syncs every {_minutes(every)} minutes.",
            "Changes made since then have not travelled.",
            "See that the server and its scheduler run, then press Sync now.",
            account.id,
        )
    if failing:
        return _failing(account, failing)
    return fine("in_sync", f"{name}: in sync since {_when(account.in_sync_since or success)}.", account.id)


def _failing(account: t.Account, count: int) -> Finding:
    return Finding(
        "in_sync",
        Level.WARNING,
        f"{_name(account)}: {count} record{' fails' if count == 1 else 's fail'}, everything else is in sync.",
        "They are tried again by themselves: at first with each sync, later once a day.",
        "Open Issues on the account's page: each says what is wrong and what to do.",
        account.id,
    )


def _paused(account: t.Account) -> Finding:
    reason = f" ({account.paused_reason})" if account.paused_reason else ""
    return Finding(
        "in_sync",
        Level.NOTE,
        f"{_name(account)}: paused since {_when(account.paused_at)}{reason}.",
        "Nothing travels while an account is paused.",
        "Press Resume on the account's page when it should go on.",
        account.id,
    )


def _name(account: t.Account) -> str:
    return f"Account {account.id} ({account.label or account.username or account.subject})"


def _when(moment: datetime | None) -> str:
    return "an unknown time" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)
