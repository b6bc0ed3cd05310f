"""Who wins where both sides want something else: what the policy says, and which edit came later."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from calsync.engine.merge import Merge
from calsync.engine.pair import Local, Remote
from calsync.engine.vocabulary import Policy, Reason

TIE = timedelta(seconds=5)
"""Two edits closer than this are a tie, which goes to the CRM."""


class Verdict(NamedTuple):
    """Whether what the CRM holds stands, the reason, and the sentence for the decision trace."""

    crm_stands: bool
    reason: Reason
    why: str


def of_clash(name: str, local: Local, remote: Remote, policy: Policy) -> Verdict:
    """Return who wins where one field was changed on both sides."""
    return _by_policy(policy) or _by_time(local.edited_at.get(name), remote_time(remote))


def of_deletion(local: Local, remote: Remote, result: Merge, policy: Policy) -> Verdict:
    """Return who wins where one side is gone and the other was edited."""
    edits = [local.edited_at[f] for f in result.local_changed if f in local.edited_at]
    ours = local.gone_at if local.is_gone else max(edits, default=None)
    return _by_policy(policy) or _by_time(ours, remote_time(remote))


def _by_policy(policy: Policy) -> Verdict | None:
    if policy is Policy.CRM:
        return Verdict(True, Reason.CRM_WINS, "the policy lets the CRM win")
    if policy is Policy.EXTERNAL:
        return Verdict(False, Reason.EXTERNAL_WINS, "the policy lets the calendar win")
    return None


def _by_time(ours: datetime | None, theirs: datetime) -> Verdict:
    if ours is None:
        why = f"changed there {theirs:%Y-%m-%d %H:%M:%S}, no time known here"
        return Verdict(False, Reason.LATER_EDIT_WINS, why)
    times = f"changed here {ours:%Y-%m-%d %H:%M:%S}, there {theirs:%Y-%m-%d %H:%M:%S}"
    if abs(ours - theirs) <= TIE:
        return Verdict(True, Reason.TIE_TO_CRM, f"{times}: a tie goes to the CRM")
    return Verdict(ours > theirs, Reason.LATER_EDIT_WINS, f"{times}: the later edit stands")


def remote_time(remote: Remote) -> datetime:
    """Return when the remote edit happened: the provider's time, clamped to the two reads that enclose it."""
    told = remote.modified_at or remote.seen_at
    earliest = remote.after or told
    return min(max(told, earliest), remote.seen_at)
