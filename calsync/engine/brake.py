"""The brake: a whole plan against the limits, and the digest that an approval is bound to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from calsync.engine.event import fingerprint
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Action, Reason


@dataclass(frozen=True, slots=True)
class Counted:
    """What a plan step does, as far as the brake cares."""

    calendar_id: int | None
    action: Action
    people_mailed: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """Deletions, creates and people mailed, of one calendar or of the whole account, and the links there are."""

    links: int = 0
    deletions: int = 0
    creates: int = 0
    people_mailed: int = 0

    def plus(self, step: Counted) -> Tally:
        return Tally(
            self.links,
            self.deletions + (step.action in (Action.DELETE, Action.CANCEL)),
            self.creates + (step.action is Action.CREATE),
            self.people_mailed + step.people_mailed,
        )


def exceeded(tally: Tally, rules: Rules, *, is_first: bool) -> frozenset[Reason]:
    """Return the limits that a tally is over. On the first run of an account creating much is expected."""
    over = set()
    share = tally.deletions / tally.links if tally.links else 1.0
    if tally.deletions > rules.brake_deletions and share > rules.brake_deletion_share:
        over.add(Reason.BRAKE_DELETIONS)
    if tally.creates > rules.brake_creates and not is_first:
        over.add(Reason.BRAKE_CREATES)
    if tally.people_mailed > rules.brake_mails:
        over.add(Reason.BRAKE_MAILS)
    return frozenset(over)


def brake(
    steps: Iterable[Counted],
    recent: dict[int | None, Tally],
    rules: Rules,
    *,
    is_first: bool,
) -> dict[int | None, frozenset[Reason]]:
    """Return which limits are exceeded, by calendar; the key None holds those of the whole account.

    `recent` holds what was done in the last 24 hours, by calendar and under None for the account.
    """
    tallies = dict(recent)
    tallies.setdefault(None, Tally())
    for step in steps:
        tallies[None] = tallies[None].plus(step)
        if step.calendar_id is not None:
            tallies[step.calendar_id] = tallies.get(step.calendar_id, Tally()).plus(step)
    return {key: over for key, tally in tallies.items() if (over := exceeded(tally, rules, is_first=is_first))}


def held_for(step: Counted, over: dict[int | None, frozenset[Reason]]) -> Reason | None:
    """Return the limit that holds this step, or None when it may go on."""
    reasons = over.get(None, frozenset()) | over.get(step.calendar_id, frozenset())
    if step.action in (Action.DELETE, Action.CANCEL) and Reason.BRAKE_DELETIONS in reasons:
        return Reason.BRAKE_DELETIONS
    if step.action is Action.CREATE and Reason.BRAKE_CREATES in reasons:
        return Reason.BRAKE_CREATES
    if step.people_mailed and Reason.BRAKE_MAILS in reasons:
        return Reason.BRAKE_MAILS
    return None


def is_limited(step: Counted) -> bool:
    """Return whether there is a limit that could hold this step."""
    return held_for(step, {None: frozenset(Reason)}) is not None


def step_digest(subject: str, action: Action, direction: str, after: object) -> str:
    """Return what an approval of one step is bound to: what it is about and what it would write."""
    return fingerprint({"subject": subject, "action": action.value, "direction": direction, "after": after})


def plan_digest(digests: Iterable[str]) -> str:
    """Return one digest over the held steps of a plan, whatever their order."""
    return fingerprint({"steps": sorted(digests)})
