"""Queries on webhooks and on the messages to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from calsync.errors import NotFound
from calsync.store import keyset
from calsync.store import tables as t
from calsync.store.accounts import rows_changed
from calsync.store.keyset import Cut, Slice

W, D = t.Webhook, t.Delivery
WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
STATES = (WAITING, DELIVERED, FAILED)


def get(session: Session, webhook_id: int) -> t.Webhook:
    """Raises NotFound."""
    row = session.get(W, webhook_id)
    if row is None:
        raise NotFound("webhook", webhook_id)
    return row


def get_public(session: Session, public_id: str) -> t.Webhook:
    """Return the webhook that programs know by this id. Raises NotFound."""
    row = session.scalars(sa.select(W).where(col(W.public_id) == public_id)).one_or_none()
    if row is None:
        raise NotFound("webhook", public_id)
    return row


def list_webhooks(session: Session) -> list[t.Webhook]:
    """Return every webhook, oldest first. Installations have a handful."""
    return list(session.scalars(sa.select(W).order_by(col(W.id))))


def page_of_webhooks(session: Session, cut: Cut) -> Slice:
    """Return a slice of the webhooks, newest first; its key is (id,)."""
    return keyset.fetch(session, sa.select(W), [cast(Any, W.id)], cut)


def count(session: Session) -> int:
    return int(session.scalar(sa.select(sa.func.count()).select_from(W)) or 0)


def switched_off(session: Session) -> list[t.Webhook]:
    """Return webhooks that failed for so long that they were switched off."""
    return list(session.scalars(sa.select(W).where(col(W.state) == "failed").order_by(col(W.id))))


def listening(session: Session) -> list[tuple[int, frozenset[str]]]:
    """Return every webhook for which messages are kept, and what it is told of.

    None of them can be removed before the transaction ends: its messages would have nobody to belong to.
    """
    query = sa.select(col(W.id), col(W.events)).where(col(W.state) != "off").order_by(col(W.id))
    query = query.with_for_update(read=True, key_share=True)
    return [(int(i or 0), frozenset(events)) for i, events in session.connection().execute(query)]


# --- messages


def get_delivery(session: Session, delivery_id: int) -> t.Delivery:
    """Raises NotFound."""
    row = session.get(D, delivery_id)
    if row is None:
        raise NotFound("delivery", delivery_id)
    return row


def get_public_delivery(session: Session, webhook_id: int, public_id: str) -> t.Delivery:
    """Return a message to this webhook by the id that its receiver knows. Raises NotFound."""
    query = sa.select(D).where(col(D.public_id) == public_id, col(D.webhook_id) == webhook_id)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise NotFound("delivery", public_id)
    return row


def list_deliveries(session: Session, webhook_id: int, state: str, cut: Cut) -> Slice:
    """Return a slice of the messages in a state ("": in any), newest first; its key is (id,)."""
    query = sa.select(D).where(col(D.webhook_id) == webhook_id)
    query = query.where(col(D.state) == state if state else col(D.state).in_(STATES))
    return keyset.fetch(session, query, [cast(Any, D.id)], cut)


def list_tries(session: Session, delivery_id: int) -> list[t.DeliveryTry]:
    """Return the tries to deliver a message, newest first."""
    query = sa.select(t.DeliveryTry).where(col(t.DeliveryTry.delivery_id) == delivery_id)
    return list(session.scalars(query.order_by(col(t.DeliveryTry.id).desc()).limit(100)))


def next_tries(session: Session) -> dict[int, datetime]:
    """Return webhook id -> when its next message is tried that has failed before."""
    query = sa.select(col(D.webhook_id), sa.func.min(col(D.next_try_at))).where(
        col(D.state) == WAITING, col(D.tries) > 0
    )
    return {int(i): at for i, at in session.execute(query.group_by(col(D.webhook_id)))}


def insert(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Save messages to be delivered."""
    session.connection().execute(sa.insert(D), list(rows))


# --- delivering


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(col(D.state) == WAITING, col(D.next_try_at) <= now)


def due_webhooks(session: Session, now: datetime) -> list[tuple[int, str | None]]:
    """Return webhooks that are on and have a message to be tried now, with who delivers to each at this moment."""
    due = sa.select(col(D.id)).where(col(D.webhook_id) == col(W.id), _is_due(now)).exists()
    owner = sa.case((col(W.lease_until) > now, col(W.lease_owner)), else_=None)
    query = sa.select(col(W.id), owner).where(col(W.state) == "on", due).order_by(col(W.id))
    return [(int(i or 0), holder) for i, holder in session.execute(query)]


def due(session: Session, webhook_id: int, now: datetime, limit: int) -> list[t.Delivery]:
    """Return messages to be tried now, oldest first: of each subject only the earliest that waits."""
    earlier = aliased(D)
    is_behind = (
        sa.select(col(earlier.id))
        .where(
            col(earlier.webhook_id) == col(D.webhook_id),
            col(earlier.subject) == col(D.subject),
            col(earlier.state) == WAITING,
            col(earlier.id) < col(D.id),
        )
        .exists()
    )
    query = sa.select(D).where(col(D.webhook_id) == webhook_id, _is_due(now), ~is_behind)
    return list(session.scalars(query.order_by(col(D.id)).limit(limit)))


def take(session: Session, webhook_id: int, owner: str, now: datetime, until: datetime) -> bool:
    """Claim the delivering to a webhook that is on; return whether `owner` has it now."""
    change = (
        sa.update(W)
        .where(
            col(W.id) == webhook_id,
            col(W.state) == "on",
            sa.or_(col(W.lease_owner).is_(None), col(W.lease_owner) == owner, col(W.lease_until) <= now),
        )
        .values(lease_owner=owner, lease_until=until)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, change) == 1


def let_go(session: Session, webhook_id: int, owner: str) -> None:
    """End a claim, if it is still this one's."""
    change = sa.update(W).where(col(W.id) == webhook_id, col(W.lease_owner) == owner)
    session.execute(change.values(lease_owner=None, lease_until=None).execution_options(synchronize_session=False))


def failed_ids(session: Session, webhook_id: int, since: datetime, limit: int) -> list[int]:
    """Return messages about what happened since then that were given up, oldest first."""
    query = sa.select(col(D.id)).where(col(D.webhook_id) == webhook_id, col(D.state) == FAILED, col(D.at) >= since)
    return [int(i) for i in session.scalars(query.order_by(col(D.id)).limit(limit)) if i is not None]


def wait_again(session: Session, ids: Iterable[int], now: datetime) -> int:
    """Let messages be delivered again, from the first try on; return how many."""
    change = (
        sa.update(D)
        .where(col(D.id).in_(list(ids)))
        .values(state=WAITING, tries=0, next_try_at=now, ended_at=None)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, change)
