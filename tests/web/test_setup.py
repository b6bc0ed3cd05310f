"""The first start: nobody yet, then the first admin, then the organisation."""

import io

from flask import Flask
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.services import settings
from tests import factories
from tests.web.conftest import text_of

FIRST = {
    "name": "Ada",
    "email": "ada@example.com",
    "password": factories.PASSWORD,
    "again": factories.PASSWORD,
}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def test_every_page_leads_to_the_setup_while_nobody_is_there(app: Flask) -> None:
    client = app.test_client()
    for path in ("/", "/login", "/people/", "/profile/"):
        assert client.get(path).location == "/setup/"
    assert client.get("/healthz").status_code == 200
    assert client.get("/static/calsync.css").status_code == 200


def test_setup_ends_with_an_organisation_of_ones_own(app: Flask, rt: Runtime) -> None:
    client = app.test_client()
    assert client.post("/setup/", data=FIRST).location == "/setup/organisation"
    look = {"name": "Northwind", "accent": "#0a7d5a", "version": 0, "logo": (io.BytesIO(PNG), "logo.png")}
    assert client.post("/setup/organisation", data=look).location == "/setup/address"
    version = settings.organisation(rt)[1]
    place = {"public_url": "https://cal.example.com/", "tz": "Europe/Berlin", "date_format": "dmy", "version": version}
    assert client.post("/setup/address", data=place).status_code == 303
    org, _ = settings.organisation(rt)
    assert (org.name, org.tz, org.public_url, org.is_set_up) == (
        "Northwind",
        "Europe/Berlin",
        "https://cal.example.com",
        True,
    )
    assert client.get("/brand/logo").data == PNG
    assert "Europe/Berlin" in text_of(client.get("/help/").text), "the admin's own times follow"


def test_second_first_admin_is_refused(app: Flask, cast: factories.Cast) -> None:
    response = app.test_client().post("/setup/", data={**FIRST, "email": "eve@example.com"})
    assert response.status_code == 303
    assert app.test_client().post("/login", data={**FIRST, "email": "eve@example.com"}).status_code == 422


def test_refused_setup_keeps_what_was_typed(app: Flask) -> None:
    page = app.test_client().post("/setup/", data={**FIRST, "again": "something else"})
    assert page.status_code == 422
    assert 'value="ada@example.com"' in page.text
    assert "The two passwords differ" in page.text
    assert factories.PASSWORD not in page.text


def test_address_is_compared_with_the_browsers(ada: FlaskClient) -> None:
    assert "Matches the address in your browser" in ada.get("/setup/address").text
    page = ada.post(
        "/setup/address", data={"public_url": "https://other.example", "tz": "Nowhere", "date_format": "iso"}
    )
    assert page.status_code == 422
    assert "This is not the address in your browser" in page.text


def test_logo_of_another_kind_is_refused(ada: FlaskClient) -> None:
    logo = (io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "logo.svg")
    page = ada.post("/setup/organisation", data={"name": "Northwind", "accent": "#0a7d5a", "version": 0, "logo": logo})
    assert page.status_code == 422
    assert "PNG, JPEG, GIF or WebP" in page.text
