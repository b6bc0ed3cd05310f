"""OAuth 2.0 up to the first tokens: discovery, pages, codes, PKCE (checklist "OAuth")."""

from __future__ import annotations

import base64
import hashlib

import httpx2
import pytest
from cryptography import x509
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.emulators.google.cast import ADA, CALLBACK, ELI, SCOPE
from tests.emulators.google.dance import (
    CHALLENGE,
    EMAIL_SCOPE,
    EVENTS_SCOPE,
    LIST_SCOPE,
    VERIFIER,
    Dance,
    errors_of,
)
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer


def test_openid_document_names_loopback_endpoints(google: GoogleServer) -> None:
    document = httpx2.get(f"{google.base_url}/.well-known/openid-configuration").json()
    assert document["issuer"] == "https://accounts.google.com"
    assert document["token_endpoint"] == f"{google.base_url}/token"
    assert document["jwks_uri"] == f"{google.base_url}/oauth2/v3/certs"
    assert document["code_challenge_methods_supported"] == ["plain", "S256"]


def test_id_token_is_signed_with_a_published_key(dance: Dance) -> None:
    answer = dance.sign_in(nonce="N1")
    keys = KeySet.import_key_set(dance.http.get("/oauth2/v3/certs").json())
    token = jwt.decode(answer["id_token"], keys, algorithms=["RS256"])
    digest = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    expected = {
        "iss": "https://accounts.google.com",
        "aud": CLIENT_ID,
        "azp": CLIENT_ID,
        "email": ADA,
        "email_verified": True,
        "hd": "example.com",
        "nonce": "N1",
        "at_hash": base64.urlsafe_b64encode(digest).decode().rstrip("="),
    }
    assert expected.items() <= token.claims.items()
    assert token.claims["exp"] - token.claims["iat"] == 3600
    assert "name" not in token.claims  # only with the profile scope


def test_older_certificates_carry_the_same_key(dance: Dance) -> None:
    certificates = dance.http.get("/oauth2/v1/certs").json()
    key_id = dance.http.get("/oauth2/v3/certs").json()["keys"][0]["kid"]
    x509.load_pem_x509_certificate(certificates[key_id].encode())


def test_both_authorize_paths_work(dance: Dance) -> None:
    for path in ("/o/oauth2/auth", "/o/oauth2/v2/auth"):
        assert dance.go(path).status_code == 302


def test_what_comes_back(dance: Dance) -> None:
    answer = dance.go()
    back = dance.back()
    assert back["state"] == "S1"
    assert back["iss"] == "https://accounts.google.com"
    assert (back["authuser"], back["hd"], back["prompt"]) == ("0", "example.com", "none")
    assert back["code"].startswith("4/")
    assert "code=4%2F" in answer.headers["location"]
    dance.google.switch.settings(sends_iss=False)
    assert "iss" not in dance.back()


def test_granted_scopes_are_canonical_and_in_another_order(dance: Dance) -> None:
    answer = dance.sign_in()
    assert set(answer["scope"].split()) == {"openid", EMAIL_SCOPE, EVENTS_SCOPE, LIST_SCOPE}
    assert answer["scope"].split() != ["openid", EMAIL_SCOPE, EVENTS_SCOPE, LIST_SCOPE]
    assert answer["expires_in"] == 3599
    assert answer["token_type"] == "Bearer"
    assert "refresh_token_expires_in" not in answer


@pytest.mark.parametrize("uri", [f"{CALLBACK}/", CALLBACK.replace("http:", "https:"), CALLBACK.replace("5999", "5998")])
def test_other_redirect_uri_is_a_page_not_a_redirect(dance: Dance, uri: str) -> None:
    answer = dance.go(redirect_uri=uri)
    assert answer.status_code == 400
    assert "text/html" in answer.headers["content-type"]
    assert "Error 400: redirect_uri_mismatch" in answer.text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "unknown"}, "invalid_client"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": SCOPE + "calendar.everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_request"),
        ({"prompt": "none consent"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "S512"}, "invalid_request"),
    ],
)
def test_mistakes_are_explained_on_a_page(dance: Dance, changes: dict, code: str) -> None:
    answer = dance.go(**changes)
    assert answer.status_code == 400
    assert f"Error 400: {code}" in answer.text


def test_accounts_that_may_not_use_the_client(dance: Dance) -> None:
    switch = dance.google.switch
    switch.change_client(is_testing=True, test_users=[ELI])
    assert "Error 403: access_denied" in dance.go().text
    switch.change_client(is_testing=False, internal_domain="other.example")
    assert "Error 403: org_internal" in dance.go().text
    switch.change_client(internal_domain=None, is_deleted=True)
    assert "deleted_client" in dance.go().text
    switch.change_client(is_deleted=False)
    switch.change_user(ADA, is_policy_blocked=True)
    assert dance.go().status_code == 403
    assert "admin_policy_enforced" in dance.go().text


def test_person_refuses(dance: Dance) -> None:
    dance.google.switch.script_consent("deny")
    assert dance.back() == {"error": "access_denied", "state": "S1"}


def test_person_ticks_a_part(dance: Dance) -> None:
    dance.google.switch.script_consent("allow", ADA, scopes=[EVENTS_SCOPE])
    back = dance.back()
    assert LIST_SCOPE not in back["scope"]
    answer = dance.redeem(back["code"]).json()
    assert set(answer["scope"].split()) == {"openid", EMAIL_SCOPE, EVENTS_SCOPE}
    bearer = {"authorization": f"Bearer {answer['access_token']}"}
    assert dance.http.get("/calendar/v3/users/me/calendarList", headers=bearer).status_code == 403


def test_ticking_nothing_still_signs_in(dance: Dance) -> None:
    dance.google.switch.script_consent("allow", ADA, scopes=[])
    assert set(dance.sign_in()["scope"].split()) == {"openid", EMAIL_SCOPE}


def test_incremental_authorisation_unites_scopes(dance: Dance) -> None:
    dance.sign_in(scope=f"openid {EVENTS_SCOPE}")
    apart = dance.sign_in(scope=LIST_SCOPE)
    united = dance.sign_in(scope=LIST_SCOPE, include_granted_scopes="true")
    assert set(apart["scope"].split()) == {LIST_SCOPE}
    assert "id_token" not in apart
    assert set(united["scope"].split()) == {"openid", EVENTS_SCOPE, LIST_SCOPE}


def test_refresh_token_comes_at_first_offline_consent_and_when_asked_again(dance: Dance) -> None:
    assert "refresh_token" not in dance.sign_in(access_type="online")
    assert "refresh_token" in dance.sign_in()
    assert "refresh_token" not in dance.sign_in()
    assert "refresh_token" in dance.sign_in(prompt="consent")


def test_prompt_none_needs_an_earlier_consent(google: GoogleServer) -> None:
    dance = Dance(google)
    assert dance.back(prompt="none")["error"] == "login_required"
    assert dance.back(prompt="none", login_hint=ADA)["error"] == "interaction_required"


def test_code_is_single_use(dance: Dance) -> None:
    code = dance.back()["code"]
    assert dance.redeem(code).status_code == 200
    assert errors_of(dance.redeem(code)) == (400, "invalid_grant")


def test_code_is_bound_and_expires(dance: Dance) -> None:
    switch = dance.google.switch
    switch.add_client([CALLBACK], client_id="other", client_secret="s")
    code = dance.back()["code"]
    assert errors_of(dance.redeem(code, client_id="other", client_secret="s")) == (400, "invalid_grant")
    other_uri = dance.redeem(dance.back()["code"], redirect_uri=f"{CALLBACK}x")
    assert errors_of(other_uri) == (400, "redirect_uri_mismatch")
    late = dance.back()["code"]
    switch.advance(601)
    assert errors_of(dance.redeem(late)) == (400, "invalid_grant")
    garbled = dance.redeem(dance.back()["code"].replace("/", "%2F"))
    assert garbled.json() == {"error": "invalid_grant", "error_description": "Malformed auth code."}


@pytest.mark.parametrize(
    ("method", "challenge", "verifier", "error"),
    [
        ("S256", CHALLENGE, VERIFIER, None),
        ("S256", CHALLENGE, VERIFIER[::-1], "invalid_grant"),
        ("S256", CHALLENGE, None, "invalid_grant"),
        (None, VERIFIER, VERIFIER, None),  # the method defaults to plain
        (None, CHALLENGE, VERIFIER, "invalid_grant"),
    ],
)
def test_pkce(dance: Dance, method: str | None, challenge: str, verifier: str | None, error: str | None) -> None:
    code = dance.back(code_challenge=challenge, code_challenge_method=method)["code"]
    answer = dance.redeem(code, code_verifier=verifier)
    assert answer.json().get("error") == error


def test_client_authenticates_in_body_or_by_basic(dance: Dance) -> None:
    basic = dance.redeem(dance.back()["code"], auth=(CLIENT_ID, CLIENT_SECRET), client_id=None, client_secret=None)
    assert basic.status_code == 200
    wrong_secret = dance.redeem("dummy", client_secret="no")
    assert errors_of(wrong_secret) == (401, "invalid_client")
    assert wrong_secret.json()["error_description"] == "The provided client secret is invalid."
    wrong_client = dance.redeem("dummy", client_id="no")
    assert wrong_client.json()["error_description"] == "The OAuth client was not found."
    assert errors_of(dance.redeem("dummy")) == (400, "invalid_grant")


def test_token_endpoint_takes_forms_only(dance: Dance) -> None:
    assert errors_of(dance.http.post("/token", json={"grant_type": "x"})) == (400, "invalid_request")
    assert errors_of(dance.redeem("x", grant_type="password")) == (400, "unsupported_grant_type")
    assert dance.redeem("").json()["error_description"] == "Missing required parameter: code"
