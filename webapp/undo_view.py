"""The preview of an undoing as its page shows it: what goes back, side by side, and what stays and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from flask_login import current_user

from calsync.engine.event import FIELDS
from calsync.engine.vocabulary import Action, Direction
from calsync.services.undo import Preview
from calsync.services.undo_plan import Kept, Why
from webapp import values, words
from webapp.values import Change

SHOWN = 50

_WHY = {
    Why.EDITED: "Changed since, so it stays as it is.",
    Why.GONE: "No longer there on one of the sides.",
    Why.PRUNED: "Its values before are no longer kept.",
    Why.SERIES: "It belongs to a series: change or cancel it there.",
    Why.ELSEWHERE: "It is on other calendars, too; cancel the activity itself if it shall go.",
    Why.REFUSED: "Nothing may be written there.",
    Why.WOULD_MAIL: "Taking it back would send mail to guests, which the settings forbid.",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One record that goes back. `what` says what happens to it, `where` on which side."""

    title: str
    hides: bool
    what: str
    where: str
    diffs: list[tuple[str, list[Change]]]


@dataclass(frozen=True, slots=True)
class Stays:
    title: str
    fields: list[str]
    why: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The first of what goes back and of what stays, and how many there are in all."""

    items: list[Item]
    stays: list[Stays]
    counts: list[tuple[str, int]]
    count: int
    kept: int
    people_mailed: int
    digest: str


def shown(found: Preview, owner_id: int, short: str) -> Shown:
    """Return a preview as the viewer may see it; `short` is the provider's name in sentences."""
    counted = Counter(_what(row, short) for row in found.rows)
    return Shown(
        items=[_item(row, owner_id, short) for row in found.rows[:SHOWN]],
        stays=[_stays(kept, owner_id) for kept in found.kept[:SHOWN]],
        counts=counted.most_common(),
        count=len(found.rows),
        kept=len(found.kept),
        people_mailed=found.people_mailed,
        digest=found.digest,
    )


def _item(row: dict[str, Any], owner_id: int, short: str) -> Item:
    hides = row["is_private"] and owner_id != current_user.id
    title = words.PRIVATE_TITLE if hides else row["title"] or "(no title)"
    return Item(title, hides, _what(row, short), _where(row, short), [] if hides else _diffs(row))


def _what(row: dict[str, Any], short: str) -> str:
    is_outbound = row["direction"] == Direction.OUTBOUND
    match row["action"]:
        case Action.UPDATE if not row["detail"].get("revives"):
            return "Restored"
        case Action.UPDATE | Action.CREATE:
            return "Taken up again"
        case _:
            return f"Removed from {short}" if is_outbound else "Cancelled in the CRM"


def _where(row: dict[str, Any], short: str) -> str:
    if row["direction"] == Direction.INBOUND:
        return "in the CRM"
    return "on both sides" if row["detail"].get("inward") else f"in {short}"


def _diffs(row: dict[str, Any]) -> list[tuple[str, list[Change]]]:
    """Return what changes by field; of a record that is removed or comes back whole, nothing."""
    if row["action"] != Action.UPDATE or row["detail"].get("revives"):
        return []
    inward = row["detail"].get("inward") or {}
    held, after = row["detail"].get("local") or {}, {**inward, **row["after"]}
    before = {**{name: held.get(name) for name in inward}, **(row["before"] or {})}
    return [(words.field(n), values.diff(n, before.get(n), after[n])) for n in FIELDS if n in after]


def _stays(kept: Kept, owner_id: int) -> Stays:
    hides = kept.is_private and owner_id != current_user.id
    why = words.reason(kept.reason) if kept.reason is not None else _WHY[kept.why]
    return Stays(
        words.PRIVATE_TITLE if hides else kept.title or "(no title)", [words.field(n) for n in kept.fields], why
    )
