"""Activities: the one writer of their content, and the queries on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import event as events
from calsync.engine import mapping, scope, series
from calsync.engine.event import Content, Event
from calsync.engine.mapping import ActivityValues
from calsync.engine.vocabulary import LinkState
from calsync.errors import NotFound
from calsync.store import tables as t
from calsync.store.tables.columns import LONG, SEARCHED, public_id

A = t.Activity

MORE = "\x1a"
"""Ends a search text that was cut: what it lacks is searched in the row itself."""

_AT_ONCE = 500  # values in one query


# --- writing


def new(
    values: ActivityValues,
    *,
    owner_id: int,
    now: datetime,
    uid: str | None = None,
    recurrence_key: str | None = None,
    organizer: str | None = None,
    source_account_id: int | None = None,
    created_by_id: int | None = None,
) -> t.Activity:
    """Return an unsaved activity; `uid` and the others, where given, stand above `values`. See columns_of_new."""
    named = replace(
        values,
        uid=uid or values.uid,
        recurrence_key=values.recurrence_key if recurrence_key is None else recurrence_key,
        organizer=organizer or values.organizer,
    )
    origin = {"source_account_id": source_account_id, "created_by_id": created_by_id}
    return t.Activity(**columns_of_new(named, owner_id=owner_id, now=now, **origin))


def columns_of_new(
    values: ActivityValues,
    *,
    owner_id: int,
    now: datetime,
    source_account_id: int | None = None,
    created_by_id: int | None = None,
) -> dict[str, Any]:
    """Return the columns of a new activity.

    With `source_account_id` it came from a calendar of that account. Raises ValueError when its series cannot be
    computed.
    """
    start = events.parse_moment(values.content["time"]["start"])
    event = events.with_content(Event(values.uid, start, start), values.content)
    return {
        "public_id": public_id(),
        "owner_id": owner_id,
        "kind": values.kind,
        "uid": values.uid,
        "recurrence_key": values.recurrence_key,
        "organizer": values.organizer,
        "due_is": values.due_is,
        "source": "crm" if source_account_id is None else "calendar",
        "source_account_id": source_account_id,
        "created_by_id": created_by_id,
        "created_at": now,
        "updated_at": now,
        "cancelled_at": now if event.is_cancelled else None,
        "field_times": {},
        **_columns(event, values.content, values.recurrence_key),
    }


def set_content(activity: t.Activity, content: Content, *, now: datetime, edited: bool = True) -> tuple[str, ...]:
    """Write content and everything that is copied from it; return the merge units that changed.

    Nothing happens when none did. With `edited` they are an edit made here, whose time counts in a clash. Raises
    ValueError when the series cannot be computed; the row is then as it was.
    """
    content = events.consistent(content)
    changed = events.changed_fields(activity.content, content)
    if not changed:
        return ()
    _set(activity, columns(activity, content) | _traces(activity, content, changed, now, edited=edited))
    activity.row_version += 1
    return changed


def columns(activity: t.Activity, content: Content) -> dict[str, Any]:
    """Return content with its hash and the typed copies that queries use. Raises ValueError (see series.span)."""
    return _columns(mapping.event_of(activity, content), content, activity.recurrence_key)


def _columns(event: Event, content: Content, recurrence_key: str) -> dict[str, Any]:
    start, end = series.span(event)
    # Whether the owner is who declined depends on the addresses that they have when somebody asks.
    is_disputed = "declined" in content["responses"].values()
    return {
        "content": content,
        "fingerprint": events.fingerprint(content),
        "title": _storable(event.summary),
        "search_text": search_text(event),
        "status": event.status,
        "is_private": event.classification != "public",
        "is_all_day": event.is_all_day,
        "is_series": event.is_series,
        "is_long": end - start > LONG,
        "taking": scope.taking(
            event, recurrence_key, says_busy=event.transparency == "opaque", is_disputed=is_disputed
        ),
        "start_on": event.start if event.is_all_day else None,
        "span_start": start,
        "span_end": end,
    }


def _traces(
    activity: t.Activity, content: Content, changed: Iterable[str], now: datetime, *, edited: bool
) -> dict[str, Any]:
    """Return what a change leaves on the row beside its content. It is considered anew by every account."""
    times = dict.fromkeys(changed, now.isoformat()) if edited else {}
    is_cancelled = content["status"] == "cancelled"
    return {
        "field_times": activity.field_times | times,
        "updated_at": now,
        "cancelled_at": (activity.cancelled_at or now) if is_cancelled else None,
        "excluded": "",
        "considered": "",
    }


def _set(activity: t.Activity, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(activity, name, value)


_INCLUDE = sa.update(A).where(col(A.id) == sa.bindparam("activity"), col(A.excluded) != "").values(excluded="")


def include(session: Session, activity_id: int) -> None:
    """Note that an activity is on a calendar, whatever kept it off one before."""
    session.connection().execute(_INCLUDE, {"activity": activity_id})


def search_text(event: Event) -> str:
    """Return title and guests' addresses as searches compare them; it ends with MORE where it was cut."""
    text = _storable("\n".join((event.summary, *(a.address for a in event.attendees)))).lower()
    return text if len(text) <= SEARCHED else text[: SEARCHED - 1] + MORE


def _storable(text: str) -> str:
    # PostgreSQL keeps neither NUL nor half a surrogate pair in a text column.
    return text.encode("utf-8", "replace").decode().replace("\0", "")


# --- one activity


def find(session: Session, activity_id: int) -> t.Activity | None:
    return session.get(A, activity_id)


def get(session: Session, activity_id: int, *, lock: bool = False) -> t.Activity:
    """Return the activity; with `lock` nobody else changes the row before the transaction ends. Raises NotFound."""
    query = sa.select(A).where(col(A.id) == activity_id)
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound("activity", activity_id)
    return found


def find_by_external_id(session: Session, external_id: str) -> t.Activity | None:
    """Return the activity that the CRM knows under this id of its own, or None."""
    return session.scalars(sa.select(A).where(col(A.external_id) == external_id)).one_or_none()


def by_ids(session: Session, ids: Collection[int]) -> list[t.Activity]:
    """Return these activities, in no order."""
    wanted, found = sorted(ids), list[t.Activity]()
    for begin in range(0, len(wanted), _AT_ONCE):
        found += session.scalars(sa.select(A).where(col(A.id).in_(wanted[begin : begin + _AT_ONCE])))
    return found


def master_of(session: Session, override: t.Activity) -> t.Activity | None:
    """Return the series of a changed occurrence; None when only the occurrence is known here."""
    query = sa.select(A).where(
        col(A.uid) == override.uid, col(A.owner_id) == override.owner_id, col(A.recurrence_key) == ""
    )
    return session.scalars(query.order_by(col(A.id))).first()


def overrides_of(session: Session, masters: Collection[t.Activity]) -> list[t.Activity]:
    """Return the changed occurrences of these series, cancelled ones too, dissolved ones not."""
    uids = sorted({m.uid for m in masters})
    families = {(m.owner_id, m.uid) for m in masters}
    found: list[t.Activity] = []
    for begin in range(0, len(uids), _AT_ONCE):
        query = sa.select(A).where(
            col(A.uid).in_(uids[begin : begin + _AT_ONCE]),
            col(A.recurrence_key) != "",
            col(A.is_dissolved).is_(False),
        )
        found += session.scalars(query.order_by(col(A.recurrence_key), col(A.id)))
    return [a for a in found if (a.owner_id, a.uid) in families]


def copies(session: Session, activity: t.Activity) -> list[tuple[t.Link, t.Calendar, t.Account]]:
    """Return where the activity, or the series it belongs to, is on a calendar now; parked links do not count."""
    family = sa.select(col(A.id)).where(
        col(A.uid) == activity.uid,
        col(A.owner_id) == activity.owner_id,
        sa.or_(col(A.id) == activity.id, col(A.recurrence_key) == ""),
    )
    query = (
        sa.select(t.Link, t.Calendar, t.Account)
        .join(t.Calendar, col(t.Calendar.id) == col(t.Link.calendar_id))
        .join(t.Account, col(t.Account.id) == col(t.Link.account_id))
        .where(col(t.Link.activity_id).in_(family), col(t.Link.state) != LinkState.PARKED)
        .order_by(col(t.Link.id))
    )
    return [(link, calendar, account) for link, calendar, account in session.execute(query)]
