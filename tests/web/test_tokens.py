"""Tokens of the API on the pages: made, shown once, listed, revoked."""

import re

import pytest
from flask.testing import FlaskClient
from sqlmodel import select
from werkzeug.test import TestResponse

from calsync.runtime import Runtime
from calsync.services import api_settings, tokens
from calsync.services.api_settings import ApiSettings
from calsync.store import tables as t
from tests import factories
from tests.factories import Cast, Clock
from tests.web.conftest import SignIn, text_of

NEW = {"name": "CRM", "scope": "write", "lifetime": "30"}


def test_a_token_is_shown_once_and_works(eli: FlaskClient, rt: Runtime, cast: Cast) -> None:
    made = eli.post("/profile/tokens", data=NEW).text
    secret = re.search(r"cal_[\w-]{43}", made)
    assert secret is not None
    caller = tokens.find(rt, secret[0])
    assert caller is not None
    assert (caller.user and caller.user.email, caller.token.scope) == (cast.eli.email, "write")
    again = eli.get("/profile/tokens")
    assert secret[0] not in again.text
    assert f"ends ..{secret[0][-4:]}" in again.text


def test_an_empty_name_is_refused(eli: FlaskClient) -> None:
    page = eli.post("/profile/tokens", data={**NEW, "name": " "})
    assert page.status_code == 422
    assert "Give the token a name." in page.text
    assert "No tokens yet" in page.text


def test_staff_are_not_offered_to_administer(eli: FlaskClient, ada: FlaskClient) -> None:
    assert "Administer as well" not in eli.get("/profile/tokens").text
    assert "Administer as well" in ada.get("/profile/tokens").text
    assert eli.post("/profile/tokens", data={**NEW, "scope": "admin"}).status_code == 422


def test_people_see_and_revoke_their_own_only(sign_in: SignIn, cast: Cast, rt: Runtime) -> None:
    made = tokens.create(rt, "CRM of Eli", "read", by=factories.acting(cast.eli))
    path = f"/profile/tokens/{made.token.public_id}/revoke"
    sam = sign_in(cast.sam)
    assert "CRM of Eli" not in sam.get("/profile/tokens").text
    assert sam.post(path).status_code == 404
    assert tokens.find(rt, made.secret) is not None
    assert sign_in(cast.eli).post(path).location == "/profile/tokens"
    assert tokens.find(rt, made.secret) is None


def test_admins_make_and_revoke_tokens_of_nobody(ada: FlaskClient, rt: Runtime) -> None:
    made = ada.post("/people/tokens", data={**NEW, "scope": "admin", "lifetime": "0"}).text
    secret = re.search(r"cal_[\w-]{43}", made)
    caller = tokens.find(rt, secret[0]) if secret else None
    assert caller is not None
    assert (caller.user, caller.token.expires_at) == (None, None)
    assert ada.post(f"/profile/tokens/{caller.token.public_id}/revoke").location == "/people/tokens"
    assert "No tokens yet" in ada.get("/people/tokens").text
    assert [e for e in audited(rt) if e.startswith("token.")] == ["token.created", "token.revoked"]


def test_one_that_has_ended_says_so(sign_in: SignIn, cast: Cast, clock: Clock) -> None:
    sign_in(cast.eli).post("/profile/tokens", data=NEW)
    clock.advance(days=29)
    assert "Ended" not in text_of(sign_in(cast.eli).get("/profile/tokens").text)
    clock.advance(days=1)
    assert "Ended" in text_of(sign_in(cast.eli).get("/profile/tokens").text)


def test_the_document_is_a_page_for_people(anonymous: FlaskClient) -> None:
    page = anonymous.get("/api/docs")
    assert page.status_code == 200
    assert "/api/v1/activities/by-external-id/{external_id}" in page.text
    assert re.findall(r"<(?:script|link|img)[^>]*https?://", page.text) == []  # nothing is loaded from elsewhere


# --- where sign-ins of programs come back

BACK = "https://crm.example.com/back"


def send_redirects(ada: FlaskClient, text: str, version: int = 0) -> TestResponse:
    return ada.post("/people/tokens/redirects", data={"redirect_uris": text, "version": version})


def test_an_admin_says_where_sign_ins_of_programs_come_back(ada: FlaskClient, rt: Runtime) -> None:
    saved = send_redirects(ada, f" {BACK}\r\n\r\nhttp://localhost:9000/x\r\n{BACK}\r\n")
    assert (saved.status_code, saved.location) == (303, "/people/tokens")
    assert api_settings.get(rt)[0].redirect_uris == (BACK, "http://localhost:9000/x")
    page = ada.get("/people/tokens").text
    assert f"{BACK}\nhttp://localhost:9000/x</textarea>" in page
    assert audited(rt)[-1] == "settings.api_changed"
    assert send_redirects(ada, "", version=1).status_code == 303
    assert api_settings.get(rt)[0].redirect_uris == ()


@pytest.mark.parametrize(
    "wrong", ["http://crm.example.com/back", "crm.example.com", "javascript:alert(1)", "https://", BACK + "#part"]
)
def test_an_address_that_cannot_be_used_is_named_and_nothing_saved(wrong: str, ada: FlaskClient, rt: Runtime) -> None:
    page = send_redirects(ada, f"{BACK}\n{wrong}")
    assert page.status_code == 422
    assert f"“{wrong}” cannot be used." in text_of(page.text)
    assert f"{BACK}\n{wrong}</textarea>" in page.text  # what was typed stands there still
    assert "Give the token a name." not in page.text
    assert api_settings.get(rt) == (ApiSettings(), 0)


def test_more_addresses_than_anybody_needs_are_refused(ada: FlaskClient, rt: Runtime) -> None:
    page = send_redirects(ada, "\n".join(f"{BACK}/{n}" for n in range(51)))
    assert page.status_code == 422
    assert "These are 51 addresses. Give at most 50." in page.text


def test_what_another_admin_allowed_meanwhile_is_not_overwritten(ada: FlaskClient, rt: Runtime, cast: Cast) -> None:
    api_settings.save(rt, ApiSettings((BACK,)), 0, by=factories.acting(cast.ada))
    assert send_redirects(ada, "https://other.example/back").status_code == 422
    assert api_settings.get(rt)[0].redirect_uris == (BACK,)


def audited(rt: Runtime) -> list[str]:
    with rt.reading() as session:
        return [entry.action for entry in session.exec(select(t.AuditEntry).order_by(t.AuditEntry.id))]
