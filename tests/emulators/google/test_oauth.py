"""OAuth 2.0: discovery, codes, PKCE, refresh, revocation, and how grants die (checklist "OAuth")."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from cryptography import x509
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.emulators.google.cast import ADA, CALLBACK, ELI, EVENTS, SCOPE, Json
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer

EVENTS_SCOPE = SCOPE + "calendar.events"
LIST_SCOPE = SCOPE + "calendar.calendarlist.readonly"
ASKED = f"openid email {EVENTS_SCOPE} {LIST_SCOPE}"
EMAIL_SCOPE = SCOPE + "userinfo.email"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Dance:
    """Goes to Google and back as a script-driven person would, and redeems what comes."""

    def __init__(self, google: GoogleServer) -> None:
        self.google = google
        self.http = httpx2.Client(base_url=google.base_url)

    def go(self, path: str = "/o/oauth2/v2/auth", **changes: str | None) -> httpx2.Response:
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "scope": ASKED,
            "state": "S1",
            "access_type": "offline",
            **changes,
        }
        kept = {key: value for key, value in query.items() if value is not None}
        return self.http.get(path, params=kept)

    def back(self, **changes: str | None) -> dict[str, str]:
        """Return the parameters that came back to the callback."""
        answer = self.go(**changes)
        assert answer.status_code == 302, answer.text
        assert answer.headers["location"].startswith(f"{CALLBACK}?")
        return {key: value[0] for key, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def redeem(self, code: str, auth: tuple[str, str] | None = None, **changes: str | None) -> httpx2.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            **changes,
        }
        kept = {key: value for key, value in form.items() if value is not None}
        return self.http.post("/token", data=kept, auth=auth)

    def sign_in(self, **changes: str | None) -> Json:
        answer = self.redeem(self.back(**changes)["code"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token: str, **changes: str) -> httpx2.Response:
        return self.redeem("", grant_type="refresh_token", refresh_token=token, **changes)


@pytest.fixture
def dance(google: GoogleServer) -> Dance:
    google.switch.script_consent("allow", ADA)
    return Dance(google)


def errors_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


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


def test_refreshing_keeps_the_refresh_token_and_earlier_access_tokens(dance: Dance) -> None:
    first = dance.sign_in()
    second = dance.refresh(first["refresh_token"]).json()
    assert "refresh_token" not in second
    assert "id_token" in second
    assert second["expires_in"] == 3599
    for token in (first["access_token"], second["access_token"]):
        bearer = {"authorization": f"Bearer {token}"}
        assert dance.http.get(f"/calendar/v3/{EVENTS}", headers=bearer).status_code == 200


def test_both_flavours_of_invalid_grant(dance: Dance) -> None:
    token = dance.sign_in()["refresh_token"]
    unknown = dance.refresh("1//0gUnknown")
    assert (unknown.status_code, unknown.json()["error_description"]) == (400, "Bad Request")
    dance.google.switch.revoke(ADA)
    dead = dance.refresh(token).json()
    assert dead == {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}


def test_session_control_asks_for_the_person(dance: Dance) -> None:
    token = dance.sign_in()["refresh_token"]
    dance.google.switch.change_user(ADA, needs_rapt=True)
    assert dance.refresh(token).json()["error_subtype"] == "invalid_rapt"
    dance.google.switch.change_user(ADA, needs_rapt=False)
    assert dance.refresh(token).status_code == 200


def test_refresh_token_dies_when_unused_for_half_a_year(dance: Dance) -> None:
    token = dance.sign_in()["refresh_token"]
    for _ in range(2):
        dance.google.switch.advance(150 * 86_400)
        assert dance.refresh(token).status_code == 200
    dance.google.switch.advance(184 * 86_400)
    assert errors_of(dance.refresh(token)) == (400, "invalid_grant")


def test_testing_mode_lasts_seven_days(dance: Dance) -> None:
    switch = dance.google.switch
    switch.change_client(is_testing=True, test_users=[ADA])
    answer = dance.sign_in()
    assert answer["refresh_token_expires_in"] == 604_799
    switch.advance(86_400)
    assert dance.refresh(answer["refresh_token"]).json()["refresh_token_expires_in"] == 604_799 - 86_400
    switch.advance(6 * 86_400)
    assert errors_of(dance.refresh(answer["refresh_token"])) == (400, "invalid_grant")


def test_testing_mode_spares_sign_in_only_grants(dance: Dance) -> None:
    dance.google.switch.change_client(is_testing=True, test_users=[ADA])
    assert "refresh_token_expires_in" not in dance.sign_in(scope="openid email")


def test_time_limited_access(dance: Dance) -> None:
    dance.google.switch.script_consent("allow", ADA, refresh_ttl_s=3600)
    assert dance.sign_in()["refresh_token_expires_in"] == 3600


def test_hundred_and_first_refresh_token_kills_the_oldest(dance: Dance) -> None:
    switch = dance.google.switch
    tokens = [switch.tokens(ADA)["refresh_token"] for _ in range(101)]
    assert errors_of(dance.refresh(tokens[0])) == (400, "invalid_grant")
    assert dance.refresh(tokens[1]).status_code == 200


def test_revoking_ends_the_whole_grant(dance: Dance) -> None:
    first, second = dance.sign_in(), dance.sign_in(prompt="consent")
    assert dance.http.post("/revoke", data={"token": first["access_token"]}).status_code == 200
    assert errors_of(dance.refresh(second["refresh_token"])) == (400, "invalid_grant")
    again = dance.http.post("/revoke", data={"token": first["access_token"]})
    assert errors_of(again) == (400, "invalid_token")
    bearer = {"authorization": f"Bearer {second['access_token']}"}
    assert dance.http.get(f"/calendar/v3/{EVENTS}", headers=bearer).status_code == 401


def test_scopes_taken_back_are_gone_from_issued_tokens(dance: Dance) -> None:
    answer = dance.sign_in()
    dance.google.switch.untick(ADA, [EVENTS_SCOPE])
    bearer = {"authorization": f"Bearer {answer['access_token']}"}
    assert dance.http.get(f"/calendar/v3/{EVENTS}", headers=bearer).status_code == 403
    assert EVENTS_SCOPE not in dance.refresh(answer["refresh_token"]).json()["scope"].split()


def test_userinfo_old_and_new(dance: Dance) -> None:
    bearer = {"authorization": f"Bearer {dance.sign_in(scope='openid email profile')['access_token']}"}
    new = dance.http.get("/v1/userinfo", headers=bearer).json()
    old = dance.http.get("/oauth2/v2/userinfo", headers=bearer).json()
    assert (new["email"], new["email_verified"], new["hd"]) == (ADA, True, "example.com")
    assert (old["id"], old["verified_email"], old["name"]) == (new["sub"], True, "Ada Adams")
    assert dance.http.get("/v1/userinfo").status_code == 401


def test_tokeninfo(dance: Dance) -> None:
    answer = dance.sign_in()
    about = dance.http.post("/tokeninfo", data={"access_token": answer["access_token"]}).json()
    assert (about["aud"], about["email"], about["expires_in"]) == (CLIENT_ID, ADA, "3599")
    assert dance.http.get("/tokeninfo", params={"id_token": answer["id_token"]}).json()["email"] == ADA
    assert dance.http.post("/tokeninfo", data={"access_token": "no"}).status_code == 400


def test_client_file_has_the_console_shape(google: GoogleServer) -> None:
    content = google.switch.client_file()["web"]
    assert content["redirect_uris"] == [CALLBACK]
    assert content["auth_uri"] == f"{google.base_url}/o/oauth2/auth"
    google.switch.change_client(kind="installed", redirect_uris=[])
    assert "redirect_uris" not in google.switch.client_file()["installed"]


def test_faults_reach_the_token_endpoint(dance: Dance) -> None:
    body = {"error": "server_error"}
    dance.google.switch.fault("status", method="oauth.token", status=503, body=body, times=1)
    token = dance.google.switch.tokens(ADA)["refresh_token"]
    assert errors_of(dance.refresh(token)) == (503, "server_error")
    assert dance.refresh(token).status_code == 200


def test_suspended_account_loses_everything(dance: Dance) -> None:
    answer = dance.sign_in()
    dance.google.switch.change_user(ADA, is_suspended=True)
    assert errors_of(dance.refresh(answer["refresh_token"])) == (400, "invalid_grant")
