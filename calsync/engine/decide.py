"""Decide: one pair (local, link, remote) to what brings it back into agreement. Pure.

The tables in `docs/sync.md` and the functions here and in `gone.py` say the same thing; change both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from calsync.engine import access, gone, pushes, winner
from calsync.engine.event import Content
from calsync.engine.merge import Merge
from calsync.engine.pair import KEEP, Agreed, Decision, Local, Remote, Terms, compare
from calsync.engine.projection import PROJECTED
from calsync.engine.vocabulary import Action, ConflictKind, Policy, Reason


def decide(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Decision:
    """Return what brings one linked pair back into agreement."""
    match local.is_gone, remote.is_gone:
        case True, True:
            return KEEP
        case True, False:
            return gone.local_gone(local, remote, agreed, terms)
        case False, True:
            return gone.remote_gone(local, remote, agreed, terms)
        case _:
            return _both_present(local, remote, agreed, terms)


def _both_present(local: Local, remote: Remote, agreed: Agreed, terms: Terms) -> Decision:
    result = compare(local, remote, agreed, terms)
    if not terms.is_source:
        result = _only_own_response(result)
    outward = _reprojected(result, local, remote, agreed, terms)
    decision = _settle(local, remote, result, outward, terms)
    if agreed.was_gone and not decision.writes and decision.conflict is None:
        return replace(decision, agrees=True)
    return pushes.guard(access.respect(decision, terms), agreed)


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
    """Decide every clash, or leave the whole record to a person where one of them is to be asked about."""
    if any(terms.policy_for(name) is Policy.MANUAL for name in result.clashes):
        return _ask(result, outward)
    inward, outward = dict(result.inward), dict(outward)
    losing: dict[str, dict[str, Any]] = {}
    reasons: list[Reason] = []
    trace: list[str] = []
    for name, clash in result.clashes.items():
        verdict = winner.of_clash(name, local, remote, terms.policy_for(name))
        reasons.append(verdict.reason)
        trace.append(f"{name}: {verdict.why}")
        if verdict.crm_stands:
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


def _ask(result: Merge, outward: Content) -> Decision:
    return Decision(
        Reason.NEEDS_CHOICE,
        conflict=ConflictKind.BOTH_CHANGED,
        clashes=result.clashes,
        merged={"local": dict(result.inward), "remote": dict(outward)},
        waits_for=Reason.NEEDS_CHOICE,
        trace=("both sides changed " + ", ".join(result.clashes), "the policy is to ask a person"),
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


def _only_own_response(result: Merge) -> Merge:
    """In a copy that is not the source, only the response of the copy's own person comes in."""
    responses = result.inward.get("responses")
    inward = {} if responses is None else {"responses": responses}
    outward = {k: v for k, v in result.outward.items() if k == "responses"}
    return replace(result, inward=inward, outward=outward, clashes={})
