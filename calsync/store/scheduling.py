"""Queries on resources, groups, event types, hours and bookings. None decides anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import BookingState, Role
from calsync.errors import NotFound
from calsync.store import placements
from calsync.store import tables as t
from calsync.store.accounts import rows_changed

B, M, P, R, T = t.Booking, t.GroupMember, t.Placement, t.Resource, t.Taken


# --- resources and groups


def get_resource(session: Session, resource_id: int) -> t.Resource:
    """Return the resource. Raises NotFound."""
    found = session.get(R, resource_id)
    if found is None:
        raise NotFound("resource", resource_id)
    return found


def lock_resources(session: Session, ids: Collection[int]) -> list[t.Resource]:
    """Return the resources by id, each locked until the transaction ends: whoever else wants one of them waits.

    Always in this order, so that two bookings of the same resources never wait for each other.
    """
    query = sa.select(R).where(col(R.id).in_(sorted(ids))).order_by(col(R.id)).with_for_update()
    return list(session.scalars(query.execution_options(populate_existing=True)))


def list_resources(session: Session, *, with_disabled: bool = True) -> list[t.Resource]:
    """Return resources by name."""
    query = sa.select(R).order_by(sa.func.lower(col(R.name)), col(R.id))
    return list(session.scalars(query if with_disabled else query.where(col(R.is_active))))


def resources(session: Session, ids: Collection[int]) -> list[t.Resource]:
    """Return these resources by id."""
    return list(session.scalars(sa.select(R).where(col(R.id).in_(ids)).order_by(col(R.id))))


def resource_on(session: Session, calendar_id: int) -> t.Resource | None:
    """Return the resource that a calendar is mapped to, or None."""
    return session.scalars(sa.select(R).where(col(R.calendar_id) == calendar_id)).one_or_none()


def resource_of_user(session: Session, user_id: int) -> t.Resource | None:
    """Return the resource that stands for a person, or None."""
    return session.scalars(sa.select(R).where(col(R.user_id) == user_id)).one_or_none()


def get_group(session: Session, group_id: int) -> t.ResourceGroup:
    """Return the group. Raises NotFound."""
    found = session.get(t.ResourceGroup, group_id)
    if found is None:
        raise NotFound("group", group_id)
    return found


def list_groups(session: Session) -> list[t.ResourceGroup]:
    """Return groups by name."""
    query = sa.select(t.ResourceGroup)
    return list(session.scalars(query.order_by(sa.func.lower(col(t.ResourceGroup.name)), col(t.ResourceGroup.id))))


def members(session: Session, group_id: int) -> list[t.GroupMember]:
    """Return a group's members by resource id."""
    return list(session.scalars(sa.select(M).where(col(M.group_id) == group_id).order_by(col(M.resource_id))))


def resources_of(session: Session, event_type: t.EventType) -> list[t.Resource]:
    """Return whom an event type is about, disabled ones too, by id."""
    if event_type.group_id is not None:
        return resources(session, [member.resource_id for member in members(session, event_type.group_id)])
    if event_type.resource_id is not None:
        return resources(session, [event_type.resource_id])
    found = None if event_type.owner_id is None else resource_of_user(session, event_type.owner_id)
    return [] if found is None else [found]


@dataclass(frozen=True, slots=True)
class About:
    """What an event type is about: its group with the members by resource id, if it is of one; whom it books by id, and
    of each whether it can be booked: it is in use, and so is its person.
    """

    group: t.ResourceGroup | None
    members: list[t.GroupMember]
    resources: list[tuple[t.Resource, bool]]


def about(session: Session, event_type: t.EventType) -> About:
    """Return what an event type is about, by one question. Raises NotFound for a group that is gone."""
    if event_type.group_id is not None:
        return _about_group(session, event_type.group_id)
    is_it = col(R.id) == event_type.resource_id
    wanted = is_it if event_type.resource_id is not None else col(R.user_id) == event_type.owner_id
    query = sa.select(R, col(t.User.is_disabled)).outerjoin(t.User, col(t.User.id) == col(R.user_id)).where(wanted)
    return About(None, [], [(r, r.is_active and not gone) for r, gone in session.execute(query.order_by(col(R.id)))])


def _about_group(session: Session, group_id: int) -> About:
    G = t.ResourceGroup
    query = (
        sa.select(G, M, R, col(t.User.is_disabled))
        .outerjoin(M, col(M.group_id) == col(G.id))
        .outerjoin(R, col(R.id) == col(M.resource_id))
        .outerjoin(t.User, col(t.User.id) == col(R.user_id))
        .where(col(G.id) == group_id)
        .order_by(col(M.resource_id))
    )
    found = session.execute(query).all()
    if not found:
        raise NotFound("group", group_id)
    listed = [(member, r, r.is_active and not gone) for _, member, r, gone in found if member is not None]
    return About(found[0][0], [member for member, _, _ in listed], [(r, usable) for _, r, usable in listed])


# --- hours


def find_hours(session: Session, owner: str) -> t.Hours | None:
    return session.scalars(sa.select(t.Hours).where(col(t.Hours.owner) == owner)).one_or_none()


def hours(session: Session, owners: Collection[str], setting: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the hours that are set by their owner's name, and a setting's value ({} where nobody has set it): values
    as they are stored, by one question.
    """
    H, S = t.Hours, t.Setting
    both = sa.union_all(
        sa.select(sa.literal(True, sa.Boolean()), col(H.owner), col(H.value)).where(col(H.owner).in_(owners)),
        sa.select(sa.literal(False, sa.Boolean()), col(S.name), col(S.value)).where(col(S.name) == setting),
    )
    found = session.connection().execute(both).all()
    value: dict[str, Any] = next((value for is_hours, _, value in found if not is_hours), {})
    return {owner: hours for is_hours, owner, hours in found if is_hours}, value


# --- event types


def get_event_type(session: Session, event_type_id: int) -> t.EventType:
    """Return the event type. Raises NotFound."""
    found = session.get(t.EventType, event_type_id)
    if found is None:
        raise NotFound("event type", event_type_id)
    return found


def find_by_slug(session: Session, slug: str) -> t.EventType | None:
    return session.scalars(sa.select(t.EventType).where(col(t.EventType.slug) == slug)).one_or_none()


def list_event_types(session: Session) -> list[t.EventType]:
    """Return event types by name."""
    return list(
        session.scalars(sa.select(t.EventType).order_by(sa.func.lower(col(t.EventType.name)), col(t.EventType.id)))
    )


# --- bookings


def get_booking(session: Session, booking_id: int, *, lock: bool = False) -> t.Booking:
    """Return the booking; with `lock` nobody else changes the row before the transaction ends. Raises NotFound."""
    query = sa.select(B).where(col(B.id) == booking_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("booking", booking_id)
    return found


def find_by_key(session: Session, key: str) -> t.Booking | None:
    """Return what a request with this key has booked, or None."""
    return session.scalars(sa.select(B).where(col(B.key) == key)).one_or_none()


def find_by_token(session: Session, token_hash: str) -> t.Booking | None:
    """Return the booking that a link moves and cancels, or None."""
    return session.scalars(sa.select(B).where(col(B.token_hash) == token_hash)).one_or_none()


def list_bookings(session: Session, start: datetime, end: datetime, *, limit: int = 500) -> list[t.Booking]:
    """Return bookings that begin in the window, holds left out, in order."""
    query = sa.select(B).where(col(B.starts_at) >= start, col(B.starts_at) < end, col(B.state) != BookingState.HELD)
    return list(session.scalars(query.order_by(col(B.starts_at), col(B.id)).limit(limit)))


def taken_by(session: Session, booking_id: int) -> list[t.Taken]:
    """Return what a booking takes, by resource."""
    return list(session.scalars(sa.select(T).where(col(T.booking_id) == booking_id).order_by(col(T.resource_id))))


def ahead(session: Session, resource_ids: Collection[int], now: datetime) -> dict[int, int]:
    """Return how many living bookings each resource has ahead."""
    query = (
        sa.select(col(T.resource_id), sa.func.count())
        .where(
            col(T.resource_id).in_(resource_ids),
            col(T.starts_at) >= now,
            sa.or_(col(T.expires_at).is_(None), col(T.expires_at) > now),
        )
        .group_by(col(T.resource_id))
    )
    return {int(resource_id): int(count) for resource_id, count in session.execute(query)}


def unfollowed(session: Session, since: datetime, limit: int) -> list[int]:
    """Return bookings of the time since then whose activity has changed since they were made to follow it."""
    query = (
        sa.select(col(B.id))
        .join(t.Activity, col(t.Activity.id) == col(B.activity_id))
        .where(col(B.starts_at) >= since, col(t.Activity.row_version) != col(B.followed_version))
        .order_by(col(B.id))
        .limit(limit)
    )
    return [int(i) for i in session.scalars(query) if i is not None]


def remove_booking(session: Session, booking_id: int) -> None:
    """Remove a hold, with what it took."""
    session.execute(sa.delete(T).where(col(T.booking_id) == booking_id))
    session.execute(sa.delete(B).where(col(B.id) == booking_id))


def remove_expired(session: Session, now: datetime, limit: int) -> int:
    """Remove holds that have expired, with what they took. Returns how many."""
    expired = sa.select(col(B.id)).where(col(B.state) == BookingState.HELD, col(B.expires_at) <= now).limit(limit)
    ids = [i for i in session.scalars(expired) if i is not None]
    if ids:
        rows_changed(session, sa.delete(T).where(col(T.booking_id).in_(ids)))
        rows_changed(session, sa.delete(B).where(col(B.id).in_(ids)))
    return len(ids)


def first_admin_id(session: Session) -> int | None:
    """Return the admin who was there first, None without any."""
    U = t.User
    query = sa.select(col(U.id)).where(col(U.role) == Role.ADMIN, col(U.is_disabled).is_(False)).order_by(col(U.id))
    return session.scalars(query).first()


# --- where activities are to stand


def unwritten(session: Session, activity_ids: Sequence[int]) -> set[int]:
    """Return those of the activities that do not stand, as they are now, on every calendar where they belong."""
    A = t.Activity
    query = sa.select(col(A.id)).where(col(A.id).in_(activity_ids), placements.is_behind(col(A.id)))
    return {i for i in session.scalars(query) if i is not None}


def is_new_there(session: Session, activity_id: int) -> bool:
    """Return whether an activity has never stood on one of the calendars where it belongs."""
    query = sa.select(col(P.id)).where(col(P.activity_id) == activity_id, col(P.written_at).is_(None))
    return session.scalars(query.limit(1)).first() is not None
