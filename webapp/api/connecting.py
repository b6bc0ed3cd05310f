"""Connecting integrations: a sign-in at a provider, begun and ended by a program, or a password."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from calsync.engine.vocabulary import Scope
from calsync.errors import Refused
from calsync.services import api_settings, attempts, connect, grants, open_attempts
from calsync.services.attempts import Asked
from calsync.store import tables as t
from webapp.api import integrations, lookup
from webapp.api.integrations import REACHES_OUT, TAG
from webapp.api.operations import Answer, Call, operation
from webapp.api.schemas.integrations import AuthUrlIn, AuthUrlOut, IntegrationNew, IntegrationOut


@operation(
    "POST", "/integrations/auth-url", Scope.WRITE, tag=TAG, body=AuthUrlIn, answer=AuthUrlOut, problems=REACHES_OUT
)
def make_auth_url(call: Call) -> AuthUrlOut:
    """Begin a sign-in at a provider

    Send the person to `auth_url`. It leads back to your `redirect_uri` with `code` and `state`: hand both to POST
    /integrations with the same token, within half an hour. The PKCE verifier stays here.
    """
    sent: AuthUrlIn = call.body
    provider = lookup.provider(call, sent.provider)
    api_settings.check_redirect(call.rt, sent.redirect_uri)
    account = lookup.account(call, sent.integration_id) if sent.integration_id else None
    asked = Asked(
        provider,
        None if account is None else account.id,
        can_write=_wants_writing(call, provider, sent),
        user_id=None if account is not None else lookup.whose(call, sent.user),
        redirect_uri=sent.redirect_uri,
    )
    return auth_url(attempts.begin(call.rt, asked, token_id=call.who.token.id, by=call.by))


@operation(
    "POST",
    "/integrations",
    Scope.WRITE,
    tag=TAG,
    body=IntegrationNew,
    answer=IntegrationOut,
    status=201,
    also={202: AuthUrlOut},
    problems=REACHES_OUT,
)
def create_integration(call: Call) -> Answer:
    """Connect an integration

    With `code` and `state` of a sign-in, or with `server_url`, `username` and `password`. 202 with another `auth_url`:
    the provider gave no lasting permission, so the person has to be asked once more.
    """
    sent: IntegrationNew = call.body
    if sent.code is not None and sent.state is not None:
        return _after_sign_in(call, sent)
    if sent.password is None:
        raise Refused("Give code and state, or server_url, username and password.", code="invalid", field="code")
    if sent.integration_id:
        known = lookup.account(call, sent.integration_id)
        account = connect.reconnect(
            call.rt, t.pk(known), password=sent.password, url=sent.server_url, username=sent.username, by=call.by
        )
        return _made(call, account)
    account = connect.connect_caldav(
        call.rt,
        lookup.whose(call, sent.user),
        url=sent.server_url or "",
        username=sent.username or "",
        password=sent.password,
        provider=lookup.provider(call, sent.provider) if sent.provider else None,
        by=call.by,
    )
    return _made(call, account)


def _wants_writing(call: Call, provider: str, sent: AuthUrlIn) -> bool:
    """Return whether a program asks for write access, by the level or by the provider's own scopes."""
    if sent.level is not None or not sent.scopes:
        return sent.level == "write"
    if not grants.has_tokens(call.rt, provider):
        return False
    authorizer = grants.authorizer(call.rt, provider)
    if authorizer.missing(sent.scopes, can_write=False):
        raise Refused("These scopes do not even let us read calendars and events.", code="invalid", field="scopes")
    return not authorizer.missing(sent.scopes, can_write=True)


def _after_sign_in(call: Call, sent: IntegrationNew) -> Answer:
    if not sent.provider:
        raise Refused("Name the provider that the code is of.", code="invalid", field="provider")
    query = {"code": sent.code or "", "state": sent.state or ""}
    provider = lookup.provider(call, sent.provider)
    token_id = call.who.token.id
    arrived = attempts.finish(call.rt, provider, query, login_id=None, token_id=token_id, by=call.by)
    if arrived.account is None:
        return Answer(auth_url(arrived.again_url), 202)
    return _made(call, arrived.account)


def _made(call: Call, account: t.Account) -> Answer:
    return Answer(integrations.told(call, account), 201, {"Location": f"/api/v1/integrations/{account.public_id}"})


def auth_url(address: str) -> AuthUrlOut:
    """Return where to send a person, with the state that comes back."""
    state = parse_qs(urlsplit(address).query).get("state", [""])[0]
    return AuthUrlOut(auth_url=address, state=state, expires_in=int(open_attempts.LASTS.total_seconds()))
