"""Push existing data: write everything that a person has planned already, and that is on no calendar, into one.

First a preview, which is saved as steps and writes nothing. Carrying it out is bound to it: what was shown and still
holds is written, whatever changed since is left out. Both wait for a thread as queued runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sqlmodel import Session

from calsync.engine.vocabulary import Action, Direction, Reason, Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import approvals, claims, drafts, errand, fetch, first_writes, owners, queued, settings, sync
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import accounts, existing, linkless, matches
from calsync.store import tables as t

BATCH = 200
KIND = approvals.Kind(Trigger.EXISTING, "push", "account.push_asked", "activities")
MOST_NOTES = 1000
"""Activities of one reason that a preview names; there may be many outside the window."""


def preview(rt: Runtime, calendar_id: int, *, by: Actor) -> int:
    """Ask what pushing into a calendar would write and return the id of the preview, which waits for a thread.

    Raises NotFound, and Refused when the calendar does not sync or cannot be written, or the account cannot be run.
    """
    with rt.writing() as session:
        calendar = accounts.get_calendar(session, calendar_id)
        _check(session, calendar)
        run = queued.add(session, rt, calendar.account_id, Trigger.EXISTING, by=by)
        run.rules = {"calendar": calendar_id}  # what is asked for stands where the rules in force will stand
        run_id = t.pk(run)
    rt.enqueue(queued.JOB, run_id=run_id)
    return run_id


def calendar_name(session: Session, run: t.Run) -> str:
    """Return the name of the calendar that a preview, or the run that carries it out, writes to; "" if to none."""
    step = existing.first_planned(session, run.parent_id or t.pk(run))
    calendar_id = run.rules.get("calendar") if step is None else step.calendar_id
    calendar = None if calendar_id is None else session.get(t.Calendar, calendar_id)
    return "" if calendar is None else calendar.name


def ask(rt: Runtime, preview_id: int, *, digest: str, by: Actor) -> int:
    """Ask for a preview to be carried out and return the id of the run. Raises as approvals.ask does."""
    return approvals.ask(rt, preview_id, KIND, digest=digest, by=by)


def work(rt: Runtime, run: t.Run, by: Actor) -> None:
    """Carry out a waiting run: a preview, or what its parent showed. Raises Refused, `busy` when it must wait on."""
    owner = owners.new_owner()
    was_due = claims.due_at(rt, run.account_id)
    if not claims.claim(rt, run.account_id, owner):
        raise Refused("This account is being synced right now.", code="busy")
    is_preview = run.parent_id is None
    target = run.rules.get("calendar") if is_preview else _target(rt, run.parent_id or 0)
    asked = sync.Ask(Trigger.EXISTING, dry=is_preview, by=by, parent_id=run.parent_id, queued_id=run.id)
    try:
        errand.run(
            rt,
            run.account_id,
            lambda ctx: _drafted(ctx, int(target or 0), run.parent_id),
            owner=owner,
            by=by,
            ask=asked,
        )
    finally:
        if is_preview:
            claims.give_back(rt, run.account_id, owner, was_due)
        else:
            claims.release(rt, run.account_id, owner)  # due at once: changed occurrences follow their series


def _target(rt: Runtime, preview_id: int) -> int | None:
    with rt.reading() as session:
        step = existing.first_planned(session, preview_id)
        return None if step is None else step.calendar_id


def _check(session: Session, calendar: t.Calendar) -> None:
    account = accounts.get(session, calendar.account_id)
    rules = settings.rules_of(session, account)
    if calendar.is_gone or not calendar.syncs:
        reason = f"The calendar {calendar.name} does not sync. Switch Sync on for it first."
        raise Refused(reason, code="not_syncing", field="calendar")
    if not calendar.is_writable:
        raise Refused(f"The calendar {calendar.name} is read-only.", code="read_only", field="calendar")
    if rules.direction is Direction.INBOUND:
        raise Refused("This account only reads. Let it sync both ways first.", code="one_way", field="calendar")


# --- the steps


def _drafted(ctx: Context, calendar_id: int, preview_id: int | None) -> list[Row]:
    fetch.fetch(ctx)
    with ctx.rt.reading() as session:
        calendar = accounts.get_calendar(session, calendar_id)
        ids = existing.unplaced_ids(session, ctx.account.user_id)
        approved = None if preview_id is None else existing.planned_digests(session, preview_id)
    known = _known_there(ctx)
    wanted = ids if approved is None else [i for i in ids if i in approved]
    rows = (_row(ctx, activity, calendar, known) for activity in _activities(ctx, wanted))
    if approved is None:
        return list(_with_few_notes(rows))
    return [row | {"is_approved": True} for row in rows if row["digest"] == approved[row["activity_id"]]]


def _with_few_notes(rows: Iterable[Row]) -> Iterator[Row]:
    """Leave out most of what a preview would only mention: there may be many outside the window."""
    noted: Counter[str] = Counter()
    for row in rows:
        is_note = row["action"] == Action.NONE
        noted[row["reason"]] += is_note
        if not is_note or noted[row["reason"]] <= MOST_NOTES:
            yield row


def _activities(ctx: Context, ids: Sequence[int]) -> Iterator[t.Activity]:
    for start in range(0, len(ids), BATCH):
        with ctx.rt.reading() as session:
            found = existing.activities(session, ids[start : start + BATCH])
        yield from found


def _row(ctx: Context, activity: t.Activity, calendar: t.Calendar, known: set[int]) -> Row:
    """Return the step that writes an activity, or the one that says why not."""
    if t.pk(activity) in known:
        return drafts.for_left_out(ctx, activity, calendar, Reason.MATCHED_CONTENT)
    reason = first_writes.exclusion(ctx, activity, calendar)
    if reason is not None:
        return drafts.for_left_out(ctx, activity, calendar, reason)
    return drafts.for_new_event(ctx, activity, calendar, first_writes.content_of(ctx, activity, calendar))


def _known_there(ctx: Context) -> set[int]:
    """Return activities that an event in the account already is, or may be: a sync pairs them, nothing is created."""
    known: set[int] = set()
    with ctx.rt.reading() as session:
        ids = linkless.event_ids(session, ctx.account_id, None)
        for start in range(0, len(ids), BATCH):
            events = [event for event, *_ in linkless.events(session, ids[start : start + BATCH])]
            candidates = matches.candidates(session, ctx.account.user_id, events)
            for event in events:
                match = candidates.best(event)
                known |= {t.pk(a) for a in (*([match.activity] if match.activity else []), *match.several)}
    return known
