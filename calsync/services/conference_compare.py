"""Comparing an account's whole list of meetings with ours: what vanished, and what carries our mark for nothing."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from calsync.errors import NotFound, ProviderError, SignInNeeded
from calsync.providers.conference import Meeting
from calsync.runtime import Runtime
from calsync.services import conference_drafts as drafts
from calsync.services import conference_work, facts
from calsync.services.conferences import COMPARED_EVERY as EVERY
from calsync.store import accounts, conference_hosts
from calsync.store import conferences as rows
from calsync.store import tables as t

SOON = timedelta(hours=1)
"""When a list that could not be read is read again."""

log = structlog.get_logger(__name__)


def compare(rt: Runtime, account_id: int) -> None:
    """Compare an account's whole list with ours: what is missing is looked at, what carries our mark and belongs to
    nothing is an orphan. Notices get lost, so this is done once a day. Raises no ProviderError.
    """
    with conference_work.opened(rt, account_id) as client:
        if client is None:
            return
        began = rt.now()
        try:
            there = {meeting.remote_id: meeting for meeting in client.meetings()}
        except ProviderError as error:
            _note(rt, account_id, error)
            return
    with rt.writing() as session:
        _compare(rt, session, account_id, there, began)
        conference_hosts.host_row(session, account_id).compared_at = rt.now()


def _note(rt: Runtime, account_id: int, error: ProviderError) -> None:
    log.info("conferences.not_compared", account_id=account_id, error=type(error).__name__)
    with rt.writing() as session, contextlib.suppress(NotFound):
        if isinstance(error, SignInNeeded):
            facts.lose_grant(accounts.get(session, account_id), error, rt.now())
        conference_hosts.host_row(session, account_id).compared_at = rt.now() - EVERY + SOON


def _compare(rt: Runtime, session: Session, account_id: int, there: dict[str, Meeting], began: datetime) -> None:
    known = rows.of_account(session, account_id)
    for conference in known:
        is_listed = conference.remote_id in there
        if conference.state == "made" and not is_listed and not _is_over(session, conference, rt.now()):
            conference.wants_look, conference.next_try_at = True, conference.next_try_at or rt.now()
        if conference.state == "orphan" and not is_listed:
            session.delete(conference)
    ids = {conference.remote_id for conference in known}
    awaited = {conference.mark for conference in known if conference.asked_at is not None}
    for meeting in there.values():
        is_stray = meeting.remote_id not in ids and meeting.mark not in awaited
        if is_stray and drafts.is_ours(rt, meeting.mark) and not _made_since(known, meeting, began):
            session.add(_orphan(rt, session, account_id, meeting))


def _is_over(session: Session, conference: t.Conference, now: datetime) -> bool:
    """What is over falls out of a provider's list by itself."""
    activity = session.get(t.Activity, conference.activity_id) if conference.activity_id else None
    return activity is None or activity.span_end <= now


def _made_since(known: list[t.Conference], meeting: Meeting, began: datetime) -> bool:
    """A meeting that was deleted while its list was on the way is no orphan."""
    return any(each.mark == meeting.mark and each.updated_at >= began for each in known)


def _orphan(rt: Runtime, session: Session, account_id: int, meeting: Meeting) -> t.Conference:
    account = accounts.get(session, account_id)
    return t.Conference(
        account_id=account_id,
        provider=account.provider,
        kind=next((k for k, entry in drafts.providers(rt).items() if entry.info.name == account.provider), ""),
        mark=meeting.mark,
        remote_id=meeting.remote_id,
        join_url=meeting.join_url,
        host=meeting.host,
        state="orphan",
        drift={"topic": meeting.topic, "starts_at": meeting.starts_at.isoformat() if meeting.starts_at else None},
        created_at=rt.now(),
        updated_at=rt.now(),
    )
