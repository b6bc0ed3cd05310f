"""Undo on the pages of a run: first what goes back is shown, then it goes."""

import pytest
from flask.testing import FlaskClient

from calsync.services import queued, undo
from tests.services.office import Office
from tests.web.conftest import SignIn
from tests.web.history import edited

pytestmark = pytest.mark.usefixtures("office")


def digest_in(text: str) -> str:
    return text.split('name="digest" value="')[1].split('"')[0]


def test_undo_shows_what_goes_back_and_does_nothing_yet(office: Office, eli: FlaskClient) -> None:
    run = edited(office)
    assert f"/history/{run.id}/undo" in eli.get(f"/history/{run.id}").text
    text = eli.get(f"/history/{run.id}/undo").text
    assert '<div class="diff-old">Wrong title</div><div class="diff-new">Kick-off</div>' in text
    assert "Undo 1 change" in text
    assert office.titles_here() == ["Wrong title"]


def test_undo_takes_it_back_on_both_sides(office: Office, eli: FlaskClient) -> None:
    run = edited(office)
    answer = eli.post(f"/history/{run.id}/undo", data={"digest": digest_in(eli.get(f"/history/{run.id}/undo").text)})
    child = int(answer.location.rpartition("/")[2])
    queued.work(office.rt, child)
    assert office.titles_here() == office.titles_there() == ["Kick-off"]
    text = eli.get(f"/history/{run.id}").text
    assert "Taken back in" in text
    assert "Undone" in text
    assert "Nothing can be taken back" in eli.get(f"/history/{run.id}/undo").text


def test_undo_lists_what_stays(office: Office, eli: FlaskClient) -> None:
    run = edited(office)
    office.edit("Wrong title", summary="Third title")
    office.settle()
    text = eli.get(f"/history/{run.id}/undo").text
    assert "Changed since, so it stays as it is." in text


def test_undo_of_something_else_than_was_shown_is_refused(office: Office, eli: FlaskClient) -> None:
    run = edited(office)
    answer = eli.post(f"/history/{run.id}/undo", data={"digest": "old"})
    assert answer.status_code == 422
    assert "Something has changed since you looked" in answer.text


def test_undo_hides_private_values_and_is_not_for_clients(office: Office, ada: FlaskClient, sign_in: SignIn) -> None:
    office.rule(import_private="full")
    handle = office.meeting("Interview Zoe", classification="private")
    office.settle()
    office.server.edit("work", handle, location="Secret place")
    run = office.sync()
    text = ada.get(f"/history/{run.id}/undo").text
    assert "Zoe" not in text
    assert "Secret place" not in text
    office.change_account(user_id=office.cast.vic.id)
    assert sign_in(office.cast.vic).get(f"/history/{run.id}/undo").status_code == 403


def test_undo_of_a_large_run_is_looked_through_by_a_run_first(
    office: Office, eli: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "AT_ONCE", 1)
    for number in range(3):
        office.write(f"Review {number}", hours=30 + number)
    run = office.sync()
    assert "This run changed 3 records" in eli.get(f"/history/{run.id}/undo").text
    preview = eli.post(f"/history/{run.id}/undo").location
    queued.work(office.rt, int(preview.rpartition("/")[2]))
    assert len(office.titles_there()) == 3
    assert "Undo 3 changes" in eli.get(preview).text
    child = eli.post(f"{preview}/undo").location
    queued.work(office.rt, int(child.rpartition("/")[2]))
    assert office.titles_there() == []
