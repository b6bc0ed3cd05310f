"""Credentials that act for a whole account at a provider: an admin gave them there for everybody, nobody signs in.

Whoever connects by them is not proven by the provider. So people connect their own address alone, the one that they
sign in here with; an admin may connect anybody's.
"""

from __future__ import annotations

from sqlmodel import Session

from calsync.errors import NotFound, Refused
from calsync.providers.oauth import OAuthProvider, WholeAccounts
from calsync.runtime import Actor, Runtime
from calsync.services import connect_oauth, connected, credentials, grants
from calsync.services.credentials import Ended
from calsync.store import accounts as account_rows
from calsync.store import credentials as rows
from calsync.store import people
from calsync.store import tables as t


def takes_any(rt: Runtime, provider: str) -> bool:
    """Return whether a provider takes such credentials."""
    found = rt.providers.get(provider)
    return isinstance(found, OAuthProvider) and isinstance(found.oauth, WholeAccounts)


def in_use(session: Session, provider: str) -> bool:
    """Return whether the credentials in use at a provider are such."""
    row = rows.find(session, provider)
    return row is not None and bool(row.extra.get("account_id"))


def join(rt: Runtime, provider: str, address: str, *, account_id: int | None = None, by: Actor) -> t.Account:
    """Connect a person's address at a provider, or an account of ours anew (`account_id`), and return the account.

    Raises NotFound, NotAllowed, ProviderError, and Refused with the field `address` or the codes of connect_granted.
    """
    user_id = _owner(rt, account_id, by)
    connected.check_may_connect(rt, user_id, provider, by)
    address = address.strip().lower()
    with rt.reading() as session:
        row, own = rows.find(session, provider), people.get(session, user_id).email
    if row is None or not row.extra.get("account_id"):
        raise NotFound("credentials", provider)
    if not by.is_admin and address != own.lower():
        reason = f"You can connect your own address alone: {own}. An admin can connect others."
        raise Refused(reason, code="not_yours", field="address")
    tokens, who = _authorizer(rt, provider).admit(grants.pair_of(rt, row.id), address, rt.now())
    if account_id is not None:
        return connect_oauth.reconnect_granted(
            rt, account_id, tokens=tokens, who=who, credential_id=t.pk(row), host=who.subject, by=by
        )
    return connect_oauth.connect_granted(
        rt, user_id, provider, tokens=tokens, who=who, credential_id=t.pk(row), host=who.subject, by=by
    )


def prove(rt: Runtime, provider: str, *, by: Actor) -> Ended | None:
    """Put candidates of this kind into use once the account lets them in; None where they are of another kind.

    Raises NotAllowed, NotFound where none waits, and ProviderError.
    """
    candidate = credentials.candidate(rt, provider, by=by)
    if not candidate.extra.get("account_id"):
        return None
    _authorizer(rt, provider).prove(grants.pair_of(rt, candidate.id), rt.now())
    return credentials.prove(rt, t.pk(candidate), by=by)


def _owner(rt: Runtime, account_id: int | None, by: Actor) -> int:
    if account_id is None:
        return by.user_id or 0
    with rt.reading() as session:
        account = account_rows.get(session, account_id)
    if not by.is_admin and account.user_id != by.user_id:
        raise NotFound("account", account_id)
    return account.user_id


def _authorizer(rt: Runtime, provider: str) -> WholeAccounts:
    found = grants.authorizer(rt, provider)
    if not isinstance(found, WholeAccounts):
        raise NotFound("sign-in", provider)
    return found
