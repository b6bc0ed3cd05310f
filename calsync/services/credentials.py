"""An installation's credentials at a provider: saved, proven, replaced, removed. Admins only.

The first pair that is saved is used at once. A later one waits as a candidate until an admin's sign-in has proven it;
until then everything goes on with the old one. The secret is sealed and never comes out again; only a hint does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from calsync.errors import NotAllowed, NotFound, Refused
from calsync.providers.oauth import ClientPair
from calsync.providers.registration import (
    Check,
    ClientFile,
    Lasting,
    Proof,
    RegisteredProvider,
    Registration,
    SetupStep,
    TenantChoice,
    Tenanted,
)
from calsync.runtime import Actor, Runtime
from calsync.services import ending, grants, settings
from calsync.services.ending import Ended
from calsync.store import audit
from calsync.store import credentials as rows
from calsync.store import tables as t
from calsync.store.credentials import Holders

__all__ = ["REDIRECT_PATH", "Check", "ClientPair", "Ended", "Lasting", "Proof", "Registration", "SetupStep", "Standing"]
__all__ += ["TenantChoice", "Tenanted"]
__all__ += ["candidate", "drop_candidate", "hint_of", "note_sign_in", "prove", "redirect_uri", "registration_of"]
__all__ += ["remove", "save", "standing", "standings", "takes_any", "thing_of"]

REDIRECT_PATH = "/oauth/{provider}/callback"
REMOVED, REPLACED = "credentials_removed", "client_changed"
"""Why grants ended, as stored on their accounts."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The credentials of a provider as they are. `would_end` says whether who holds grants now loses them when the
    candidate comes into use; `saved_by` is who saved the current ones, "" for one who is gone.
    """

    current: t.ProviderCredential | None = None
    candidate: t.ProviderCredential | None = None
    holders: Holders = field(default_factory=Holders)
    saved_by: str = ""

    @property
    def accounts(self) -> int:
        return self.holders.accounts

    @property
    def people(self) -> int:
        return self.holders.people

    @property
    def would_end(self) -> bool:
        return bool(self.current and self.candidate and self.current.client_id != self.candidate.client_id)


def registration_of(rt: Runtime, provider: str) -> Registration:
    """Return what a provider knows about credentials. Raises NotFound for one that takes none."""
    found = rt.providers.get(provider)
    if not isinstance(found, RegisteredProvider):
        raise NotFound("provider", provider)
    return found.registration


def takes_any(rt: Runtime, provider: str) -> bool:
    """Return whether a provider wants credentials of ours."""
    return isinstance(rt.providers.get(provider), RegisteredProvider)


def redirect_uri(rt: Runtime, provider: str) -> str:
    """Return the address that people come back to, made of the public address alone; "" while none is set."""
    public = settings.public_url(rt)
    return public + REDIRECT_PATH.format(provider=provider) if public else ""


def hint_of(secret: str) -> str:
    """Return what may be shown of a secret."""
    return f"ends ..{secret[-4:]}, {len(secret)} characters"


def standing(session: Session, provider: str) -> Standing:
    """Return the credentials of a provider and whom they concern."""
    return standings(session).get(provider) or Standing()


def standings(session: Session) -> dict[str, Standing]:
    """Return the credentials of every provider that has some, by two queries."""
    known, holders = rows.all_in_use(session), rows.holders(session)
    found = {}
    for provider in {name for name, _ in known}:
        (current, saved_by), (candidate, _) = (known.get((provider, s), (None, "")) for s in ("current", "candidate"))
        found[provider] = Standing(current, candidate, holders.get(provider, Holders()), saved_by)
    return found


def save(
    rt: Runtime,
    provider: str,
    pair: ClientPair,
    *,
    file: ClientFile | None = None,
    ends_at: datetime | None = None,
    by: Actor,
) -> t.ProviderCredential:
    """Save a pair, the first for use, a later one as the candidate, and return it. `file` is where it came from,
    `ends_at` when its secret runs out, None for one that does not or whose end nobody told us.

    Blanks around pasted values are dropped. Raises NotFound, NotAllowed, and Refused with the field.
    """
    _admin(by)
    pair = ClientPair(*("".join(part.split()) for part in (pair.client_id, pair.secret, pair.account_id, pair.tenant)))
    registration_of(rt, provider).check(pair)
    with rt.writing() as session:
        current = rows.find(session, provider)
        if current is not None and _is_same(rt, current, pair):
            raise Refused("These are the credentials in use. Nothing was changed.", code="unchanged")
        _drop_candidate(session, provider)
        row = _new(rt, provider, pair, "candidate" if current else "current", by)
        row.extra = {"project": file.project, "redirect_uris": list(file.redirect_uris)} if file else {}
        row.extra = {**row.extra, "account_id": pair.account_id, "tenant": pair.tenant}
        row.secret_expires_at = ends_at
        session.add(row)
        session.flush()
        action = "credentials.proposed" if current else "credentials.saved"
        audit.record(session, by, action, thing_of(row), at=rt.now(), after=_told(row))
    return row


def note_sign_in(rt: Runtime, credential_id: int, uri: str) -> None:
    """Note that somebody signed in with credentials and came back to an address: both are registered there."""
    with rt.writing() as session:
        row = session.get(t.ProviderCredential, credential_id)
        if row is not None:
            row.signed_in_at, row.signed_in_uri = rt.now(), uri


def drop_candidate(rt: Runtime, provider: str, *, by: Actor) -> None:
    """Forget the pair that waits for its proof. Fine where none does."""
    _admin(by)
    with rt.writing() as session:
        row = rows.find(session, provider, "candidate")
        if row is not None:
            _drop_candidate(session, provider)
            audit.record(session, by, "credentials.dropped", thing_of(row), at=rt.now(), before=_told(row))


def candidate(rt: Runtime, provider: str, *, by: Actor) -> t.ProviderCredential:
    """Return the pair that waits for its proof. Raises NotAllowed, and NotFound where none waits."""
    _admin(by)
    with rt.reading() as session:
        found = rows.find(session, provider, "candidate")
    if found is None:
        raise NotFound("credentials", provider)
    return found


def prove(rt: Runtime, credential_id: int, *, by: Actor) -> Ended:
    """Put a candidate that somebody just signed in with into use; return whose grants ended by that.

    A new secret of the same client ends none. Another client ends all: a grant belongs to the client that got it.
    Raises NotAllowed, and NotFound for credentials that are no candidate any more.
    """
    _admin(by)
    with rt.writing() as session:
        candidate = rows.get(session, credential_id)
        if candidate.state != "candidate":
            raise NotFound("credentials", credential_id)
        current = rows.find(session, candidate.provider)
        before = _told(current) if current else None
        pair = _pair(rt, current)
        tokens = _use(rt, session, current, candidate)
        audit.record(
            session, by, "credentials.proven", thing_of(candidate), at=rt.now(), before=before, after=_told(candidate)
        )
    return ending.revoke_all(rt, candidate.provider, tokens, pair)


def remove(rt: Runtime, provider: str, *, by: Actor) -> Ended:
    """Remove all credentials of a provider: nobody can connect, every grant ends, all data stays on both sides.

    Owners are told by the notice that asks them to reconnect. Raises NotFound where there are none, NotAllowed.
    """
    _admin(by)
    with rt.writing() as session:
        current = rows.find(session, provider)
        if current is None:
            raise NotFound("credentials", provider)
        _drop_candidate(session, provider)
        before, pair = _told(current), _pair(rt, current)
        _retire(session, current)
        tokens = ending.take_all(rt, session, provider, REMOVED)
        rows.drop_unused(session, provider)
        after = {"accounts_ended": len(tokens)}
        audit.record(session, by, "credentials.removed", thing_of(current), at=rt.now(), before=before, after=after)
    return ending.revoke_all(rt, provider, tokens, pair)


# --- rows


def _admin(by: Actor) -> None:
    if not by.is_admin:
        raise NotAllowed("change a provider's credentials")


def _new(rt: Runtime, provider: str, pair: ClientPair, state: str, by: Actor) -> t.ProviderCredential:
    return t.ProviderCredential(
        provider=provider,
        client_id=pair.client_id,
        secret=rt.secrets.seal(pair.secret),
        secret_hint=hint_of(pair.secret),
        state=state,
        created_by_id=by.user_id,
        created_at=rt.now(),
    )


def _is_same(rt: Runtime, row: t.ProviderCredential, pair: ClientPair) -> bool:
    known = (row.client_id, row.extra.get("account_id", ""), row.extra.get("tenant", ""))
    if known != (pair.client_id, pair.account_id, pair.tenant):
        return False
    return bool(row.secret) and rt.secrets.unseal(row.secret or b"") == pair.secret


def _pair(rt: Runtime, row: t.ProviderCredential | None) -> ClientPair | None:
    return grants.pair_in(rt, row, row.secret) if row and row.secret else None


def _told(row: t.ProviderCredential) -> dict[str, str]:
    """Return what the audit log learns of credentials: never the secret."""
    return {"client_id": row.client_id, "hint": row.secret_hint}


def thing_of(row: t.ProviderCredential) -> tuple[str, str, str]:
    """Return credentials as the audit log names them."""
    return "credentials", str(row.id), row.provider


def _drop_candidate(session: Session, provider: str) -> None:
    row = rows.find(session, provider, "candidate")
    if row is not None:
        rows.drop_attempts_of(session, [t.pk(row)])
        session.delete(row)
        session.flush()


def _use(
    rt: Runtime, session: Session, current: t.ProviderCredential | None, candidate: t.ProviderCredential
) -> list[str]:
    """Let the candidate take the current one's place; return the tokens of grants that ended."""
    if current is not None and current.client_id == candidate.client_id:
        # Accounts point at the row of their client: it stays and takes the new secret.
        current.secret, current.secret_hint = candidate.secret, candidate.secret_hint
        current.extra = {**current.extra, **candidate.extra}
        current.secret_expires_at = candidate.secret_expires_at
        current.signed_in_at, current.signed_in_uri = candidate.signed_in_at, candidate.signed_in_uri
        current.created_at, current.created_by_id = candidate.created_at, candidate.created_by_id
        rows.accept(session, t.pk(current), rt.now())
        rows.drop_attempts_of(session, [t.pk(candidate)])
        session.delete(candidate)
        session.add(current)
        return []
    tokens = []
    if current is not None:
        _retire(session, current)
        tokens = ending.take_all(rt, session, current.provider, REPLACED)
    candidate.state = "current"
    session.add(candidate)
    session.flush()
    rows.drop_unused(session, candidate.provider)
    return tokens


def _retire(session: Session, row: t.ProviderCredential) -> None:
    rows.drop_attempts_of(session, [t.pk(row)])
    row.state, row.secret = "retired", None
    session.add(row)
    session.flush()
