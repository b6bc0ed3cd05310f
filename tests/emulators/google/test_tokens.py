"""Tokens afterwards: refresh, revocation, every way a grant dies, who one is (checklist "OAuth")."""

from __future__ import annotations

from tests.emulators.google.cast import ADA, CALLBACK, EVENTS
from tests.emulators.google.dance import (
    EVENTS_SCOPE,
    Dance,
    errors_of,
)
from tests.emulators.google.server import CLIENT_ID, GoogleServer


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
