"""Integrations by the API: connecting both ways, how they are synced, and calendars by provider."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from calsync.runtime import SYSTEM, Runtime
from calsync.services import api_settings, queued, sync, tokens
from calsync.services.api_settings import ApiSettings
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.api.conftest import Program, Programs, fresh_counts, quick_passwords
from tests.api.test_frame import problem
from tests.emulators.google.cast import ELI
from tests.factories import Cast
from tests.services.office import Office
from tests.sign_in.conftest import Office as GoogleOffice
from tests.sign_in.conftest import bare, google, google_server, switch
from tests.sign_in.conftest import office as google_office
from webapp import create_app, security
from webapp.api import lookup

__all__ = ["bare", "fresh_counts", "google", "google_office", "google_server", "quick_passwords", "switch"]

BACK = "https://crm.example.com/oauth/back"


def first(program: Program) -> dict[str, Any]:
    return program.get("/integrations").get_json()["items"][0]


@pytest.fixture
def synced(workplace: Office) -> Office:
    workplace.meeting("Review")
    workplace.sync()
    return workplace


# --- how it is synced


def test_an_integration_tells_how_it_stands(eli: Program, synced: Office) -> None:
    told = first(eli)
    assert (told["status"], told["error"], told["sync_direction"]) == ("ACTIVE", None, "BOTH")
    assert told["owner"]["email"] == synced.cast.eli.email
    assert told["calendars_to_sync"] == [c["id"] for c in told["calendars"] if c["selected"]] != []
    assert told == eli.get(f"/integrations/{told['id']}").get_json()
    shown = eli.get(f"/integrations/{told['id']}/sync-status").get_json()
    assert (shown["is_running"], shown["rate_limited"], shown["last_sync_at"]) == (False, False, told["last_sync_at"])


def test_states_become_the_words_that_programs_know(eli: Program, synced: Office) -> None:
    from datetime import timedelta

    ends = synced.rt.now() + timedelta(minutes=5)
    synced.change_account(rate_limited_until=ends)
    told = first(eli)
    assert told["status"] == "RATE_LIMITED"
    shown = eli.get(f"/integrations/{told['id']}/sync-status").get_json()
    assert shown["rate_limit_resets_at"] == ends.isoformat().replace("+00:00", "Z")
    synced.change_account(rate_limited_until=None, grant_ok=False, grant_error="invalid_grant")
    assert (first(eli)["status"], first(eli)["error"]["code"]) == ("TOKEN_EXPIRED", "invalid_grant")
    synced.change_account(grant_ok=True, failed_runs=2, last_error_class="network", last_error="no answer")
    assert (first(eli)["status"], first(eli)["error"]["code"]) == ("ERROR", "network")


def test_rules_of_its_own_are_changed_in_the_words_of_crms(eli: Program, synced: Office) -> None:
    path = f"/integrations/{first(eli)['id']}"
    sent = {
        "sync_direction": "inbound",
        "sync_frequency": "realtime",
        "event_defaults": {"visibility": "private", "reminders": [{"minutes": 5}]},
    }
    told = eli.patch(path, sent).get_json()
    assert (told["sync_direction"], told["sync_frequency"]) == ("INBOUND", "realtime")
    assert told["event_defaults"] == {"visibility": "private", "reminders": [{"minutes": 5, "method": "popup"}]}
    assert eli.patch(path, {"sync_frequency": 45}).get_json()["sync_frequency"] == 45
    assert eli.patch(path, {"is_paused": True}).get_json()["status"] == "PAUSED"


def test_what_the_admin_keeps_is_refused(eli: Program, synced: Office) -> None:
    path = f"/integrations/{first(eli)['id']}"
    assert problem(eli.patch(path, {"show_event_details": False}), 409)["code"] == "not_overridable"
    allowed = ("show_title", "show_description", "show_attendees", "show_location")
    synced.rule(account_overrides=allowed)
    told = eli.patch(path, {"show_event_details": False, "event_privacy": {"show_location": True}}).get_json()
    assert told["event_privacy"] == dict.fromkeys(allowed, False) | {"show_location": True}


def test_calendars_are_chosen_by_id(eli: Program, synced: Office) -> None:
    told = first(eli)
    path, calendar = f"/integrations/{told['id']}", told["calendars"][0]["id"]
    none = eli.patch(path, {"calendars_to_sync": [], "create_events_in": None}).get_json()
    assert (none["calendars_to_sync"], none["create_events_in"]) == ([], None)
    assert none["busy_calendars"] == told["busy_calendars"]
    again = eli.patch(path, {"calendars_to_sync": [calendar], "create_events_in": calendar}).get_json()
    assert (again["calendars_to_sync"], again["create_events_in"]) == ([calendar], calendar)
    problem(eli.patch(path, {"calendars_to_sync": ["unknown"]}), 422)
    listed = eli.get(f"{path}/calendars").get_json()["calendars"]
    assert {"id", "name", "is_primary", "color", "writable", "selected"} <= set(listed[0])


def test_a_sync_is_asked_for_once(eli: Program, synced: Office) -> None:
    path = f"/integrations/{first(eli)['id']}"
    first_ask, again = eli.post(f"{path}/sync"), eli.post(f"{path}/sync")
    assert (first_ask.status_code, first_ask.get_json()["is_new"], again.get_json()["is_new"]) == (202, True, False)
    assert eli.post(f"{path}/resync", {"full_sync": True}).get_json()["is_new"] is True


def test_leaving_forgets_the_login_and_keeps_both_sides(eli: Program, synced: Office) -> None:
    path = f"/integrations/{first(eli)['id']}"
    assert eli.delete(path).status_code == 200
    assert eli.get(path).get_json()["status"] == "DISCONNECTED"
    assert eli.get("/integrations").get_json()["items"] == []
    assert synced.titles_there() == ["Review"]
    problem(eli.post(f"{path}/refresh"), 409)
    problem(eli.post(f"{path}/sync"), 409)


# --- by password


@pytest.mark.parametrize("as_program", [True, False], ids=["service token", "own token"])
def test_a_server_with_a_password_is_connected(
    as_program: bool, radicale: Any, tmp_path: Path, program: Programs, app: Flask
) -> None:
    from calsync.providers.registry import all_providers

    settings = factories.make_settings(tmp_path / "caldav", public_url="", allow_private_networks=True)
    rt = factories.make_runtime(tmp_path / "caldav", settings=settings, providers=all_providers())
    app.extensions["calsync"] = rt
    cast = factories.make_cast(rt)
    radicale.make_calendar("work")
    by = SYSTEM if as_program else factories.acting(cast.eli)
    crm = Program(app, tokens.create(rt, "CRM", "write", is_service=as_program, by=by).secret)
    sent = {
        "provider": "CalDAV",
        "server_url": radicale.url,
        "username": radicale.username,
        "password": radicale.password,
        **({"user": cast.eli.email} if as_program else {}),
    }
    made = crm.post("/integrations", sent)
    assert made.status_code == 201, made.text
    told = made.get_json()
    assert (told["provider"], told["owner"]["email"], len(told["calendars"])) == ("CALDAV", cast.eli.email, 1)
    assert radicale.password not in made.text
    wrong = crm.post("/integrations", {**sent, "password": "wrong"})
    assert problem(wrong, 409)["code"] == "wrong_password"
    rt.db.close()


# --- by sign-in


@pytest.fixture
def google_app(google_office: GoogleOffice) -> Flask:
    security.limiter.enabled = False
    google_office.switch.add_client([BACK])
    rt = google_office.rt
    by = factories.acting(google_office.cast.ada)
    api_settings.save(rt, ApiSettings((BACK,)), 0, by=by)
    return create_app(rt)


def token(office: GoogleOffice, user: t.User | None = None, scope: str = "write") -> str:
    by = SYSTEM if user is None else factories.acting(user)
    return tokens.create(office.rt, "CRM", scope, is_service=user is None, by=by).secret


def test_a_program_takes_a_person_through_a_sign_in(google_app: Flask, google_office: GoogleOffice) -> None:
    crm = Program(google_app, token(google_office))
    sent = {"provider": "GOOGLE", "redirect_uri": BACK, "level": "write", "user": google_office.cast.eli.email}
    begun = crm.post("/integrations/auth-url", sent).get_json()
    back = google_office.go(begun["auth_url"], ELI)
    assert back["state"] == begun["state"]
    answer = {"provider": "google", "code": back["code"], "state": back["state"]}
    other = Program(google_app, token(google_office))
    assert problem(other.post("/integrations", answer), 409)["code"] == "state_lost"  # another program's attempt
    made = crm.post("/integrations", answer)
    assert made.status_code == 201, made.text
    told = made.get_json()
    assert (told["provider"], told["owner"]["email"]) == ("GOOGLE", google_office.cast.eli.email)
    assert told["can_write"] is True
    assert problem(crm.post("/integrations", answer), 409)["code"] == "state_lost"  # it works once


def test_a_sign_in_comes_back_to_allowed_addresses_only(google_app: Flask, google_office: GoogleOffice) -> None:
    crm = Program(google_app, token(google_office, google_office.cast.eli))
    for address in (BACK + "/", "https://evil.example/back", BACK.replace("https", "http")):
        told = problem(crm.post("/integrations/auth-url", {"provider": "google", "redirect_uri": address}), 409)
        assert told["code"] == "redirect_not_allowed"


def test_an_allowed_address_is_whole_and_safe(google_app: Flask, google_office: GoogleOffice) -> None:
    admin = Program(google_app, token(google_office, google_office.cast.ada, "admin"))
    shown = admin.get("/settings/api")
    problem(admin.patch("/settings/api", {"redirect_uris": [BACK]}), 428)
    seen = {"If-Match": shown.headers["ETag"]}
    for address in ("http://crm.example.com/back", "javascript:alert(1)", "https://", "https://a b"):
        problem(admin.patch("/settings/api", {"redirect_uris": [address]}, headers=seen), 422)
    saved = admin.patch("/settings/api", {"redirect_uris": ["http://localhost:9000/x"]}, headers=seen)
    assert saved.get_json()["values"] == {"redirect_uris": ["http://localhost:9000/x"]}


# --- calendars by provider


def test_a_calendar_is_read_synced_and_detached_by_its_provider(
    crm: Program, synced: Office, rt: Runtime, app: Flask
) -> None:
    name, calendar = first(crm)["provider"], first(crm)["calendars"][0]["id"]
    (event,) = crm.get(f"/calendars/{name}/{calendar}/events").get_json()["events"]
    assert event["title"] == "Review"
    assert set(event) == {"event_id", "start_time", "end_time", "title"}
    assert crm.post(f"/calendars/{name}/{calendar}/sync").status_code == 202
    app.extensions["calsync"] = replace(rt, sleep=lambda _s: sync.run(rt, t.pk(synced.account)))
    done = crm.post(f"/calendars/{name}/{calendar}/sync?wait=5")
    assert (done.status_code, done.get_json()["message"]) == (200, "Memory Calendar synchronized successfully.")
    gone = crm.delete(f"/calendars/{name}/{calendar}")
    assert gone.get_json()["message"] == "Memory Calendar disconnected successfully."
    assert first(crm)["calendars_to_sync"] == []
    assert first(crm)["status"] == "ACTIVE"


def test_a_calendar_that_is_there_is_mapped_to_its_resource(crm: Program, synced: Office, rt: Runtime) -> None:
    room = make.make_resource(rt)
    calendar = first(crm)["calendars"][0]
    sent = {"resource_id": room.public_id, "calendar_id": calendar["id"], "user": synced.cast.eli.email}
    told = crm.post(f"/calendars/{first(crm)['provider']}/connect", sent).get_json()
    assert (told["calendar_id"], told["resource_id"], told["auth_url"]) == (calendar["id"], room.public_id, None)
    named = crm.get(f"/calendars/{first(crm)['provider']}/{calendar['id']}/events?resource_id={room.public_id}")
    assert named.status_code == 200


def test_primary_is_refused_where_several_are(crm: Program, rt: Runtime, cast: Cast) -> None:
    for owner in (cast.eli, cast.sam):
        factories.make_calendar(rt, factories.make_account(rt, owner), is_primary=True)
    assert problem(crm.get("/calendars/caldav/primary/events"), 409)["code"] == "ambiguous"
    integration = crm.get(f"/integrations?owner={cast.sam.email}").get_json()["items"][0]["id"]
    assert crm.get(f"/calendars/caldav/primary/events?integration_id={integration}").status_code == 200


def test_a_bare_token_connects_until_it_ends(google_app: Flask, google_office: GoogleOffice) -> None:
    crm, rt = Program(google_app, token(google_office)), google_office.rt
    bare_token = google_office.switch.tokens(ELI)["access_token"]
    sent = {"oauth_token": bare_token, "user": google_office.cast.eli.email}
    told = crm.post("/calendars/google/connect", sent).get_json()
    assert "cannot be renewed" in told["warning"]
    assert (told["auth_url"], told["calendar_id"] is None) == (None, False)
    with rt.reading() as session:
        account = lookup.row(session, t.Account, told["integration_id"], "integration")
    assert account.grant_ends_at is not None
    sync.run(rt, account.id)
    assert crm.get(f"/integrations/{told['integration_id']}").get_json()["status"] == "ACTIVE"
    google_office.clock.advance(hours=2)
    sync.run(rt, account.id)
    assert crm.get(f"/integrations/{told['integration_id']}").get_json()["status"] == "TOKEN_EXPIRED"


def test_a_bare_token_changes_nothing_of_a_login_that_lasts(google_app: Flask, google_office: GoogleOffice) -> None:
    crm = Program(google_app, token(google_office))
    owner = google_office.cast.eli.email
    asked = crm.post("/calendars/google/connect", {"user": owner}).get_json()
    back = google_office.go(asked["auth_url"], ELI)
    crm.post("/integrations", {"provider": "google", "code": back["code"], "state": back["state"]})
    bare_token = google_office.switch.tokens(ELI)["access_token"]
    told = crm.post("/calendars/google/connect", {"oauth_token": bare_token, "user": owner}).get_json()
    assert told["warning"] is None
    with google_office.rt.reading() as session:
        account = lookup.row(session, t.Account, told["integration_id"], "integration")
    assert account.grant_ends_at is None


def test_a_wrong_token_and_a_provider_that_tells_nothing_of_tokens_are_refused(
    google_app: Flask, google_office: GoogleOffice
) -> None:
    crm = Program(google_app, token(google_office))
    sent = {"oauth_token": "ya29.wrong", "user": google_office.cast.eli.email}
    assert problem(crm.post("/calendars/google/connect", sent), 409)["code"] == "token_refused"
    assert "ya29.wrong" not in crm.post("/calendars/google/connect", sent).text


def test_a_bare_token_needs_a_provider_that_says_whose_it_is(crm: Program, cast: Cast) -> None:
    sent = {"oauth_token": "x", "user": cast.eli.email}
    assert crm.post("/calendars/caldav/connect", sent).status_code == 404


def test_without_a_login_the_person_is_sent_to_sign_in(google_app: Flask, google_office: GoogleOffice) -> None:
    crm = Program(google_app, token(google_office))
    told = crm.post("/calendars/google/connect", {"user": google_office.cast.eli.email}).get_json()
    assert told["auth_url"].startswith("http")
    back = google_office.go(told["auth_url"], ELI)
    made = crm.post("/integrations", {"provider": "google", "code": back["code"], "state": back["state"]})
    assert made.status_code == 201, made.text
    again = crm.post("/calendars/google/connect", {"user": google_office.cast.eli.email}).get_json()
    assert (again["auth_url"], again["integration_id"]) == (None, made.get_json()["id"])


# --- what a sync brings is told by the feed


def test_the_feed_names_the_provider_of_what_a_sync_brings(crm: Program, workplace: Office) -> None:
    handle = workplace.meeting("Review")
    workplace.sync()
    begun = crm.get("/activities/changes").get_json()
    assert [(c["type"], c["by"]["kind"]) for c in begun["changes"]] == [("activity.created", "provider")]
    workplace.edit("Review", summary="Retrospective")
    workplace.sync()  # our own edit goes out and comes back as nothing
    told = crm.get(f"/activities/changes?cursor={begun['cursor']}").get_json()
    assert [(c["type"], c["fields"]) for c in told["changes"]] == [("activity.updated", ["title"])]
    assert workplace.there(handle).summary == "Retrospective"


def test_what_a_person_takes_back_is_their_doing(crm: Program, workplace: Office) -> None:
    workplace.meeting("Review")
    run = workplace.sync()
    asked = crm.post(f"/runs/{run.public_id}/undo")
    assert asked.status_code == 202, asked.text
    with workplace.rt.reading() as session:
        child = lookup.row(session, t.Run, asked.get_json()["run_id"], "run")
    queued.work(workplace.rt, t.pk(child))
    (*_, last) = crm.get("/activities/changes").get_json()["changes"]
    assert (last["type"], last["by"]["kind"]) == ("activity.cancelled", "system")  # a service token is nobody
