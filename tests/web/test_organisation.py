"""The organisation's page, the switch that stops all writing, and the name that nobody should see."""

import pytest
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.services import settings
from tests.web.conftest import text_of


def test_admin_changes_the_look(ada: FlaskClient, rt: Runtime) -> None:
    saved = ada.post("/organisation/look", data={"name": "Northwind", "accent": "#AA0000", "version": 0})
    assert saved.location == "/organisation/"
    assert settings.organisation(rt)[0].accent == "#AA0000"
    assert "#aa0000" in ada.get("/brand/style.css").text


def test_who_saves_second_is_told_and_overwrites_nothing(ada: FlaskClient, rt: Runtime) -> None:
    ada.post("/organisation/look", data={"name": "First", "accent": "#206bc4", "version": 0})
    page = ada.post("/organisation/look", data={"name": "Second", "accent": "#206bc4", "version": 0})
    assert page.status_code == 422
    assert "Somebody else saved these settings" in page.text
    assert settings.organisation(rt)[0].name == "First"


@pytest.mark.parametrize("accent", ["red", "#12", "#gggggg", "</style>"])
def test_accent_must_be_a_colour(ada: FlaskClient, accent: str) -> None:
    page = ada.post("/organisation/look", data={"name": "Northwind", "accent": accent, "version": 0})
    assert page.status_code == 422
    assert "like #206bc4" in page.text


def test_address_must_be_an_address(ada: FlaskClient) -> None:
    data = {"public_url": "calendar.example.com", "tz": "UTC", "date_format": "iso", "version": 0}
    page = ada.post("/organisation/address", data=data)
    assert page.status_code == 422
    assert "This is not an address people can type" in page.text
    assert 'value="calendar.example.com"' in page.text


def test_dates_follow_the_language_chosen_and_words_stay_english(ada: FlaskClient) -> None:
    ada.post("/organisation/address", data={"public_url": "", "tz": "UTC", "date_format": "de", "version": 0})
    agenda = ada.get("/calendar/?view=month&date=2030-03-09").text
    assert '<h2 class="cal-title">März 2030</h2>' in agenda
    assert '<html lang="en"' in agenda
    assert "Mi." in text_of(ada.get("/activities/new").text).split()
    assert "7. Jan. 2030, 09:00" in ada.get("/audit/").text


def test_all_writes_pause_and_resume(ada: FlaskClient, rt: Runtime) -> None:
    ada.post("/organisation/pause-writes")
    assert settings.switches(rt)[0].writes_paused
    assert "All writing is paused" in text_of(ada.get("/help/").text)
    ada.post("/organisation/resume-writes")
    assert not settings.switches(rt)[0].writes_paused


def test_staff_do_not_see_the_switch(eli: FlaskClient) -> None:
    assert "Pause all writes" not in eli.get("/help/").text


@pytest.mark.parametrize("path", ["/profile/", "/help/", "/profile/second-factor", "/profile/notices", "/nowhere"])
def test_no_page_of_staff_names_the_product(ada: FlaskClient, eli: FlaskClient, path: str) -> None:
    ada.post("/organisation/look", data={"name": "Northwind", "accent": "#206bc4", "version": 0})
    assert "calsync" not in text_of(eli.get(path).text).lower()
