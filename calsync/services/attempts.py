"""Signing in at a provider from here: the way to its page, and what comes back from there.

An attempt is bound to the login session that began it and works once. Its verifier stays here, sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from calsync.errors import CalsyncError, NotFound, Refused
from calsync.providers import oauth
from calsync.providers.oauth import Attempt, Identity, Tokens, Wish
from calsync.providers.registration import Box, Explained
from calsync.runtime import Actor, Runtime
from calsync.services import connect_oauth, connected, credentials, grants, open_attempts, refusals
from calsync.services.open_attempts import Bound
from calsync.store import accounts as account_rows
from calsync.store import credentials as rows
from calsync.store import tables as t

MOST_SKEW = timedelta(minutes=5)


ROOMS, ZONE = EXTRAS = oauth.EXTRAS
"""What can be asked for besides reading and writing, by a click of its own."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants. `account_id` names the account to sign in to again, None connects one.

    `again` asks for every permission anew, after a box was left out. A program names whom it connects for with
    `user_id` (None: whoever asks) and where the way back leads with `redirect_uri` ("": here). `extra` asks an account
    for one of oauth.EXTRAS besides, and `leads_to` is a page of ours to go on with.
    """

    provider: str
    account_id: int | None = None
    can_write: bool = False
    again: bool = False
    user_id: int | None = None
    redirect_uri: str = ""
    extra: str = ""
    leads_to: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came of a sign-in: a connected account, a proven pair (`ended`), or an address where to ask once more.

    `missing` are boxes that were asked for and not ticked although the account works without them. `gained_writing`
    says that the account could only be read before. `extra` is what was asked for besides, `has_extra` whether it was
    given, `leads_to` where to go on.
    """

    account: t.Account | None = None
    ended: credentials.Ended | None = None
    again_url: str = ""
    missing: tuple[Box, ...] = ()
    gained_writing: bool = False
    extra: str = ""
    has_extra: bool = False
    leads_to: str = ""


class BoxesMissing(Refused):
    """A permission was not given that nothing works without. `boxes` are all that were left out."""

    def __init__(self, boxes: tuple[Box, ...], asked: Asked) -> None:
        self.boxes, self.asked = boxes, asked
        super().__init__("Not every box was ticked, so nothing was connected.", code="scope_missing")


def begin(rt: Runtime, asked: Asked, *, login_id: int | None = None, token_id: int | None = None, by: Actor) -> str:
    """Return the address of the provider's page. The attempt belongs to a login session or to a program's token.

    Raises NotFound, NotAllowed, and Refused with the codes `no_public_url` and `not_configured`.
    """
    current, account = _current(rt, asked.provider), None
    if asked.account_id is None:
        connected.check_may_connect(rt, asked.user_id or by.user_id or 0, asked.provider, by)
    else:
        account = _account(rt, asked, by)
        _check_extra(rt, asked, account)
        asked = replace(asked, can_write=asked.can_write or _could_write(rt, account))
    wish = _wish(rt, asked, account, t.pk(current))
    return _go(rt, current, asked, wish, "reconnect" if account else "connect", Bound(login_id, token_id))


def begin_proof(rt: Runtime, provider: str, *, login_id: int, by: Actor) -> str:
    """Return the address where an admin signs in to prove the candidate. Raises NotFound where none waits."""
    candidate = credentials.candidate(rt, provider, by=by)
    return _go(rt, candidate, Asked(provider), Wish(), "prove", Bound(login_id))


def finish(
    rt: Runtime,
    provider: str,
    query: Mapping[str, str],
    *,
    login_id: int | None,
    token_id: int | None = None,
    by: Actor,
) -> Arrived:
    """Return what the answer of the provider's page means for whom the attempt belongs to.

    Raises BoxesMissing, Refused with the codes of `oauth.read_callback`, `Authorizer.exchange`, `connect_granted`,
    `clock_wrong`, and ProviderError.
    """
    registration = credentials.registration_of(rt, provider)
    row = open_attempts.take(rt, provider, query.get("state", ""), Bound(login_id, token_id))
    attempt = open_attempts.read(rt, row) if row else None
    code = oauth.read_callback(attempt, query, registration.issuers, grants.authorizer(rt, provider))
    if row is None or attempt is None:  # read_callback has refused it already
        raise NotFound("attempt", provider)
    tokens, who = _exchanged(rt, row, attempt, code)
    credentials.note_sign_in(rt, row.credential_id, row.redirect_uri)
    if row.purpose == "prove":
        return Arrived(ended=credentials.prove(rt, row.credential_id, by=by))
    return _connected(rt, row, tokens, who, by)


def waiting(rt: Runtime, provider: str, state: str, *, login_id: int | None) -> Asked | None:
    """Return what was asked for by an attempt that is about to be finished, to ask for it again should it fail.

    None for one that proves credentials, and where `finish` would find none.
    """
    row = open_attempts.find(rt, provider, state, Bound(login_id))
    if row is None or row.purpose == "prove":
        return None
    return Asked(provider, row.account_id, row.can_write, extra=row.extra, leads_to=row.leads_to)


# --- there


def _current(rt: Runtime, provider: str) -> t.ProviderCredential:
    credentials.registration_of(rt, provider)
    with rt.reading() as session:
        found = rows.find(session, provider)
    if found is None:
        reason = "This provider is not set up yet. Ask an admin to give its credentials."
        raise Refused(reason, code="not_configured")
    return found


def _account(rt: Runtime, asked: Asked, by: Actor) -> t.Account:
    with rt.reading() as session:
        account = account_rows.get(session, asked.account_id or 0)
    if account.provider != asked.provider or (not by.is_admin and account.user_id != by.user_id):
        raise NotFound("account", asked.account_id)
    connected.check_may_connect(rt, account.user_id, asked.provider, by)
    return account


def _check_extra(rt: Runtime, asked: Asked, account: t.Account) -> None:
    if asked.extra and not grants.offers(rt, account, asked.extra):
        raise Refused("This account cannot be asked for that.", code="not_offered")


def _could_write(rt: Runtime, account: t.Account) -> bool:
    """What an account may do already is asked for again: signing in once more must not take it away."""
    return bool(account.scopes) and grants.allow_writing(rt, account)


def _wish(rt: Runtime, asked: Asked, account: t.Account | None, credential_id: int) -> Wish:
    if account is None:
        return Wish(can_write=asked.can_write, needs_consent=asked.again)
    missing = grants.authorizer(rt, asked.provider).missing(account.scopes, can_write=asked.can_write)
    lasts = grants.has_refresh_token(rt, account, credential_id)
    # A refresh token keeps the scopes it was given with: a wider one needs a new token, which only consent brings.
    # One that ends by itself is replaced by consent only, too.
    needs_consent = asked.again or bool(missing) or not lasts or account.grant_ends_at is not None
    # What was given once is asked for again: a token holds what was asked for with it, and no more.
    extras = tuple(each for each in oauth.EXTRAS if each == asked.extra or grants.has_extra(rt, account, each))
    return Wish(asked.can_write, account.username or account.subject, needs_consent, extras)


def _go(rt: Runtime, credential: t.ProviderCredential, asked: Asked, wish: Wish, purpose: str, bound: Bound) -> str:
    redirect = asked.redirect_uri or credentials.redirect_uri(rt, asked.provider)
    if not redirect:
        reason = "The public address of this installation is not set, so nobody could find the way back here."
        raise Refused(reason, code="no_public_url")
    pair, attempt = grants.pair_of(rt, credential.id), oauth.begin(redirect)
    open_attempts.keep(
        rt,
        attempt,
        login_id=bound.login_id,
        token_id=bound.token_id,
        user_id=asked.user_id,
        provider=asked.provider,
        credential_id=t.pk(credential),
        account_id=asked.account_id,
        purpose=purpose,
        can_write=wish.can_write,
        had_consent=wish.needs_consent,
        extra=asked.extra,
        leads_to=asked.leads_to,
    )
    return grants.authorizer(rt, asked.provider).url(pair, attempt, wish)


# --- and back


def _exchanged(rt: Runtime, row: t.SignInAttempt, attempt: Attempt, code: str) -> tuple[Tokens, Identity]:
    pair = grants.pair_of(rt, row.credential_id)
    try:
        with refusals.noted(rt, row.credential_id, pair):
            return grants.authorizer(rt, row.provider).exchange(pair, attempt, code, rt.now())
    except Refused as refused:
        raise _explained(rt, row.provider, refused) from refused


def _explained(rt: Runtime, provider: str, refused: Refused) -> CalsyncError:
    """Return a refusal, or the wrong clock that is behind it: proofs and codes are good for a short time only."""
    if refused.code not in ("code_expired", "no_identity"):
        return refused
    offset = credentials.registration_of(rt, provider).clock_offset(rt.now())
    if offset is None or abs(offset) <= MOST_SKEW:
        return refused
    minutes = round(abs(offset).total_seconds() / 60)
    reason = f"This server’s clock is {minutes} minutes off, so proofs of identity are not valid. An admin can set it."
    return Refused(reason, code="clock_wrong")


def _connected(rt: Runtime, row: t.SignInAttempt, tokens: Tokens, who: Identity, by: Actor) -> Arrived:
    asked = Asked(row.provider, row.account_id, row.can_write)
    missing = _missing(rt, asked, tokens)
    if grants.authorizer(rt, row.provider).missing(tokens.scopes, can_write=False):
        raise BoxesMissing(missing, asked)
    with rt.reading() as session:
        before = account_rows.find_by_subject(session, _owner(rt, row, by), row.provider, who.subject)
    try:
        account = _save(rt, row, tokens, who, by)
    except Refused as refused:
        if refused.code != "needs_consent" or row.had_consent:
            raise
        return Arrived(again_url=_once_more(rt, row, who))
    gained = before is not None and not before.can_write and account.can_write
    return Arrived(
        account,
        missing=missing,
        gained_writing=gained and account.last_success_at is not None,
        extra=row.extra,
        has_extra=bool(row.extra) and grants.has_extra(rt, account, row.extra),
        leads_to=row.leads_to,
    )


def _missing(rt: Runtime, asked: Asked, tokens: Tokens) -> tuple[Box, ...]:
    scopes = grants.authorizer(rt, asked.provider).missing(tokens.scopes, can_write=asked.can_write)
    boxes = credentials.registration_of(rt, asked.provider).boxes(can_write=asked.can_write)
    return tuple(box for box in boxes if box.scope in scopes)


def _owner(rt: Runtime, row: t.SignInAttempt, by: Actor) -> int:
    if row.account_id is None:
        return row.user_id or by.user_id or 0
    with rt.reading() as session:
        return account_rows.get(session, row.account_id).user_id


def _save(rt: Runtime, row: t.SignInAttempt, tokens: Tokens, who: Identity, by: Actor) -> t.Account:
    credential_id = row.credential_id
    if row.account_id is not None:
        return connect_oauth.reconnect_granted(
            rt, row.account_id, tokens=tokens, who=who, credential_id=credential_id, by=by
        )
    return connect_oauth.connect_granted(
        rt, row.user_id or by.user_id or 0, row.provider, tokens=tokens, who=who, credential_id=credential_id, by=by
    )


def _once_more(rt: Runtime, row: t.SignInAttempt, who: Identity) -> str:
    """Return where to ask again, with consent: the provider gave no lasting token, and we have none."""
    with rt.reading() as session:
        credential = rows.get(session, row.credential_id)
    wish = Wish(row.can_write, who.subject, needs_consent=True, extras=(row.extra,) if row.extra else ())
    asked = Asked(
        row.provider,
        row.account_id,
        row.can_write,
        user_id=row.user_id,
        redirect_uri=row.redirect_uri,
        extra=row.extra,
        leads_to=row.leads_to,
    )
    return _go(rt, credential, asked, wish, row.purpose, Bound(row.login_id, row.token_id))


def extra_box(rt: Runtime, provider: str, extra: str) -> Box | None:
    """Return what a provider's page says where somebody clicked for one of EXTRAS; None for none of them."""
    registration = credentials.registration_of(rt, provider)
    return registration.extra_box(extra) if extra and isinstance(registration, Explained) else None
