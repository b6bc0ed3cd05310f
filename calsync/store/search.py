"""The search box: one text, looked up as whatever it may be: a title, an id of ours or a provider's, an address.

Titles that the asker may not read are not searched, so that a guess finds nothing out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import Session, col

from calsync.engine.vocabulary import AccountState, Role
from calsync.store import activity_list
from calsync.store import tables as t

MOST = 20
"""Hits of one kind."""
LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found. `kind` is activity, event, run, account or person; `is_exact` when an id was named."""

    kind: str
    id: int
    label: str
    detail: str = ""
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    id: int
    role: str

    @property
    def sees_all(self) -> bool:
        return self.role == Role.ADMIN


def find(session: Session, text: str, asker: Asker) -> list[Hit]:
    """Return what `text` may mean to the asker: exact hits first, at most MOST of a kind."""
    wanted = text.strip()
    if not wanted:
        return []
    hits = [
        *_runs(session, wanted, asker),
        *_activities_by_id(session, wanted, asker),
        *_activities_by_event(session, wanted, asker),
        *_events(session, wanted, asker),
        *_accounts(session, wanted, asker),
        *_people(session, wanted, asker),
        *_activities_by_title(session, wanted, asker),
    ]
    first = {(hit.kind, hit.id): hit for hit in reversed(hits)}
    return sorted(first.values(), key=lambda hit: not hit.is_exact)


def _runs(session: Session, text: str, asker: Asker) -> Iterator[Hit]:
    number = text.removeprefix("#")
    is_number = number.isascii() and number.isdigit() and int(number) <= LARGEST_ID
    same = col(t.Run.id) == int(number) if is_number else col(t.Run.public_id) == text
    query = select(t.Run, t.Account).join(t.Account, col(t.Account.id) == col(t.Run.account_id)).where(same)
    for run, account in session.execute(_only_own(query, asker)):
        yield Hit("run", run.id or 0, f"Run #{run.id}", account.label, is_exact=True)


def _activities_by_id(session: Session, text: str, asker: Asker) -> Iterator[Hit]:
    activity = t.Activity
    same = or_(col(activity.external_id) == text, col(activity.public_id) == text, col(activity.uid) == text)
    yield from _activities(session, and_(same, _may_see(asker)), asker, is_exact=True)


def _activities_by_event(session: Session, text: str, asker: Asker) -> Iterator[Hit]:
    """A provider's id: the event's uid, or the handle of the resource that it stands in."""
    event, resource = t.MirrorEvent, t.MirrorResource
    linked = select(col(t.Link.activity_id)).join(event, col(event.id) == col(t.Link.event_id))
    by_uid = linked.where(col(event.uid) == text)
    calendars = select(col(t.Calendar.id))  # lets the index on (calendar, handle) be used
    by_handle = linked.join(resource, col(resource.id) == col(event.resource_id)).where(
        col(resource.calendar_id).in_(calendars), col(resource.handle) == text
    )
    ids = or_(col(t.Activity.id).in_(by_uid), col(t.Activity.id).in_(by_handle))
    yield from _activities(session, and_(ids, _may_see(asker)), asker, is_exact=True)


def _events(session: Session, text: str, asker: Asker) -> Iterator[Hit]:
    """Events that no activity stands for, by a provider's id: their page says why."""
    event, resource, calendar = t.MirrorEvent, t.MirrorResource, t.Calendar
    linked = select(col(t.Link.id)).where(col(t.Link.event_id) == col(event.id)).exists()
    handled = and_(col(resource.calendar_id).in_(select(col(calendar.id))), col(resource.handle) == text)
    query = (
        select(event, t.Account)
        .join(calendar, col(calendar.id) == col(event.calendar_id))
        .join(t.Account, col(t.Account.id) == col(calendar.account_id))
        .where(
            or_(col(event.uid) == text, col(event.resource_id).in_(select(col(resource.id)).where(handled))),
            col(event.recurrence_key) == "",
            ~linked,
        )
        .limit(MOST)
    )
    for row, account in session.execute(_only_own(query, asker)):
        hidden = row.facts.get("classification") != "public" and account.user_id != asker.id
        yield Hit(
            "event", row.id or 0, "Private" if hidden else row.title or "(no title)", account.label, is_exact=True
        )


def _activities_by_title(session: Session, text: str, asker: Asker) -> Iterator[Hit]:
    """By title, or by a guest's address."""
    found = and_(activity_list.says(text, asker.id), col(t.Activity.is_dissolved).is_(False), _may_see(asker))
    yield from _activities(session, found, asker, is_exact=False)


def _activities(session: Session, where: ColumnElement[bool], asker: Asker, *, is_exact: bool) -> Iterator[Hit]:
    newest = col(t.Activity.span_start).desc()
    for row in session.scalars(select(t.Activity).where(where).order_by(newest).limit(MOST)):
        hidden = row.is_private and row.owner_id != asker.id
        yield Hit("activity", row.id or 0, "Private" if hidden else row.title or "(no title)", row.kind, is_exact)


def _accounts(session: Session, text: str, asker: Asker) -> Iterator[Hit]:
    account = t.Account
    named = func.lower(account.label).contains(text.lower(), autoescape=True)
    live = col(account.state) != AccountState.DISCONNECTED
    query = select(account).where(live, or_(named, col(account.public_id) == text)).limit(MOST)
    for row in session.scalars(_only_own(query, asker)):
        yield Hit("account", row.id or 0, row.label, row.provider, is_exact=row.public_id == text)


def _people(session: Session, text: str, asker: Asker) -> Iterator[Hit]:
    if not asker.sees_all:
        return
    user, lowered = t.User, text.lower()
    fits = (func.lower(each).contains(lowered, autoescape=True) for each in (user.email, user.name))
    for row in session.scalars(select(user).where(or_(*fits)).limit(MOST)):
        yield Hit("person", row.id or 0, row.name or row.email, row.email)


def _may_see(asker: Asker) -> ColumnElement[bool]:
    """Staff see everyone's activities, clients their own."""
    return col(t.Activity.owner_id) == asker.id if asker.role == Role.CLIENT else col(t.Activity.id).is_not(None)


def _only_own(query: Any, asker: Asker) -> Any:
    return query if asker.sees_all else query.where(col(t.Account.user_id) == asker.id)
