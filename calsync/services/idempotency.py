"""Requests that may be sent twice: the first one's answer is kept under the key that the program gave it.

RFC draft-ietf-httpapi-idempotency-key-header: the same key with another request is refused, and so is one whose first
request is still at work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from calsync.errors import Refused
from calsync.runtime import Runtime
from calsync.store import tables as t

KEEP = timedelta(hours=24)
GIVEN_UP = timedelta(minutes=5)
"""After which a request without an answer is taken for one whose process died."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer that a request with this key was given before."""

    status: int
    headers: dict[str, str]
    body: bytes


def begin(rt: Runtime, token_id: int, key: str, digest: str) -> Kept | int:
    """Return the answer kept under a key, or the id under which `finish` keeps the one to come.

    Raises Refused with the code `key_reused` (another request had this key) or `in_progress`.
    """
    try:
        with rt.writing() as session:
            return _begin(session, token_id, key, digest, rt.now())
    except IntegrityError as error:  # somebody was quicker by a moment
        raise _at_work() from error


def finish(rt: Runtime, key_id: int, kept: Kept) -> None:
    """Keep an answer."""
    values = {"status": kept.status, "headers": kept.headers, "body": kept.body}
    with rt.writing() as session:
        session.execute(sa.update(t.IdempotencyKey).where(col(t.IdempotencyKey.id) == key_id).values(**values))


def give_up(rt: Runtime, key_id: int) -> None:
    """Forget a request that came to no answer: it may be sent again."""
    with rt.writing() as session:
        session.execute(sa.delete(t.IdempotencyKey).where(col(t.IdempotencyKey.id) == key_id))


def _begin(session: Session, token_id: int, key: str, digest: str, now: datetime) -> Kept | int:
    K = t.IdempotencyKey
    query = sa.select(K).where(col(K.token_id) == token_id, col(K.key) == key).with_for_update()
    row = session.scalars(query).one_or_none()
    if row is None or row.created_at <= now - KEEP:
        return _take(session, row, token_id, key, digest, now)
    if row.digest != digest:
        reason = "Another request was sent with this Idempotency-Key. Choose a new one."
        raise Refused(reason, code="key_reused", field="Idempotency-Key")
    if row.status is not None:
        return Kept(row.status, row.headers or {}, row.body or b"")
    if row.created_at > now - GIVEN_UP:
        raise _at_work()
    return _take(session, row, token_id, key, digest, now)


def _take(session: Session, row: t.IdempotencyKey | None, token_id: int, key: str, digest: str, now: datetime) -> int:
    row = row or t.IdempotencyKey(token_id=token_id, key=key, digest=digest, created_at=now)
    row.digest, row.status, row.headers, row.body, row.created_at = digest, None, None, None, now
    session.add(row)
    session.flush()
    return t.pk(row)


def _at_work() -> Refused:
    return Refused("The first request with this Idempotency-Key is still being worked on.", code="in_progress")
