"""Undo: what a run changed goes back, as a run of its own, after a preview.

The preview says what would be restored and what stays because somebody changed it since. Carrying it out is bound to
what was shown: the calendars are read again first, and what no longer holds then is left alone. It is possible until
the values before are pruned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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
from calsync.store import activities, audit, existing, links, runs, undoing
from calsync.store import tables as t

BATCH = 200
AT_ONCE = 200
"""Changes that a page looks through while somebody waits; for more, a queued run makes the preview."""
MOST = 10_000
"""Records that one undoing takes back at most; asked again, it goes on."""


@dataclass(slots=True)
class Preview:
    """What taking a run of this account back would do. `rows` are the steps, `kept` what stays and why."""

    account: t.Account
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
        ctx = explain.offline_context(rt, session, undoing.account_of(session, run_id))
        return _preview(session, ctx, run_id)


def is_large(run: t.Run) -> bool:
    """Return whether looking through a run takes longer than a person should wait for a page."""
    return run.created + run.updated + run.deleted > AT_ONCE


def look(rt: Runtime, run_id: int, *, by: Actor) -> int:
    """Ask for a preview of taking a large run back and return the id of its run, which waits for a free thread."""
    with rt.writing() as session:
        parent = runs.get(session, run_id)
        run = queued.add(session, rt, parent.account_id, Trigger.UNDO, parent_id=run_id, by=by)
        run.rules = {"is_preview": True}  # the request, until the rules stand there
        preview_id = t.pk(run)
    rt.enqueue(queued.JOB, run_id=preview_id)
    return preview_id


def accept(rt: Runtime, preview_id: int, *, by: Actor) -> int:
    """Ask for what a large preview showed and return the id of the run that does it. Raises as `ask` does."""
    with rt.writing() as session:
        looked = runs.get(session, preview_id)
        digests = undoing.preview_digests(session, preview_id)
        if looked.trigger != Trigger.UNDO or looked.state != RunState.PREVIEW or not digests:
            raise _nothing()
        run = _add(session, rt, runs.get(session, looked.parent_id or 0), digests, by)
        child = t.pk(run)
    rt.enqueue(queued.JOB, run_id=child)
    return child


def ask(rt: Runtime, run_id: int, *, digest: str, by: Actor) -> int:
    """Ask for a run to be taken back and return the id of the run that does it, which waits for a free thread.

    Asking twice returns the same run. Raises NotFound; Refused with code `nothing` when nothing can be taken back,
    `changed` when this is not what was shown, and when the account cannot be run now.
    """
    shown = preview(rt, run_id)
    with rt.writing() as session:
        parent = runs.get(session, run_id)
        known = existing.child(session, run_id, Trigger.UNDO)
        if known is not None and known.state in (RunState.QUEUED, RunState.RUNNING) and "shown" in known.rules:
            return t.pk(known)
        if not shown.rows:
            raise _nothing()
        if digest != shown.digest:
            raise Refused("Something has changed since you looked. Look again, then undo.", code="changed")
        child = t.pk(_add(session, rt, parent, [row["digest"] for row in shown.rows], by))
    rt.enqueue(queued.JOB, run_id=child)
    return child


def _nothing() -> Refused:
    return Refused("Nothing of this run can be taken back any more.", code="nothing")


def _add(session: Session, rt: Runtime, parent: t.Run, digests: Sequence[str], by: Actor) -> t.Run:
    run = queued.add(session, rt, parent.account_id, Trigger.UNDO, parent_id=parent.id, by=by)
    run.rules = {"shown": list(digests)}  # the request, until the rules stand there
    audit.record(session, by, "run.undo_asked", parent, after={"records": len(digests), "run": run.id}, at=rt.now())
    return run


def undo(rt: Runtime, run_id: int, *, by: Actor) -> int:
    """Take a run back at once and return the id of the run that did it. Raises as `ask` does, and Refused `busy`."""
    child = ask(rt, run_id, digest=preview(rt, run_id).digest, by=by)
    queued.work(rt, child)
    return child


def work(rt: Runtime, run: t.Run, by: Actor) -> None:
    """Carry out a waiting run, or make its preview. Raises Refused, with code `busy` when it must wait on."""
    owner = owners.new_owner()
    was_due = claims.due_at(rt, run.account_id)
    if not claims.claim(rt, run.account_id, owner):
        raise Refused("This account is being synced right now.", code="busy")
    is_preview = bool(run.rules.get("is_preview"))
    shown = None if is_preview else frozenset(run.rules.get("shown", ()))
    asked = sync.Ask(Trigger.UNDO, dry=is_preview, by=by, parent_id=run.parent_id, queued_id=run.id)
    try:
        errand.run(rt, run.account_id, lambda ctx: _drafted(ctx, run, shown), owner=owner, by=by, ask=asked)
        if not is_preview:
            with rt.writing() as session:
                undoing.mark_undone(session, t.pk(run))
    finally:
        if is_preview:
            claims.give_back(rt, run.account_id, owner, was_due)
        else:
            claims.release(rt, run.account_id, owner)


def _drafted(ctx: Context, run: t.Run, shown: frozenset[str] | None) -> list[Row]:
    """Read the calendars again, then draft what was shown and still holds; everything for a preview."""
    fetch.fetch(ctx)
    with ctx.rt.reading() as session:
        found = _preview(session, ctx, run.parent_id or 0)
    return [row for row in found.rows if shown is None or row["digest"] in shown]


# --- what it comes to


def _preview(session: Session, ctx: Context, run_id: int) -> Preview:
    found = Preview(ctx.account)
    for part in _parts(session, ctx, run_id):
        found.kept += part.kept
        found.rows += [part.row] if part.row is not None else []
        if len(found.rows) >= MOST:
            break
    return found


def _parts(session: Session, ctx: Context, run_id: int) -> Iterator[Part]:
    steps = undoing.done_steps(session, run_id)
    every = list(steps)
    removed: dict[int, Collection[str]] = {}
    for start in range(0, len(every), BATCH):
        ids = every[start : start + BATCH]
        pairs = {t.pk(pair.link): pair for pair in links.pairs(session, ids)}
        found = undoing.around(session, run_id, ctx.account_id, ids)
        for link_id in ids:
            pair = pairs.get(link_id)
            has_slot = pair is None or _has_slot(session, pair, removed)
            part = undo_plan.invert(ctx, steps[link_id], pair, _around(found, link_id, pair, has_slot))
            if pair is not None and part.row is not None and "exdates" in (part.row["after"] or {}):
                removed[t.pk(pair.activity)] = part.row["after"]["exdates"]
            yield part


def _has_slot(session: Session, pair: links.Pair, removed: Mapping[int, Collection[str]]) -> bool:
    """Return whether the series of a changed occurrence lives and has a place for it, by what goes back so far.

    `removed` holds, by activity, which occurrences a series will leave out: a series comes before its occurrences.
    """
    if not pair.link.recurrence_key:
        return True
    master = activities.master_of(session, pair.activity)
    if master is None or master.status == "cancelled":
        return False
    return pair.link.recurrence_key not in removed.get(t.pk(master), master.content["exdates"])


def _around(found: undoing.Around, link_id: int, pair: links.Pair | None, has_slot: bool) -> Around:
    return Around(
        has_slot=has_slot,
        touched=frozenset(found.touched.get(link_id, ())),
        is_edited=link_id in found.touched,
        is_elsewhere=pair is not None and t.pk(pair.activity) in found.elsewhere,
        has_overrides=link_id in found.series,
    )
