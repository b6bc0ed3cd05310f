"""A person's own pages."""

import re

import pyotp
import pytest
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.services import second_factor
from calsync.store import people as rows
from calsync.store import tables as t
from tests import factories
from tests.web.conftest import HTMX, SignIn, start_login, text_of


def me(rt: Runtime, user: t.User) -> t.User:
    with rt.reading() as session:
        return rows.get(session, user.id or 0)


def test_zone_changes_the_times_that_are_shown(eli: FlaskClient) -> None:
    assert "Times are shown in UTC" in text_of(eli.get("/profile/").text)
    eli.post("/profile/", data={"name": "Eli", "tz": "Asia/Tokyo"})
    page = eli.get("/profile/logins").text
    assert "Times are shown in Asia/Tokyo" in text_of(page)
    assert 'title="2030-01-07, 18:00"' in page


def test_unknown_zone_is_refused(eli: FlaskClient) -> None:
    page = eli.post("/profile/", data={"name": "Eli", "tz": "Mars/Olympus"})
    assert page.status_code == 422


def test_password_change_keeps_this_browser_and_ends_the_others(
    sign_in: SignIn, cast: factories.Cast, rt: Runtime
) -> None:
    here, elsewhere = sign_in(cast.eli), sign_in(cast.eli)
    new = "four unrelated words here"
    here.post("/profile/password", data={"old": factories.PASSWORD, "password": new, "again": new})
    assert here.get("/profile/").status_code == 200
    assert elsewhere.get("/profile/").status_code == 303


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"old": "wrong", "password": "four unrelated words", "again": "four unrelated words"}, "not your present"),
        ({"old": factories.PASSWORD, "password": "short", "again": "short"}, "at least 10 characters"),
        ({"old": factories.PASSWORD, "password": "four unrelated words", "again": "x"}, "The two passwords differ"),
    ],
)
def test_refused_password_says_why_on_its_field(eli: FlaskClient, data: dict[str, str], told: str) -> None:
    page = eli.post("/profile/password", data=data)
    assert page.status_code == 422
    assert told in text_of(page.text)
    assert 'aria-invalid="true"' in page.text


def test_second_factor_from_the_picture_to_the_codes(
    eli: FlaskClient, rt: Runtime, cast: factories.Cast, clock: factories.Clock
) -> None:
    begun = eli.post("/profile/second-factor/begin").text
    assert "<svg" in begun
    secret = re.search(r'id="totp-key" value="([A-Z2-7]+)"', begun).group(1)
    assert eli.post("/profile/second-factor/enable", data={"code": "123"}).status_code == 422
    done = eli.post("/profile/second-factor/enable", data={"code": pyotp.TOTP(secret).at(clock.at)})
    codes = re.findall(r"<li>([A-Z2-9-]{19})</li>", done.text)
    assert len(codes) == 10
    assert second_factor.is_on(me(rt, cast.eli))
    later = eli.get("/profile/second-factor").text
    assert codes[0] not in later
    assert "10 recovery codes left" in text_of(later)
    assert secret not in later


def test_recovery_codes_are_renewed_by_a_code(
    eli: FlaskClient, rt: Runtime, cast: factories.Cast, clock: factories.Clock
) -> None:
    secret = second_factor.begin(rt, by=factories.acting(cast.eli)).secret
    old = second_factor.enable(rt, pyotp.TOTP(secret).at(clock.at), by=factories.acting(cast.eli))
    assert eli.post("/profile/second-factor/codes", data={"code": "000000"}).status_code == 422
    clock.advance(minutes=1)
    page = eli.post("/profile/second-factor/codes", data={"code": pyotp.TOTP(secret).at(clock.at)}).text
    new = re.findall(r"<li>([A-Z2-9-]{19})</li>", page)
    assert len(new) == 10
    assert set(new).isdisjoint(old)


def test_second_factor_is_removed(eli: FlaskClient, rt: Runtime, cast: factories.Cast, clock: factories.Clock) -> None:
    secret = second_factor.begin(rt, by=factories.acting(cast.eli)).secret
    second_factor.enable(rt, pyotp.TOTP(secret).at(clock.at), by=factories.acting(cast.eli))
    eli.post("/profile/second-factor/remove")
    assert not second_factor.is_on(me(rt, cast.eli))


def test_logins_name_browser_and_address(eli: FlaskClient) -> None:
    page = text_of(eli.get("/profile/logins").text)
    assert "Firefox on Linux This browser" in page
    assert "192.0.2.7" in page


def test_ending_another_login_answers_the_changed_part(eli: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    start_login(rt, cast.eli)
    before = eli.get("/profile/logins").text
    url = re.search(r'hx-post="(/profile/logins/\d+/end)"', before).group(1)
    part = eli.post(url, headers=HTMX)
    assert part.status_code == 200
    assert part.text.strip().startswith('<div class="card" id="logins">')
    assert "hx-post" not in part.text, "only this browser is left"
    assert "HX-Request" in part.headers["Vary"]


def test_ending_another_login_without_scripts_leads_back(eli: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    start_login(rt, cast.eli)
    url = re.search(r'action="(/profile/logins/\d+/end)"', eli.get("/profile/logins").text).group(1)
    assert eli.post(url).location == "/profile/logins"


def test_log_out_everywhere_means_here_too(sign_in: SignIn, cast: factories.Cast) -> None:
    here, elsewhere = sign_in(cast.eli), sign_in(cast.eli)
    assert here.post("/profile/logins/end-all").location == "/login"
    assert here.get("/profile/").status_code == 303
    assert elsewhere.get("/profile/").status_code == 303


def test_mail_choices_are_kept(eli: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    page = eli.get("/profile/notices").text
    assert 'name="reconnect"' in page
    assert 'name="digest"' not in page, "the digest is for admins"
    eli.post("/profile/notices", data={"reconnect": "y"})
    choices = me(rt, cast.eli).notice_choices
    assert choices["reconnect"] is True
    assert choices["held"] is False


def test_theme_is_a_cookie_and_reaches_the_page(eli: FlaskClient) -> None:
    answer = eli.post("/theme", data={"theme": "dark", "next": "/help/"})
    assert answer.location == "/help/"
    assert 'data-bs-theme="dark"' in eli.get("/help/").text
    eli.post("/theme", data={"theme": "auto"})
    assert "data-bs-theme" not in eli.get("/help/").text
    assert eli.post("/theme", data={"theme": "dark", "next": "//evil.example"}).location != "//evil.example"
