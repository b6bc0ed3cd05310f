"""Connecting an account at a provider that people sign in to on its own pages, and signing in to it again.

What the sign-in brought (tokens, and who it was) comes in; `providers/oauth.py` and the provider's authorizer give it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from sqlmodel import Session

from calsync.errors import Refused
from calsync.providers.base import Grant, RemoteCalendar
from calsync.providers.oauth import Identity, Inspecting, Tokens
from calsync.runtime import Actor, Runtime
from calsync.services import clients, connected, credentials, grants
from calsync.store import accounts as rows
from calsync.store import audit
from calsync.store import tables as t


def connect_granted(
    rt: Runtime,
    user_id: int,
    provider: str,
    *,
    tokens: Tokens,
    who: Identity,
    credential_id: int,
    host: str = "",
    may_end: bool = False,
    by: Actor,
) -> t.Account:
    """Connect what a person just granted, or renew the account that they have there already, and return it.

    `credential_id` names the credentials of ours under which the grant was given; `host` whom it is used for, where
    the grant is that of a whole account there. `may_end` takes a grant that cannot be renewed. An account is one
    person at the provider: connecting them again finds its links and doubles nothing. Raises NotFound, NotAllowed,
    ProviderError, and Refused with the codes `scope_missing` (a box was not ticked) and `needs_consent` (the provider
    gave no lasting token and none is stored: ask again with Wish.needs_consent).
    """
    connected.check_may_connect(rt, user_id, provider, by)
    _check_scopes(rt, provider, tokens)
    if not may_end:
        _check_lasts(rt, user_id, provider, who, tokens, credential_id)
    calendars = _ask(rt, provider, tokens, host)
    with rt.writing() as session:
        account = rows.find_by_subject(session, user_id, provider, who.subject)
        action = "account.connected" if account is None else "account.reconnected"
        if account is None:
            account = connected.new_account(rt, session, user_id, provider, who.subject)
        _describe(account, who, host)
        _go_on(rt, session, account, calendars, tokens, credential_id)
        audit.record(session, by, action, account, at=rt.now())
    rt.enqueue("watch_notices")
    return account


def connect_token(rt: Runtime, user_id: int, provider: str, access_token: str, *, by: Actor) -> tuple[t.Account, bool]:
    """Connect by an access token that was granted elsewhere; return the account, and whether its grant can be renewed.

    An account that is signed in to lastingly stays as it is. Raises as connect_granted does, and Refused with the codes
    `no_refresh` (the provider does not tell whose a token is) and `not_configured`.
    """
    signing = grants.authorizer(rt, provider)
    if not isinstance(signing, Inspecting):
        reason = "This provider does not tell whose a token is. Leave it out and use the auth_url."
        raise Refused(reason, code="no_refresh", field="oauth_token")
    with rt.reading() as session:
        current = credentials.standing(session, provider).current
    if current is None:
        raise Refused("An admin has to set up this provider first.", code="not_configured")
    connected.check_may_connect(rt, user_id, provider, by)
    tokens, who = signing.inspect(access_token, rt.now())
    with rt.reading() as session:
        account = rows.find_by_subject(session, user_id, provider, who.subject)
    if account is not None and account.grant_ok and grants.has_refresh_token(rt, account, t.pk(current)):
        return account, True
    pair_id = t.pk(current)
    made = connect_granted(rt, user_id, provider, tokens=tokens, who=who, credential_id=pair_id, may_end=True, by=by)
    return made, False


def reconnect_granted(
    rt: Runtime, account_id: int, *, tokens: Tokens, who: Identity, credential_id: int, host: str = "", by: Actor
) -> t.Account:
    """Sign in to an account again and sync it. Raises as connect_granted does.

    Refused with the code `other_subject` when somebody else signed in: their calendars would be taken for changed ones.
    """
    with rt.reading() as session:
        account = rows.get(session, account_id)
    if who.subject != account.subject:
        reason = (
            f"You signed in as {who.address or who.name}. The account belongs to {account.label}: sign in as that, "
        )
        raise Refused(reason + "or connect the other as an account of its own.", code="other_subject")
    account = connect_granted(
        rt, account.user_id, account.provider, tokens=tokens, who=who, credential_id=credential_id, host=host, by=by
    )
    rt.enqueue("sync_account", account_id=account_id)
    return account


def _check_scopes(rt: Runtime, provider: str, tokens: Tokens) -> None:
    missing = grants.authorizer(rt, provider).missing(tokens.scopes, can_write=False)
    if missing:
        reason = "Not every box was ticked, and without reading calendars and events nothing can be synced."
        raise Refused(reason, code="scope_missing")


def _check_lasts(rt: Runtime, user_id: int, provider: str, who: Identity, tokens: Tokens, credential_id: int) -> None:
    """Refuse a grant that ends within the hour, unless an earlier one of the same account can still be renewed."""
    with rt.reading() as session:
        account = rows.find_by_subject(session, user_id, provider, who.subject)
    if tokens.refresh or (account is not None and grants.has_refresh_token(rt, account, credential_id)):
        return
    raise Refused("The permission was given for an hour only. It has to be asked for again.", code="needs_consent")


def _describe(account: t.Account, who: Identity, host: str) -> None:
    account.label, account.username = (who.address or who.name or who.subject)[:320], who.address[:320]
    account.server_url = host


def _go_on(
    rt: Runtime,
    session: Session,
    account: t.Account,
    calendars: Sequence[RemoteCalendar],
    tokens: Tokens,
    credential_id: int,
) -> None:
    """Let an account live by its new grant. One that may write from now on shows what waited before it goes out."""
    is_first = account.secret is None and account.last_success_at is None
    could_write = account.can_write
    account.credential_id = credential_id
    grants.save(rt, session, account, tokens)
    session.get_one(t.ProviderCredential, credential_id).answered_at = rt.now()
    connected.begin(rt, session, account, calendars, is_first=is_first)
    if account.can_write and not could_write and account.last_success_at is not None:
        account.hold_next_plan, account.approved_digest = True, ""


def _ask(rt: Runtime, provider: str, tokens: Tokens, host: str) -> Sequence[RemoteCalendar]:
    """Return the calendars that the grant opens. Raises ProviderError."""
    is_private = rt.settings.allow_private_networks
    grant = Grant(
        server_url=host, bearer=lambda _: tokens.access, allow_private_network=is_private, scopes=tokens.scopes
    )
    with contextlib.closing(clients.provider_of(rt, provider).open(grant, {})) as client:
        return client.calendars()
