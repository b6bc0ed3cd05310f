"""Signing in at Google: the page's address, codes to tokens, who it was, refreshing and revoking."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest

from calsync.errors import Refused, Rejected, SignInNeeded, Unavailable
from calsync.providers import oauth
from calsync.providers.google import endpoints, identity
from calsync.providers.google.oauth import PREFIX, GoogleAuthorizer
from calsync.providers.http import Http
from calsync.providers.oauth import Attempt, ClientPair, ClientRefused, Wish
from tests.emulators.google.cast import ADA, CALLBACK, NOW
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer, Switchboard

PAIR = ClientPair(CLIENT_ID, CLIENT_SECRET)
ISSUERS = endpoints.GOOGLE.issuers
EVENTS, READONLY = PREFIX + "calendar.events", PREFIX + "calendar.events.readonly"
LIST = PREFIX + "calendar.calendarlist.readonly"


@pytest.fixture
def google_sign_in(google: GoogleServer) -> GoogleAuthorizer:
    google.switch.script_consent("allow", ADA)
    return GoogleAuthorizer(endpoints.at(google.base_url), allow_private_network=True)


def asked(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def go(address: str) -> dict[str, str]:
    """Follow a person to Google's page and back; return what came to our callback."""
    answer = httpx2.get(address, verify=False)
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def attempt_and_code(google_sign_in: GoogleAuthorizer, wish: Wish | None = None) -> tuple[Attempt, str]:
    attempt = oauth.begin(CALLBACK)
    back = go(google_sign_in.url(PAIR, attempt, wish or Wish()))
    return attempt, oauth.read_callback(attempt, back, ISSUERS)


def signed_in(google_sign_in: GoogleAuthorizer, wish: Wish | None = None):
    attempt, code = attempt_and_code(google_sign_in, wish)
    return google_sign_in.exchange(PAIR, attempt, code, NOW)


# --- the page


def test_the_first_time_a_person_chooses_the_account() -> None:
    query = asked(GoogleAuthorizer().url(PAIR, oauth.begin(CALLBACK), Wish()))
    assert query["scope"] == f"openid email {READONLY} {LIST}"
    assert query["prompt"] == "select_account"
    assert (query["access_type"], query["include_granted_scopes"]) == ("offline", "true")
    assert (query["code_challenge_method"], query["redirect_uri"]) == ("S256", CALLBACK)
    assert "login_hint" not in query


@pytest.mark.parametrize(
    ("wish", "prompt"),
    [
        (Wish(login_hint=ADA), None),
        (Wish(login_hint=ADA, needs_consent=True), "consent"),
        (Wish(needs_consent=True), "select_account consent"),
    ],
)
def test_consent_is_asked_for_only_where_it_is_needed(wish: Wish, prompt: str | None) -> None:
    query = asked(GoogleAuthorizer().url(PAIR, oauth.begin(CALLBACK), wish))
    assert (query.get("prompt"), query.get("login_hint", "")) == (prompt, wish.login_hint)


def test_an_attempt_is_like_no_other_and_shows_no_verifier() -> None:
    one, other = oauth.begin(CALLBACK), oauth.begin(CALLBACK)
    assert len({one.state, one.nonce, one.verifier, other.state, other.nonce, other.verifier}) == 6
    assert 43 <= len(one.verifier) <= 128
    assert one.verifier not in repr(one)
    # RFC 7636 appendix B
    known = replace(one, verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert known.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


# --- the way back


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"code": "c", "state": "another"}, "state_lost"),
        ({"code": "c"}, "state_lost"),
        ({"code": "c", "state": "s", "iss": "https://evil.example"}, "wrong_issuer"),
        ({"error": "access_denied", "state": "s"}, "access_denied"),
        ({"error": "admin_policy_enforced", "state": "s"}, "admin_policy_enforced"),
        ({"error": "org_internal", "state": "s"}, "org_internal"),
        ({"error": "<b>odd</b>", "state": "s"}, "sign_in_failed"),
        ({"state": "s"}, "no_code"),
    ],
)
def test_what_comes_back_without_a_usable_code(query: dict[str, str], code: str) -> None:
    attempt = Attempt("s", "n", "v", CALLBACK)
    with pytest.raises(Refused) as raised:
        oauth.read_callback(attempt, query, ISSUERS)
    assert raised.value.code == code
    assert "<b>" not in raised.value.reason


def test_an_attempt_that_nobody_remembers_is_lost() -> None:
    with pytest.raises(Refused, match="not begun here"):
        oauth.read_callback(None, {"code": "c", "state": "s"})


def test_a_person_who_says_no_is_told_so(google_sign_in: GoogleAuthorizer, switch: Switchboard) -> None:
    switch.script_consent("deny", ADA)
    with pytest.raises(Refused) as raised:
        attempt_and_code(google_sign_in)
    assert raised.value.code == "access_denied"


# --- codes to tokens


def test_a_code_becomes_tokens_and_a_person(google_sign_in: GoogleAuthorizer) -> None:
    tokens, who = signed_in(google_sign_in)
    assert (who.address, who.domain) == (ADA, "example.com")
    assert who.subject
    assert who.subject != ADA
    assert tokens.access
    assert tokens.refresh
    assert tokens.expires_at == NOW + timedelta(seconds=3599)
    assert tokens.grant_ends_at is None
    assert not {tokens.access, tokens.refresh} & set(repr(tokens).split("'"))


@pytest.mark.parametrize(
    ("wish", "ticked", "can_read", "can_write"),
    [
        (Wish(), None, True, False),
        (Wish(can_write=True), None, True, True),
        (Wish(can_write=True), [LIST], False, False),
        (Wish(can_write=True), [EVENTS], False, False),
    ],
)
def test_what_was_granted_decides(google_sign_in, switch, wish, ticked, can_read, can_write) -> None:
    switch.script_consent("allow", ADA, scopes=ticked)
    tokens, _ = signed_in(google_sign_in, wish)
    assert (not google_sign_in.missing(tokens.scopes, can_write=False)) is can_read
    assert (not google_sign_in.missing(tokens.scopes, can_write=True)) is can_write


def test_a_second_sign_in_brings_no_refresh_token_unless_asked(google_sign_in: GoogleAuthorizer) -> None:
    signed_in(google_sign_in)
    assert signed_in(google_sign_in)[0].refresh == ""
    assert signed_in(google_sign_in, Wish(needs_consent=True))[0].refresh != ""


def test_an_app_in_testing_says_when_it_ends(google_sign_in, switch) -> None:
    switch.script_consent("allow", ADA, refresh_ttl_s=604_799)
    assert signed_in(google_sign_in)[0].grant_ends_at == NOW + timedelta(seconds=604_799)


def test_a_code_is_good_once(google_sign_in: GoogleAuthorizer) -> None:
    attempt, code = attempt_and_code(google_sign_in)
    google_sign_in.exchange(PAIR, attempt, code, NOW)
    with pytest.raises(Refused) as raised:
        google_sign_in.exchange(PAIR, attempt, code, NOW)
    assert raised.value.code == "code_expired"


def test_a_code_is_good_for_the_browser_that_asked_for_it(google_sign_in: GoogleAuthorizer) -> None:
    _, code = attempt_and_code(google_sign_in)
    with pytest.raises(Refused) as raised:
        google_sign_in.exchange(PAIR, oauth.begin(CALLBACK), code, NOW)
    assert raised.value.code == "code_expired"


def test_a_token_for_another_attempt_proves_nobody(google_sign_in: GoogleAuthorizer) -> None:
    attempt, code = attempt_and_code(google_sign_in)
    with pytest.raises(Refused) as raised:
        google_sign_in.exchange(PAIR, replace(attempt, nonce="another"), code, NOW)
    assert raised.value.code == "no_identity"


def test_a_token_of_another_issuer_proves_nobody(google_sign_in: GoogleAuthorizer, switch: Switchboard) -> None:
    attempt, code = attempt_and_code(google_sign_in)
    switch.settings(issuer="https://evil.example")
    with pytest.raises(Refused) as raised:
        google_sign_in.exchange(PAIR, attempt, code, NOW)
    assert raised.value.code == "no_identity"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"error": "admin_policy_enforced", "error_description": "Blocked."}, "admin_policy_enforced"),
        ({"error": "org_internal"}, "admin_policy_enforced"),
        ({"error": "access_denied", "error_description": "Account restricted"}, "admin_policy_enforced"),
        ({"error": "invalid_grant", "error_subtype": "invalid_rapt"}, "reauth_needed"),
        ({"error": "invalid_scope", "error_description": "Bad Request"}, "scope_refused"),
        ({"error": "invalid_grant", "error_description": "Bad Request"}, "code_expired"),
    ],
)
def test_a_policy_is_told_from_a_code_that_is_too_old(google_sign_in, switch, said, code) -> None:
    attempt, given = attempt_and_code(google_sign_in)
    switch.fault("status", method="oauth.token", status=400, body=said)
    with pytest.raises(Refused) as raised:
        google_sign_in.exchange(PAIR, attempt, given, NOW)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("client_id", "nonce", "later", "is_valid"),
    [
        (CLIENT_ID, "n", timedelta(), True),
        ("another.apps.googleusercontent.com", "n", timedelta(), False),
        (CLIENT_ID, "another", timedelta(), False),
        (CLIENT_ID, "n", timedelta(hours=2), False),
        (CLIENT_ID, "n", timedelta(hours=-2), False),
    ],
)
def test_a_token_is_for_us_for_this_attempt_and_for_now(dance, google, client_id, nonce, later, is_valid) -> None:
    token = dance.sign_in(nonce="n")["id_token"]
    http = Http(allow_private_network=True)
    where = endpoints.at(google.base_url)
    if is_valid:
        assert identity.verify(http, where, token, client_id, nonce, NOW + later).address == ADA
    else:
        with pytest.raises(Refused) as raised:
            identity.verify(http, where, token, client_id, nonce, NOW + later)
        assert raised.value.code == "no_identity"
    with pytest.raises(Refused):
        identity.verify(http, where, f"{token[:-8]}AAAAAAAA", client_id, nonce, NOW)
    http.close()


def test_our_own_wrong_clock_keeps_nobody_out(google_sign_in: GoogleAuthorizer) -> None:
    # The test's machine lives years before the emulator; what counts is that the token is valid there.
    assert datetime.now(UTC) < NOW - timedelta(days=30)
    assert signed_in(google_sign_in)[1].address == ADA


# --- refreshing and revoking


def test_a_refresh_keeps_the_stored_token(google_sign_in: GoogleAuthorizer) -> None:
    tokens, _ = signed_in(google_sign_in)
    again = google_sign_in.refresh(PAIR, tokens.refresh, NOW)
    assert again.access != tokens.access
    assert (again.refresh, again.scopes) == ("", tokens.scopes)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (None, "invalid_grant"),
        ({"is_suspended": True}, "invalid_grant"),
        ({"needs_rapt": True}, "reauth_needed"),
        ({"is_policy_blocked": True}, "admin_policy"),
    ],
)
def test_why_a_grant_is_dead(google_sign_in, switch, change, why) -> None:
    tokens, _ = signed_in(google_sign_in)
    if change is None:
        switch.revoke(ADA)
    else:
        switch.post("/users/change", email=ADA, **change)
    with pytest.raises(SignInNeeded) as raised:
        google_sign_in.refresh(PAIR, tokens.refresh, NOW)
    assert raised.value.why == why
    assert tokens.refresh not in raised.value.detail


def test_wrong_credentials_of_ours_are_no_fault_of_the_person(google_sign_in: GoogleAuthorizer) -> None:
    tokens, _ = signed_in(google_sign_in)
    with pytest.raises(ClientRefused) as raised:
        google_sign_in.refresh(ClientPair(CLIENT_ID, "GOCSPX-wrong-wrong"), tokens.refresh, NOW)
    assert isinstance(raised.value, Rejected)
    assert "GOCSPX" not in str(raised.value)


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "truncate"}, {"kind": "drop_before"}])
def test_a_token_page_out_of_order_is_asked_again_later(google_sign_in, switch, fault) -> None:
    tokens, _ = signed_in(google_sign_in)
    switch.fault(**fault, method="oauth.token")
    with pytest.raises(Unavailable):
        google_sign_in.refresh(PAIR, tokens.refresh, NOW)


def test_revoking_ends_the_grant_and_twice_is_fine(google_sign_in: GoogleAuthorizer) -> None:
    tokens, _ = signed_in(google_sign_in)
    google_sign_in.revoke(tokens.refresh)
    google_sign_in.revoke(tokens.refresh)
    with pytest.raises(SignInNeeded):
        google_sign_in.refresh(PAIR, tokens.refresh, NOW)
