"""Connecting an account with a password, reconnecting it, and learning which calendars it has.

The provider is always asked outside of a transaction; what it said is then saved in one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from sqlmodel import Session

from calsync.engine import backoff, status
from calsync.errors import NotFound, ProviderError, Refused, SignInNeeded
from calsync.providers.base import Grant, RemoteCalendar
from calsync.runtime import Actor, Runtime
from calsync.services import clients, connected, facts, failures, settings
from calsync.store import accounts as rows
from calsync.store import audit
from calsync.store import tables as t


@dataclass(frozen=True, slots=True)
class Found:
    """What asking the provider with a new login found: who it is there, and the calendars."""

    subject: str
    label: str
    server_url: str
    calendars: tuple[RemoteCalendar, ...]


class Located(Protocol):
    """Where discovery ended: the address to begin from, who the login is there, and its calendars."""

    @property
    def server_url(self) -> str: ...
    @property
    def principal(self) -> str: ...
    @property
    def calendars(self) -> Sequence[RemoteCalendar]: ...


@runtime_checkable
class Discovers(Protocol):
    """A provider that finds an account from what a person typed."""

    def discover(self, url: str, username: str, password: str, allow_private_network: bool = False) -> Located: ...


def connect_caldav(
    rt: Runtime,
    user_id: int,
    *,
    url: str,
    username: str,
    password: str,
    allow_private_network: bool = False,
    provider: str | None = None,
    by: Actor,
) -> t.Account:
    """Connect a login at a provider that takes passwords (None: the one there is) for a person; return the account.

    An account is one login: connecting it again renews the password and finds its links, also after a disconnect.
    Raises NotFound (person, provider), NotAllowed, Refused for an address or login that cannot be, ProviderError.
    """
    provider = provider or clients.password_provider(rt)
    connected.check_may_connect(rt, user_id, provider, by)
    url = url.strip()
    username = username.strip() or (url if "@" in url and "//" not in url else "")
    grant = Grant(url, username, password, None, allow_private_network)
    found = _ask(rt, provider, grant)
    with rt.writing() as session:
        account = rows.find_by_subject(session, user_id, provider, found.subject)
        action = "account.connected" if account is None else "account.reconnected"
        if account is None:
            account = connected.new_account(rt, session, user_id, provider, found.subject)
        _renew(rt, session, account, grant, found)
        audit.record(session, by, action, account, at=rt.now())
    rt.enqueue("watch_notices")
    return account


def reconnect(
    rt: Runtime,
    account_id: int,
    *,
    password: str,
    url: str | None = None,
    username: str | None = None,
    by: Actor,
) -> t.Account:
    """Give an account a new password (and, where it moved, another address) and sync it again.

    Raises NotFound, ProviderError, and Refused (code `other_subject`) when this is another login than before: its
    calendars would be taken for changed ones.
    """
    with rt.reading() as session:
        account = rows.get(session, account_id)
    grant = Grant(
        url or account.server_url, username or account.username, password, None, account.allow_private_network
    )
    found = _ask(rt, account.provider, grant)
    if found.subject != account.subject:
        reason = f"This is the login of {found.label}. The account belongs to {account.label}: use that one, "
        raise Refused(reason + "or connect the other as an account of its own.", code="other_subject")
    with rt.writing() as session:
        account = rows.get(session, account_id)
        _renew(rt, session, account, grant, found)
        audit.record(session, by, "account.reconnected", account, at=rt.now())
    rt.enqueue("sync_account", account_id=account_id)
    rt.enqueue("watch_notices")
    return account


def refresh_calendars(rt: Runtime, account_id: int, *, by: Actor) -> list[t.Calendar]:
    """Ask the provider for the account's calendars and return them as they stand now.

    One that is gone is marked and its links are parked; nothing is deleted, and it resumes if it comes back.
    Raises NotFound and ProviderError; a login that is refused is noted on the account.
    """
    probe(rt, account_id)
    with rt.reading() as session:
        return rows.list_calendars(session, account_id)


def probe(rt: Runtime, account_id: int) -> None:
    """Prove that the grant works: ask for the calendars and note the answer's facts. Raises ProviderError."""
    began = time.monotonic()
    try:
        with contextlib.closing(clients.open_reader(rt, account_id)) as client:
            found = client.calendars()
    except ProviderError as error:
        _note_failure(rt, account_id, error)
        raise
    took_ms = int((time.monotonic() - began) * 1000)
    with rt.writing() as session:
        account = rows.get(session, account_id)
        now = rt.now()
        account.last_answer_at, account.last_answer_ms = now, took_ms
        if not account.grant_ok or backoff.needs_attention(account.failed_runs):
            account.next_sync_at = now
        facts.regain_grant(account, now)
        connected.save_calendars(rt, session, account, found)


def try_probe(rt: Runtime, account_id: int) -> bool:
    """Probe and return whether the grant works; what went wrong is on the account."""
    try:
        probe(rt, account_id)
    except (ProviderError, NotFound):
        return False
    return True


def list_unproven(rt: Runtime) -> list[int]:
    """Return accounts that only a probe will prove: nothing has done so for a day.

    That is accounts on manual frequency, dead ones (a server may have refused by mistake) and those that failed so
    often that they are hardly tried any more; the last are probed every hour.
    """
    now = rt.now()
    with rt.reading() as session:
        return [
            account.id
            for account in rows.list_unchecked(session, now - facts.PROBE_FAILING_EVERY)
            if account.id is not None and _wants_probe(session, account, now)
        ]


def _wants_probe(session: Session, account: t.Account, now: datetime) -> bool:
    if backoff.needs_attention(account.failed_runs):
        return True
    is_old = account.grant_checked_at is None or account.grant_checked_at <= now - facts.PROBE_EVERY
    return is_old and (not account.grant_ok or status.interval(settings.rules_of(session, account)) is None)


def _ask(rt: Runtime, name: str, grant: Grant) -> Found:
    """Return what the provider says about a login. Raises Refused and ProviderError; nothing is saved."""
    provider = clients.provider_of(rt, name)
    if provider.info.sign_in != "password":
        reason = f"{provider.info.label} is not connected with a password. Use its own sign-in."
        raise Refused(reason, code="wrong_sign_in", field="provider")
    may_be_private = grant.allow_private_network or rt.settings.allow_private_networks
    if isinstance(provider, Discovers):
        there = provider.discover(grant.server_url, grant.username, grant.secret, may_be_private)
        return Found(there.principal, grant.username, there.server_url, tuple(there.calendars))
    with contextlib.closing(provider.open(grant, {})) as client:
        calendars = client.calendars()
    return Found(f"{grant.username}@{grant.server_url}", grant.username, grant.server_url, tuple(calendars))


def _renew(rt: Runtime, session: Session, account: t.Account, grant: Grant, found: Found) -> None:
    """Write a login that was just proven; calendars are chosen only if none ever was."""
    is_first = account.secret is None and account.last_success_at is None
    account.label, account.server_url, account.username = found.label[:320], found.server_url, grant.username
    account.secret, account.secret_version = clients.sealed_password(rt, grant.secret), account.secret_version + 1
    account.allow_private_network = grant.allow_private_network
    connected.begin(rt, session, account, found.calendars, is_first=is_first)


def _note_failure(rt: Runtime, account_id: int, error: ProviderError) -> None:
    with rt.writing() as session:
        account = rows.get(session, account_id)
        if isinstance(error, SignInNeeded):
            facts.lose_grant(account, error, rt.now())
        else:
            account.grant_checked_at = rt.now()  # it said nothing about the grant; ask again when it is time
            account.last_error, account.last_error_class = str(error)[:500], failures.error_class(error)
