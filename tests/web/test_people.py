"""The People page: list, invitation, roles, switches, leaving."""

import re

import pytest
from flask.testing import FlaskClient

from calsync.runtime import Runtime
from calsync.services import settings
from calsync.store import people as rows
from calsync.store import tables as t
from tests import factories
from tests.web.conftest import SignIn, text_of
from tests.web.world import make_activity


def person(rt: Runtime, user_id: int) -> t.User:
    with rt.reading() as session:
        return rows.get(session, user_id)


def test_list_shows_people_and_what_they_own(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    factories.make_account(rt, cast.eli)
    page = text_of(ada.get("/people/").text)
    assert "eli@example.com Staff Off 1" in page
    assert "vic@example.com Client Off 0" in page


def test_list_is_filtered_by_the_address_bar(ada: FlaskClient) -> None:
    found = text_of(ada.get("/people/?q=ELI").text)
    assert "eli@example.com" in found
    assert "vic@example.com" not in found
    assert "Nobody matches" in ada.get("/people/?q=zebra").text


def test_list_is_paged_and_keeps_its_filter(ada: FlaskClient, rt: Runtime) -> None:
    for number in range(60):
        factories.make_user(rt, f"Extra{number:02}", "client")
    first = ada.get("/people/?role=client")
    following = re.search(r'href="([^"]*after=[^"]*)"', first.text)
    assert following is not None
    second = ada.get(following.group(1).replace("&amp;", "&"))
    assert "extra49@example.com" in first.text
    assert "extra59@example.com" in second.text
    assert "ada@example.com" not in text_of(second.text).replace("Ada Admin", "")
    assert 'rel="prev"' in second.text


def test_invitation_gives_a_link_once(ada: FlaskClient, rt: Runtime) -> None:
    page = ada.post("/people/invite", data={"email": "nora@example.com", "name": "Nora", "role": "client"})
    link = re.search(r'value="(http[^"]*/invite/[^"]+)"', page.text)
    assert link is not None
    with rt.reading() as session:
        assert rows.get_by_email(session, "nora@example.com").role == "client"
    assert link.group(1).rsplit("/", 1)[1] not in ada.get("/people/").text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"email": "not an address", "role": "staff"}, "does not look like an email address"),
        ({"email": "ELI@example.com", "role": "staff"}, "There is somebody with the address"),
        ({"email": "nora@example.com", "role": "emperor"}, "Not a valid choice"),
    ],
)
def test_bad_invitation_is_refused_with_words(ada: FlaskClient, data: dict[str, str], told: str) -> None:
    page = ada.post("/people/invite", data=data)
    assert page.status_code == 422
    assert told in text_of(page.text)
    assert f'value="{data["email"]}"' in page.text


def test_new_people_start_in_the_organisations_zone(ada: FlaskClient, rt: Runtime) -> None:
    ada.post("/organisation/address", data={"tz": "Europe/Madrid", "date_format": "dmy", "version": 0})
    ada.post("/people/invite", data={"email": "nora@example.com", "role": "staff"})
    with rt.reading() as session:
        assert rows.get_by_email(session, "nora@example.com").tz == "Europe/Madrid"


def test_role_changes_at_the_next_click(ada: FlaskClient, eli: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    assert eli.get("/people/").status_code == 403
    ada.post(f"/people/{cast.eli.id}/role", data={"role": "admin"})
    assert eli.get("/people/").status_code == 200


def test_last_admin_stays_admin(ada: FlaskClient, cast: factories.Cast) -> None:
    page = ada.post(f"/people/{cast.ada.id}/role", data={"role": "staff"})
    assert page.status_code == 422
    assert "last admin" in page.text
    refused = ada.post(f"/people/{cast.ada.id}/disable")
    assert refused.status_code == 409
    assert "last admin" in refused.text


def test_disabled_person_is_out_and_can_be_let_in_again(
    ada: FlaskClient, sign_in: SignIn, rt: Runtime, cast: factories.Cast
) -> None:
    eli = sign_in(cast.eli)
    ada.post(f"/people/{cast.eli.id}/disable")
    assert eli.get("/profile/").status_code == 303
    assert "Disabled" in text_of(ada.get(f"/people/{cast.eli.id}").text)
    ada.post(f"/people/{cast.eli.id}/enable")
    assert not person(rt, cast.eli.id).is_disabled


def test_switches_are_saved_and_guarded_against_a_second_admin(ada: FlaskClient, rt: Runtime) -> None:
    ada.post("/people/switches", data={"clients_may_connect": "y", "version": 0})
    known, version = settings.switches(rt)
    assert (known.staff_may_connect, known.clients_may_connect) == (False, True)
    stale = ada.post("/people/switches", data={"staff_may_connect": "y", "version": version - 1})
    assert stale.status_code == 422
    assert settings.switches(rt)[0] == known


def test_switches_leave_paused_writes_alone(ada: FlaskClient, rt: Runtime) -> None:
    ada.post("/organisation/pause-writes")
    ada.post("/people/switches", data={"staff_may_connect": "y", "version": settings.switches(rt)[1]})
    assert settings.switches(rt)[0].writes_paused


def test_hand_over_shows_first_and_then_does(ada: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    account = factories.make_account(rt, cast.eli)
    with rt.writing() as session:
        session.add(make_activity(rt, cast.eli, "Kick-off Acme"))
    url, to = f"/people/{cast.eli.id}/hand-over", {"to": cast.sam.id}
    preview = ada.post(url, data=to)
    assert "Nothing has happened yet" in preview.text
    with rt.reading() as session:
        assert session.get(t.Account, account.id).user_id == cast.eli.id
    ada.post(url, data={**to, "confirmed": "yes"})
    with rt.reading() as session:
        assert session.get(t.Account, account.id).user_id == cast.sam.id


def test_hand_over_to_nobody_is_refused(ada: FlaskClient, cast: factories.Cast) -> None:
    assert ada.post(f"/people/{cast.eli.id}/hand-over", data={"to": cast.eli.id}).status_code == 422


def test_nobody_of_that_number_is_a_404(ada: FlaskClient) -> None:
    assert ada.get("/people/9999").status_code == 404
    assert ada.post("/people/9999/disable").status_code == 404


def test_password_link_for_someone_who_forgot(ada: FlaskClient, cast: factories.Cast) -> None:
    page = ada.post(f"/people/{cast.eli.id}/link")
    assert "/invite/" in page.text
    assert "Link for Eli" in page.text
