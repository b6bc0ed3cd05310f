"""Queries of the pages of event types: whom each is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.store import tables as t


@dataclass(frozen=True, slots=True)
class About:
    """Whom an event type is about: `kind` is resource, group or user, `id` None where nothing is left of it."""

    kind: str = ""
    id: int | None = None
    name: str = ""


def about(session: Session, found: Sequence[t.EventType]) -> dict[int, About]:
    """Return whom event types are about, by their ids."""
    resources = _names(session, t.Resource, {e.resource_id for e in found if e.resource_id is not None})
    groups = _names(session, t.ResourceGroup, {e.group_id for e in found if e.group_id is not None})
    users = _names(session, t.User, {e.owner_id for e in found if e.owner_id is not None})
    return {t.pk(e): _about(e, resources, groups, users) for e in found}


def _about(e: t.EventType, resources: dict[int, str], groups: dict[int, str], users: dict[int, str]) -> About:
    for kind, row_id, names in (
        ("resource", e.resource_id, resources),
        ("group", e.group_id, groups),
        ("user", e.owner_id, users),
    ):
        if row_id is not None:
            return About(kind, row_id, names.get(row_id, ""))
    return About()


def _names(session: Session, table: Any, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    rows = session.scalars(sa.select(table).where(col(table.id).in_(ids)))
    return {t.pk(row): row.name or getattr(row, "email", "") for row in rows}
