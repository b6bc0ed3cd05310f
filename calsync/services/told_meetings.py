"""What providers of meetings tell us, signed with a secret of ours: heeded as a reason to look, never as a fact.

A notice may come twice, late, or never. So a changed meeting is looked at by the next piece of work, and lists are
compared once a day besides. Only the end of a grant is taken as it comes: it costs its owner a sign-in at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from calsync.errors import CalsyncError, SignInNeeded
from calsync.providers.conference import TellingProvider, Told, ToldKind
from calsync.runtime import SYSTEM, Runtime
from calsync.services import facts, hook_secrets
from calsync.store import audit
from calsync.store import conferences as rows
from calsync.store import tables as t

LEFT = "deauthorized"
"""Why a grant ended, as stored on its account."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider is answered."""

    status: int = 204
    body: Mapping[str, str] = field(default_factory=dict)


def take(rt: Runtime, provider: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
    """Heed a request and return the answer; None where this provider signs nothing of the kind.

    What is not genuine is answered like everything else. Where we fail, the answer says so, and the provider sends it
    again.
    """
    entry = rt.providers.get(provider)
    if not isinstance(entry, TellingProvider):
        return None
    try:
        with rt.reading() as session:
            secret = hook_secrets.of(rt, session, provider)
        told = entry.read_told(headers, body, secret, rt.now())
        return Reply() if told is None else _heed(rt, provider, told)
    except (CalsyncError, SQLAlchemyError) as error:
        log.warning("told.failed", provider=provider, error=type(error).__name__)
        return Reply(503)


def _heed(rt: Runtime, provider: str, told: Told) -> Reply:
    with rt.writing() as session:
        hook_secrets.note_heard(rt, session, provider)
        if told.kind is ToldKind.CHANGED:
            _look(rt, session, provider, told.remote_id)
        if told.kind is ToldKind.LEFT:
            _leave(rt, session, provider, told)
    match told.kind:
        case ToldKind.PROVE:
            return Reply(200, told.answer)
        case ToldKind.CHANGED:
            rt.enqueue("keep_conferences")
        case ToldKind.LEFT:
            rt.enqueue("watch_notices")
    return Reply()


def _look(rt: Runtime, session: Session, provider: str, remote_id: str) -> None:
    """Have a meeting looked at. Our own changes come back like this, too: they are found to be as they should."""
    for conference in rows.by_remote_id(session, provider, remote_id):
        if conference.state == "made":
            conference.wants_look = True
            conference.next_try_at = conference.next_try_at or rt.now()


def _leave(rt: Runtime, session: Session, provider: str, told: Told) -> None:
    """End what a person took back there: the tokens go, and with them what we know of that person from there."""
    query = sa.select(t.Account).where(
        col(t.Account.provider) == provider,
        col(t.Account.subject) == told.subject,
        col(t.Account.secret).is_not(None),
    )
    for account in session.scalars(query.with_for_update()):
        if not _is_client(session, account, told.client_id):
            continue
        facts.lose_grant(account, SignInNeeded(LEFT), rt.now())
        account.secret, account.secret_version = None, account.secret_version + 1
        account.next_sync_at, account.username, account.last_error = None, "", ""
        account.label = f"{rt.providers[provider].info.short} account {t.pk(account)}"
        for conference in rows.of_account(session, t.pk(account)):
            conference.host = ""
        audit.record(session, SYSTEM, "account.deauthorized", account, at=rt.now())


def _is_client(session: Session, account: t.Account, client_id: str) -> bool:
    """Return whether a grant was given to that client of ours; a request that names none means any."""
    row = session.get(t.ProviderCredential, account.credential_id) if account.credential_id else None
    return not client_id or row is None or row.client_id == client_id
