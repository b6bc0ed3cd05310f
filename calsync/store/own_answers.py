"""What people answered to meetings in their own calendars, where only the provider knows that it was they.

Who is invited under another address of theirs stands among the guests as somebody whom we do not know; the provider
says with the event that its calendar's person declined.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from calsync.engine.vocabulary import LinkState, Taking
from calsync.store import tables as t

A, E, L = t.Activity, t.MirrorEvent, t.Link


def is_accepted() -> Any:
    """Return whether an activity's owner did not decline it in a calendar of theirs; looked up where somebody did."""
    is_declined = (
        sa.select(col(L.id))
        .join(E, col(E.id) == col(L.event_id))
        .join(t.Account, col(t.Account.id) == col(L.account_id))
        .where(
            col(L.activity_id) == col(A.id),
            col(L.state) == LinkState.ACTIVE,
            col(t.Account.user_id) == col(A.owner_id),
            col(E.is_busy).is_(False),
            col(E.facts)["is_declined"].as_boolean().is_(True),
        )
        .correlate(A)
        .exists()
    )
    return sa.case((col(A.taking) == Taking.UNFOLDED, sa.not_(is_declined)), else_=sa.true())
