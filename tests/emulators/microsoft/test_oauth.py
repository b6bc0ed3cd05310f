"""Signing in at the emulated identity platform: authorize, token, refresh, metadata, every documented refusal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.emulators.microsoft.cast import ADA, CALLBACK, ELI, NOW, VIC
from tests.emulators.microsoft.dance import ASKED, CHALLENGE, VERIFIER, Dance, refused
from tests.emulators.microsoft.model import CONSUMERS
from tests.emulators.microsoft.server import CLIENT_ID, MicrosoftServer, Switchboard

WRITE = f"{ASKED} Calendars.ReadWrite"


def claims_of(dance: Dance, token: str, tenant: str = "common") -> dict[str, object]:
    keys = KeySet.import_key_set(dance.http.get(f"/{tenant}/discovery/v2.0/keys").json())
    return jwt.decode(token, keys, algorithms=["RS256"]).claims


def test_signing_in_with_pkce_gives_tokens_and_a_signed_identity(dance: Dance, switch: Switchboard) -> None:
    back = dance.back(code_challenge=CHALLENGE, code_challenge_method="S256", nonce="n1")
    assert (back["state"], "session_state" in back) == ("S1", True)
    answer = dance.redeem(back["code"], code_verifier=VERIFIER).json()
    assert set(answer["scope"].split()) == {"openid", "profile", "email", "User.Read", "Calendars.Read"}
    assert 3600 <= answer["expires_in"] <= 5400
    claims = claims_of(dance, answer["id_token"])
    assert (claims["aud"], claims["nonce"], claims["preferred_username"]) == (CLIENT_ID, "n1", ADA)
    assert claims["iss"] == f"https://login.microsoftonline.com/{claims['tid']}/v2.0"
    assert claims["oid"] == switch.get("/store")["users"][ADA]["oid"]


def test_metadata_of_shared_addresses_has_a_placeholder(dance: Dance) -> None:
    common = dance.http.get("/common/v2.0/.well-known/openid-configuration").json()
    assert common["issuer"] == "https://login.microsoftonline.com/{tenantid}/v2.0"
    assert common["token_endpoint"] == f"{dance.microsoft.base_url}/common/oauth2/v2.0/token"
    consumers = dance.http.get("/consumers/v2.0/.well-known/openid-configuration").json()
    assert CONSUMERS in consumers["issuer"]
    own = dance.http.get("/example.com/v2.0/.well-known/openid-configuration").json()
    assert "{tenantid}" not in own["issuer"]
    assert refused(dance.http.get("/nobody.example/v2.0/.well-known/openid-configuration"))[2] == 90002


def test_refreshing_rotates_and_keeps_the_old_token(dance: Dance) -> None:
    first = dance.sign_in()
    second = dance.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert dance.refresh(first["refresh_token"]).status_code == 200
    narrower = dance.refresh(second["refresh_token"], scope="User.Read offline_access").json()
    assert "Calendars.Read" not in narrower["scope"].split()


def test_without_offline_access_there_is_no_refresh_token(dance: Dance) -> None:
    answer = dance.sign_in(scope="openid User.Read")
    assert "refresh_token" not in answer
    assert "id_token" in answer
    assert "id_token" not in dance.sign_in(scope="User.Read")


def test_codes_work_once_and_for_ten_minutes(dance: Dance, switch: Switchboard) -> None:
    code = dance.back()["code"]
    assert dance.redeem(code).status_code == 200
    assert refused(dance.redeem(code)) == (400, "invalid_grant", 54005)
    late = dance.back()["code"]
    switch.advance(601)
    assert refused(dance.redeem(late)) == (400, "invalid_grant", 70008)


def test_code_is_bound_to_verifier_and_redirect_uri(dance: Dance) -> None:
    back = dance.back(code_challenge=CHALLENGE, code_challenge_method="S256")
    assert refused(dance.redeem(back["code"], code_verifier=VERIFIER[::-1])) == (400, "invalid_grant", 501481)
    assert refused(dance.redeem(back["code"])) == (400, "invalid_grant", 501481)
    assert refused(dance.redeem(dance.back()["code"], redirect_uri=CALLBACK + "/"))[1:] == ("invalid_grant", 50011)
    assert refused(dance.redeem("made up")) == (400, "invalid_grant", 70000)


def test_secrets(dance: Dance, switch: Switchboard) -> None:
    token = dance.sign_in()["refresh_token"]
    assert refused(dance.refresh(token, client_secret="wrong")) == (401, "invalid_client", 7000215)
    assert refused(dance.refresh(token, client_secret=None)) == (400, "invalid_request", 7000218)
    assert refused(dance.refresh(token, client_id="unknown")) == (401, "unauthorized_client", 700016)
    soon = (NOW + timedelta(days=1)).isoformat()
    switch.change_client(secrets=[{"value": "old~1", "expires_at": soon}, {"value": "new~2"}])
    assert dance.refresh(token, client_secret="old~1").status_code == 200
    assert dance.refresh(token, client_secret="new~2").status_code == 200
    switch.advance(86_400)
    assert refused(dance.refresh(token, client_secret="old~1")) == (401, "invalid_client", 7000222)
    assert dance.refresh(token, client_secret="new~2").status_code == 200


def test_unused_refresh_token_dies_after_ninety_days(dance: Dance, switch: Switchboard) -> None:
    token = dance.sign_in()["refresh_token"]
    switch.advance(91 * 86_400)
    assert refused(dance.refresh(token)) == (400, "invalid_grant", 700082)


@pytest.mark.parametrize(
    ("number", "error"),
    [(50076, "interaction_required"), (53003, "invalid_grant"), (50057, "invalid_grant"), (70043, "invalid_grant")],
)
def test_troubles_of_a_person(dance: Dance, switch: Switchboard, number: int, error: str) -> None:
    token = dance.sign_in()["refresh_token"]
    switch.change_user(ADA, trouble=number)
    assert refused(dance.refresh(token)) == (400, error, number)


def test_ended_grant_refuses_refresh_and_asks_again(dance: Dance, switch: Switchboard) -> None:
    first = dance.sign_in()
    switch.end_grant(ADA)
    assert refused(dance.refresh(first["refresh_token"])) == (400, "invalid_grant", 50173)
    assert dance.refresh(dance.sign_in()["refresh_token"]).status_code == 200


def test_a_transient_refusal_is_scripted(dance: Dance, switch: Switchboard) -> None:
    token = dance.sign_in()["refresh_token"]
    switch.fault("error", method="oauth.token", number=90033, times=1)
    assert refused(dance.refresh(token)) == (503, "temporarily_unavailable", 90033)
    switch.fault("status", method="oauth.token", status=429, retry_after=5, times=1)
    assert dance.refresh(token).headers["retry-after"] == "5"
    assert dance.refresh(token).status_code == 200


def test_person_declines(dance: Dance, switch: Switchboard) -> None:
    switch.script_consent("deny")
    back = dance.back()
    assert (back["error"], back["error_subcode"], back["state"]) == ("access_denied", "cancel", "S1")
    assert back["error_description"].startswith("AADSTS65004")


def test_unknown_app_and_foreign_redirect_uri_get_a_page(dance: Dance) -> None:
    for changes in ({"client_id": "unknown"}, {"redirect_uri": "https://elsewhere.example/"}):
        page = dance.go(**changes)
        assert page.status_code == 400
        assert "AADSTS" in page.text


def test_mistakes_in_the_request_go_back(dance: Dance) -> None:
    assert dance.back(response_type="token")["error"] == "unsupported_response_type"
    assert dance.back(scope="")["error"] == "invalid_scope"
    assert dance.back(scope="openid Nonsense.Read")["error"] == "invalid_client"
    assert dance.back(scope="https://graph.microsoft.com/User.Read https://other.example/x")["error"] == "invalid_scope"


def test_who_may_use_which_address(dance: Dance, switch: Switchboard) -> None:
    switch.script_consent("allow", VIC)
    assert "code" in dance.back("/consumers/oauth2/v2.0/authorize")
    assert "AADSTS50020" in dance.go("/organizations/oauth2/v2.0/authorize").text
    switch.change_client(audience="AzureADMyOrg")
    assert "AADSTS50194" in dance.go().text
    switch.change_client(audience="AzureADMultipleOrgs")
    assert "AADSTS9002332" in dance.go("/consumers/oauth2/v2.0/authorize").text
    switch.script_consent("allow", ADA)
    code = dance.back("/organizations/oauth2/v2.0/authorize")["code"]
    switch.change_client(audience="AzureADandPersonalMicrosoftAccount")
    assert refused(dance.redeem(code, tenant="consumers")) == (400, "invalid_grant", 700005)


def test_personal_account_has_the_tenant_of_all_and_no_permissions_of_work(dance: Dance, switch: Switchboard) -> None:
    switch.script_consent("allow", VIC)
    answer = dance.sign_in(scope=f"{ASKED} OnlineMeetings.ReadWrite")
    assert claims_of(dance, answer["id_token"])["tid"] == CONSUMERS
    assert "OnlineMeetings.ReadWrite" not in answer["scope"]
    assert answer["access_token"].startswith("EwB")


def test_writing_needs_an_administrator_where_the_tenant_says_so(dance: Dance, switch: Switchboard) -> None:
    switch.change_tenant("example.com", user_consent="recommended")
    switch.script_consent("allow", ELI)
    assert "code" in dance.back()
    back = dance.back(scope=WRITE)
    assert (back["error"], back["error_description"][:11]) == ("consent_required", "AADSTS90094")
    switch.change_tenant("example.com", user_consent="workflow")
    assert dance.back(scope=WRITE)["error_description"].startswith("AADSTS90095")
    switch.script_consent("allow", ADA)
    admin = dance.back(
        "/organizations/v2.0/adminconsent", scope="https://graph.microsoft.com/.default", response_type=None
    )
    assert (admin["admin_consent"], admin["state"]) == ("True", "S1")
    assert "Calendars.ReadWrite" in admin["scope"]
    switch.script_consent("allow", ELI)
    assert "Calendars.ReadWrite" in dance.sign_in(scope=WRITE)["scope"]


def test_admin_consent_refused_by_people_and_by_the_platform(dance: Dance, switch: Switchboard) -> None:
    switch.script_consent("deny")
    back = dance.back("/organizations/v2.0/adminconsent", scope="https://graph.microsoft.com/.default")
    assert (back["error"], back["admin_consent"]) == ("consent_required", "True")
    assert "AADSTS" in dance.go("/common/v2.0/adminconsent").text
    switch.script_consent("allow", ELI)
    assert "AADSTS90094" in dance.go("/organizations/v2.0/adminconsent").text


def test_grants_grow_with_every_consent(dance: Dance) -> None:
    read = dance.sign_in()
    assert refused(dance.refresh(read["refresh_token"], scope=WRITE)) == (400, "invalid_grant", 65001)
    dance.sign_in(scope=WRITE)
    assert "Calendars.ReadWrite" in dance.refresh(read["refresh_token"], scope=WRITE).json()["scope"]


def test_scopes_come_back_with_their_resource_if_told_so(dance: Dance, switch: Switchboard) -> None:
    switch.settings(prefixes_scopes=True, expires_in=600)
    answer = dance.sign_in()
    assert "https://graph.microsoft.com/Calendars.Read" in answer["scope"].split()
    assert answer["expires_in"] == 600


def test_silent_sign_in_needs_somebody_signed_in(dance: Dance, switch: Switchboard) -> None:
    switch.end_script()
    assert dance.back(prompt="none")["error"] == "login_required"
    assert dance.back(prompt="none", login_hint=ADA)["error"] == "interaction_required"


def test_there_is_no_endpoint_to_revoke(microsoft: MicrosoftServer, dance: Dance) -> None:
    assert dance.http.post("/common/oauth2/v2.0/revoke", data={"token": "x"}).status_code == 404
