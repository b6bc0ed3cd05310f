"""Who hosts meetings that are made with an event: the accounts in whose calendars the bookings of an event type stand.

Meetings that an account hosts by itself, whatever calendar a booking stands in, are in `conferences.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from calsync.engine.vocabulary import AccountState, GroupMode
from calsync.runtime import Runtime
from calsync.services import booking_rows, event_types
from calsync.store import accounts, scheduling
from calsync.store import tables as t


@dataclass(frozen=True, slots=True)
class LinkHost:
    """Who makes the link when these are booked. `why_not` says why nobody does, or not now, else it is "".

    It is no_calendar (`account` is then ""), other_provider, disconnected, reconnect or read_only.
    """

    who: tuple[str, ...]
    account: str = ""
    why_not: str = ""


def of(rt: Runtime, session: Session, event_type: t.EventType) -> list[LinkHost]:
    """Return who hosts, for each that may be booked, or once for those that are booked together; nobody for an event
    type whose place is no such meeting.
    """
    kind = event_type.location_kind
    if kind not in event_types.link_kinds(rt) or kind in event_types.hosting_kinds(rt):
        return []
    about = scheduling.about(session, event_type)
    found = booking_rows.people_first([resource for resource, can_be_booked in about.resources if can_be_booked])
    is_any = about.group is not None and about.group.mode == GroupMode.ANY_OF
    together = [[resource] for resource in found] if is_any else [found] if found else []
    return [_host(rt, session, kind, each) for each in together]


def _host(rt: Runtime, session: Session, kind: str, booked: Sequence[t.Resource]) -> LinkHost:
    who = tuple(resource.name for resource in booked)
    main = next(iter(booking_rows.calendars_of(session, booked)), None)
    if main is None:
        return LinkHost(who, why_not="no_calendar")
    calendar = accounts.get_calendar(session, main)
    account = accounts.get(session, calendar.account_id)
    return LinkHost(who, account.label, _why_not(rt, kind, calendar, account))


def _why_not(rt: Runtime, kind: str, calendar: t.Calendar, account: t.Account) -> str:
    provider = rt.providers.get(account.provider)
    if provider is None or kind not in provider.info.capabilities.makes_links:
        return "other_provider"
    if account.state == AccountState.DISCONNECTED or calendar.is_gone:
        return "disconnected"
    if not account.grant_ok:
        return "reconnect"
    return "" if account.can_write and calendar.is_writable else "read_only"
