"""Codes, tokens, and how they end (checklist: authorize, token, Server-to-Server)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.emulators.zoom.conftest import ADA, CALLBACK, Api, refusal
from tests.emulators.zoom.server import CLIENT_ID, CLIENT_SECRET, S2S_ID, S2S_SECRET, ZoomServer

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ADDRESS = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": CALLBACK, "state": "S1"}


def back(zoom: ZoomServer, choice: str = "allow", **more: str) -> dict[str, str]:
    zoom.switch.script_consent(choice, ADA)
    answer = httpx2.get(f"{zoom.base_url}/oauth/authorize", params=ADDRESS | more)
    assert answer.status_code == 302, answer.text
    return {key: value[0] for key, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def token(zoom: ZoomServer, auth: tuple[str, str] | None = (CLIENT_ID, CLIENT_SECRET), **form: str) -> httpx2.Response:
    more: dict[str, Any] = {"auth": auth} if auth else {}
    return httpx2.post(f"{zoom.base_url}/oauth/token", data=form, **more)


def redeem(zoom: ZoomServer, code: str, **form: str) -> httpx2.Response:
    whole: Any = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **form}
    return token(zoom, **whole)


def renew(zoom: ZoomServer, refresh: str) -> httpx2.Response:
    return token(zoom, grant_type="refresh_token", refresh_token=refresh)


def said(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_code_becomes_tokens_once(zoom: ZoomServer) -> None:
    found = back(zoom, code_challenge=CHALLENGE, code_challenge_method="S256")
    assert found["state"] == "S1"
    answer = redeem(zoom, found["code"], code_verifier=VERIFIER).json()
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 3599
    assert "id_token" not in answer
    assert said(redeem(zoom, found["code"], code_verifier=VERIFIER)) == (400, "invalid_grant")


@pytest.mark.parametrize("verifier", ["", "x" * 43])
def test_a_code_without_its_verifier_is_worth_nothing(zoom: ZoomServer, verifier: str) -> None:
    code = back(zoom, code_challenge=CHALLENGE, code_challenge_method="S256")["code"]
    assert said(redeem(zoom, code, code_verifier=verifier)) == (400, "invalid_grant")


def test_a_plain_challenge_is_the_verifier(zoom: ZoomServer) -> None:
    code = back(zoom, code_challenge=VERIFIER)["code"]
    assert redeem(zoom, code, code_verifier=VERIFIER).status_code == 200


def test_a_code_lives_five_minutes(zoom: ZoomServer) -> None:
    code = back(zoom)["code"]
    zoom.switch.advance(301)
    assert said(redeem(zoom, code)) == (400, "invalid_grant")


def test_a_foreign_redirect_shows_a_page_and_goes_nowhere(zoom: ZoomServer) -> None:
    answer = httpx2.get(
        f"{zoom.base_url}/oauth/authorize", params=ADDRESS | {"redirect_uri": "https://evil.example/cb"}
    )
    assert answer.status_code == 400
    assert "4,709" in answer.text
    assert "location" not in answer.headers
    assert said(redeem(zoom, back(zoom)["code"], redirect_uri="https://evil.example/cb")) == (400, "invalid_request")


def test_who_declines_comes_back_with_that(zoom: ZoomServer) -> None:
    assert back(zoom, "deny") == {"error": "access_denied", "state": "S1"}


def test_a_person_decides_on_the_page(zoom: ZoomServer) -> None:
    with httpx2.Client(base_url=zoom.base_url) as http:
        shown = http.get("/oauth/authorize", params=ADDRESS).text
        ask = shown.partition('name="ask" value="')[2].partition('"')[0]
        answer = http.post("/oauth/decide", data={"ask": ask, "user": ADA, "choice": "allow"})
        assert answer.headers["location"].startswith(f"{CALLBACK}?code=")
        assert http.post("/oauth/decide", data={"ask": ask, "user": ADA, "choice": "allow"}).status_code == 400


@pytest.mark.parametrize("auth", [None, (CLIENT_ID, "wrong"), ("nobody", CLIENT_SECRET)])
def test_a_client_proves_itself(zoom: ZoomServer, auth: tuple[str, str] | None) -> None:
    answer = token(zoom, auth, grant_type="authorization_code", code="x")
    assert said(answer) == (401, "invalid_client")


def test_a_refresh_token_works_once(zoom: ZoomServer) -> None:
    first = zoom.switch.tokens(ADA)
    second = renew(zoom, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    answer = renew(zoom, first["refresh_token"])
    assert answer.status_code == 400
    assert answer.json() == {"reason": "Invalid Token!", "error": "invalid_grant"}
    assert renew(zoom, second["refresh_token"]).status_code == 200


def test_the_next_authorization_ends_the_one_before(zoom: ZoomServer) -> None:
    first = zoom.switch.tokens(ADA)
    redeem(zoom, back(zoom)["code"])
    assert said(renew(zoom, first["refresh_token"])) == (400, "invalid_grant")
    assert refusal(Api(zoom.base_url, first["access_token"])("GET", "users/me")) == (401, 124)


def test_revoking_ends_both_tokens(zoom: ZoomServer) -> None:
    held = zoom.switch.tokens(ADA)
    auth = (CLIENT_ID, CLIENT_SECRET)
    answer = httpx2.post(f"{zoom.base_url}/oauth/revoke", data={"token": held["access_token"]}, auth=auth)
    assert answer.json() == {"status": "success"}
    assert refusal(Api(zoom.base_url, held["access_token"])("GET", "users/me")) == (401, 124)
    assert said(renew(zoom, held["refresh_token"])) == (400, "invalid_grant")


def test_server_to_server_gets_no_refresh_token_and_as_many_access_tokens_as_it_likes(zoom: ZoomServer) -> None:
    form = {"grant_type": "account_credentials", "account_id": "AbCdEfGhSxxExampleAcct"}
    tokens = [token(zoom, (S2S_ID, S2S_SECRET), **form).json() for _ in range(2)]
    assert all("refresh_token" not in each for each in tokens)
    for each in tokens:
        assert Api(zoom.base_url, each["access_token"])("GET", f"users/{ADA}").status_code == 200


def test_server_to_server_must_name_its_account(zoom: ZoomServer) -> None:
    answer = token(zoom, (S2S_ID, S2S_SECRET), grant_type="account_credentials", account_id="other")
    assert said(answer) == (400, "invalid_request")
    answer = token(zoom, grant_type="account_credentials", account_id="AbCdEfGhSxxExampleAcct")
    assert said(answer) == (400, "unsupported_grant_type")


def test_an_access_token_ends_after_an_hour(zoom: ZoomServer, ada: Api) -> None:
    assert ada("GET", "users/me").json()["email"] == ADA
    zoom.switch.advance(3599)
    assert refusal(ada("GET", "users/me")) == (401, 124)
    assert ada("GET", "users/me").json()["message"] == "Access token is expired."


@pytest.mark.parametrize("scope", ["meeting:write", "meeting:write:meeting", "meeting:write:admin"])
def test_classic_and_granular_scopes_both_count(zoom: ZoomServer, scope: str) -> None:
    Api(zoom.base_url, zoom.switch.tokens(ADA, [scope])["access_token"]).make()


def test_a_missing_scope_is_named(zoom: ZoomServer) -> None:
    api = Api(zoom.base_url, zoom.switch.tokens(ADA, ["user:read:user"])["access_token"])
    answer = api("POST", "users/me/meetings", {})
    assert refusal(answer) == (400, 4711)
    wanted = "Invalid access token, does not contain scopes:[meeting:write:meeting, meeting:write:meeting:admin]."
    assert answer.json()["message"] == wanted


def test_me_is_for_people_and_names_for_the_account(zoom: ZoomServer, ada: Api, whole_account: Api) -> None:
    assert ada("GET", f"users/{ADA}").status_code == 401
    assert whole_account("GET", "users/me").status_code == 400
    assert refusal(whole_account("GET", "users/nobody@example.com")) == (404, 1001)
    zoom.switch.add_user(ADA, is_gone=True)
    assert refusal(whole_account("GET", f"users/{ADA}")) == (404, 1001)
