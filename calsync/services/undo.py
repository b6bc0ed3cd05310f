"""Undo: what a run changed goes back, as a run of its own, after a preview.

The preview says what would be restored and what stays because somebody changed it since. Carrying it out is bound to
what was shown: the calendars are read again first, and what no longer holds then is left alone. It is possible until
the values before are pruned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session

from calsync.engine import brake
from calsync.engine.vocabulary import RunState, Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import claims, errand, explain, fetch, owners, queued, sync, undo_plan
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.services.undo_plan import Around, Kept, Part
from calsync.store import accounts, audit, existing, links, runs, undoing
from calsync.store import tables as t

BATCH = 200
MOST = 10_000
"""Records that one undoing takes back at most; asked again, it goes on."""


@dataclass(slots=True)
class Preview:
    """What taking a run back would do. `rows` are the steps, `kept` what stays and why."""

    rows: list[Row] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    @property
    def people_mailed(self) -> int:
        return sum(int(row["people_mailed"]) for row in self.rows)

    @property
    def digest(self) -> str:
        """Return what a yes is bound to."""
        return brake.plan_digest(row["digest"] for row in self.rows)


def preview(rt: Runtime, run_id: int) -> Preview:
    """Return what taking a run back would do, by what is known now. Writes and fetches nothing. Raises NotFound."""
    with rt.reading() as session:
        run = runs.get(session, run_id)
        ctx = explain.offline_context(rt, session, accounts.get(session, run.account_id))
        return _preview(session, ctx, run_id)


def ask(rt: Runtime, run_id: int, *, digest: str, by: Actor) -> int:
    """Ask for a run to be taken back and return the id of the run that does it, which waits for a free thread.

    Asking twice returns the same run. Raises NotFound; Refused with code `nothing` when nothing can be taken back,
    `changed` when this is not what was shown, and when the account cannot be run now.
    """
    shown = preview(rt, run_id)
    with rt.writing() as session:
        parent = runs.get(session, run_id)
        known = existing.child(session, run_id, Trigger.UNDO)
        if known is not None and known.state in (RunState.QUEUED, RunState.RUNNING):
            return t.pk(known)
        if not shown.rows:
            raise Refused("Nothing of this run can be taken back any more.", code="nothing")
        if digest != shown.digest:
            raise Refused("Something has changed since you looked. Look again, then undo.", code="changed")
        run = queued.add(session, rt, parent.account_id, Trigger.UNDO, parent_id=run_id, by=by)
        run.rules = {"shown": [row["digest"] for row in shown.rows]}  # the request, until the rules stand there
        facts = {"records": len(shown.rows), "kept": len(shown.kept), "run": run.id}
        audit.record(session, by, "run.undo_asked", parent, after=facts, at=rt.now())
        child = t.pk(run)
    rt.enqueue(queued.JOB, run_id=child)
    return child


def undo(rt: Runtime, run_id: int, *, by: Actor) -> int:
    """Take a run back at once and return the id of the run that did it. Raises as `ask` does, and Refused `busy`."""
    child = ask(rt, run_id, digest=preview(rt, run_id).digest, by=by)
    queued.work(rt, child)
    return child


def work(rt: Runtime, run: t.Run, by: Actor) -> None:
    """Carry out a waiting run. Raises Refused, with code `busy` when it must wait on."""
    owner = owners.new_owner()
    if not claims.claim(rt, run.account_id, owner):
        raise Refused("This account is being synced right now.", code="busy")
    shown = frozenset(run.rules.get("shown", ()))
    asked = sync.Ask(Trigger.UNDO, by=by, parent_id=run.parent_id, queued_id=run.id)
    try:
        errand.run(rt, run.account_id, lambda ctx: _drafted(ctx, run, shown), owner=owner, by=by, ask=asked)
        with rt.writing() as session:
            undoing.mark_undone(session, t.pk(run))
    finally:
        claims.release(rt, run.account_id, owner)


def _drafted(ctx: Context, run: t.Run, shown: frozenset[str]) -> list[Row]:
    """Read the calendars again, then draft what was shown and still holds."""
    fetch.fetch(ctx)
    with ctx.rt.reading() as session:
        found = _preview(session, ctx, run.parent_id or 0)
    return [row for row in found.rows if row["digest"] in shown]


# --- what it comes to


def _preview(session: Session, ctx: Context, run_id: int) -> Preview:
    found = Preview()
    for part in _parts(session, ctx, run_id):
        found.kept += part.kept
        found.rows += [part.row] if part.row is not None else []
        if len(found.rows) >= MOST:
            break
    return found


def _parts(session: Session, ctx: Context, run_id: int) -> Iterator[Part]:
    every = undoing.link_ids(session, run_id)
    for start in range(0, len(every), BATCH):
        ids = every[start : start + BATCH]
        steps = undoing.done_steps(session, run_id, ids)
        pairs = {t.pk(pair.link): pair for pair in links.pairs(session, ids)}
        around = _around(session, ctx, run_id, ids, list(pairs.values()))
        for link_id in ids:
            yield undo_plan.invert(ctx, steps[link_id], pairs.get(link_id), around[link_id])


def _around(
    session: Session, ctx: Context, run_id: int, ids: Sequence[int], pairs: Sequence[links.Pair]
) -> dict[int, Around]:
    touched = undoing.touched_later(session, run_id, ids)
    elsewhere = undoing.elsewhere(session, [t.pk(pair.activity) for pair in pairs], ctx.account_id)
    series = undoing.with_overrides(session, ids)
    activity_of = {t.pk(pair.link): t.pk(pair.activity) for pair in pairs}
    return {
        i: Around(frozenset(touched.get(i, ())), i in touched, activity_of.get(i) in elsewhere, i in series)
        for i in ids
    }
