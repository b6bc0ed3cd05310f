"""Headers, cookies, CSRF, request rates, static files: as `calsync serve` runs them."""

import gzip
import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from tests import factories
from tests.web.conftest import signed_in
from webapp import create_app

RIGHT = {"email": "eli@example.com", "password": factories.PASSWORD}


@pytest.fixture
def strict(strict_app: Flask, cast: factories.Cast) -> FlaskClient:
    return strict_app.test_client()


def token_in(page: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page).group(1)


def test_every_page_carries_a_strict_content_policy(strict: FlaskClient) -> None:
    policy = strict.get("/login").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "img-src 'self' data:" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ],
)
def test_every_page_carries_the_header(strict: FlaskClient, header: str, value: str) -> None:
    assert strict.get("/login").headers[header] == value
    assert strict.get("/nowhere").headers[header] == value


def test_templates_hold_no_inline_script_or_style() -> None:
    folder = Path(__file__).parents[2] / "webapp" / "templates"
    inline = re.compile(r"<style|\sstyle=\"|\son[a-z]+=\"|<script(?![^>]*\bsrc=)")
    jinja = re.compile(r"\{[{%#].*?[#%}]\}", re.DOTALL)
    pages = {path.name: jinja.sub("", path.read_text()) for path in folder.rglob("*.html")}
    assert len(pages) > 10
    assert {name: found for name, html in pages.items() if (found := inline.findall(html))} == {}


def test_session_cookie_cannot_be_read_or_sent_from_elsewhere(strict: FlaskClient) -> None:
    strict.post("/login", data={**RIGHT, "csrf_token": token_in(strict.get("/login").text)})
    cookie = strict.get_cookie("session")
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert not cookie.secure, "reached by http"


def test_session_cookie_is_secure_where_people_use_https(tmp_path: Path) -> None:
    app = create_app(factories.make_runtime(tmp_path))  # its public address is https
    client = app.test_client()
    client.get("/setup/")
    assert client.get_cookie("session").secure


@pytest.mark.parametrize("header", ["", "wrong"])
def test_a_form_without_its_token_is_refused(strict: FlaskClient, header: str) -> None:
    headers = {"X-CSRFToken": header} if header else {}
    refused = strict.post("/login", data=RIGHT, headers=headers)
    assert refused.status_code == 400
    assert "This form is no longer valid" in refused.text


def test_htmx_sends_the_token_in_a_header(strict_app: Flask, rt: Runtime, cast: factories.Cast) -> None:
    client = signed_in(strict_app, rt, cast.eli)
    page = client.get("/profile/notices").text
    token = re.search(r"""hx-headers='\{"X-CSRFToken": "([^"]+)"\}'""", page).group(1)
    sent = client.post("/profile/notices", headers={"X-CSRFToken": token, "HX-Request": "true"})
    assert sent.status_code == 303


def test_token_of_another_session_is_refused(strict_app: Flask, rt: Runtime, cast: factories.Cast) -> None:
    mine = token_in(signed_in(strict_app, rt, cast.sam).get("/profile/").text)
    victim = signed_in(strict_app, rt, cast.eli)
    assert victim.post("/profile/", data={"csrf_token": mine, "name": "Eve", "tz": "UTC"}).status_code == 400


def test_forms_stay_valid_while_a_page_is_open_for_days(strict_app: Flask, rt: Runtime, cast: factories.Cast) -> None:
    with time_machine.travel("2030-01-07", tick=False) as traveller:
        client = signed_in(strict_app, rt, cast.eli)
        token = token_in(client.get("/profile/").text)
        traveller.shift(timedelta(days=5))
        saved = client.post("/profile/", data={"csrf_token": token, "name": "Eli", "tz": "UTC"})
    assert saved.status_code == 303


def test_one_address_may_not_post_without_end(strict: FlaskClient) -> None:
    token = token_in(strict.get("/login").text)
    codes = [strict.post("/login", data={"csrf_token": token}).status_code for _ in range(31)]
    assert codes[:30] == [422] * 30
    assert codes[30] == 429
    assert strict.get("/login").status_code == 200, "reading is not limited"


def test_large_bodies_are_refused(strict: FlaskClient) -> None:
    assert strict.post("/login", data={"email": "x" * 5_000_000}).status_code == 413


def test_forwarded_headers_count_only_behind_a_known_proxy(tmp_path: Path) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
    for proxies, secure in ((0, False), (1, True)):
        folder = tmp_path / str(proxies)
        settings = factories.make_settings(folder, public_url="", trusted_proxies=proxies)
        client = create_app(factories.make_runtime(folder, settings=settings)).test_client()
        answer = client.get("/setup/", headers=forwarded)
        assert ("Strict-Transport-Security" in answer.headers) is secure


def test_static_files_are_kept_for_ever_by_their_version(strict: FlaskClient) -> None:
    url = re.search(r'href="(/static/calsync\.css\?v=\w+)"', strict.get("/login").text).group(1)
    assert "immutable" in strict.get(url).headers["Cache-Control"]
    assert strict.get("/static/calsync.css").headers["Cache-Control"] == "no-cache"
    assert strict.get("/static/calsync.css?v=old").headers["Cache-Control"] == "no-cache"


def test_static_files_are_compressed_for_those_who_can(strict: FlaskClient) -> None:
    plain = strict.get("/static/calsync.css")
    small = strict.get("/static/calsync.css", headers={"Accept-Encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert "Accept-Encoding" in small.headers["Vary"]


def test_unchanged_static_file_is_not_sent_again(strict: FlaskClient) -> None:
    etag = strict.get("/static/calsync.css").headers["ETag"]
    assert strict.get("/static/calsync.css", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    "path", ["/static/../__init__.py", "/static/%2e%2e/factory.py", "/static/nothing.css", "/static/"]
)
def test_nothing_beside_static_is_served(strict: FlaskClient, path: str) -> None:
    assert strict.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/people/99999999999999999999", "/people/2147483648", "/people/-1"])
def test_impossible_ids_are_nobodys(ada: FlaskClient, path: str) -> None:
    assert ada.get(path).status_code == 404


def test_a_nul_character_is_refused(ada: FlaskClient) -> None:
    assert ada.get("/people/?q=a%00b").status_code == 400
    assert ada.post("/people/invite", data={"email": "a\0@example.com"}).status_code == 400
