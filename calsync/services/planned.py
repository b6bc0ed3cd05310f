"""What a plan knows so far, and how its steps become rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlmodel import Session

from calsync.engine import brake
from calsync.engine.brake import Counted
from calsync.engine.vocabulary import Action, StepState
from calsync.services import settle
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import steps
from calsync.store import tables as t

T = TypeVar("T")

BATCH = 200
"""Pairs decided at a time, and steps saved in one transaction."""


@dataclass(slots=True)
class Plan:
    """What planning found. Rows are saved as it goes; this keeps what the brake and the run's counters need."""

    open: steps.Open
    counted: list[tuple[str, Counted]] = field(default_factory=list)  # digest, what the brake counts
    skipped: int = 0
    merged: int = 0
    conflicts: int = 0
    processed: int = 0
    held: list[str] = field(default_factory=list)
    creating: set[tuple[str, str]] = field(default_factory=set)  # uid and recurrence key of activities to be made
    still_failing: set[str] = field(default_factory=set)  # subjects whose failed step is still what is wanted
    again: bool = False  # something can only be planned once this plan is applied
    matched: set[int] = field(default_factory=set)  # activities paired with an event in this very plan

    @property
    def digest(self) -> str:
        return brake.plan_digest(self.held)

    @property
    def is_quiet(self) -> bool:
        return self.open.is_quiet


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items, as many at a time as are planned at a time."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def open_steps(ctx: Context, session: Session) -> steps.Open:
    """Return the account's open steps as a new plan must know them, without asking where there are none."""
    if not ctx.has_open_steps:
        return steps.Open()
    return steps.open_steps(session, ctx.account_id, ctx.now(), ctx.only_subjects)


def ready(ctx: Context, plan: Plan, row: Row) -> Row | None:
    """Return the row with what is known of earlier tries; None while a failed one waits for its next attempt."""
    subject, digest = row["subject"], row["digest"]
    waiting = plan.open.waiting.get(subject)
    if waiting is not None:
        if waiting.digest == digest:
            plan.still_failing.add(subject)
            return None
        plan.open.superseded.append(t.pk(waiting))
        row["detail"]["replaces"] = waiting.id
    failed = plan.open.attempts.get(subject)
    if failed is not None and failed[0] == digest:
        row["attempts"] = failed[1]
    row["is_approved"] = digest in plan.open.approved
    if row["state"] == StepState.HELD and row["is_approved"]:
        row["state"] = StepState.PLANNED
    return row


def save(ctx: Context, plan: Plan, rows: Sequence[Row], effects: Sequence[settle.Effect]) -> None:
    """Save steps and what they do to links and conflicts, in one transaction of bounded size."""
    plan.counted += [(row["digest"], _counted(row)) for row in rows if _is_weighed(row)]
    with ctx.rt.writing() as session:
        ctx.holding(session)
        if not ctx.is_dry:
            replaced = [row["detail"]["replaces"] for row in rows if row["detail"].get("replaces")]
            steps.supersede(session, replaced, ctx.now())
            settle.apply_all(session, ctx, effects)
            session.flush()
        steps.insert(session, [_as_preview(row) for row in rows] if ctx.is_dry else rows)
    ctx.has_open_steps = True
    ctx.rt.checkpoint("plan.saved")


def _is_weighed(row: Row) -> bool:
    """Return whether the brake counts a step: one that is to be done, and that nobody has approved."""
    return row["state"] in (StepState.PLANNED, StepState.HELD) and not row["is_approved"]


def _counted(row: Row) -> Counted:
    return Counted(row["calendar_id"], Action(row["action"]), row["people_mailed"])


def _as_preview(row: Row) -> Row:
    was = row["state"]
    return row | {"state": StepState.PREVIEW, "detail": row["detail"] | {"would_be": was}, "finished_at": None}
