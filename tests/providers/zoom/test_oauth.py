"""Signing in to Zoom: the address, codes, refresh tokens that work once, whole accounts, revoking."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from calsync.errors import Refused, Rejected, SignInNeeded, Unavailable
from calsync.providers import oauth
from calsync.providers.oauth import Attempt, ClientPair, ClientRefused, Identity, Tokens, Wish
from calsync.providers.zoom import endpoints
from calsync.providers.zoom.oauth import NEEDED, WHOLE_ACCOUNT, ZoomAuthorizer
from tests.emulators.zoom.conftest import ADA, CALLBACK, ELI, NOW
from tests.emulators.zoom.server import (
    ACCOUNT,
    CLIENT_ID,
    CLIENT_SECRET,
    S2S_ID,
    S2S_SECRET,
    SCOPES,
    ZoomServer,
)

PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET)
SERVER_PAIR = ClientPair(S2S_ID, S2S_SECRET, ACCOUNT)


@pytest.fixture
def authorizer(zoom: ZoomServer) -> ZoomAuthorizer:
    return ZoomAuthorizer(endpoints.at(zoom.base_url), allow_private_network=True)


def go(zoom: ZoomServer, authorizer: ZoomAuthorizer, attempt: Attempt, who: str = ADA) -> str:
    """Follow a person to Zoom's page and back; return the code."""
    zoom.switch.script_consent("allow", who)
    answer = httpx2.get(authorizer.url(PAIR, attempt, Wish()))
    query = {key: value[0] for key, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    return oauth.read_callback(attempt, query)


def sign_in(zoom: ZoomServer, authorizer: ZoomAuthorizer, who: str = ADA) -> tuple[Tokens, Identity]:
    attempt = oauth.begin(CALLBACK)
    return authorizer.exchange(PAIR, attempt, go(zoom, authorizer, attempt, who), NOW)


def test_the_address_asks_for_a_code_with_a_challenge(authorizer: ZoomAuthorizer) -> None:
    attempt = oauth.begin(CALLBACK)
    query = parse_qs(urlsplit(authorizer.url(PAIR, attempt, Wish())).query)
    assert query == {
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [CALLBACK],
        "state": [attempt.state],
        "code_challenge": [attempt.challenge],
        "code_challenge_method": ["S256"],
    }


def test_a_code_is_worth_tokens_and_a_name(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    tokens, who = sign_in(zoom, authorizer)
    assert tokens.refresh
    assert (tokens.expires_at - NOW, tokens.scopes) == (timedelta(seconds=3599), frozenset(SCOPES))
    assert (who.address, who.name) == (ADA, "Ada")
    assert who.subject != ADA


def test_two_people_are_two(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    assert sign_in(zoom, authorizer)[1].subject != sign_in(zoom, authorizer, ELI)[1].subject


def test_a_code_that_came_too_late_says_so(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    attempt = oauth.begin(CALLBACK)
    code = go(zoom, authorizer, attempt)
    zoom.switch.advance(301)
    with pytest.raises(Refused) as raised:
        authorizer.exchange(PAIR, attempt, code, NOW)
    assert raised.value.code == "code_expired"


def test_somebody_elses_code_is_refused(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    code = go(zoom, authorizer, oauth.begin(CALLBACK))
    with pytest.raises(Refused):
        authorizer.exchange(PAIR, oauth.begin(CALLBACK), code, NOW)


def test_a_refresh_token_works_once(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    first, _ = sign_in(zoom, authorizer)
    second = authorizer.refresh(PAIR, first.refresh, NOW)
    assert second.refresh not in ("", first.refresh)
    with pytest.raises(SignInNeeded) as raised:
        authorizer.refresh(PAIR, first.refresh, NOW)
    assert raised.value.why == "invalid_grant"
    assert authorizer.refresh(PAIR, second.refresh, NOW).access


def test_credentials_that_are_refused_end_no_grant(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    tokens, _ = sign_in(zoom, authorizer)
    with pytest.raises(ClientRefused):
        authorizer.refresh(ClientPair(CLIENT_ID, "rotatedSecretAtZoom"), tokens.refresh, NOW)
    assert authorizer.refresh(PAIR, tokens.refresh, NOW).access


def test_a_server_in_trouble_ends_no_grant(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    tokens, _ = sign_in(zoom, authorizer)
    zoom.switch.fault("status", status=503, method="oauth.token", times=1)
    with pytest.raises(Unavailable):
        authorizer.refresh(PAIR, tokens.refresh, NOW)


def test_no_error_shows_a_token(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    tokens, _ = sign_in(zoom, authorizer)
    body = f"no: {tokens.refresh} {CLIENT_SECRET}"
    zoom.switch.fault("status", status=503, body=body, method="oauth.token", times=1)
    with pytest.raises(Unavailable) as raised:
        authorizer.refresh(PAIR, tokens.refresh, NOW)
    assert tokens.refresh not in str(raised.value)
    assert CLIENT_SECRET not in str(raised.value)


def test_revoking_ends_everything(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    tokens, _ = sign_in(zoom, authorizer)
    authorizer.revoke(tokens.refresh, PAIR)
    with pytest.raises(SignInNeeded):
        authorizer.refresh(PAIR, tokens.refresh, NOW)
    authorizer.revoke(tokens.refresh, PAIR)


def test_without_credentials_nothing_can_be_revoked(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    tokens, _ = sign_in(zoom, authorizer)
    with pytest.raises(Rejected):
        authorizer.revoke(tokens.refresh)


def test_a_whole_account_lets_in_its_hosts(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    tokens, who = authorizer.admit(SERVER_PAIR, ELI, NOW)
    assert (who.address, tokens.refresh) == (ELI, WHOLE_ACCOUNT + ACCOUNT)
    assert authorizer.refresh(SERVER_PAIR, tokens.refresh, NOW).access != tokens.access
    assert authorizer.missing(tokens.scopes, can_write=True) == ()
    authorizer.revoke(tokens.refresh, SERVER_PAIR)
    assert authorizer.refresh(SERVER_PAIR, tokens.refresh, NOW).access


def test_a_whole_account_lets_nobody_else_in(zoom: ZoomServer, authorizer: ZoomAuthorizer) -> None:
    with pytest.raises(Refused) as raised:
        authorizer.admit(SERVER_PAIR, "nobody@example.com", NOW)
    assert raised.value.code == "no_such_host"
    with pytest.raises(Rejected):
        authorizer.admit(ClientPair(S2S_ID, S2S_SECRET, "another-account"), ELI, NOW)


def test_missing_scopes_are_named_and_classic_ones_stand_in(authorizer: ZoomAuthorizer) -> None:
    assert authorizer.missing(NEEDED, can_write=False) == ()
    assert authorizer.missing(["meeting:write", "meeting:read", "user:read"], can_write=True) == ()
    assert authorizer.missing([f"{scope}:admin" for scope in NEEDED], can_write=True) == ()
    lacking = authorizer.missing(["meeting:read", "user:read"], can_write=False)
    assert lacking == ("meeting:write:meeting", "meeting:update:meeting", "meeting:delete:meeting")
