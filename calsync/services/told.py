"""Notices from providers: proven, then the account they are about is due at once. Answered in milliseconds.

Whoever sends us something else learns nothing by it, and nothing comes of it.
"""

from __future__ import annotations

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from calsync.errors import CalsyncError
from calsync.providers.channels import Greeted, Notice, Notifying, Posted
from calsync.runtime import Runtime
from calsync.services import channels
from calsync.store import channels as rows
from calsync.store import credentials
from calsync.store import tables as t

__all__ = ["Posted", "greeting", "notified"]

log = structlog.get_logger(__name__)


def greeting(rt: Runtime, provider: str, posted: Posted) -> str | None:
    """Return what a provider wants to hear that asks whether we are there, None for any other request."""
    entry = rt.providers.get(provider)
    return entry.greeting(posted) if isinstance(entry, Greeted) else None


def notified(rt: Runtime, provider: str, posted: Posted) -> bool:
    """Heed notices and return whether an account became due by them. Raises nothing: the safety poll makes up for all.

    A channel that we have forgotten, as after restoring a backup, is written down to be stopped.
    """
    entry = rt.providers.get(provider)
    if not isinstance(entry, Notifying):
        return False
    try:
        # Many at once about one account, as after a busy minute there, are one reason to look.
        notices = dict.fromkeys(entry.read_notices(posted))
        heeded = [_heed(rt, provider, notice) for notice in notices]
        return any(heeded)
    except (CalsyncError, SQLAlchemyError) as error:
        log.warning("notice.failed", provider=provider, error=type(error).__name__)
        return False


def _heed(rt: Runtime, provider: str, notice: Notice) -> bool:
    public_id = notice.secret.partition(".")[0]
    if not notice.is_of(channels.secret_of(rt, public_id, notice.channel_id)):
        log.info("notice.unproven", provider=provider)
        return False
    now = rt.now()
    with rt.reading() as session:
        told = rows.find_told(session, provider, public_id, notice.channel_id)
    if told is None:
        return False
    if told.channel_id is None:
        _note_stray(rt, told.account_id, notice)
        return False
    if notice.is_first:
        _note_heard(rt, told.account_id)
        return False
    with rt.writing() as session:
        if notice.is_last:
            rows.outdate(session, told.channel_id)
        is_new = rows.hurry(session, told.account_id, now)
    if is_new:
        rt.enqueue("sync_account", account_id=told.account_id)
    return is_new


def _note_heard(rt: Runtime, account_id: int) -> None:
    """Write down that the provider reaches us. Each channel says so once, when it is opened."""
    with rt.writing() as session:
        credentials.note_heard(session, account_id, rt.now())


def _note_stray(rt: Runtime, account_id: int, notice: Notice) -> None:
    """Write a channel down that is to be stopped."""
    now = rt.now()
    stray = t.Channel(
        account_id=account_id,
        channel_id=notice.channel_id[:64],
        resource_id=notice.resource_id[:300],
        state="closing",
        next_try_at=now,
        created_at=now,
    )
    try:
        with rt.writing() as session:
            session.add(stray)
    except IntegrityError:
        log.info("notice.stray_known", account_id=account_id)  # two notices at once
