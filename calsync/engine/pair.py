"""One pair as values: its two sides, what they agreed on, the terms of its account, and what is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from calsync.engine import merge as merging
from calsync.engine.event import Content
from calsync.engine.merge import Clash, Merge
from calsync.engine.projection import PROJECTED
from calsync.engine.vocabulary import Action, ConflictKind, Deletions, Policy, Reason


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
    says why a difference stands. With `agrees` the snapshots move although nothing is written. With `passes_on`
    what comes in is for the occurrence that took this one's place as well.
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
    passes_on: bool = False
    trace: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        return self.local_action != Action.NONE or self.remote_action != Action.NONE


KEEP = Decision(Reason.BOTH_EQUAL, agrees=True)


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
