"""Rows by the ids that programs know, as far as the caller may see them. What they may not see is not there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.errors import NotFound, Refused
from calsync.runtime import Actor
from calsync.store import people
from calsync.store import tables as t
from webapp.api.operations import Call

Row = TypeVar("Row")


def row(session: Session, table: type[Row], public_id: str, kind: str) -> Row:
    """Return the row with this public id. Raises NotFound. Asks for no right."""
    found = session.scalars(sa.select(table).where(cast(Any, table).public_id == public_id)).one_or_none()
    if found is None:
        raise NotFound(kind, public_id)
    return found


def activity(call: Call, public_id: str) -> t.Activity:
    """Return an activity that the caller may see."""
    with call.rt.reading() as session:
        found = row(session, t.Activity, public_id, "activity")
    if not may_see(call.by, found.owner_id) or found.is_dissolved:
        raise NotFound("activity", public_id)
    return found


def account(call: Call, public_id: str) -> t.Account:
    """Return an account that the caller may see and change: an own one, or any for admins and service tokens."""
    with call.rt.reading() as session:
        found = row(session, t.Account, public_id, "integration")
    if not may_see(call.by, found.user_id):
        raise NotFound("integration", public_id)
    return found


def may_see(by: Actor, user_id: int) -> bool:
    return by.is_admin or by.user_id == user_id


def viewer_id(by: Actor) -> int | None:
    """Return the id by which a list must be filtered; None for who sees everyone's."""
    return None if by.is_admin else by.user_id


def owner_id(session: Session, name: str) -> int:
    """Return the person that a program names by id or address. Raises Refused."""
    by_address = people.find_by_email(session, name) if "@" in name else None
    query = sa.select(t.User).where(col(t.User.public_id) == name)
    found = by_address or session.scalars(query).one_or_none()
    if found is None:
        raise Refused(f"There is no person {name} here.", code="invalid", field="owner")
    return t.pk(found)


def whose(call: Call, name: str | None) -> int:
    """Return the person something is done for: the one who is named, else whoever asks.

    Raises Refused where a service token names nobody, and NotFound for another person than the caller's own.
    """
    if name is None:
        if call.by.user_id is None:
            raise Refused(
                "A service token says for whom: give the person's id or address.", code="invalid", field="owner"
            )
        return call.by.user_id
    with call.rt.reading() as session:
        found = owner_id(session, name)
    if not may_see(call.by, found):
        raise NotFound("user", name)
    return found


def public_ids(session: Session, table: Any, ids: Collection[int]) -> dict[int, str]:
    """Return the ids that programs know, by the rows' own."""
    query = sa.select(table.id, table.public_id).where(table.id.in_(ids))
    return {int(id): str(public_id) for id, public_id in session.execute(query)} if ids else {}


def users(session: Session, ids: Collection[int | None]) -> dict[int, t.User]:
    """Return people by id."""
    query = sa.select(t.User).where(col(t.User.id).in_({i for i in ids if i is not None}))
    return {t.pk(user): user for user in session.scalars(query)}


def provider(call: Call, name: str) -> str:
    """Return a provider by its name in any spelling. Raises NotFound."""
    found = name.strip().lower()
    if found not in call.rt.providers:
        raise NotFound("provider", name)
    return found
