"""Ending every grant at a provider at once: taken out of the accounts first, then revoked where they were given."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlmodel import Session

from calsync.errors import ProviderError, SignInNeeded
from calsync.providers.oauth import ClientPair
from calsync.runtime import Runtime
from calsync.services import facts, grants
from calsync.store import credentials as rows

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Ended:
    """How many accounts lost their grant, and how many of those grants the provider confirmed as revoked."""

    accounts: int = 0
    revoked: int = 0


def take_all(rt: Runtime, session: Session, provider: str, why: str) -> list[str]:
    """Take the tokens out of every account of a provider, and return them for revoking."""
    tokens = []
    for account in rows.connected(session, provider):
        tokens.append(grants.token_of(rt, account))
        facts.lose_grant(account, SignInNeeded(why), rt.now())
        account.secret, account.secret_version = None, account.secret_version + 1
        account.next_sync_at = None
        session.add(account)
    return tokens


def revoke_all(rt: Runtime, provider: str, tokens: list[str], pair: ClientPair | None = None) -> Ended:
    """Tell the provider that these grants to `pair` are over, and the owners."""
    rt.enqueue("watch_notices")
    if not tokens:
        return Ended()
    authorizer = grants.authorizer(rt, provider)

    def revoke(token: str) -> bool:
        try:
            authorizer.revoke(token, pair)
        except ProviderError:
            return False
        return True

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = list(pool.map(revoke, filter(None, tokens)))
    return Ended(len(tokens), sum(done))
