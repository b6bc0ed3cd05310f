"""The list of activities: what it shows, in slices, and what a search finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.store import keyset, whereabouts
from calsync.store import tables as t
from calsync.store.activities import MORE
from calsync.store.keyset import Cut, Slice

A = t.Activity


@dataclass(frozen=True, slots=True)
class Filters:
    """Which activities a list shows; None or "" leaves a condition out.

    `search` is part of a title, an id of ours or of the CRM, or a guest's address; it finds private activities only
    of `viewer_id` (None: of everyone). `start` and `end` bound the window that an activity touches. `sync` is on, off,
    conflict, failed or held (store.whereabouts).
    """

    owner_id: int | None = None
    kind: str = ""
    status: str = ""
    source: str = ""
    search: str = ""
    start: datetime | None = None
    end: datetime | None = None
    viewer_id: int | None = None
    sync: str = ""


def list_activities(session: Session, filters: Filters, cut: Cut | None = None, *, newest_first: bool = True) -> Slice:
    """Return a slice of the list, by start; its key is (span_start, id)."""
    query = sa.select(A).where(col(A.is_dissolved).is_(False), *_conditions(filters))
    sorts = [cast(Any, A.span_start), cast(Any, A.id)]
    return keyset.fetch(session, query, sorts, cut or Cut(), newest_first=newest_first)


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    equal = (
        (A.owner_id, filters.owner_id),
        (A.kind, filters.kind),
        (A.status, filters.status),
        (A.source, filters.source),
    )
    found: list[sa.ColumnElement[bool]] = [col(cast(Any, c)) == value for c, value in equal if value not in (None, "")]
    if filters.start is not None:
        found.append(col(A.span_end) >= filters.start)
    if filters.end is not None:
        found.append(col(A.span_start) < filters.end)
    if filters.sync:
        found.append(whereabouts.has(filters.sync))
    if filters.search.strip():
        found.append(_finds(filters.search.strip(), filters.viewer_id))
    return found


def _finds(text: str, viewer_id: int | None) -> sa.ColumnElement[bool]:
    # The ids as a set of their own: compared row by row they would keep the search from staying inside its index.
    named = sa.or_(col(A.public_id) == text.lower(), col(A.external_id) == text)
    return sa.or_(says(text, viewer_id), col(A.id).in_(sa.select(col(A.id)).where(named)))


def says(text: str, viewer_id: int | None) -> sa.ColumnElement[bool]:
    """Return whether a title or a guest's address has `text` in it; private ones count for their owner alone.

    `viewer_id` None means a viewer who reads everything.
    """
    lowered = text.lower()
    in_row = sa.or_(
        col(A.title).icontains(text, autoescape=True),
        sa.func.lower(sa.cast(col(A.content)["attendees"], sa.Text)).contains(lowered, autoescape=True),
    )
    in_copy = col(A.search_text).contains(lowered, autoescape=True)
    found = sa.or_(in_copy, sa.and_(col(A.search_text).endswith(MORE), in_row))
    if viewer_id is None:
        return found
    return sa.and_(found, sa.or_(col(A.is_private).is_(False), col(A.owner_id) == viewer_id))
