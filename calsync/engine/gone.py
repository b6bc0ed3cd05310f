"""Decide a pair of which one side is gone: cancelled, deleted, or alive again after both were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from calsync.engine import access, winner
from calsync.engine.event import FIELDS
from calsync.engine.merge import Clash, Merge
from calsync.engine.pair import KEEP, Agreed, Decision, Local, Remote, Terms, compare
from calsync.engine.vocabulary import Action, ConflictKind, Deletions, Policy, Reason


def local_gone(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Decision:
    """Decide a pair that was cancelled here, or came alive again there."""
    result = compare(replace(local, content=agreed.local), remote, agreed, terms)
    if agreed.was_gone:
        return _pull_revival(remote, terms)
    if not terms.is_owner:
        return Decision(Reason.NOT_OWNER, waits_for=Reason.NOT_OWNER)
    if terms.deletions is Deletions.UNLINK:
        return Decision(Reason.DELETION_UNLINKS, parks=True)
    if result.remote_changed or terms.deletions is Deletions.ASK:
        return _against_edit(local, remote, agreed, terms, result)
    return access.respect(cancel_remote(Reason.LOCAL_CANCELLED, terms), terms)


def remote_gone(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Decision:
    """Decide a pair that is gone from the calendar, or came alive again here."""
    held = replace(remote, content=agreed.remote, is_gone=False)
    result = compare(local, held, agreed, terms)
    if agreed.was_gone:
        return push_revival(local, remote, terms)
    if not terms.is_source:
        return _own_response_declined(local, terms)
    if not terms.may_pull:
        return Decision(Reason.DRIFT, waits_for=Reason.DRIFT)
    if terms.deletions is Deletions.UNLINK:
        return Decision(Reason.DELETION_UNLINKS, parks=True)
    if result.local_changed or terms.deletions is Deletions.ASK:
        return _against_edit(local, remote, agreed, terms, result)
    return cancel_local(remote)


def cancel_local(remote: Remote, reason: Reason | None = None) -> Decision:
    """Return the cancellation of the activity, for `reason` or for what befell the event."""
    why = Reason.REMOTE_DELETED if remote.is_erased else Reason.REMOTE_CANCELLED
    return Decision(reason or why, local_action=Action.CANCEL, inward={"status": "cancelled"})


def cancel_remote(reason: Reason, terms: Terms) -> Decision:
    """Return the cancellation of the event, where the provider can show one, else its deletion."""
    if terms.cancel_visibly:
        return Decision(reason, remote_action=Action.CANCEL, outward={"status": "cancelled"})
    return Decision(reason, remote_action=Action.DELETE)


def _against_edit(local: Local, remote: Remote, agreed: Agreed, terms: Terms, result: Merge) -> Decision:
    """Decide the end of one side against an edit of the other."""
    policy = terms.policy_for("status")
    if policy is Policy.MANUAL or (terms.deletions is Deletions.ASK and not terms.choices):
        return _ask(local, remote, agreed, result)
    verdict = winner.of_deletion(local, remote, result, policy)
    reason = Reason.RESOLVED if terms.choices else verdict.reason
    match verdict.crm_stands, local.is_gone:
        case True, True:
            decision = cancel_remote(reason, terms)
        case True, False:
            decision = replace(push_revival(local, remote, terms), reason=reason)
        case False, True:
            decision = replace(_pull_revival(remote, terms), reason=reason)
        case _:
            decision = cancel_local(remote, reason)
    losing = _losing(local, remote, result, crm_stands=verdict.crm_stands)
    return access.respect(replace(decision, losing=losing, trace=(verdict.why,)), terms)


def _ask(local: Local, remote: Remote, agreed: Agreed, result: Merge) -> Decision:
    side = "here" if local.is_gone else "in the calendar"
    return Decision(
        Reason.NEEDS_CHOICE,
        conflict=ConflictKind.CHANGED_DELETED,
        clashes=_edit_clashes(local, remote, agreed, result),
        waits_for=Reason.NEEDS_CHOICE,
        trace=(f"cancelled {side}, changed on the other side",),
    )


def _edit_clashes(local: Local, remote: Remote, agreed: Agreed, result: Merge) -> dict[str, Clash]:
    changed = result.local_changed | result.remote_changed
    ours = "cancelled" if local.is_gone else local.content.get("status")
    theirs = "cancelled" if remote.is_gone else remote.content.get("status")
    clashes = {"status": Clash(agreed.local.get("status"), ours, theirs)}
    for name in FIELDS:
        if name in changed and name != "status":
            there = agreed.remote if remote.is_gone else remote.content
            clashes[name] = Clash(agreed.local.get(name), local.content.get(name), there.get(name))
    return clashes


def _losing(local: Local, remote: Remote, result: Merge, *, crm_stands: bool) -> dict[str, dict[str, Any]]:
    """Return what is lost: the edits where the cancellation stands, else the cancellation."""
    gone, edited = ("local", "remote") if local.is_gone else ("remote", "local")
    if crm_stands != local.is_gone:
        return {"status": {"side": gone, "value": "cancelled"}}
    content, changed = (
        (remote.content, result.remote_changed) if local.is_gone else (local.content, result.local_changed)
    )
    return {f: {"side": edited, "value": content.get(f)} for f in FIELDS if f in changed}


def _pull_revival(remote: Remote, terms: Terms) -> Decision:
    if not terms.may_pull:
        return Decision(Reason.DRIFT, waits_for=Reason.DRIFT)
    if not terms.is_source:
        return KEEP
    inward = {f: v for f, v in remote.content.items() if f not in terms.hidden and f in FIELDS}
    return Decision(Reason.REMOTE_REVIVED, local_action=Action.UPDATE, inward=inward, revives=True)


def push_revival(local: Local, remote: Remote, terms: Terms) -> Decision:
    """Return what makes the event stand again as the activity does."""
    if terms.push_refused is not None:
        return Decision(terms.push_refused, waits_for=terms.push_refused)
    if not terms.is_owner:
        return Decision(Reason.NOT_OWNER, waits_for=Reason.NOT_OWNER)
    action = Action.CREATE if remote.is_erased or remote.is_hole else Action.UPDATE
    shown = terms.project(local.content)
    return Decision(Reason.LOCAL_REVIVED, remote_action=action, outward=shown, revives=True)


def _own_response_declined(local: Local, terms: Terms) -> Decision:
    """Decide a guest's copy that is gone: its own person has declined, nobody else is touched."""
    answers = dict(local.content["responses"])
    mine = [a for a in answers if a in terms.own_addresses]
    if not mine or all(answers[a] == "declined" for a in mine):
        return KEEP
    declined = answers | dict.fromkeys(mine, "declined")
    return Decision(Reason.DECLINED, local_action=Action.UPDATE, inward={"responses": declined})
