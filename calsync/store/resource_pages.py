"""Queries of the pages of resources: what a resource belongs to, who is in a group."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.store import tables as t

G, M, R, E = t.ResourceGroup, t.GroupMember, t.Resource, t.EventType


def groups_of(session: Session, resource_id: int) -> list[t.ResourceGroup]:
    """Return the groups that a resource is in, by name."""
    query = sa.select(G).join(M, col(M.group_id) == col(G.id)).where(col(M.resource_id) == resource_id)
    return list(session.scalars(query.order_by(sa.func.lower(col(G.name)), col(G.id))))


def event_types_of(session: Session, resource: t.Resource, group_ids: Collection[int]) -> list[t.EventType]:
    """Return the event types that are about a resource: it, its person, or a group that it is in."""
    about = [col(E.resource_id) == resource.id, col(E.group_id).in_(group_ids)]
    if resource.user_id is not None:
        about.append(col(E.owner_id) == resource.user_id)
    return list(session.scalars(sa.select(E).where(sa.or_(*about)).order_by(sa.func.lower(col(E.name)), col(E.id))))


def members_of(session: Session, group_ids: Collection[int]) -> dict[int, list[t.Resource]]:
    """Return the members of groups by name, by group id."""
    found: dict[int, list[t.Resource]] = {group_id: [] for group_id in group_ids}
    query = sa.select(col(M.group_id), R).join(R, col(R.id) == col(M.resource_id)).where(col(M.group_id).in_(found))
    for group_id, resource in session.execute(query.order_by(sa.func.lower(col(R.name)), col(R.id))):
        found[group_id].append(resource)
    return found
