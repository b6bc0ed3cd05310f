"""A preview as pages show it: sums with samples, who would be mailed, and whether it is still being made.

plan = plans.plan_of(run, owner_id)      .groups, .notes, .people_mailed, .is_active, .failure
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_login import current_user
from sqlmodel import Session

from calsync.engine.vocabulary import Action, Direction, RunState
from calsync.store import plans
from calsync.store import tables as t
from calsync.store.plans import Total
from webapp import values, words

ACTIVE = (RunState.QUEUED, RunState.RUNNING)
_VERBS = {
    Action.CREATE: ("created", "green", "plus"),
    Action.UPDATE: ("changed", "blue", "edit"),
    Action.CANCEL: ("cancelled", "red", "ban"),
    Action.DELETE: ("deleted", "red", "trash"),
    Action.LINK: ("recognised as the same", "violet", "link"),
}
_ORDER = list(_VERBS)


@dataclass(frozen=True, slots=True)
class Sample:
    """One record of a group as the viewer may see it; `note` tells when it is, or which fields change."""

    title: str
    note: str


@dataclass(frozen=True, slots=True)
class Group:
    """Records to which the same would happen. `where` says on which side."""

    count: int
    verb: str
    where: str
    colour: str
    icon: str
    samples: list[Sample]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do. `notes` are records left alone: how many and why. `failure` says why there is no plan."""

    run: t.Run
    groups: list[Group]
    notes: list[tuple[int, str]]
    people_mailed: int
    failure: Any

    @property
    def is_active(self) -> bool:
        return self.run.state in ACTIVE

    @property
    def is_empty(self) -> bool:
        return not self.groups and not self.is_active and self.failure is None


def plan_of(session: Session, run: t.Run, owner_id: int, short: str) -> Plan:
    """Return a run as a plan; `short` is the provider's name in sentences."""
    if run.state in ACTIVE:
        return Plan(run, [], [], 0, None)
    totals = plans.totals(session, t.pk(run))
    kinds = [(total.direction, total.action) for total in totals if total.action in _VERBS]
    found = plans.samples(session, t.pk(run), kinds)
    groups = [_group(total, found, owner_id, short) for total in sorted(totals, key=_place) if total.action in _VERBS]
    notes = [(total.count, words.reason(total.reason)) for total in totals if total.action == Action.NONE]
    return Plan(run, groups, notes, sum(total.people_mailed for total in totals), _failure(run))


def _failure(run: t.Run) -> Any:
    """Return the words for a run that could not make a plan, else None."""
    if run.state == RunState.CANCELLED:
        return words.ErrorWords("It could not be made", run.error, "", "", "amber", "alert-triangle", "not-appearing")
    return words.error_class(run.error_class) if run.error_class else None


def _place(total: Total) -> tuple[str, int]:
    return total.direction, _ORDER.index(Action(total.action)) if total.action in _VERBS else 0


def _group(total: Total, found: Sequence[t.Step], owner_id: int, short: str) -> Group:
    verb, colour, icon = _VERBS[Action(total.action)]
    mine = [s for s in found if (s.direction, s.action) == (total.direction, total.action)]
    where = "on both sides" if total.action == Action.LINK else _side(total.direction, short)
    return Group(total.count, verb, where, colour, icon, [_sample(step, owner_id) for step in mine])


def _side(direction: str, short: str) -> str:
    return "here" if direction == Direction.INBOUND else f"in {short}"


def _sample(step: t.Step, owner_id: int) -> Sample:
    title = words.title_for(current_user, step, owner_id)
    if title == words.PRIVATE_TITLE:
        return Sample(title, "")
    time = (step.after or {}).get("time")
    if step.action == Action.CREATE and time:
        return Sample(title, values.text("time", time))
    return Sample(title, words.joined(words.field(name) for name in step.fields))
