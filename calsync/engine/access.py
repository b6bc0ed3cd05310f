"""What direction, access and ownership leave of a decision."""

from __future__ import annotations

from dataclasses import replace

from calsync.engine.pair import Decision, Terms
from calsync.engine.vocabulary import Action, Reason


def respect(decision: Decision, terms: Terms) -> Decision:
    """Return what of a decision may be done. What may not be done waits, with the reason, or is drift."""
    decision = _respect_owner(decision, terms)
    if decision.remote_action != Action.NONE and terms.push_refused is not None:
        decision = without_push(decision, terms.push_refused)
    if decision.local_action != Action.NONE and not terms.may_pull:
        decision = _without_pull(decision)
    return decision


def _respect_owner(decision: Decision, terms: Terms) -> Decision:
    if terms.is_owner or decision.remote_action == Action.NONE:
        return decision
    kept = {k: v for k, v in decision.outward.items() if k == "responses"}
    if kept and decision.remote_action == Action.UPDATE:
        return replace(decision, outward=kept)
    return without_push(decision, Reason.NOT_OWNER)


def without_push(decision: Decision, why: Reason) -> Decision:
    """Return a decision that writes nothing out; the difference stands for the reason `why`."""
    kept = replace(decision, remote_action=Action.NONE, outward={}, waits_for=why)
    return kept if kept.local_action != Action.NONE else replace(kept, reason=why, agrees=False)


def _without_pull(decision: Decision) -> Decision:
    drift = tuple(decision.inward)
    kept = replace(decision, local_action=Action.NONE, inward={}, drift=drift)
    return kept if kept.remote_action != Action.NONE else replace(kept, reason=Reason.DRIFT)
