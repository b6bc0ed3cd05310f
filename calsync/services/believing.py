"""How far the calendars behind somebody's time can be believed, and what an unreachable one means for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from calsync.engine import status
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, Unreachable
from calsync.store import tables as t

ASKED_EVERY = timedelta(minutes=5)
"""How often providers are asked when others are busy."""

UNASKED = timedelta(days=1)
"""How old a calendar may be that nothing polls: it is read only when somebody asks."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose time is asked for: a resource, or a person without one (`resource_id` 0). `tz` reads days and dates."""

    resource_id: int = 0
    user_id: int | None = None
    calendar_id: int | None = None
    tz: str = "UTC"
    when_unreachable: str = Unreachable.IGNORE
    last_known_minutes: int = 60
    is_asked: bool = False  # a provider is asked when it is busy


@dataclass(frozen=True, slots=True)
class Source:
    """A calendar that was asked, when it was read completely, and what that is worth.

    `why` it cannot be believed now: disconnected, gone, reconnect, paused, never_read, failing or late; "" when it can.
    `counts` is False when what stands in it was ignored, `closes` when nothing is free because of it. What a provider
    tells of somebody else's time (`is_about_others`) has an address as `name` and `calendar_id` 0; `why` may then also
    be one of free_busy.py.
    """

    calendar_id: int
    name: str
    account_id: int
    read_at: datetime | None
    why: str = ""
    counts: bool = True
    closes: bool = False
    is_switched_off: bool = False
    is_about_others: bool = False
    owner_id: int = 0  # whose account it is
    is_shared: bool = False  # it syncs, with details: others may see them where they are not private


def of_resource(resource: t.Resource) -> Subject:
    """Return a resource as someone whose time is asked for."""
    return Subject(
        t.pk(resource),
        resource.user_id,
        resource.calendar_id,
        resource.tz,
        resource.when_unreachable,
        resource.last_known_minutes,
        resource.asked_account_id is not None,
    )


def source(subject: Subject, calendar: t.Calendar, account: t.Account, rules: Rules, now: datetime) -> Source:
    """Return what a calendar is worth to a subject now."""
    known = Source(
        t.pk(calendar),
        calendar.name or account.label,
        t.pk(account),
        calendar.last_read_at,
        owner_id=account.user_id,
        is_shared=calendar.syncs and calendar.access != "free_busy",
    )
    return _worth(subject, known, doubt(calendar, account, rules, now), rules, now)


def asked_source(subject: Subject, asked: t.AskedBusy, account: t.Account, rules: Rules, now: datetime) -> Source:
    """Return what a provider's answer about somebody else's time is worth to a subject now."""
    known = Source(0, asked.address, t.pk(account), asked.read_at, is_about_others=True)
    return _worth(subject, known, asked_doubt(asked, account, now), rules, now)


def _worth(subject: Subject, known: Source, why: str, rules: Rules, now: datetime) -> Source:
    if not rules.block_busy_time:
        return replace(known, counts=False, is_switched_off=True)
    if not why:
        return known
    match subject.when_unreachable:
        case Unreachable.IGNORE:
            return replace(known, why=why, counts=False)
        case Unreachable.LAST_KNOWN:
            oldest = now - timedelta(minutes=subject.last_known_minutes)
            is_known = known.read_at is not None and known.read_at >= oldest
            return replace(known, why=why, closes=not is_known)
        case _:
            return replace(known, why=why, closes=True)


def asked_doubt(asked: t.AskedBusy, account: t.Account, now: datetime) -> str:
    """Return why a provider's answer cannot be believed, "" when it can. It is late when two are missing."""
    reasons = (
        ("disconnected", account.state == AccountState.DISCONNECTED),
        ("reconnect", not account.grant_ok),
        ("paused", account.state == AccountState.PAUSED),
        (asked.why, bool(asked.why)),
        ("never_read", asked.read_at is None),
        ("late", asked.read_at is not None and now - asked.read_at > 2 * ASKED_EVERY + status.grace(ASKED_EVERY)),
    )
    return next((reason for reason, holds in reasons if holds), "")


def doubt(calendar: t.Calendar, account: t.Account, rules: Rules, now: datetime) -> str:
    """Return why a calendar cannot be believed, "" when it can. It is late when two polls in a row are missing."""
    every = status.interval(rules)
    longest = UNASKED if every is None else 2 * every + status.grace(every)
    reasons = (
        ("disconnected", account.state == AccountState.DISCONNECTED),
        ("gone", calendar.is_gone),
        ("reconnect", not account.grant_ok),
        ("paused", account.state == AccountState.PAUSED),
        ("never_read", calendar.last_read_at is None),
        ("failing", account.failed_runs > 0),
        ("late", calendar.last_read_at is not None and now - calendar.last_read_at > longest),
    )
    return next((reason for reason, holds in reasons if holds), "")
