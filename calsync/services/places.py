"""Where an activity takes place, as far as providers make something of it: the join link of a meeting online.

The kind of place is a fact of the CRM that no event holds. A change of it alone is told to links by forgetting what
they agreed on here; the next plan then looks at them, and asks the provider for a link or takes its request back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from calsync.engine.pair import Decision
from calsync.engine.vocabulary import Action, LinkState, Reason
from calsync.runtime import Runtime
from calsync.services import cases
from calsync.services.activity_fields import Changes
from calsync.services.context import Context
from calsync.store import tables as t
from calsync.store.links import Pair

_LOOK_AGAIN = ""
"""Stands for the fingerprint of a side of which nothing was agreed."""


def link_kinds(rt: Runtime) -> list[str]:
    """Return the kinds of place that a provider makes a join link for."""
    return sorted({kind for p in rt.providers.values() for kind in p.info.capabilities.makes_links})


def with_link_left(row: t.Activity, changes: Changes, kinds: list[str]) -> Changes:
    """Return the changes, with the join link taken away where the activity leaves the place that it was made for.

    A link that somebody gives together with the new place stays.
    """
    leaves = row.location_kind in kinds and changes.get("location_kind", row.location_kind) != row.location_kind
    return {**changes, "conference": None} if leaves and "conference" not in changes else changes


def note_move(session: Session, row: t.Activity, before: str, kinds: list[str]) -> None:
    """Have the next plans look at an activity whose kind of place was `before`, where providers care about it."""
    if before == row.location_kind or not {before, row.location_kind} & set(kinds):
        return
    table: Any = t.Link
    session.execute(
        sa.update(table)
        .where(
            col(table.activity_id) == row.id,
            col(table.is_ours).is_(True),
            col(table.state) == LinkState.ACTIVE,
        )
        .values(local_fp=_LOOK_AGAIN)
    )


def decide(ctx: Context, pair: Pair, decision: Decision) -> Decision:
    """Return the decision on a pair, with a write where only the kind of place changed.

    The write carries the absence of a link: whether one is asked for stands on the activity when it is made.
    """
    if not _asks(ctx, pair) or decision.conflict or decision.fails or decision.parks or decision.waits_for:
        return decision
    if decision.remote_action is not Action.NONE or "conference" in decision.inward:
        return decision
    refused = cases.push_refused(ctx, pair)
    if refused is not None:
        return Decision(refused, waits_for=refused) if not decision.writes else decision
    reason = decision.reason if decision.writes else Reason.LOCAL_EDITED
    outward = {"conference": None}
    return replace(decision, reason=reason, remote_action=Action.UPDATE, outward=outward, agrees=False)


def _asks(ctx: Context, pair: Pair) -> bool:
    return (
        pair.link.local_fp == _LOOK_AGAIN
        and pair.link.is_ours
        and bool(ctx.capabilities.makes_links)
        and pair.activity.status != "cancelled"
        and not pair.activity.is_dissolved
        and not (pair.event.is_deleted or pair.event.is_cancelled)
        and pair.activity.content["conference"] is None
        and pair.event.facts["conference"] is None
    )
