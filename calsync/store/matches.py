"""Which existing activities an event without a link may already stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.vocabulary import ConflictKind, Reason
from calsync.store import placements
from calsync.store import tables as t
from calsync.store.links import DISCARDED

A, C, E, K, L = t.Activity, t.Calendar, t.MirrorEvent, t.Conflict, t.Link

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Match:
    activity: t.Activity | None = None
    reason: Reason = Reason.MATCHED_UID
    several: list[t.Activity] = field(default_factory=list)


@dataclass(slots=True)
class Candidates:
    """Activities that a batch of events may be, and where each is linked already."""

    by_our_id: dict[Key, t.Activity] = field(default_factory=dict)
    by_uid: dict[Key, list[t.Activity]] = field(default_factory=dict)
    by_content: dict[tuple[str, str], list[t.Activity]] = field(default_factory=dict)
    by_question: dict[int, list[t.Activity]] = field(default_factory=dict)  # event id -> what a conflict asks
    linked: dict[int, set[int]] = field(default_factory=dict)  # activity id -> calendar ids
    placed: set[tuple[int, int]] = field(default_factory=set)  # activities and calendars where they are to stand
    owner_id: int = 0

    def best(self, event: t.MirrorEvent) -> Match:
        """Return the one activity an event is, or several that it may be, or nothing."""
        ours = self.by_our_id.get((event.our_id or "", event.recurrence_key))
        if ours is not None and self._is_free(ours, event.calendar_id):
            return Match(ours, Reason.MATCHED_OUR_ID)
        same = [a for a in self.by_uid.get((event.uid, event.recurrence_key), []) if self._may_be(a, event)]
        if same:
            return Match(same[0], Reason.MATCHED_UID)
        alike = [a for a in self.by_content.get(_content_key(event), []) if t.pk(a) not in self.linked]
        if len(alike) == 1:
            return Match(alike[0], Reason.MATCHED_CONTENT)
        return Match(several=alike + [a for a in self._asked(event) if a not in alike])

    def is_met(self, event: t.MirrorEvent) -> bool:
        """Return whether an event is one of these, or may be."""
        match = self.best(event)
        return match.activity is not None or bool(match.several)

    def _asked(self, event: t.MirrorEvent) -> list[t.Activity]:
        """What a person is being asked about stays the question, also when the event looks like none of them by now."""
        asked = self.by_question.get(t.pk(event), [])
        return [a for a in asked if a.status != "cancelled" and t.pk(a) not in self.linked]

    def take(self, activity: t.Activity, calendar_id: int) -> None:
        """Remember a pairing made in this very plan, so that nothing else is paired with the same activity."""
        self.linked.setdefault(t.pk(activity), set()).add(calendar_id)

    def _is_free(self, activity: t.Activity, calendar_id: int) -> bool:
        return calendar_id not in self.linked.get(t.pk(activity), set())

    def _may_be(self, activity: t.Activity, event: t.MirrorEvent) -> bool:
        """A uid alone may be forged: it counts with the same organizer, within one person's own records, or where the
        activity is to stand on that very calendar.
        """
        if not self._is_free(activity, event.calendar_id):
            return False
        if (activity.id, event.calendar_id) in self.placed:
            return True
        if activity.owner_id == self.owner_id and (activity.organizer is None or event.organizer is None):
            return True
        return activity.organizer is not None and activity.organizer == event.organizer


def candidates(session: Session, owner_id: int, events: Sequence[t.MirrorEvent]) -> Candidates:
    """Return what these events may be. Content counts only for single events and series, not for occurrences."""
    found = Candidates(owner_id=owner_id)
    if not events:
        return found
    marks = {e.our_id for e in events if e.our_id}
    found.placed = placements.on(session, {e.calendar_id for e in events}, {*marks, *(e.uid for e in events)})
    own = sa.or_(col(A.owner_id) == owner_id, col(A.id).in_({activity_id for activity_id, _ in found.placed}))
    marked = sa.select(A).where(col(A.public_id).in_(marks), own)
    for activity in session.scalars(marked) if marks else ():
        found.by_our_id[activity.public_id, activity.recurrence_key] = activity
    _load_by_uid(session, found, {e.uid for e in events})
    for alike in session.scalars(_alike(owner_id, events)):
        start = alike.content["time"]["start"]
        found.by_content.setdefault((start, alike.title), []).append(alike)
    found.by_question = _asked_about(session, [t.pk(e) for e in events])
    _load_links(session, found)
    return found


def _asked_about(session: Session, event_ids: Sequence[int]) -> dict[int, list[t.Activity]]:
    open_ones = sa.select(col(K.event_id), col(K.candidates)).where(
        col(K.state).in_(["open", "resolved"]),
        col(K.closed_at).is_(None),
        col(K.kind) == ConflictKind.DUPLICATE_MATCH,
        col(K.event_id).in_(event_ids),
    )
    asked = {int(event_id): [int(i) for i in ids] for event_id, ids in session.execute(open_ones) if event_id}
    wanted = {i for ids in asked.values() for i in ids}
    rows = session.scalars(sa.select(A).where(col(A.id).in_(wanted))) if wanted else ()
    known = {t.pk(row): row for row in rows}
    return {event_id: [known[i] for i in ids if i in known] for event_id, ids in asked.items()}


def _load_by_uid(session: Session, found: Candidates, uids: set[str]) -> None:
    """Look activities up by their own uid first, then by one that a link knows them under."""
    rows = session.execute(_known_by(found.owner_id, uids)).all()
    for activity in {t.pk(row[0]): row[0] for row in rows if row[0].uid in uids}.values():
        found.by_uid.setdefault((activity.uid, activity.recurrence_key), []).append(activity)
    for activity, uid, key in rows:
        if uid is not None:
            found.by_uid.setdefault((uid, key), []).append(activity)


def _known_by(owner_id: int, uids: set[str]) -> Any:
    """An activity that was found to be an event keeps its own uid: the link knows the event's."""
    own = sa.select(col(C.id)).join(t.Account, col(t.Account.id) == col(C.account_id))
    on_own = col(L.calendar_id).in_(own.where(col(t.Account.user_id) == owner_id))
    aliases = sa.select(col(L.activity_id)).where(on_own, col(L.uid).in_(uids))
    is_alias = sa.and_(col(L.activity_id) == col(A.id), on_own, col(L.uid).in_(uids), col(L.uid) != col(A.uid))
    return (
        sa.select(A, col(L.uid), col(L.recurrence_key))
        .outerjoin(L, is_alias)
        .where(col(A.id).in_(sa.union(sa.select(col(A.id)).where(col(A.uid).in_(uids)), aliases)))
        .order_by(col(L.id), col(A.id))
    )


def _alike(owner_id: int, events: Sequence[t.MirrorEvent]) -> sa.Select[t.Activity]:
    titles = {e.title for e in events if e.recurrence_key == "" and e.title}
    return sa.select(A).where(
        col(A.owner_id) == owner_id,
        col(A.title).in_(titles),
        col(A.recurrence_key) == "",
        col(A.status) != "cancelled",
        col(A.span_start).in_({e.span_start for e in events}),
    )


def _load_links(session: Session, found: Candidates) -> None:
    activities = [*found.by_our_id.values()]
    for group in (*found.by_uid.values(), *found.by_content.values(), *found.by_question.values()):
        activities += group
    ids = {t.pk(a) for a in activities}
    if not ids:
        return
    query = sa.select(col(L.activity_id), col(L.calendar_id)).where(col(L.activity_id).in_(ids))
    for activity_id, calendar_id in session.execute(query):
        found.linked.setdefault(int(activity_id), set()).add(int(calendar_id))


def _content_key(event: t.MirrorEvent) -> tuple[str, str]:
    if event.recurrence_key or not event.title:
        return ("", "")
    return (event.facts["time"]["start"], event.title)


def events_like(session: Session, account_id: int, activity: t.Activity) -> list[int]:
    """Return living events without a link that may be this activity: by our mark, by uid, or by start and title."""
    query = (
        sa.select(col(E.id))
        .join(C, col(C.id) == col(E.calendar_id))
        .outerjoin(L, col(L.event_id) == col(E.id))
        .where(
            col(C.account_id) == account_id,
            col(C.syncs),
            col(C.is_gone).is_(False),
            col(E.is_deleted).is_(False),
            col(E.excluded) != DISCARDED,
            col(L.id).is_(None),
            sa.or_(
                col(E.our_id) == activity.public_id,
                col(E.uid) == activity.uid,
                sa.and_(col(E.span_start) == activity.span_start, col(E.title) == activity.title),
            ),
        )
        .order_by(col(E.recurrence_key) != "", col(E.id))
    )
    return [int(i) for i in session.execute(query).scalars()]
