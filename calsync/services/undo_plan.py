"""What takes one record's steps back: the inverse of what a run did, as far as nobody has changed it since.

Both sides go back together, so that they agree afterwards: the side that the run wrote gets its before-image, the other
follows. A field goes back only if it still holds what the step wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from calsync.engine.event import FIELDS, Content, resulting
from calsync.engine.pair import Decision
from calsync.engine.vocabulary import Action, Direction, LinkState, Reason
from calsync.services import cases, drafts
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import tables as t
from calsync.store.links import Pair


class Why(StrEnum):
    """Why something stays as it is."""

    EDITED = "edited"  # changed since on one of the sides
    GONE = "gone"  # the event or the activity is no longer there
    PRUNED = "pruned"  # the values before are no longer kept
    SERIES = "series"  # an occurrence comes back with its series only
    ELSEWHERE = "elsewhere"  # the activity is on other calendars, too
    REFUSED = "refused"  # nothing may be written there
    WOULD_MAIL = "would_mail"  # taking it back would mail guests against the settings


@dataclass(frozen=True, slots=True)
class Kept:
    """A record, or some of its fields, that stays. `reason` says why nothing may be written."""

    title: str
    is_private: bool
    why: Why
    fields: tuple[str, ...] = ()
    reason: Reason | None = None


@dataclass(slots=True)
class Part:
    """What taking back one record comes to: at most one step, and what stays."""

    step_ids: list[int]
    row: Row | None = None
    kept: list[Kept] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """One field as a run left it on one side, and as it was before."""

    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Around:
    """What a record's undoing depends on besides the pair: fields touched by later runs, and other copies.

    `has_slot` is for a changed occurrence: whether its series will have a place for it.
    """

    touched: frozenset[str] = frozenset()
    is_edited: bool = False
    is_elsewhere: bool = False
    has_overrides: bool = False
    has_slot: bool = True


def invert(ctx: Context, steps: Sequence[t.Step], pair: Pair | None, around: Around) -> Part:
    """Return what takes back one link's steps of a run, given in the order in which they were done."""
    part = Part([t.pk(step) for step in steps])
    last = steps[-1]
    if pair is None:
        part.kept.append(_kept(last, Why.GONE))
        return part
    birth = next((s for s in steps if s.action == Action.CREATE or s.detail.get("revives")), None)
    if birth is not None:
        _take_back_birth(ctx, part, birth, pair, around)
    elif last.action in (Action.CANCEL, Action.DELETE):
        _take_up_again(ctx, part, last, pair, around)
    elif any(step.before is None for step in steps):
        part.kept.append(_kept(last, Why.PRUNED))
    else:
        _restore(ctx, part, steps, pair, around)
    return part


def _kept(step: t.Step, why: Why, fields: Sequence[str] = (), reason: Reason | None = None) -> Kept:
    return Kept(step.title, step.is_private, why, tuple(fields), reason)


# --- created or taken up again: cancelled, on the side where that was done


def _take_back_birth(ctx: Context, part: Part, step: t.Step, pair: Pair, around: Around) -> None:
    why = _why_it_lives(step, pair, around)
    if why is not None:
        part.kept.append(_kept(step, why))
        return
    if step.direction == Direction.INBOUND:
        _add(ctx, part, step, pair, _cancelled_here(), parks=True)
        return
    refused = cases.push_refused(ctx, pair)
    if refused is not None:
        part.kept.append(_kept(step, Why.REFUSED, reason=refused))
        return
    came_back_here = "status" in step.detail.get("pulled", {})
    inward = {"status": "cancelled"} if came_back_here else {}
    _add(ctx, part, step, pair, _cancelled_there(ctx, pair, inward), parks=not came_back_here)


def _why_it_lives(step: t.Step, pair: Pair, around: Around) -> Why | None:
    is_over = pair.event.is_deleted or pair.event.is_cancelled or pair.activity.status == "cancelled"
    if is_over:
        return Why.GONE
    if pair.link.recurrence_key and step.direction == Direction.OUTBOUND:
        return Why.SERIES
    if around.has_overrides:
        return Why.SERIES
    if around.is_edited or _differs(pair):
        return Why.EDITED
    return Why.ELSEWHERE if step.direction == Direction.INBOUND and around.is_elsewhere else None


def _differs(pair: Pair) -> bool:
    sides = (pair.activity.fingerprint, pair.event.fingerprint)
    return sides != (pair.link.local_fp, pair.link.remote_fp)


def _cancelled_here() -> Decision:
    return Decision(Reason.UNDO, local_action=Action.CANCEL, inward={"status": "cancelled"})


def _cancelled_there(ctx: Context, pair: Pair, inward: Content) -> Decision:
    local = Action.CANCEL if inward else Action.NONE
    if cases.cancels_visibly(ctx, pair.activity.recurrence_key):
        outward = {"status": "cancelled"}
        return Decision(Reason.UNDO, local_action=local, remote_action=Action.CANCEL, inward=inward, outward=outward)
    return Decision(Reason.UNDO, local_action=local, remote_action=Action.DELETE, inward=inward)


# --- cancelled: taken up again on both sides


def _take_up_again(ctx: Context, part: Part, step: t.Step, pair: Pair, around: Around) -> None:
    if pair.link.recurrence_key and not around.has_slot:
        part.kept.append(_kept(step, Why.SERIES))
        return
    is_gone_there = pair.event.is_deleted or pair.event.is_cancelled
    is_gone_here = pair.activity.status == "cancelled"
    if not (is_gone_here or is_gone_there):
        part.kept.append(_kept(step, Why.EDITED))
        return
    status = (step.before or {}).get("status") or "confirmed"
    inward = {"status": status} if is_gone_here else {}
    refused = _refused(ctx, pair) if is_gone_there else None
    if not is_gone_there or refused is not None:
        if not inward:
            part.kept.append(_kept(step, Why.REFUSED, reason=refused))
            return
        decision = Decision(Reason.UNDO, local_action=Action.UPDATE, inward=inward, revives=True)
        _add(ctx, part, step, pair, decision, parks=refused is not None)
        return
    _add(ctx, part, step, pair, _alive_again(ctx, pair, inward))


def _alive_again(ctx: Context, pair: Pair, inward: Content) -> Decision:
    project, _ = cases.writing(ctx, pair)
    return Decision(
        Reason.UNDO,
        local_action=Action.UPDATE if inward else Action.NONE,
        remote_action=Action.CREATE if pair.event.is_deleted or cases.is_hole(ctx, pair.event) else Action.UPDATE,
        inward=inward,
        outward=project(resulting(pair.activity.content, inward)),
        revives=True,
    )


# --- changed: each field back to what it was, where it still is what the run made of it


def _restore(ctx: Context, part: Part, steps: Sequence[t.Step], pair: Pair, around: Around) -> None:
    last = steps[-1]
    if pair.link.state != LinkState.ACTIVE or pair.event.is_deleted or pair.event.is_cancelled:
        part.kept.append(_kept(last, Why.GONE))
        return
    here, there = _changes(steps)
    project, hidden = cases.writing(ctx, pair)
    back_here = {n: c.before for n, c in here.items() if _is_still(pair.activity.content, n, c, around.touched)}
    back_there = {n: c.before for n, c in there.items() if _is_still_there(pair, n, c, around.touched)}
    # What went out from here comes back here, too, unless it is only shown there in another form.
    follows = {n: v for n, v in back_there.items() if n not in hidden and n not in here and _is_agreed(pair, n)}
    lost = [n for n in back_there if n not in hidden and n not in here and n not in follows]
    back_there = {n: v for n, v in back_there.items() if n not in lost}
    inward = {n: v for n, v in {**back_here, **follows}.items() if v != pair.activity.content.get(n)}
    outward = back_there | _shown(project(resulting(pair.activity.content, inward)), back_here, hidden, pair)
    stays = [n for n in FIELDS if (n in here and n not in back_here) or (n in there and n not in back_there)]
    if stays:
        part.kept.append(_kept(last, Why.EDITED, stays))
    refused = _refused(ctx, pair)
    if outward and refused is not None and not inward:
        part.kept.append(_kept(last, Why.REFUSED, tuple(outward), refused))
    _add_restoring(ctx, part, last, pair, inward, {} if refused is not None else outward)


def _add_restoring(ctx: Context, part: Part, step: t.Step, pair: Pair, inward: Content, outward: Content) -> None:
    if not (inward or outward):
        return
    decision = Decision(
        Reason.UNDO,
        local_action=Action.UPDATE if inward else Action.NONE,
        remote_action=Action.UPDATE if outward else Action.NONE,
        inward=inward,
        outward=outward,
    )
    _add(ctx, part, step, pair, decision)


def _changes(steps: Sequence[t.Step]) -> tuple[dict[str, Change], dict[str, Change]]:
    """Return what the steps changed here and there, by field: the first value before, the last value after."""
    here: dict[str, Change] = {}
    there: dict[str, Change] = {}
    for step in steps:
        side = here if step.direction == Direction.INBOUND else there
        _note(side, step.before or {}, step.after or {})
        _note(here, step.detail.get("replaced", {}), step.detail.get("pulled", {}))
    return here, there


def _note(side: dict[str, Change], before: Content, after: Content) -> None:
    for name, value in after.items():
        if name in before:
            known = side.get(name)
            side[name] = Change(before[name] if known is None else known.before, value)


def _is_still(held: Content, name: str, change: Change, touched: frozenset[str]) -> bool:
    return bool(held.get(name) == change.after) and name not in touched


def _is_still_there(pair: Pair, name: str, change: Change, touched: frozenset[str]) -> bool:
    """A provider may have stored it in its own form: then what counts is that nothing changed it since."""
    now = pair.event.facts.get(name)
    return name not in touched and (now == change.after or now == pair.link.agreed_remote.get(name))


def _is_agreed(pair: Pair, name: str) -> bool:
    return bool(pair.activity.content.get(name) == pair.link.agreed_local.get(name))


def _shown(shown: Content, restored: Content, hidden: frozenset[str], pair: Pair) -> Content:
    """Return what the calendar gets of fields that went back here."""
    return {n: shown[n] for n in restored if n in shown and n not in hidden and shown[n] != pair.event.facts.get(n)}


def _refused(ctx: Context, pair: Pair) -> Reason | None:
    return Reason.NOT_OWNER if pair.link.is_guest_copy else cases.push_refused(ctx, pair)


# --- the step


def _add(ctx: Context, part: Part, step: t.Step, pair: Pair, decision: Decision, *, parks: bool = False) -> None:
    """Draft the step. It was shown and agreed to, so the brake is not asked; what would mail unasked stays."""
    row = drafts.for_pair(ctx, pair, decision)
    if row["reason"] == Reason.WOULD_MAIL:
        part.kept.append(_kept(step, Why.WOULD_MAIL))
        return
    row["is_approved"] = True
    row["detail"] |= {"parks": parks, "undoes": part.step_ids}
    part.row = row
