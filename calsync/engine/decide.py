"""Decide: one pair (local, link, remote) to what brings it back into agreement. Pure.

The tables in `docs/sync.md` and the functions here say the same thing; change both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from calsync.engine import merge as merging
from calsync.engine.event import FIELDS, Content, consistent, fingerprint
from calsync.engine.merge import Clash, Merge
from calsync.engine.projection import PROJECTED
from calsync.engine.vocabulary import Action, ConflictKind, Deletions, Policy, Reason

TIE = timedelta(seconds=5)
"""Two edits closer than this are a tie, which goes to the CRM."""

MAX_SAME_PUSHES = 3
"""How often one value may be pushed to one field before we stop: the server keeps changing it."""


@dataclass(frozen=True, slots=True)
class Local:
    """The CRM's side. `edited_at` maps a merge unit to its last edit; `gone_at` is when it was cancelled."""

    content: Content
    is_gone: bool = False
    edited_at: Mapping[str, datetime] = field(default_factory=dict)
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """The provider's side, as the mirror holds it.

    `modified_at` is the provider's own time, already corrected by the clock offset; None where it gives none.
    The edit happened between `after` (the last complete read without it; None before the first) and `seen_at`.
    """

    content: Content
    seen_at: datetime
    is_gone: bool = False
    is_erased: bool = False  # gone without a trace at the provider; False for one that is shown as cancelled
    is_hole: bool = False  # a cancelled occurrence that stands alone: alive again it is a new change of its series
    modified_at: datetime | None = None
    after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What each side held after the last success."""

    local: Content
    remote: Content
    was_gone: bool = False
    is_ours: bool = False
    projection_changed: bool = False
    pushes: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything about the account that a decision depends on.

    `project` turns local content into what is written out of it; `hidden` names fields that are write-only.
    `may_push` and `may_pull` are False with a reason where direction or access forbids it. `is_source` tells whether
    shared fields may come in through this copy, `is_owner` whether they may go out through it; `own_addresses` are the
    attendees whose responses travel through it all the same. `choices` stand above the policies.
    """

    policy: Policy = Policy.LAST_MODIFIED
    per_field: bool = True
    deletions: Deletions = Deletions.FOLLOW
    cancel_visibly: bool = True
    push_refused: Reason | None = None
    may_pull: bool = True
    is_source: bool = True
    is_owner: bool = True
    own_addresses: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    project: Callable[[Content], Content] = dict
    field_policies: Mapping[str, Policy] = field(default_factory=dict)  # by merge unit; stand above `policy`
    choices: Mapping[str, Policy] = field(default_factory=dict)  # a person's, by merge unit; "*" for all others

    def policy_for(self, name: str) -> Policy:
        """Return who wins a clash in a field. Where nothing comes in, what changed here overwrites."""
        if not self.may_pull:
            return Policy.CRM
        return self.choices.get(name) or self.choices.get("*") or self.field_policies.get(name) or self.policy


@dataclass(frozen=True, slots=True)
class Decision:
    """What shall happen to one pair.

    `inward` holds the merge units to write into the activity, `outward` those to write into the remote event (already
    projected). `local_action` and `remote_action` are NONE, UPDATE, CANCEL, CREATE or (remote) DELETE; a revival is an
    UPDATE or CREATE with `revives`. `losing` maps a field to the value that lost and the side it stood on. `waits_for`
    says why a difference stands. With `agrees` the snapshots move although nothing is written.
    """

    reason: Reason
    local_action: Action = Action.NONE
    remote_action: Action = Action.NONE
    inward: Content = field(default_factory=dict)
    outward: Content = field(default_factory=dict)
    losing: dict[str, dict[str, Any]] = field(default_factory=dict)
    clashes: dict[str, Clash] = field(default_factory=dict)
    conflict: ConflictKind | None = None
    merged: Content = field(default_factory=dict)
    waits_for: Reason | None = None
    fails: Reason | None = None
    drift: tuple[str, ...] = ()
    agrees: bool = False
    parks: bool = False
    revives: bool = False
    is_merge: bool = False
    trace: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        return self.local_action != Action.NONE or self.remote_action != Action.NONE


KEEP = Decision(Reason.BOTH_EQUAL, agrees=True)


def decide(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Decision:
    """Return what brings one linked pair back into agreement."""
    match local.is_gone, remote.is_gone:
        case True, True:
            return KEEP
        case True, False:
            return _local_gone(local, remote, agreed, terms)
        case False, True:
            return _remote_gone(local, remote, agreed, terms)
        case _:
            return _both_present(local, remote, agreed, terms)


def compare(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Merge:
    """Return the three-way merge that a decision on this pair rests on."""
    return merging.merge(
        agreed_local=agreed.local,
        local=local.content,
        agreed_remote=agreed.remote,
        remote=remote.content,
        hidden=terms.hidden | _was_hidden(agreed),
        project=terms.project,
        per_field=terms.per_field,
    )


def _was_hidden(agreed: Agreed) -> frozenset[str]:
    """Return fields that were written otherwise than we held them, while what we show is about to change.

    What stands there now is still the old projection or an edit of it: it is overwritten, not read.
    """
    if not (agreed.projection_changed and agreed.is_ours):
        return frozenset()
    return frozenset(f for f in PROJECTED if agreed.local.get(f) != agreed.remote.get(f))


# --- both sides present


def _both_present(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Decision:
    result = compare(local, remote, agreed, terms)
    if not terms.is_source:
        result = _only_own_response(result, terms)
    outward = _reprojected(result, local, remote, agreed, terms)
    decision = _settle(local, remote, result, outward, terms)
    if agreed.was_gone and not decision.writes and decision.conflict is None:
        return replace(decision, agrees=True)
    return _guard_pushes(_respect_access(decision, result, remote, terms), agreed)


def _reprojected(result: Merge, local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Content:
    """Add the fields that must be rewritten because what we show of them changed."""
    if not (agreed.projection_changed and agreed.is_ours):
        return result.outward
    shown = terms.project(local.content)
    stale = {
        f: shown[f]
        for f in PROJECTED
        if f in shown
        and shown[f] != remote.content.get(f)
        and f not in result.remote_changed
        and f not in result.clashes
    }
    return {**stale, **result.outward}


def _settle(local: Local, remote: Remote, result: Merge, outward: Content, terms: Terms) -> Decision:
    inward = dict(result.inward)
    outward = dict(outward)
    losing: dict[str, dict[str, Any]] = {}
    reasons: list[Reason] = []
    trace: list[str] = []
    if any(terms.policy_for(name) is Policy.MANUAL for name in result.clashes):
        return Decision(
            Reason.NEEDS_CHOICE,
            conflict=ConflictKind.BOTH_CHANGED,
            clashes=result.clashes,
            merged={"local": inward, "remote": outward},
            waits_for=Reason.NEEDS_CHOICE,
            trace=("both sides changed " + ", ".join(result.clashes), "the policy is to ask a person"),
        )
    for name, clash in result.clashes.items():
        crm_wins, reason, why = _winner(name, local, remote, terms.policy_for(name))
        reasons.append(reason)
        trace.append(f"{name}: {why}")
        if crm_wins:
            outward[name] = terms.project(local.content)[name]
            losing[name] = {"side": "remote", "value": clash.remote}
        else:
            inward[name] = clash.remote
            losing[name] = {"side": "local", "value": clash.local}
    return Decision(
        _reason(reasons, inward, outward, terms),
        local_action=Action.UPDATE if inward else Action.NONE,
        remote_action=Action.UPDATE if outward else Action.NONE,
        inward=inward,
        outward=outward,
        losing=losing,
        clashes=result.clashes,
        agrees=not inward and not outward,
        is_merge=bool(inward and outward) and not result.clashes,
        trace=tuple(trace),
    )


def _reason(clashed: list[Reason], inward: Content, outward: Content, terms: Terms) -> Reason:
    if clashed and terms.choices:
        return Reason.RESOLVED
    if clashed:
        return clashed[0]
    if inward and outward:
        return Reason.MERGED
    if inward:
        return Reason.REMOTE_EDITED
    return Reason.LOCAL_EDITED if outward else Reason.BOTH_EQUAL


def _winner(name: str, local: Local, remote: Remote, policy: Policy) -> tuple[bool, Reason, str]:
    """Return whether the CRM's value stands, the reason, and the sentence for the decision trace."""
    if policy is Policy.CRM:
        return True, Reason.CRM_WINS, "the policy lets the CRM win"
    if policy is Policy.EXTERNAL:
        return False, Reason.EXTERNAL_WINS, "the policy lets the calendar win"
    ours = local.edited_at.get(name)
    theirs = remote_time(remote)
    return _later(ours, theirs)


def _later(ours: datetime | None, theirs: datetime) -> tuple[bool, Reason, str]:
    if ours is None:
        return False, Reason.LATER_EDIT_WINS, f"changed there {theirs:%Y-%m-%d %H:%M:%S}, no time known here"
    times = f"changed here {ours:%Y-%m-%d %H:%M:%S}, there {theirs:%Y-%m-%d %H:%M:%S}"
    if abs(ours - theirs) <= TIE:
        return True, Reason.TIE_TO_CRM, f"{times}: a tie goes to the CRM"
    return ours > theirs, Reason.LATER_EDIT_WINS, f"{times}: the later edit stands"


def remote_time(remote: Remote) -> datetime:
    """Return when the remote edit happened: the provider's time, clamped to the two reads that enclose it."""
    told = remote.modified_at or remote.seen_at
    earliest = remote.after or told
    return min(max(told, earliest), remote.seen_at)


# --- one side gone


def _local_gone(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Decision:
    result = compare(replace(local, content=agreed.local), remote, agreed, terms)
    if agreed.was_gone:
        return _pull_revival(remote, terms)
    if not terms.is_owner:
        return Decision(Reason.NOT_OWNER, waits_for=Reason.NOT_OWNER)
    if terms.deletions is Deletions.UNLINK:
        return Decision(Reason.DELETION_UNLINKS, parks=True)
    if result.remote_changed or terms.deletions is Deletions.ASK:
        return _gone_against_edit(local, remote, agreed, terms, result, local_is_gone=True)
    return _respect_access(_cancel_remote(Reason.LOCAL_CANCELLED, terms), result, remote, terms)


def _remote_gone(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Decision:
    held = replace(remote, content=agreed.remote, is_gone=False)
    result = compare(local, held, agreed, terms)
    if agreed.was_gone:
        return _push_revival(local, remote, terms)
    if not terms.is_source:
        return _own_response_declined(local, terms)
    if not terms.may_pull:
        return Decision(Reason.DRIFT, waits_for=Reason.DRIFT)
    if terms.deletions is Deletions.UNLINK:
        return Decision(Reason.DELETION_UNLINKS, parks=True)
    if result.local_changed or terms.deletions is Deletions.ASK:
        return _gone_against_edit(local, remote, agreed, terms, result, local_is_gone=False)
    return _cancel_local(remote)


def _cancel_local(remote: Remote, reason: Reason | None = None) -> Decision:
    why = Reason.REMOTE_DELETED if remote.is_erased else Reason.REMOTE_CANCELLED
    return Decision(reason or why, local_action=Action.CANCEL, inward={"status": "cancelled"})


def _cancel_remote(reason: Reason, terms: Terms) -> Decision:
    if terms.cancel_visibly:
        return Decision(reason, remote_action=Action.CANCEL, outward={"status": "cancelled"})
    return Decision(reason, remote_action=Action.DELETE)


def _gone_against_edit(
    local: Local, remote: Remote, agreed: Agreed, terms: Terms, result: Merge, *, local_is_gone: bool
) -> Decision:
    policy = terms.policy_for("status")
    if policy is Policy.MANUAL or (terms.deletions is Deletions.ASK and not terms.choices):
        side = "here" if local_is_gone else "in the calendar"
        return Decision(
            Reason.NEEDS_CHOICE,
            conflict=ConflictKind.CHANGED_DELETED,
            clashes=_edit_clashes(local, remote, agreed, result),
            waits_for=Reason.NEEDS_CHOICE,
            trace=(f"cancelled {side}, changed on the other side",),
        )
    crm_stands, reason, why = _gone_winner(local, remote, result, policy, local_is_gone=local_is_gone)
    reason = Reason.RESOLVED if terms.choices else reason
    if crm_stands:
        decision = (
            _cancel_remote(reason, terms)
            if local_is_gone
            else replace(_push_revival(local, remote, terms), reason=reason)
        )
    else:
        decision = (
            replace(_pull_revival(remote, terms), reason=reason) if local_is_gone else _cancel_local(remote, reason)
        )
    losing = _gone_losing(local, remote, crm_stands=crm_stands, local_is_gone=local_is_gone, result=result)
    decision = replace(decision, losing=losing, trace=(why,))
    return _respect_access(decision, result, remote, terms)


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


def _gone_winner(
    local: Local, remote: Remote, result: Merge, policy: Policy, *, local_is_gone: bool
) -> tuple[bool, Reason, str]:
    if policy is Policy.CRM:
        return True, Reason.CRM_WINS, "the policy lets the CRM win"
    if policy is Policy.EXTERNAL:
        return False, Reason.EXTERNAL_WINS, "the policy lets the calendar win"
    if local_is_gone:
        return _later(local.gone_at, remote_time(remote))
    ours = max((local.edited_at[f] for f in result.local_changed if f in local.edited_at), default=None)
    return _later(ours, remote_time(remote))


def _gone_losing(
    local: Local, remote: Remote, *, crm_stands: bool, local_is_gone: bool, result: Merge
) -> dict[str, dict[str, Any]]:
    if crm_stands == local_is_gone:  # the cancellation stands: the edits lose
        side, content = ("remote", remote.content) if local_is_gone else ("local", local.content)
        changed = result.remote_changed if local_is_gone else result.local_changed
        return {f: {"side": side, "value": content.get(f)} for f in FIELDS if f in changed}
    side = "local" if local_is_gone else "remote"
    return {"status": {"side": side, "value": "cancelled"}}


def _pull_revival(remote: Remote, terms: Terms) -> Decision:
    if not terms.may_pull:
        return Decision(Reason.DRIFT, waits_for=Reason.DRIFT)
    if not terms.is_source:
        return KEEP
    inward = {f: v for f, v in remote.content.items() if f not in terms.hidden and f in FIELDS}
    return Decision(Reason.REMOTE_REVIVED, local_action=Action.UPDATE, inward=inward, revives=True)


def _push_revival(local: Local, remote: Remote, terms: Terms) -> Decision:
    if terms.push_refused is not None:
        return Decision(terms.push_refused, waits_for=terms.push_refused)
    if not terms.is_owner:
        return Decision(Reason.NOT_OWNER, waits_for=Reason.NOT_OWNER)
    action = Action.CREATE if remote.is_erased or remote.is_hole else Action.UPDATE
    shown = terms.project(local.content)
    return Decision(Reason.LOCAL_REVIVED, remote_action=action, outward=shown, revives=True)


# --- copies of a guest


def _only_own_response(result: Merge, terms: Terms) -> Merge:
    """In a copy that is not the source, only the response of the copy's own person comes in."""
    responses = result.inward.get("responses")
    inward = {} if responses is None else {"responses": responses}
    outward = {k: v for k, v in result.outward.items() if k == "responses"}
    return replace(result, inward=inward, outward=outward, clashes={})


def _own_response_declined(local: Local, terms: Terms) -> Decision:
    answers = dict(local.content["responses"])
    mine = [a for a in answers if a in terms.own_addresses]
    if not mine or all(answers[a] == "declined" for a in mine):
        return KEEP
    declined = answers | dict.fromkeys(mine, "declined")
    return Decision(Reason.DECLINED, local_action=Action.UPDATE, inward={"responses": declined})


# --- what direction and access leave of a decision


def _respect_access(decision: Decision, result: Merge, remote: Remote, terms: Terms) -> Decision:
    decision = _respect_owner(decision, terms)
    if decision.remote_action != Action.NONE and terms.push_refused is not None:
        decision = _without_push(decision, terms.push_refused)
    if decision.local_action != Action.NONE and not terms.may_pull:
        decision = _without_pull(decision)
    return decision


def _respect_owner(decision: Decision, terms: Terms) -> Decision:
    if terms.is_owner or decision.remote_action == Action.NONE:
        return decision
    kept = {k: v for k, v in decision.outward.items() if k == "responses"}
    if kept and decision.remote_action == Action.UPDATE:
        return replace(decision, outward=kept)
    return _without_push(decision, Reason.NOT_OWNER)


def _without_push(decision: Decision, why: Reason) -> Decision:
    kept = replace(decision, remote_action=Action.NONE, outward={}, waits_for=why)
    return kept if kept.local_action != Action.NONE else replace(kept, reason=why, agrees=False)


def _without_pull(decision: Decision) -> Decision:
    drift = tuple(decision.inward)
    kept = replace(decision, local_action=Action.NONE, inward={}, drift=drift)
    return kept if kept.remote_action != Action.NONE else replace(kept, reason=Reason.DRIFT)


def _guard_pushes(decision: Decision, agreed: Agreed) -> Decision:
    for name, value in decision.outward.items():
        last, times = agreed.pushes.get(name, ("", 0))
        if times >= MAX_SAME_PUSHES and last == value_hash(value):
            return replace(_without_push(decision, Reason.SERVER_KEEPS_CHANGING), fails=Reason.SERVER_KEEPS_CHANGING)
    return decision


def value_hash(value: Any) -> str:
    """Return the hash by which a pushed value is remembered."""
    return fingerprint({"value": value})[:16]


def count_pushes(pushes: Mapping[str, tuple[str, int]], outward: Content) -> dict[str, tuple[str, int]]:
    """Return the memory of pushed values after one more push of `outward`."""
    counted = dict(pushes)
    for name, value in outward.items():
        last, times = pushes.get(name, ("", 0))
        digest = value_hash(value)
        counted[name] = (digest, times + 1 if last == digest else 1)
    return counted


def resulting(content: Content, changes: Content) -> Content:
    """Return content after `changes`, with responses and attendees consistent."""
    return consistent({**content, **changes})
