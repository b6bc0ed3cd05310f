"""Opening clients for an account: the grant is unsealed here and goes nowhere else.

A client that may not write is wrapped, so that no write method can be reached by mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta

from calsync.engine.rules import Rules
from calsync.engine.vocabulary import AccountState, Direction
from calsync.errors import NotFound, Refused, SignInNeeded
from calsync.providers.base import (
    CalendarClient,
    CalendarReader,
    Grant,
    Known,
    Page,
    Provider,
    RemoteCalendar,
    Resource,
)
from calsync.runtime import Runtime
from calsync.services import grants, usage
from calsync.store import accounts as rows
from calsync.store import sealed
from calsync.store import tables as t
from calsync.store.secrets import WrongKey


class ReadOnly:
    """A CalendarReader and nothing more, whatever the client inside can do."""

    __slots__ = ("_client",)

    def __init__(self, client: CalendarReader) -> None:
        self._client = client

    def calendars(self) -> list[RemoteCalendar]:
        return self._client.calendars()

    def read(self, calendar: str, cursor: str | None, known: Known) -> Iterator[Page]:
        return self._client.read(calendar, cursor, known)

    def get_many(self, calendar: str, handles: Sequence[str]) -> dict[str, Resource | None]:
        return self._client.get_many(calendar, handles)

    def clock_offset(self) -> timedelta | None:
        return self._client.clock_offset()

    def close(self) -> None:
        self._client.close()

    @property
    def spent(self) -> usage.Spent:
        """What the client inside has cost."""
        return usage.of(self._client)


def may_write(account: t.Account, rules: Rules) -> bool:
    """Return whether a run of this account may write at the provider under its rules."""
    return account.can_write and rules.direction is not Direction.INBOUND and account.state != AccountState.DISCONNECTED


def open_reader(rt: Runtime, account_id: int) -> CalendarReader:
    """Return a client without write methods; the caller closes it. Raises NotFound."""
    account, zones = _load(rt, account_id)
    return ReadOnly(_open(rt, account, zones))


def open_reading(rt: Runtime, account_id: int) -> CalendarClient:
    """Return a client for questions that no CalendarReader answers; the caller closes it, and writes nothing with it.

    Raises NotFound, and Refused (code `disconnected`).
    """
    account, zones = _load(rt, account_id)
    if account.state == AccountState.DISCONNECTED:
        raise Refused("This account is disconnected.", code="disconnected")
    return _open(rt, account, zones)


def connected(rt: Runtime, account: t.Account, calendars: Sequence[t.Calendar]) -> CalendarClient:
    """Return a client for rows that were just read; the caller closes it, and sees to it that it writes nothing
    where it may not. Raises NotFound.
    """
    return _open(rt, account, _zones(calendars))


def provider_of(rt: Runtime, name: str) -> Provider:
    """Return the registry entry of a provider. Raises NotFound."""
    provider = rt.providers.get(name)
    if provider is None:
        raise NotFound("provider", name)
    return provider


def password_provider(rt: Runtime) -> str:
    """Return the name of the provider that people sign in to with a password. Raises NotFound without one."""
    for name, provider in rt.providers.items():
        if provider.info.sign_in == "password":
            return name
    raise NotFound("provider", "with a password")


def grant_of(rt: Runtime, account: t.Account) -> Grant:
    """Return what a client needs to act for this account: its password unsealed, or a way to its token.

    Raises SignInNeeded (`secret_lost`) when no key opens what is stored for this account, and WrongKey when the key
    at hand is not the database's at all: then people must not be asked for anything.
    """
    try:
        return _grant(rt, account)
    except WrongKey:
        with rt.reading() as session:
            if not sealed.key_fits(session, rt.secrets):
                raise
        raise SignInNeeded("secret_lost", "no key at hand opens what is stored for this account") from None


def _grant(rt: Runtime, account: t.Account) -> Grant:
    is_private = account.allow_private_network or rt.settings.allow_private_networks
    if grants.has_tokens(rt, account.provider):
        bearer = grants.bearer_of(rt, t.pk(account))
        host = account.server_url  # "" except for one of many in a whole account's grant
        api_url = grants.api_url_of(rt, account)
        return Grant(
            host,
            account.username,
            bearer=bearer,
            allow_private_network=is_private,
            api_url=api_url,
            scopes=frozenset(account.scopes),
        )
    secret = json.loads(rt.secrets.unseal(account.secret)) if account.secret else {}
    return Grant(
        server_url=account.server_url,
        username=account.username,
        secret=secret.get("password", ""),
        allow_private_network=is_private,
    )


def sealed_password(rt: Runtime, password: str) -> bytes:
    """Return what stands in an account's secret for a provider with a password."""
    return rt.secrets.seal(json.dumps({"password": password}))


def _load(rt: Runtime, account_id: int) -> tuple[t.Account, dict[str, str]]:
    with rt.reading() as session:
        return rows.get(session, account_id), _zones(rows.list_calendars(session, account_id))


def _zones(calendars: Sequence[t.Calendar]) -> dict[str, str]:
    """A calendar that says no zone gets none: a wrong hour is worse than an event that cannot be read."""
    return {calendar.remote_id: calendar.tz for calendar in calendars if calendar.tz}


def _open(rt: Runtime, account: t.Account, zones: dict[str, str]) -> CalendarClient:
    return provider_of(rt, account.provider).open(grant_of(rt, account), zones)
