"""Pages about a provider that hosts meetings: its card, signing in, an account without calendars, the list, repairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.providers.conference import MeetingSettings
from calsync.providers.google.provider import GoogleProvider
from calsync.runtime import Runtime
from calsync.services import hook_secrets, meeting_settings, sync
from calsync.store import counters
from calsync.store import tables as t
from tests import factories
from tests.conferences.office import ELI, Office, found
from tests.emulators.zoom.conftest import zoom, zoom_server
from tests.emulators.zoom.server import ACCOUNT, HOOK_SECRET, S2S_ID, S2S_SECRET, ZoomServer
from tests.web.conftest import SignIn
from tests.web.test_event_types import TERMS

__all__ = ["zoom", "zoom_server"]

CARD = "/integrations/zoom"


@pytest.fixture
def bare(tmp_path: Path, zoom: ZoomServer) -> Iterator[Office]:
    """An installation with credentials, beside a provider of calendars that has none."""
    made = found(tmp_path, zoom)
    providers = {**made.rt.providers, "google": GoogleProvider()}
    made.rt = replace(made.rt, providers=providers)
    yield made
    made.rt.db.close()


@pytest.fixture
def rt(bare: Office) -> Runtime:
    return bare.rt


@pytest.fixture
def cast(bare: Office) -> factories.Cast:
    return bare.cast


@pytest.fixture
def office(bare: Office) -> Office:
    bare.sign_in()
    return bare


@pytest.fixture
def ada(sign_in: SignIn, cast: factories.Cast) -> FlaskClient:
    return sign_in(cast.ada)


@pytest.fixture
def eli(sign_in: SignIn, cast: factories.Cast) -> FlaskClient:
    return sign_in(cast.eli)


@pytest.fixture
def sam(sign_in: SignIn, cast: factories.Cast) -> FlaskClient:
    return sign_in(cast.sam)


def text(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == status, answer.text
    return answer.text


def account_id(office: Office) -> int:
    return t.pk(office.account())


# --- card and credentials


def test_the_card_says_one_way_and_what_it_makes(ada: FlaskClient, bare: Office) -> None:
    shown = text(ada, "/integrations/")
    assert "One-way" in shown
    assert "Connect Zoom" in shown


def test_credentials_are_typed_for_there_is_no_file(ada: FlaskClient, bare: Office) -> None:
    shown = text(ada, f"{CARD}/credentials")
    assert "https://calendar.example.com/oauth/zoom/callback" in shown
    assert "meeting:write:meeting" in shown
    assert f'action="{CARD}/credentials/import"' not in shown
    assert f'action="{"/integrations/google"}/credentials/import"' in text(ada, "/integrations/google/credentials")


def test_the_test_shows_each_line(ada: FlaskClient, bare: Office) -> None:
    shown = ada.post(f"{CARD}/credentials/test").text
    assert "Client ID and Client Secret are accepted" in shown


def test_the_secret_token_is_saved_and_never_shown(ada: FlaskClient, bare: Office) -> None:
    shown = text(ada, f"{CARD}/credentials")
    assert "https://calendar.example.com/hooks/zoom" in shown
    answer = ada.post(f"{CARD}/hook-secret", data={"secret": HOOK_SECRET, "hook_version": "0"})
    assert answer.status_code == 303
    shown = text(ada, f"{CARD}/credentials")
    assert HOOK_SECRET not in shown
    assert "Nothing was heard yet" in shown
    with bare.rt.reading() as session:
        assert hook_secrets.of(bare.rt, session, bare.name) == HOOK_SECRET


def test_a_stale_or_broken_secret_is_refused(ada: FlaskClient, bare: Office) -> None:
    ada.post(f"{CARD}/hook-secret", data={"secret": HOOK_SECRET, "hook_version": "0"})
    stale = ada.post(f"{CARD}/hook-secret", data={"secret": "other", "hook_version": "0"})
    assert stale.status_code in (409, 422)
    broken = ada.post(f"{CARD}/hook-secret", data={"secret": "two words", "hook_version": "1"})
    assert broken.status_code == 422
    assert "one word" in broken.text


# --- connecting


def test_connecting_says_what_it_is_for_and_leads_to_the_account(eli: FlaskClient, bare: Office) -> None:
    shown = text(eli, "/oauth/zoom/connect")
    assert "Tick every box" not in shown
    assert "Connect with write access" not in shown
    bare.switch.script_consent("allow", ELI)
    there = eli.post("/oauth/zoom/connect", data={"access": "write"}).location
    back = httpx2.get(there or "", verify=False).headers["location"]
    answer = eli.get(back.removeprefix("https://calendar.example.com"))
    assert answer.location == f"/accounts/{account_id(bare)}"
    assert "Meetings" in text(eli, answer.location)


def test_who_declines_is_told_so(eli: FlaskClient, bare: Office) -> None:
    bare.switch.script_consent("deny")
    there = eli.post("/oauth/zoom/connect", data={"access": "write"}).location
    back = httpx2.get(there or "", verify=False).headers["location"].removeprefix("https://calendar.example.com")
    answer = eli.get(back)
    assert answer.status_code == 409
    assert "did not give permission" in answer.text


def test_an_installation_begun_at_the_provider_starts_anew(eli: FlaskClient, bare: Office) -> None:
    answer = eli.get("/oauth/zoom/callback?code=abc")
    assert answer.status_code == 409
    assert "Begin again" in answer.text


# --- credentials of a whole account


@pytest.fixture
def whole(ada: FlaskClient, bare: Office) -> Office:
    """An installation with credentials of a whole account in place of those of an app that people sign in to."""
    ada.post(f"{CARD}/credentials/remove")
    fields = {"client_id": S2S_ID, "client_secret": S2S_SECRET, "account_id": ACCOUNT}
    assert ada.post(f"{CARD}/credentials", data=fields).status_code == 303
    return bare


def test_a_whole_account_is_tested_and_shown(ada: FlaskClient, whole: Office) -> None:
    assert "The Zoom account lets us in" in ada.post(f"{CARD}/credentials/test").text
    assert ACCOUNT in text(ada, f"{CARD}/credentials")


def test_people_connect_their_own_address_and_host(eli: FlaskClient, whole: Office) -> None:
    assert "nobody signs in there" in text(eli, "/oauth/zoom/connect")
    answer = eli.post("/oauth/zoom/connect", data={"address": ELI})
    assert answer.status_code == 303, answer.text
    activity = whole.plan()
    whole.settle()
    assert whole.there()[0]["host"] == ELI
    assert whole.link(activity) == whole.there()[0]["join_url"]
    whole.advance(hours=3)  # the token has ended since, and another is asked for
    whole.edit(activity, title="Other")
    whole.settle()
    assert whole.there()[0]["topic"] == "Other"


def test_nobody_but_an_admin_connects_somebody_else(eli: FlaskClient, ada: FlaskClient, whole: Office) -> None:
    answer = eli.post("/oauth/zoom/connect", data={"address": "sam@example.com"})
    assert answer.status_code == 422
    assert "your own address alone" in answer.text
    assert ada.post("/oauth/zoom/connect", data={"address": "sam@example.com"}).status_code == 303
    unknown = ada.post("/oauth/zoom/connect", data={"address": "nobody@example.com"})
    assert unknown.status_code == 422


def test_reconnecting_keeps_the_account(eli: FlaskClient, whole: Office) -> None:
    eli.post("/oauth/zoom/connect", data={"address": ELI})
    known = account_id(whole)
    answer = eli.post("/oauth/zoom/connect", data={"address": ELI, "account": known})
    assert answer.location == f"/accounts/{known}"


def test_new_credentials_of_a_whole_account_prove_themselves(ada: FlaskClient, bare: Office) -> None:
    wrong = {"client_id": S2S_ID, "client_secret": S2S_SECRET, "account_id": "AnotherAccount1"}
    ada.post(f"{CARD}/credentials", data=wrong)
    assert "lets us in" not in ada.post(f"{CARD}/credentials/test").text
    assert ada.post(f"{CARD}/credentials/prove").status_code >= 400
    ada.post(f"{CARD}/credentials", data={**wrong, "account_id": ACCOUNT})
    assert ada.post(f"{CARD}/credentials/prove").status_code == 303
    assert 'id="candidate-title"' not in text(ada, f"{CARD}/credentials")


# --- the account


def test_an_account_without_calendars_offers_none(eli: FlaskClient, office: Office) -> None:
    shown = text(eli, f"/accounts/{account_id(office)}")
    for word in ("Sync rules", "Push existing data", "Choose all at once", "Enable write access", "Look for new"):
        assert word not in shown
    assert "has no calendar" in shown
    assert "Hosts meetings" in text(eli, "/accounts/")


def test_its_runs_prove_that_it_can_be_reached(eli: FlaskClient, office: Office) -> None:
    sync.run(office.rt, account_id(office))
    assert "Healthy" in text(eli, f"/accounts/{account_id(office)}")
    office.switch.deauthorize(ELI)
    office.advance(hours=2)
    sync.run(office.rt, account_id(office))
    assert "Needs reconnect" in text(eli, f"/accounts/{account_id(office)}")


def test_settings_are_saved_and_used(eli: FlaskClient, office: Office) -> None:
    url = f"/accounts/{account_id(office)}/meetings"
    fields = {"waiting_room": "no", "join_before_host": "yes", "mute_upon_entry": "", "recording": "local"}
    assert eli.post(url, data={**fields, "version": "0"}).status_code == 303
    known, version = meeting_settings.get(office.rt, account_id(office))
    assert (known, version) == (MeetingSettings(True, None, False, "local"), 1)
    office.plan()
    office.settle()
    settings = office.there()[0]["settings"]
    assert (settings["join_before_host"], settings["auto_recording"]) == (True, "local")
    assert 'value="local" selected' in text(eli, url) or 'selected value="local"' in text(eli, url)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"waiting_room": "yes", "join_before_host": "yes", "version": "0"}, 422),
        ({"recording": "tape", "version": "0"}, 422),
        ({"waiting_room": "yes", "version": "7"}, 422),
    ],
)
def test_settings_that_cannot_be_are_refused(
    eli: FlaskClient, office: Office, fields: dict[str, str], status: int
) -> None:
    assert eli.post(f"/accounts/{account_id(office)}/meetings", data=fields).status_code == status
    assert meeting_settings.get(office.rt, account_id(office)) == (MeetingSettings(), 0)


def test_strangers_do_not_see_it(sam: FlaskClient, office: Office) -> None:
    url = f"/accounts/{account_id(office)}/meetings"
    assert sam.get(url).status_code == 404
    assert sam.post(url, data={"version": "0"}).status_code == 404


def test_an_account_with_calendars_has_no_such_page(eli: FlaskClient, office: Office) -> None:
    other = factories.make_account(office.rt, office.cast.eli, provider="google")
    assert eli.get(f"/accounts/{other.id}/meetings").status_code == 404


# --- activities and the list


def test_the_place_is_offered_and_makes_a_meeting(eli: FlaskClient, office: Office) -> None:
    assert '<option value="zoom">Zoom</option>' in text(eli, "/activities/new")
    form = {
        "kind": "meeting",
        "title": "Intro call",
        "owner": str(office.cast.eli.id),
        "timing": "span",
        "start": "2030-01-08",
        "start_at": "09:00",
        "end": "2030-01-08",
        "end_at": "09:30",
        "tz": "UTC",
        "repeats": "none",
        "location_kind": "zoom",
        "visibility": "public",
        "show_as": "busy",
        "status": "confirmed",
    }
    answer = eli.post("/activities/new", data=form)
    assert answer.status_code == 303, answer.text
    office.tick()
    with office.rt.reading() as session:
        activity = session.exec(select(t.Activity)).one()
    assert office.there()[0]["join_url"].replace("&", "&amp;") in text(eli, f"/activities/{activity.id}")


def test_the_list_shows_trouble_first_and_mends_it(eli: FlaskClient, office: Office) -> None:
    good, bad = office.plan("Good"), office.plan("Bad")
    office.settle()
    gone = next(m for m in office.there() if m["topic"] == "Bad")
    office.switch.delete_meeting(gone["id"])
    with office.rt.writing() as session:
        row = session.get_one(t.Conference, office.conference(bad).id)
        row.next_try_at, row.wants_look = office.clock(), True
    office.settle()
    shown = text(eli, "/meetings/")
    assert shown.index("Bad") < shown.index("Good")
    with office.rt.reading() as session:
        known = [
            counters.waiting(session, user_id).meetings for user_id in (None, office.cast.eli.id, office.cast.sam.id)
        ]
    assert known == [1, 1, 0]
    assert "Make it anew" in shown
    assert "Missing" in text(eli, f"/activities/{bad.id}")
    answer = eli.post(f"/meetings/{office.conference(bad).id}/repair", data={"next": f"/activities/{bad.id}"})
    assert answer.location == f"/activities/{bad.id}"
    office.settle()
    assert "Make it anew" not in text(eli, "/meetings/")
    assert eli.post(f"/meetings/{office.conference(good).id}/repair").status_code == 409


def test_others_meetings_are_hidden(sam: FlaskClient, office: Office) -> None:
    activity = office.plan("Secret plan")
    office.settle()
    assert "Secret plan" not in text(sam, "/meetings/")
    assert sam.post(f"/meetings/{office.conference(activity).id}/repair").status_code == 404


def test_private_titles_stay_private_for_admins(ada: FlaskClient, office: Office) -> None:
    office.plan("Divorce", visibility="private")
    office.settle()
    assert "Divorce" not in text(ada, "/meetings/")


def test_a_waiting_meeting_says_for_what(ada: FlaskClient, office: Office) -> None:
    activity = office.plan(owner=office.cast.sam)
    office.settle()
    assert "No host" in text(ada, "/meetings/")
    assert "No host" in text(ada, f"/activities/{activity.id}")


def test_leaving_the_place_on_the_form_takes_the_link_away(eli: FlaskClient, office: Office) -> None:
    activity = office.plan()
    office.settle()
    office.edit(activity, location_kind="phone", conference=office.link(activity))
    office.settle()
    assert (office.link(activity), office.there()) == (None, [])


def test_disconnecting_revokes_the_grant(eli: FlaskClient, office: Office) -> None:
    assert "their links go on working" in text(eli, f"/accounts/{account_id(office)}/disconnect")
    answer = eli.post(f"/accounts/{account_id(office)}/disconnect", data={"choice": "keep"})
    assert answer.status_code == 303, answer.text
    assert [line["status"] for line in office.switch.requests("oauth.revoke")] == [200]


# --- who hosts the meetings of bookings


def test_an_event_type_says_who_hosts_and_what_if_that_account_goes(ada: FlaskClient, office: Office) -> None:
    account = office.account()
    chosen = {"location_kind": office.provider.kind, "host_account_id": str(account.id)}
    data = TERMS | chosen | {"who": f"user:{office.cast.eli.id}"}
    assert f'<option value="{account.id}">{account.label}</option>' in ada.get("/event-types/new").text
    made = ada.post("/event-types/new", data=data)
    assert made.status_code == 303
    assert f"<dt>Hosted by</dt><dd>{account.label}</dd>" in text(ada, made.location)
    with office.rt.writing() as session:
        session.get_one(t.Account, account.id).state = "disconnected"
    assert "is disconnected: whoever is booked hosts new meetings" in text(ada, made.location)
