"""Resources that cannot be read: the steps that tell of them, and what a retry asks for again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.services import drafts
from calsync.services.context import Context
from calsync.store import conflicts, rechecks, steps
from calsync.store import tables as t


@dataclass(frozen=True, slots=True)
class News:
    """What a plan has to say of broken resources: of which a step must tell, and which steps have had their time."""

    broken: tuple[t.MirrorResource, ...]
    over: tuple[int, ...]


def resources_of(subjects: Iterable[str] | None) -> set[int]:
    """Return the ids of the resources among the subjects of steps."""
    return {int(s.removeprefix(steps.RESOURCE)) for s in subjects or () if s.startswith(steps.RESOURCE)}


def read_again(session: Session, failed: Iterable[t.Step]) -> None:
    """Let the next run ask for the resources that these steps name, changed or not: we may have learnt to read them."""
    rechecks.ask_for(session, sorted(resources_of(step.subject for step in failed)))


def mended(ctx: Context) -> set[str]:
    """Return the subjects of events in resources that this retry asked for and that can be read now."""
    wanted = resources_of(ctx.only_subjects)
    if not wanted:
        return set()
    query = sa.select(col(t.MirrorEvent.id)).where(
        col(t.MirrorEvent.resource_id).in_(wanted), col(t.MirrorEvent.is_deleted).is_(False)
    )
    with ctx.rt.reading() as session:
        return {drafts.event_subject(event_id) for event_id in session.scalars(query) if event_id is not None}


def news(ctx: Context, waiting: Mapping[str, t.Step]) -> News:
    """Return what changed: a retry of a resource that still cannot be read fails anew, once."""
    asked = {i: waiting[drafts.fault_subject(i)] for i in resources_of(ctx.only_subjects) if _waits(i, waiting)}
    with ctx.rt.reading() as session:
        healed = conflicts.healed_faults(session, ctx.account_id)
        again = {i: step for i, step in asked.items() if step.run_id != ctx.run_id and step.id not in healed}
        fresh = {i for i in ctx.faults if not _waits(i, waiting)}
        rows = [session.get(t.MirrorResource, i) for i in sorted(fresh | again.keys())]
    broken = tuple(row for row in rows if row is not None and row.fault)
    return News(broken, (*healed, *(t.pk(step) for step in again.values())))


def _waits(resource_id: int, waiting: Mapping[str, t.Step]) -> bool:
    return drafts.fault_subject(resource_id) in waiting
