"""The process itself, and the transport of every call: credentials, scopes, discovery document, dressing."""

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.emulators.google import discovery, routes
from tests.emulators.google.cast import ADA, ELI, EVENTS, SCOPE, Api, reason, timed
from tests.emulators.google.server import GoogleServer, Switchboard
from tests.emulators.switch import SwitchError

HERE = Path(__file__).parent


def test_server_runs_in_its_own_process_and_ends(google: GoogleServer) -> None:
    with GoogleServer.running() as other:
        base_url = other.base_url
        assert other.switch.health()["pid"] != google.switch.health()["pid"]
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{base_url}/_switch/health")


def test_package_imports_nothing_from_the_product() -> None:
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] in ("calsync", "webapp", "jobs")], path


def test_every_documented_method_has_a_handler() -> None:
    assert {method.id for method in discovery.load().methods} == set(routes.HANDLERS)


def test_switchboard_explains_mistakes(switch: Switchboard) -> None:
    with pytest.raises(SwitchError, match="Unknown fields"):
        switch.settings(colour="red")


def test_missing_token_and_bad_token_have_their_own_bodies(google: GoogleServer) -> None:
    url = f"{google.base_url}/calendar/v3/{EVENTS}"
    missing, bad = httpx2.get(url), httpx2.get(url, headers={"authorization": "Bearer ya29.no"})
    assert reason(missing) == (401, "required")
    assert reason(bad) == (401, "authError")
    assert bad.json()["error"]["status"] == "UNAUTHENTICATED"
    assert "Bearer realm=" in bad.headers["www-authenticate"]
    assert bad.text.startswith('{\n  "error"')


def test_access_token_expires_on_the_emulators_clock(ada: Api, switch: Switchboard) -> None:
    switch.advance(3598)
    assert ada("GET", EVENTS).status_code == 200
    switch.advance(1)
    assert reason(ada("GET", EVENTS)) == (401, "authError")


@pytest.mark.parametrize(
    ("scope", "allowed", "refused"),
    [
        # The surprises of the scope table: calendar.events reaches none of list, free/busy and colours.
        ("calendar.events", EVENTS, "users/me/calendarList"),
        ("calendar.events", EVENTS, "colors"),
        ("calendar.calendarlist.readonly", "users/me/calendarList", EVENTS),
        ("calendar.settings.readonly", "users/me/settings", "users/me/calendarList"),
        ("calendar.readonly", "colors", "calendars/primary/acl"),
    ],
)
def test_scope_table(api_of: Callable[..., Api], scope: str, allowed: str, refused: str) -> None:
    api = api_of(ADA, [SCOPE + scope])
    assert api("GET", allowed).status_code == 200
    answer = api("GET", refused)
    assert reason(answer) == (403, "insufficientPermissions")
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_events_scope_does_not_open_free_busy(api_of: Callable[..., Api]) -> None:
    api = api_of(ADA, [SCOPE + "calendar.events"])
    window = {"timeMin": "2030-01-07T00:00:00Z", "timeMax": "2030-01-08T00:00:00Z"}
    assert reason(api("POST", "freeBusy", window)) == (403, "insufficientPermissions")


def test_readonly_scope_cannot_write(api_of: Callable[..., Api]) -> None:
    api = api_of(ADA, [SCOPE + "calendar.events.readonly"])
    assert reason(api("POST", EVENTS, timed())) == (403, "insufficientPermissions")


def test_app_created_scope_reaches_only_own_calendars(api_of: Callable[..., Api]) -> None:
    api = api_of(ADA, [SCOPE + "calendar.app.created"])
    made = api("POST", "calendars", {"summary": "Bookings"}).json()["id"]
    assert api("POST", f"calendars/{made}/events", timed()).status_code == 200
    assert reason(api("POST", EVENTS, timed())) == (403, "insufficientPermissions")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"colour": "red"}, (400, "invalidParameter")),
        ({"maxResults": "many"}, (400, "invalidParameter")),
        ({"maxResults": "0"}, (400, "invalidParameter")),
        ({"singleEvents": "yes"}, (400, "invalidParameter")),
        ({"orderBy": "colour"}, (400, "invalidParameter")),
        ({"eventTypes": ["default", "party"]}, (400, "invalidParameter")),
        ({"syncToken": ["a", "b"]}, (400, "invalidParameter")),
        ({"timeMin": "2030-01-07T00:00:00"}, (400, "badRequest")),
        ({"timeMin": "tomorrow"}, (400, "badRequest")),
        ({"timeZone": "Mars/Olympus"}, (400, "invalidParameter")),
    ],
)
def test_query_is_checked_against_the_discovery_document(ada: Api, query: dict, expected: tuple) -> None:
    assert reason(ada("GET", EVENTS, **query)) == expected


def test_wrong_verb_and_unknown_path(ada: Api) -> None:
    assert reason(ada("PUT", EVENTS, {})) == (400, "badRequest")
    assert reason(ada("GET", "calendars/primary/meetings")) == (404, "notFound")


def test_body_is_checked_against_the_discovery_document(ada: Api, switch: Switchboard) -> None:
    assert reason(ada("POST", EVENTS, timed(summary=3))) == (400, "invalid")
    assert reason(ada("POST", EVENTS, timed(attendees={"email": ELI}))) == (400, "invalid")
    assert reason(ada("POST", EVENTS, timed(sequence="first"))) == (400, "invalid")
    broken = ada.http.post(EVENTS, content=b"{no", headers={"content-type": "application/json"})
    assert reason(broken) == (400, "parseError")
    form = ada.http.post(EVENTS, data={"summary": "x"})
    assert reason(form) == (400, "parseError")
    ada.insert(timed(colour="red"))
    assert switch.requests("calendar.events.insert")[-1]["unknown_keys"] == ["colour"]


def test_repeated_parameters_are_lists(ada: Api) -> None:
    ada.insert(timed())
    assert len(ada.events(eventTypes=["default", "focusTime"])) == 1
    assert ada.events(eventTypes=["focusTime", "birthday"]) == []


def test_calendar_ids_are_decoded(ada: Api, switch: Switchboard) -> None:
    holidays = "en.usa#holiday@group.v.calendar.google.com"
    switch.add_calendar(ELI, "Holidays", id=holidays)
    switch.share(holidays, ADA, "reader")
    answer = ada("GET", "calendars/en.usa%23holiday%40group.v.calendar.google.com/events")
    assert answer.json()["summary"] == "Holidays"
    assert ada("GET", "calendars/ada%40example.com/events").json()["summary"] == ADA
    assert ada("GET", EVENTS).json()["summary"] == ADA


def test_unknown_and_unshared_calendars_are_not_found(ada: Api) -> None:
    assert reason(ada("GET", "calendars/nobody@example.com/events")) == (404, "notFound")
    assert reason(ada("GET", f"calendars/{ELI}/events")) == (404, "notFound")


def test_partial_responses(ada: Api) -> None:
    event = ada.insert(timed(**{"attendees": [{"email": ELI, "displayName": "Eli"}]}))
    page = ada.page(fields="items(id,attendees/email),nextPageToken")
    assert page == {"items": [{"id": event["id"], "attendees": [{"email": ELI}]}]}
    assert set(ada.page(fields="nextSyncToken,items/start/*")) == {"nextSyncToken", "items"}
    wrong = ada("GET", EVENTS, fields="items(colour)")
    assert reason(wrong) == (400, "invalidParameter")
    assert wrong.json()["error"]["message"] == "Invalid field selection items(colour)"
    assert reason(ada("GET", EVENTS, fields="items(id")) == (400, "invalidParameter")


def test_json_is_pretty_unless_told_otherwise(ada: Api) -> None:
    assert ada("GET", "colors").text.startswith('{\n "kind": "calendar#colors"')
    assert "\n" not in ada("GET", "colors", prettyPrint="false").text


def test_answers_carry_their_etag_as_header(ada: Api) -> None:
    event = ada.insert(timed())
    answer = ada("GET", f"{EVENTS}/{event['id']}")
    assert answer.headers["etag"] == answer.json()["etag"] == event["etag"]
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"


@pytest.mark.parametrize(("agent", "encoding"), [("calsync (gzip)", "gzip"), ("calsync", None), ("gzip fan", "gzip")])
def test_gzip_only_when_asked_twice(ada: Api, agent: str, encoding: str | None) -> None:
    headers = {"accept-encoding": "gzip", "user-agent": agent}
    with ada.http.stream("GET", "colors", headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == encoding
    body = gzip.decompress(raw) if encoding else raw
    assert json.loads(body)["kind"] == "calendar#colors"


def test_method_override(ada: Api) -> None:
    event = ada.insert(timed())
    tunnel = {"x-http-method-override": "GET"}
    listed = ada.http.post(EVENTS, data={"maxResults": "5", "singleEvents": "true"}, headers=tunnel)
    assert [item["id"] for item in listed.json()["items"]] == [event["id"]]
    patch = {"x-http-method-override": "PATCH"}
    changed = ada("POST", f"{EVENTS}/{event['id']}", {"summary": "Moved"}, patch)
    assert changed.json()["summary"] == "Moved"


def test_request_log_tells_what_came_in(ada: Api, switch: Switchboard) -> None:
    switch.clear_requests()
    ada("PATCH", f"{EVENTS}/abcde", {"summary": "x"}, {"if-match": '"1"'}, sendUpdates="none")
    line = switch.requests()[-1]
    assert (line["method"], line["path"]) == ("PATCH", f"/calendar/v3/{EVENTS}/abcde")
    assert line["query"] == [["sendUpdates", "none"]]
    assert line["headers"]["if-match"] == '"1"'
    assert (line["method_id"], line["user"], line["status"]) == ("calendar.events.patch", ADA, 404)
    assert line["body"] == {"summary": "x"}
    assert "ya29" not in json.dumps(line)


def test_api_document_is_served_with_this_root(google: GoogleServer) -> None:
    document = httpx2.get(f"{google.base_url}/discovery/v1/apis/calendar/v3/rest").json()
    assert document["rootUrl"] == f"{google.base_url}/"
    assert document["id"] == "calendar:v3"


def test_answers_are_dated_by_the_emulators_clock(ada: Api, switch: Switchboard) -> None:
    switch.advance(3000)
    assert ada("GET", "colors").headers.get_list("date") == ["Mon, 07 Jan 2030 09:50:00 GMT"]


def test_calendar_switched_off(ada: Api, switch: Switchboard) -> None:
    switch.change_user(ADA, has_calendar=False)
    assert reason(ada("GET", EVENTS)) == (403, "notACalendarUser")
