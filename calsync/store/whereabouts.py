"""Where activities are: on which calendars, since when, and what keeps them from there. For lists and single pages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import OPEN_STEP_STATES, AccountState, Kind, LinkState, StepState
from calsync.store import placements
from calsync.store import tables as t

A, C, K, L, S = t.Activity, t.Calendar, t.Conflict, t.Link, t.Step


@dataclass(frozen=True, slots=True)
class Place:
    """An activity's link, with the calendar and account it leads to."""

    link: t.Link
    calendar: t.Calendar
    account: t.Account


@dataclass(slots=True)
class Whereabouts:
    """Everything known about the syncing of one activity now. `steps` are open ones, the newest first.

    `targets` are the calendars that it is to stand on, or else those that take new activities of its owner, each with
    its account.
    """

    places: list[Place] = field(default_factory=list)
    steps: list[t.Step] = field(default_factory=list)
    conflicts: list[t.Conflict] = field(default_factory=list)
    targets: list[tuple[t.Calendar, t.Account]] = field(default_factory=list)


def of(session: Session, activities: Sequence[t.Activity]) -> dict[int, Whereabouts]:
    """Return the whereabouts of each of a page of activities, by id. A handful of queries, however many they are."""
    ids = [t.pk(a) for a in activities]
    found = {i: Whereabouts() for i in ids}
    for place in places(session, ids):
        found[place.link.activity_id].places.append(place)
    for step in _open_steps(session, ids):
        found[step.activity_id or 0].steps.append(step)
    for conflict in _open_conflicts(session, ids):
        found[conflict.activity_id or 0].conflicts.append(conflict)
    targets = write_targets(session, {a.owner_id for a in activities})
    placed = placements.targets(session, [t.pk(a) for a in activities if a.kind == Kind.BOOKING])
    for activity in activities:
        found[t.pk(activity)].targets = placed.get(t.pk(activity)) or targets.get(activity.owner_id, [])
    return found


def places(session: Session, activity_ids: Collection[int]) -> list[Place]:
    """Return the links of activities, parked and cancelled ones too, oldest first."""
    query = (
        sa.select(L, C, t.Account)
        .join(C, col(C.id) == col(L.calendar_id))
        .join(t.Account, col(t.Account.id) == col(L.account_id))
        .where(col(L.activity_id).in_(activity_ids))
        .order_by(col(L.id))
    )
    return [Place(link, calendar, account) for link, calendar, account in session.execute(query)]


@dataclass(frozen=True, slots=True)
class Whole:
    """A link with everything around it. Of an event that is no longer known `event` and `resource` are None."""

    link: t.Link
    calendar: t.Calendar
    account: t.Account
    owner: t.User
    activity: t.Activity
    event: t.MirrorEvent | None
    resource: t.MirrorResource | None


def wholes(session: Session, *, activity_id: int | None = None, event_id: int | None = None) -> list[Whole]:
    """Return the links of one activity, or of one mirrored event, oldest first."""
    query = (
        sa.select(L, C, t.Account, t.User, A, t.MirrorEvent, t.MirrorResource)
        .join(C, col(C.id) == col(L.calendar_id))
        .join(t.Account, col(t.Account.id) == col(L.account_id))
        .join(t.User, col(t.User.id) == col(t.Account.user_id))
        .join(A, col(A.id) == col(L.activity_id))
        .outerjoin(t.MirrorEvent, col(t.MirrorEvent.id) == col(L.event_id))
        .outerjoin(t.MirrorResource, col(t.MirrorResource.id) == col(t.MirrorEvent.resource_id))
        .where(col(L.event_id) == event_id if activity_id is None else col(L.activity_id) == activity_id)
        .order_by(col(L.id))
    )
    return [Whole(*row) for row in session.execute(query)]


EventWithOwner = tuple[t.MirrorEvent, t.MirrorResource, t.Calendar, t.Account, t.User, bool]
"""The last says whether a link knows the event."""


def event_with_owner(session: Session, event_id: int) -> EventWithOwner | None:
    """Return a mirrored event with everything it belongs to, or None."""
    is_linked = sa.select(col(L.id)).where(col(L.event_id) == col(t.MirrorEvent.id)).exists()
    query = (
        sa.select(t.MirrorEvent, t.MirrorResource, C, t.Account, t.User, is_linked)
        .join(t.MirrorResource, col(t.MirrorResource.id) == col(t.MirrorEvent.resource_id))
        .join(C, col(C.id) == col(t.MirrorEvent.calendar_id))
        .join(t.Account, col(t.Account.id) == col(C.account_id))
        .join(t.User, col(t.User.id) == col(t.Account.user_id))
        .where(col(t.MirrorEvent.id) == event_id)
    )
    found = session.execute(query).first()
    return None if found is None else (found[0], found[1], found[2], found[3], found[4], found[5])


def calendars_of(session: Session, activity_ids: Collection[int]) -> dict[int, list[int]]:
    """Return the ids of the calendars on which activities are now."""
    found: dict[int, list[int]] = {}
    for part in _parts(activity_ids):
        query = sa.select(col(L.activity_id), col(L.calendar_id)).where(
            col(L.activity_id).in_(part), col(L.state) == LinkState.ACTIVE
        )
        for activity_id, calendar_id in session.execute(query.order_by(col(L.id))):
            found.setdefault(int(activity_id), []).append(int(calendar_id))
    return found


def write_targets(session: Session, owner_ids: Collection[int]) -> dict[int, list[tuple[t.Calendar, t.Account]]]:
    """Return the calendars that take new activities of these people, by owner."""
    query = (
        sa.select(C, t.Account)
        .join(t.Account, col(t.Account.id) == col(C.account_id))
        .where(
            col(t.Account.user_id).in_(owner_ids),
            col(t.Account.state) != AccountState.DISCONNECTED,
            col(C.is_write_target),
            col(C.syncs),
            col(C.is_gone).is_(False),
        )
        .order_by(col(C.id))
    )
    found: dict[int, list[tuple[t.Calendar, t.Account]]] = {}
    for calendar, account in session.execute(query):
        found.setdefault(account.user_id, []).append((calendar, account))
    return found


def latest_steps(session: Session, activity_id: int, limit: int = 20) -> list[t.Step]:
    """Return what was last done about an activity, or planned, newest first; previews are left out."""
    query = sa.select(S).where(col(S.activity_id) == activity_id, col(S.state) != StepState.PREVIEW)
    return list(session.scalars(query.order_by(col(S.id).desc()).limit(limit)))


def latest_steps_of_event(session: Session, event_id: int, limit: int = 20) -> list[t.Step]:
    """Return what was last done about a mirrored event, newest first; previews are left out."""
    query = sa.select(S).where(col(S.event_id) == event_id, col(S.state) != StepState.PREVIEW)
    return list(session.scalars(query.order_by(col(S.id).desc()).limit(limit)))


def _open_steps(session: Session, activity_ids: Collection[int]) -> Iterable[t.Step]:
    query = sa.select(S).where(col(S.activity_id).in_(activity_ids), col(S.state).in_(list(OPEN_STEP_STATES)))
    return session.scalars(query.order_by(col(S.id).desc()))


def _open_conflicts(session: Session, activity_ids: Collection[int]) -> Iterable[t.Conflict]:
    query = sa.select(K).where(col(K.state) == "open", col(K.activity_id).in_(activity_ids))
    return session.scalars(query.order_by(col(K.id)))


def _parts(ids: Collection[int]) -> Iterable[list[int]]:
    listed = sorted(ids)
    return (listed[begin : begin + 500] for begin in range(0, len(listed), 500))


# --- as conditions of a list


def has(state: str) -> sa.ColumnElement[bool]:
    """Return the condition that an activity is `on` a calendar, `off` (on none), in `conflict`, `failed` or `held`."""
    match state:
        case "conflict":
            return col(A.id).in_(sa.select(col(K.activity_id)).where(col(K.state) == "open"))
        case "failed":
            return _has_step(StepState.FAILED, StepState.IN_DOUBT)
        case "held":
            return _has_step(StepState.HELD)
    linked = sa.select(col(L.id)).where(col(L.activity_id) == col(A.id), col(L.state) == LinkState.ACTIVE).exists()
    return linked if state == "on" else sa.not_(linked)


def _has_step(*states: StepState) -> sa.ColumnElement[bool]:
    steps = sa.select(col(S.activity_id)).where(col(S.state).in_(states), col(S.activity_id).is_not(None))
    return col(A.id).in_(steps)
