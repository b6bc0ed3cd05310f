"""Signing in and out, the second factor, and the link of an invitation, as browsers see them."""

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.services import logins, people, second_factor, settings
from tests import factories
from tests.web.conftest import SignIn, text_of

RIGHT = {"email": "eli@example.com", "password": factories.PASSWORD}


def test_right_password_leads_to_the_page_that_was_asked_for(anonymous: FlaskClient) -> None:
    asked = anonymous.get("/profile/logins")
    assert asked.location == "/login?next=/profile/logins"
    assert anonymous.post(asked.location, data=RIGHT).location == "/profile/logins"
    assert anonymous.get("/profile/logins").status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_login_never_leads_to_another_site(anonymous: FlaskClient, target: str) -> None:
    response = anonymous.post("/login", query_string={"next": target}, data=RIGHT)
    assert response.status_code == 303
    assert response.location == "/profile/" or response.location == "/overview/" or response.location == "/overview"


def test_wrong_password_and_unknown_address_get_the_same_answer(anonymous: FlaskClient) -> None:
    wrong = anonymous.post("/login", data={**RIGHT, "password": "something else"})
    unknown = anonymous.post("/login", data={"email": "nobody@example.com", "password": "something else"})
    assert wrong.status_code == unknown.status_code == 422
    assert text_of(wrong.text) == text_of(unknown.text)
    assert "The address or the password is wrong" in wrong.text


def test_refused_form_keeps_the_address_and_never_the_password(anonymous: FlaskClient) -> None:
    page = anonymous.post("/login", data={**RIGHT, "password": "something else"}).text
    assert 'value="eli@example.com"' in page
    assert "something else" not in page


def test_too_many_tries_are_slowed_down(anonymous: FlaskClient) -> None:
    for _ in range(10):
        anonymous.post("/login", data={**RIGHT, "password": "something else"})
    page = anonymous.post("/login", data=RIGHT)
    assert page.status_code == 422
    assert "Too many failed attempts" in page.text


def test_second_factor_is_asked_for_and_a_code_works_once(
    anonymous: FlaskClient, app: Flask, rt: Runtime, cast: factories.Cast, clock: factories.Clock
) -> None:
    secret = second_factor.begin(rt, by=factories.acting(cast.eli)).secret
    second_factor.enable(rt, code_at(secret, clock), by=factories.acting(cast.eli))
    clock.advance(minutes=1)
    assert anonymous.post("/login", data=RIGHT).location == "/login/code"
    assert anonymous.get("/profile/").status_code == 303, "the password alone lets nobody in"
    assert anonymous.post("/login/code", data={"code": "000000"}).status_code == 422
    assert anonymous.post("/login/code", data={"code": code_at(secret, clock)}).status_code == 303
    assert anonymous.get("/profile/").status_code == 200
    other = app.test_client()
    other.post("/login", data=RIGHT)
    assert other.post("/login/code", data={"code": code_at(secret, clock)}).status_code == 422


def test_logout_ends_the_session_even_for_a_copied_cookie(eli: FlaskClient, app: Flask) -> None:
    cookie = eli.get_cookie("session")
    assert eli.post("/logout").location == "/login"
    thief = app.test_client()
    thief.set_cookie("session", cookie.value)
    assert thief.get("/profile/").location.startswith("/login")


def test_session_ends_when_the_password_changes_elsewhere(eli: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    by = factories.acting(cast.eli)
    logins.change_password(rt, cast.eli.id, factories.PASSWORD, "four unrelated words here", by=by)
    assert eli.get("/profile/").location.startswith("/login")


def test_disabling_a_person_ends_the_session_at_once(eli: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    people.disable(rt, cast.eli.id, by=factories.acting(cast.ada))
    assert eli.get("/profile/").location.startswith("/login")


def test_login_makes_a_new_session(anonymous: FlaskClient) -> None:
    with anonymous.session_transaction() as session:
        session["planted"] = "by someone else"
    anonymous.post("/login", data=RIGHT)
    with anonymous.session_transaction() as session:
        assert "planted" not in session


def test_signed_in_people_are_led_past_the_form(eli: FlaskClient) -> None:
    assert eli.get("/login?next=/help/").location == "/help/"


def test_invited_person_chooses_a_password_and_is_in(app: Flask, rt: Runtime, cast: factories.Cast) -> None:
    made = people.invite(rt, "nora@example.com", "staff", name="Nora", by=factories.acting(cast.ada))
    nora = app.test_client()
    page = nora.get(f"/invite/{made.key}")
    assert "Welcome, Nora" in page.text
    chosen = {"password": "four unrelated words here", "again": "four unrelated words here"}
    assert nora.post(f"/invite/{made.key}", data=chosen).status_code == 303
    assert "nora@example.com" in nora.get("/profile/").text
    again = app.test_client().get(f"/invite/{made.key}")
    assert again.status_code == 409
    assert "Ask your admin for a new one" in again.text


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"password": "short", "again": "short"}, "at least 10 characters"),
        ({"password": "four unrelated words here", "again": "another"}, "The two passwords differ"),
        ({"password": "", "again": ""}, "Choose a password"),
    ],
)
def test_bad_new_password_is_refused_with_words(
    app: Flask, rt: Runtime, cast: factories.Cast, chosen: dict[str, str], told: str
) -> None:
    made = people.invite(rt, "nora@example.com", "staff", by=factories.acting(cast.ada))
    page = app.test_client().post(f"/invite/{made.key}", data=chosen)
    assert page.status_code == 422
    assert told in text_of(page.text)


def test_invite_does_not_get_past_a_second_factor(
    app: Flask, rt: Runtime, cast: factories.Cast, clock: factories.Clock
) -> None:
    secret = second_factor.begin(rt, by=factories.acting(cast.eli)).secret
    second_factor.enable(rt, code_at(secret, clock), by=factories.acting(cast.eli))
    made = people.renew_invite(rt, cast.eli.id, by=factories.acting(cast.ada))
    chosen = {"password": "four unrelated words here", "again": "four unrelated words here"}
    assert app.test_client().post(f"/invite/{made.key}", data=chosen).location == "/login/code"


def test_admin_goes_on_with_an_unfinished_setup(anonymous: FlaskClient, rt: Runtime) -> None:
    assert not settings.organisation(rt)[0].is_set_up
    response = anonymous.post("/login", data={"email": "ada@example.com", "password": factories.PASSWORD})
    assert response.location == "/setup/organisation"


def test_login_page_shows_the_organisation_and_not_the_product(anonymous: FlaskClient, ada: FlaskClient) -> None:
    ada.post("/setup/organisation", data={"name": "Northwind Clinics", "accent": "#0a7d5a", "version": 0})
    page = anonymous.get("/login").text
    assert "Northwind Clinics" in text_of(page)
    assert "Calsync" not in text_of(page)


def test_time_runs_out_for_an_unused_login(eli: FlaskClient, clock: factories.Clock) -> None:
    clock.advance(days=13)
    assert eli.get("/profile/").status_code == 200
    clock.advance(days=15)
    assert eli.get("/profile/").status_code == 303


def code_at(secret: str, clock: factories.Clock) -> str:
    return pyotp.TOTP(secret).at(clock.at)


def test_two_browsers_of_one_test_do_not_share_a_login(sign_in: SignIn, cast: factories.Cast, app: Flask) -> None:
    assert "eli@example.com" in sign_in(cast.eli).get("/profile/").text
    assert "ada@example.com" in sign_in(cast.ada).get("/profile/").text
    assert app.test_client().get("/profile/").status_code == 303
