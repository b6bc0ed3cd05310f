"""Changed occurrences that moved with their series: what is edited under the old slot comes in under the new one.

A series that moves gives its changed occurrences new slots. Where one of them stands on a calendar, its row is
dissolved and another takes its place, its *heir*; the event under the old slot is deleted by a later run. Who edits
that event before then edits an occurrence that lives on, so the edit belongs to the heir.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine import decide, pair
from calsync.engine.event import Content, resulting
from calsync.engine.pair import Agreed, Decision, Remote, Terms
from calsync.engine.vocabulary import Action
from calsync.services import cases
from calsync.store import activities
from calsync.store import tables as t

LONGEST = 50
"""Moves of one series that are followed: more of them lie between no two runs."""


def of(session: Session, rows: Iterable[t.Activity]) -> dict[int, t.Activity]:
    """Return the living heirs of dissolved activities, by the ids of those; nothing for all others."""
    wanted = {t.pk(row): row.heir_id for row in rows if row.is_dissolved and row.heir_id is not None}
    found: dict[int, t.Activity] = {}
    for _ in range(LONGEST):
        if not wanted:
            break
        query = sa.select(t.Activity).where(col(t.Activity.id).in_(set(wanted.values())))
        known = {t.pk(row): row for row in session.scalars(query)}
        heirs = {first: known[heir] for first, heir in wanted.items() if heir in known}
        found |= {first: heir for first, heir in heirs.items() if not (heir.is_dissolved or heir.status == "cancelled")}
        wanted = {
            first: heir.heir_id for first, heir in heirs.items() if heir.is_dissolved and heir.heir_id is not None
        }
    return found


def decision(heir: t.Activity, remote: Remote, agreed: Agreed, terms: Terms) -> Decision | None:
    """Return what an edit under the old slot means for the heir; None where there is nothing for it to take.

    The heir is held against what changed there and nothing else: its own changes are written under its new slot.
    """
    if remote.is_gone or agreed.was_gone or not (terms.may_pull and terms.is_source):
        return None
    local = cases.local_of(heir)
    changed = pair.compare(replace(local, content=agreed.local), remote, agreed, terms).remote_changed
    held = {**agreed.local, **{name: local.content[name] for name in changed}}
    found = decide.decide(replace(local, content=held), remote, agreed, terms)
    if found.conflict is None and not found.inward:
        return None
    return replace(found, remote_action=Action.NONE, outward={}, is_merge=False, passes_on=True)


def detail(heir: t.Activity) -> dict[str, Any]:
    """Return what a step keeps of the heir that it writes to."""
    return {"heir": {"id": t.pk(heir), "row_version": heir.row_version}}


def receive(session: Session, step: t.Step, inward: Content, now: datetime) -> int | None:
    """Write what came in into the step's heir and return its id; None where it has changed since it was planned."""
    known = step.detail["heir"]
    heir = session.get(t.Activity, known["id"])
    if heir is None or heir.row_version != known["row_version"]:
        return None
    activities.set_content(heir, resulting(heir.content, inward), now=now, edited=False)
    return t.pk(heir)
