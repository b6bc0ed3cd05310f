"""Notices from providers: proven, then the account they are about is due at once. Answered in milliseconds.

Whoever sends us something else learns nothing by it, and nothing comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from calsync.errors import CalsyncError
from calsync.providers.channels import Notice, Notifying
from calsync.runtime import Runtime
from calsync.services import channels
from calsync.store import channels as rows
from calsync.store import credentials
from calsync.store import tables as t

log = structlog.get_logger(__name__)


def notified(rt: Runtime, provider: str, headers: Mapping[str, str]) -> bool:
    """Heed a notice and return whether an account became due by it. Raises nothing: the safety poll makes up for all.

    A channel that we have forgotten, as after restoring a backup, is written down to be stopped.
    """
    entry = rt.providers.get(provider)
    if not isinstance(entry, Notifying):
        return False
    try:
        notice = entry.read_notice(headers)
        return notice is not None and _heed(rt, provider, notice)
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
