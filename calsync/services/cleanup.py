"""Clean-up runs: events that a person had removed as duplicates or orphans leave their calendars, and nobody is mailed.

Their links rest with the reason `cleaned_up` from the moment of the request; taking the request back ends that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlmodel import Session

from calsync.engine.pair import Decision
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Action, MailRule, Reason, StepState, Trigger
from calsync.errors import Refused
from calsync.runtime import Actor, Runtime
from calsync.services import cases, claims, drafts, errand, fetch, owners, queued, settings, sync
from calsync.services.context import Context
from calsync.services.drafts import Row
from calsync.store import accounts, links
from calsync.store import tables as t
from calsync.store.links import Pair


def ask(session: Session, rt: Runtime, removed: Sequence[t.Link], *, by: Actor) -> list[int]:
    """Ask for the events of resting links to be removed and return the waiting runs, one for each account.

    Raises Refused when one of the accounts cannot be run now.
    """
    by_account: dict[int, list[int]] = {}
    for link in removed:
        by_account.setdefault(link.account_id, []).append(t.pk(link))
    run_ids = []
    for account_id, link_ids in by_account.items():
        run = queued.add(session, rt, account_id, Trigger.CLEANUP, by=by)
        run.rules = {"links": link_ids}  # the request, until the rules in force stand there
        run_ids.append(t.pk(run))
    return run_ids


def hurry(rt: Runtime, run_ids: Collection[int]) -> None:
    """Hint the queue, after the transaction that asked."""
    for run_id in run_ids:
        rt.enqueue(queued.JOB, run_id=run_id)


def work(rt: Runtime, run: t.Run, by: Actor) -> None:
    """Carry out a waiting clean-up. Raises Refused, with code `busy` when it must wait on."""
    owner = owners.new_owner()
    if not claims.claim(rt, run.account_id, owner):
        raise Refused("This account is being synced right now.", code="busy")
    wanted = [int(i) for i in run.rules.get("links", ())]
    with rt.reading() as session:
        rules = _silent(settings.rules_of(session, accounts.get(session, run.account_id)))
    asked = sync.Ask(Trigger.CLEANUP, by=by, queued_id=run.id, rules=rules)
    try:
        errand.run(rt, run.account_id, lambda ctx: _drafted(ctx, wanted), owner=owner, by=by, ask=asked)
    finally:
        claims.release(rt, run.account_id, owner)


def _silent(rules: Rules) -> Rules:
    return replace(rules, mail_new=MailRule.NEVER, mail_changed=MailRule.NEVER, mail_cancelled=MailRule.NEVER)


def _drafted(ctx: Context, link_ids: Sequence[int]) -> list[Row]:
    fetch.fetch(ctx)
    with ctx.rt.reading() as session:
        pairs = links.pairs(session, link_ids)
    return [_row(ctx, pair) for pair in pairs if _is_wanted(pair)]


def _is_wanted(pair: Pair) -> bool:
    """Return whether the event is still to go: nobody took the merge back, and it is there."""
    return pair.link.park_reason == Reason.CLEANED_UP and not pair.event.is_deleted


def _row(ctx: Context, pair: Pair) -> Row:
    visibly = cases.cancels_visibly(ctx, pair.activity.recurrence_key)
    cancelled = {"status": "cancelled"}
    decision = Decision(
        Reason.CLEANED_UP,
        remote_action=Action.CANCEL if visibly else Action.DELETE,
        outward=cancelled if visibly else {},
    )
    row = drafts.for_pair(ctx, pair, decision)
    row["is_approved"] = True
    row["detail"] |= {"parks": True}
    if row["state"] == StepState.HELD:  # it would mail guests and cannot be silent
        row["state"] = StepState.SKIPPED
    return row
