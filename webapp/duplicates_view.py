"""Duplicates as their pages show them: what the viewer may see of what the last search found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_login import current_user
from sqlmodel import Session

from calsync.engine.event import FIELDS
from calsync.services.duplicates import Found
from calsync.store import duplicates as rows
from calsync.store import tables as t
from calsync.store.duplicates import Orphan, Place
from webapp import values, words
from webapp.access import viewer_id

PAGE = 50
MOST_MERGES = 50
_TOLD_APART = tuple(name for name in FIELDS if name not in ("responses", "classification", "transparency"))


@dataclass(frozen=True, slots=True)
class Side:
    """One of two activities, with where it is on calendars."""

    row: t.Activity
    title: str
    when: str
    places: list[Place]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of pairs; `count` is how many there are in all."""

    pairs: list[tuple[Side, Side]]
    count: int
    number: int

    @property
    def has_next(self) -> bool:
        return self.number * PAGE < self.count


def page_of(session: Session, found: Found, number: int) -> Page:
    """Return a page of pairs that the viewer may see and that are still there."""
    pairs: Sequence[tuple[int, int]] = found.pairs
    if viewer_id() is not None:
        mine = rows.owned(session, {i for pair in pairs for i in pair}, current_user.id)
        pairs = [pair for pair in pairs if mine.issuperset(pair)]
    shown = pairs[(number - 1) * PAGE : number * PAGE]
    ids = {i for pair in shown for i in pair}
    alive, places = rows.activities(session, ids), rows.places(session, ids)
    sides = {i: side(activity, places.get(i, [])) for i, activity in alive.items()}
    return Page([(sides[a], sides[b]) for a, b in shown if a in sides and b in sides], len(pairs), number)


def side(activity: t.Activity, places: list[Place]) -> Side:
    hides = activity.is_private and activity.owner_id != current_user.id
    when = "" if hides else values.text("time", activity.content["time"])
    return Side(activity, words.title_for(current_user, activity), when, places)


def differences(one: t.Activity, other: t.Activity) -> list[tuple[str, str, str, bool]]:
    """Return label, both values and whether they differ, of every field that one of the two has."""
    if one.is_private and one.owner_id != current_user.id:
        return []
    found = []
    for name in _TOLD_APART:
        left, right = one.content.get(name), other.content.get(name)
        if left not in (None, "", [], {}) or right not in (None, "", [], {}):
            found.append((words.field(name), values.text(name, left), values.text(name, right), left != right))
    return found


def orphans(session: Session, found: Found) -> list[Orphan]:
    """Return the orphans of accounts that the viewer may see."""
    every = rows.orphans(session, found.orphans)
    viewer = viewer_id()
    return [orphan for orphan in every if viewer is None or orphan.account.user_id == viewer]


def orphan_title(orphan: Orphan) -> str:
    is_private = orphan.event.facts.get("classification", "public") != "public"
    hides = is_private and orphan.account.user_id != current_user.id
    return words.PRIVATE_TITLE if hides else orphan.event.title or "(no title)"


def orphan_time(orphan: Orphan) -> str:
    return values.text("time", orphan.event.facts["time"])


def merges(session: Session) -> list[dict[str, Any]]:
    """Return the newest merges and clean-ups of activities that the viewer may see."""
    viewer = viewer_id()
    return [
        {
            "entry": entry,
            "title": words.title_for(current_user, activity),
            "is_orphan": entry.after is not None and entry.after.get("kept") is None,
            "may_undo": activity.status == "cancelled",
        }
        for entry, activity in rows.merged(session, MOST_MERGES)
        if viewer is None or activity.owner_id == viewer
    ]
