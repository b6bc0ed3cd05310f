"""Where an activity is, in a line for each calendar: "On Work", "Not on a calendar yet: ...", "Failed: ..."."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webapp.words.failures import error_class
from webapp.words.reasons import reason
from webapp.words.states import Word, conflict_kind

ON = Word("On calendar", "green", "check", "It stands in the calendar, and both sides agree.")
WAITS = Word("On its way", "blue", "clock", "It is written with the next run of the account.")
OFF = Word("Not on calendar", "grey", "circle-minus", "It stands in the CRM only.")
RESTS = Word("Left as it is", "grey", "circle-minus", "Both sides stay as they are.")
OVER = Word("Cancelled", "grey", "ban", "Cancelled on both sides.")
CONFLICT = Word("Conflict", "amber", "arrows-left-right", "Changed on both sides; a person decides.")
FAILED = Word("Failed", "red", "x", "It could not be written, for the reason given.")
HELD = Word("Held", "violet", "shield", "Waits for approval by an admin.")

UNDER_WAY = ("planned", "applying", "in_doubt")
OVERRULES = ("failed", "held", *UNDER_WAY)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an activity's sync state. `at` is the moment that `text` ends with, or None.

    `kind` and `id` name what tells more: "run" (with `step_id`), "conflict", or "" for the activity's own page.
    """

    word: Word
    text: str
    at: datetime | None = None
    kind: str = ""
    id: int = 0
    step_id: int = 0
    account_id: int = 0


def lines(activity: Any, where: Any) -> list[Line]:
    """Return what to say of an activity's whereabouts (store.whereabouts.Whereabouts); never empty."""
    waiting = [_conflict(each) for each in where.conflicts] + [_step(s) for s in where.steps if s.state in OVERRULES]
    disturbed = {s.link_id for s in where.steps if s.link_id} | {c.link_id for c in where.conflicts if c.link_id}
    calm = [_place(activity, place) for place in where.places if place.link.id not in disturbed]
    return [*waiting, *calm] or [_nowhere(activity, where)]


def _conflict(conflict: Any) -> Line:
    text = f"{conflict_kind(conflict.kind).label}; waits for a decision since"
    return Line(CONFLICT, text, conflict.opened_at, "conflict", conflict.id, account_id=conflict.account_id)


def _step(step: Any) -> Line:
    more = {"kind": "run", "id": step.run_id, "step_id": step.id, "account_id": step.account_id}
    if step.state == "failed":
        return Line(FAILED, f"{error_class(step.error_class).title}; last tried", step.finished_at, **more)
    if step.state == "held":
        return Line(HELD, reason(step.reason), **more)
    return Line(WAITS, "Being written to the calendar now.", **more)


def _place(activity: Any, place: Any) -> Line:
    link, name = place.link, place.calendar.name or place.account.label
    facts = {"account_id": place.account.id}
    if link.state == "parked":
        return Line(RESTS, f"No longer follows {name}: {_lower(reason(link.park_reason))}", **facts)
    if link.state == "cancelled":
        return Line(OVER, f"Cancelled on {name} too, since", link.agreed_at, **facts)
    if link.waits_for:
        return Line(ON, f"On {name}; a difference stays: {_lower(reason(link.waits_for))}", **facts)
    if link.local_fp != activity.fingerprint:
        return Line(
            WAITS, f"On {name}; the last change goes out with the next run", place.account.next_sync_at, **facts
        )
    return Line(ON, f"On {name} since", link.created_at, **facts)


def _nowhere(activity: Any, where: Any) -> Line:
    if activity.status == "cancelled":
        return Line(OFF, "Cancelled here; it was on no calendar.")
    if activity.excluded == "discarded":
        return Line(OFF, "A person chose not to write it.")
    if not where.targets and not activity.recurrence_key:
        return Line(OFF, reason("no_write_target"))
    if activity.excluded:
        return Line(OFF, reason(activity.excluded))
    at = min((account.next_sync_at for _, account in where.targets if account.next_sync_at), default=None)
    return Line(WAITS, "Not on a calendar yet: goes out with the next run" + (", due" if at else "."), at)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
