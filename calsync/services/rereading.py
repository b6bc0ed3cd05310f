"""Rereading: what is there instead of what a write was planned against comes into the mirror; the next plan decides."""

from __future__ import annotations

from calsync.errors import VersionMismatch
from calsync.providers.base import Resource, Written
from calsync.services.context import Context
from calsync.services.writes import Group
from calsync.store import mirror
from calsync.store import tables as t


def reread(ctx: Context, group: Group, answer: Written) -> None:
    """Bring the mirror up to date with what is there instead."""
    handles = _in_question(group, answer)
    found: dict[str, Resource | None] = {}
    if handles:
        found = ctx.reader.get_many(group.calendar.remote_id, handles)
    with ctx.rt.writing() as session:
        ctx.holding(session)
        calendar = session.get_one(t.Calendar, group.calendar.id)
        alive = [resource for resource in found.values() if resource is not None]
        folds = ctx.capabilities.series_is_one_resource
        mirror.save(session, calendar, alive, ctx.now(), own_addresses=ctx.own_addresses, folds=folds, trusts=True)
        mirror.bury(session, calendar, [h for h, resource in found.items() if resource is None], ctx.now())
        if not folds:
            session.flush()
            mirror.refold(session, t.pk(calendar), {e.uid for r in alive for e in r.events}, ctx.now())


def _in_question(group: Group, answer: Written) -> list[str]:
    """Return what has changed since the plan: what was to be written, or an occurrence that nobody here had seen."""
    named = answer.handle if isinstance(answer, VersionMismatch) and group.write.occurrences is not None else None
    return [handle for handle in dict.fromkeys((group.write.handle, named)) if handle]
