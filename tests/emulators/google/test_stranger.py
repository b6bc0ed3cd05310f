"""Google's own Python client runs the documented flows against the emulator, and agrees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httplib2
import pytest
from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient import discovery_cache
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from pytest_httpserver import HTTPServer

from tests.emulators.google.cast import ADA, CALLBACK, ELI, NOW, TUESDAYS, guests, timed, weekly
from tests.emulators.google.server import CLIENT_ID, CLIENT_SECRET, GoogleServer

DOCUMENT = json.loads((Path(discovery_cache.DISCOVERY_DOC_DIR) / "calendar.v3.json").read_text(encoding="utf-8"))


def credentials(google: GoogleServer, email: str, **more: Any) -> Credentials:
    answer = google.switch.tokens(email)
    fields = {"token": answer["access_token"], "refresh_token": answer["refresh_token"], **more}
    uri = f"{google.base_url}/token"
    return Credentials(token_uri=uri, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, **fields)


def service_of(google: GoogleServer, email: str, **more: Any) -> Any:
    """Return Google's client for a person, with its root at the emulator."""
    root = f"{google.base_url}/"
    document = {**DOCUMENT, "rootUrl": root, "baseUrl": f"{root}calendar/v3/", "batchPath": "batch/calendar/v3"}
    http = AuthorizedHttp(credentials(google, email, **more), http=httplib2.Http())
    return build_from_document(document, http=http)


@pytest.fixture
def calendar(google: GoogleServer) -> Iterator[Any]:
    with service_of(google, ADA) as service:
        yield service


@pytest.fixture
def events(calendar: Any) -> Any:
    return calendar.events()


def refused(request: Any) -> tuple[int, str]:
    """Return status and reason as Google's client reads them."""
    with pytest.raises(HttpError) as caught:
        request.execute()
    return caught.value.status_code, caught.value.error_details[0]["reason"]


def test_full_then_incremental_sync(calendar: Any, events: Any, google: GoogleServer) -> None:
    google.switch.bulk_events(ADA, 5, NOW)
    request, items, token = events.list(calendarId="primary", maxResults=2), [], None
    while request is not None:
        page = request.execute()
        items += page["items"]
        token = page.get("nextSyncToken")
        request = events.list_next(request, page)
    assert len(items) == 5
    events.delete(calendarId="primary", eventId=items[0]["id"]).execute()
    page = events.list(calendarId="primary", syncToken=token).execute()
    assert [(item["id"], item["status"]) for item in page["items"]] == [(items[0]["id"], "cancelled")]


def test_insert_get_patch_update_delete(events: Any) -> None:
    made = events.insert(calendarId="primary", body=timed(id="abcde12345"), sendUpdates="none").execute()
    assert events.get(calendarId=ADA, eventId=made["id"]).execute() == made
    patched = events.patch(calendarId="primary", eventId=made["id"], body={"summary": "Moved"}).execute()
    assert patched["summary"] == "Moved"
    patched["description"] = "<b>New</b>"
    assert events.update(calendarId="primary", eventId=made["id"], body=patched).execute()["description"]
    assert events.delete(calendarId="primary", eventId=made["id"]).execute() == ""
    assert refused(events.delete(calendarId="primary", eventId=made["id"])) == (410, "deleted")
    assert refused(events.insert(calendarId="primary", body=timed(id="abcde12345"))) == (409, "duplicate")


def test_stale_etag_is_412(events: Any) -> None:
    made = events.insert(calendarId="primary", body=timed()).execute()
    request = events.patch(calendarId="primary", eventId=made["id"], body={"summary": "x"})
    request.headers["If-Match"] = '"1"'
    assert refused(request) == (412, "conditionNotMet")
    request.headers["If-Match"] = made["etag"]
    assert request.execute()["summary"] == "x"


def test_expired_sync_token_is_410(events: Any, google: GoogleServer) -> None:
    token = events.list(calendarId="primary").execute()["nextSyncToken"]
    google.switch.expire_sync(ADA)
    assert refused(events.list(calendarId="primary", syncToken=token)) == (410, "fullSyncRequired")


def test_instances_and_one_exception(events: Any) -> None:
    series = events.insert(calendarId="primary", body=weekly()).execute()
    items = events.instances(calendarId="primary", eventId=series["id"]).execute()["items"]
    assert [item["id"] for item in items] == [f"{series['id']}_{tuesday}" for tuesday in TUESDAYS]
    items[1]["status"] = "cancelled"
    events.update(calendarId="primary", eventId=items[1]["id"], body=items[1]).execute()
    assert len(events.instances(calendarId="primary", eventId=series["id"]).execute()["items"]) == 3


def test_free_busy(calendar: Any, events: Any) -> None:
    events.insert(calendarId="primary", body=timed()).execute()
    body = {
        "timeMin": NOW.isoformat(),
        "timeMax": (NOW + timedelta(days=7)).isoformat(),
        "items": [{"id": ADA}],
    }
    busy = calendar.freebusy().query(body=body).execute()["calendars"][ADA]["busy"]
    assert busy == [{"start": "2030-01-08T10:00:00Z", "end": "2030-01-08T10:30:00Z"}]


def test_batch(calendar: Any, events: Any) -> None:
    answers: dict[str, Any] = {}
    batch = calendar.new_batch_http_request(
        callback=lambda name, answer, error: answers.update({name: error or answer})
    )
    for number in range(3):
        batch.add(events.insert(calendarId="primary", body=timed(summary=str(number))), request_id=str(number))
    batch.add(events.get(calendarId="primary", eventId="nowhere"), request_id="lost")
    batch.execute()
    assert [answers[str(number)]["summary"] for number in range(3)] == ["0", "1", "2"]
    assert answers["lost"].status_code == 404


def test_batch_refreshes_an_expired_token(calendar: Any, events: Any, google: GoogleServer) -> None:
    answers: list[Any] = []
    google.switch.expire_tokens(ADA)
    batch = calendar.new_batch_http_request(callback=lambda name, answer, error: answers.append(error or answer))
    batch.add(events.insert(calendarId="primary", body=timed()))
    batch.execute()
    assert answers[0]["status"] == "confirmed"


def test_watch_and_stop(calendar: Any, events: Any, google: GoogleServer, httpserver: HTTPServer) -> None:
    google.switch.settings(https_only=False)
    httpserver.expect_request("/hook").respond_with_data("")
    body = {"id": "c-1", "type": "web_hook", "address": httpserver.url_for("/hook")}
    channel = events.watch(calendarId="primary", body=body).execute()
    events.insert(calendarId="primary", body=timed()).execute()
    google.switch.pushes()
    assert [request.headers["X-Goog-Resource-State"] for request, _ in httpserver.log] == ["sync", "exists"]
    stop = {"id": channel["id"], "resourceId": channel["resourceId"]}
    assert calendar.channels().stop(body=stop).execute() == ""


def test_meet_and_guests(events: Any, google: GoogleServer) -> None:
    request = {"requestId": "r-1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}
    body = timed(**guests(ELI), conferenceData={"createRequest": request})
    query = {"conferenceDataVersion": 1, "sendUpdates": "all"}
    made = events.insert(calendarId="primary", body=body, **query).execute()
    assert made["hangoutLink"].startswith("https://meet.google.com/")
    assert google.switch.mail()[0]["sent_to"] == [ELI]
    with service_of(google, ELI) as other:
        assert other.events().get(calendarId="primary", eventId=made["id"]).execute()["hangoutLink"]


def test_lists_settings_colours_and_sharing(calendar: Any) -> None:
    assert calendar.calendarList().list().execute()["items"][0]["primary"] is True
    made = calendar.calendars().insert(body={"summary": "Team"}).execute()
    rule = {"scope": {"type": "user", "value": ELI}, "role": "reader"}
    assert calendar.acl().insert(calendarId=made["id"], body=rule).execute()["id"] == f"user:{ELI}"
    assert calendar.settings().get(setting="timezone").execute()["value"] == "Europe/Lisbon"
    assert len(calendar.colors().get().execute()["event"]) == 11
    assert calendar.calendars().delete(calendarId=made["id"]).execute() == ""


def test_import_move_and_quick_add(calendar: Any, events: Any) -> None:
    team = calendar.calendars().insert(body={"summary": "Team"}).execute()["id"]
    made = events.import_(calendarId="primary", body=timed(iCalUID="one@elsewhere")).execute()
    moved = events.move(calendarId="primary", eventId=made["id"], destination=team).execute()
    assert moved["organizer"]["email"] == team
    assert events.quickAdd(calendarId=team, text="Lunch").execute()["summary"] == "Lunch"


def test_rate_limits_are_retried_as_google_does(events: Any, google: GoogleServer) -> None:
    google.switch.fault("status", status=403, reason="rateLimitExceeded", times=1)
    request = events.list(calendarId="primary")
    request._sleep = lambda seconds: None
    assert request.execute(num_retries=1)["kind"] == "calendar#events"
    google.switch.fault("status", status=403, reason="quotaExceeded", times=1)
    assert refused(events.list(calendarId="primary")) == (403, "quotaExceeded")


def test_partial_and_very_long_requests(events: Any, google: GoogleServer) -> None:
    events.insert(calendarId="primary", body=timed()).execute()
    assert events.list(calendarId="primary", fields="items/summary").execute() == {"items": [{"summary": "Intro call"}]}
    long = events.list(calendarId="primary", q="x" * 2100).execute()
    assert long["items"] == []
    assert google.switch.requests("calendar.events.list")[-1]["headers"]["x-http-method-override"] == "GET"


def test_credentials_refresh_and_die(google: GoogleServer) -> None:
    with service_of(google, ADA, token=None) as service:
        assert service.events().list(calendarId="primary").execute()["kind"] == "calendar#events"
        google.switch.revoke(ADA)
        with pytest.raises(RefreshError, match="invalid_grant"):
            service.events().list(calendarId="primary").execute()


def test_client_file_is_accepted_by_googles_library(google: GoogleServer) -> None:
    content = google.switch.client_file()["web"]
    assert content["redirect_uris"] == [CALLBACK]
    assert content["token_uri"] == f"{google.base_url}/token"
