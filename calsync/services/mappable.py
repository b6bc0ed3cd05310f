"""Calendars as the pages of resources need them: which of them could be mapped, and how far those that are can be
believed. Says beforehand, for all calendars at once, what `resources.check_mapping` says of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import rules as engine_rules
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, Direction
from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.services import believing, settings
from calsync.services import resources as resources_
from calsync.services.believing import Source
from calsync.store import asked_busy
from calsync.store import tables as t

C, A = t.Calendar, t.Account


@dataclass(frozen=True, slots=True)
class Mapped:
    """A resource's calendar, the account it belongs to, and what it is worth now.

    `trouble` says why it could not be mapped today, "" when it could: it was switched off since, say.
    """

    calendar: t.Calendar
    account: t.Account
    source: Source
    trouble: str = ""


def calendars_for(session: Session, resource: t.Resource) -> list[tuple[t.Calendar, t.Account]]:
    """Return the calendars that a resource may be mapped to, its own among them, by account and name."""
    taken = sa.select(col(t.Resource.calendar_id)).where(
        col(t.Resource.calendar_id).is_not(None), col(t.Resource.id) != resource.id
    )
    query = _calendars().where(
        col(A.state) != AccountState.DISCONNECTED,
        col(A.can_write),
        col(C.syncs),
        col(C.is_gone).is_(False),
        col(C.id).not_in(taken),
    )
    base, _ = settings.organisation_rules(session)
    return [
        (calendar, account)
        for calendar, account in session.execute(query)
        if calendar.is_writable and _rules(base, account).direction is not Direction.INBOUND
    ]


def of_resources(rt: Runtime, session: Session, resources: Sequence[t.Resource]) -> dict[int, Mapped]:
    """Return the calendars of resources, by resource id; those without one are left out."""
    ids = {resource.calendar_id for resource in resources} - {None}
    if not ids:
        return {}
    base, _ = settings.organisation_rules(session)
    known = {t.pk(c): (c, a) for c, a in session.execute(_calendars().where(col(C.id).in_(ids)))}
    found = ((resource, known.get(resource.calendar_id or 0)) for resource in resources)
    return {t.pk(resource): _mapped(rt, resource, base, *pair) for resource, pair in found if pair}


def asked_of(rt: Runtime, session: Session, resource: t.Resource) -> tuple[t.AskedBusy, Source] | None:
    """Return what a provider told of when a resource is busy, and what that is worth now; None where none is asked."""
    if resource.asked_account_id is None:
        return None
    base, _ = settings.organisation_rules(session)
    for asked, account in asked_busy.of_resources(session, [t.pk(resource)]):
        subject = believing.of_resource(resource)
        return asked, believing.asked_source(subject, asked, account, _rules(base, account), rt.now())
    return None


def _mapped(rt: Runtime, resource: t.Resource, base: Rules, calendar: t.Calendar, account: t.Account) -> Mapped:
    subject, rules = believing.of_resource(resource), _rules(base, account)
    source = believing.source(subject, calendar, account, rules, rt.now())
    return Mapped(calendar, account, source, _trouble(calendar, account, rules))


def _trouble(calendar: t.Calendar, account: t.Account, rules: Rules) -> str:
    try:
        resources_.check_calendar(calendar, account, rules)
    except Refused as why:
        return why.reason
    return ""


def _rules(base: Rules, account: t.Account) -> Rules:
    return engine_rules.overlay(base, account.overrides)


def _calendars() -> Any:
    by_name = (sa.func.lower(col(A.label)), sa.func.lower(col(C.name)), col(C.id))
    return sa.select(C, A).join(A, col(A.id) == col(C.account_id)).order_by(*by_name)
