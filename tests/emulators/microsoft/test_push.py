"""Subscriptions and their notifications, delivered to a real web server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.emulators.microsoft.cast import ADA, NOW, Api, code, timed
from tests.emulators.microsoft.server import Switchboard

PUBLIC = "https://cal.example.com"


class Inbox:
    """A webhook that answers handshakes and keeps what comes."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.got: list[dict[str, Any]] = []
        self.queries: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.silence = threading.Event()
        self.echo: Response | None = None
        self.greets_after_s = 0.0
        server.expect_request("/hook").respond_with_handler(self._hook)
        server.expect_request("/life").respond_with_handler(self._hook)

    def _hook(self, request: Request) -> Response:
        self.queries.append(dict(request.args))
        if "validationToken" in request.args:
            self.silence.wait(self.greets_after_s)
            return self.echo or Response(request.args["validationToken"], content_type="text/plain")
        body = request.get_json()
        self.got += [{"path": request.path, **one} for one in body["value"]]
        return Response(status=self.statuses.pop(0) if self.statuses else 202)


@pytest.fixture(scope="module")
def web() -> Iterator[HTTPServer]:
    """One web server for all tests here: stopping one takes half a second."""
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def inbox(web: HTTPServer, switch: Switchboard) -> Inbox:
    web.clear()
    switch.settings(webhook_rewrites={PUBLIC: web.url_for("").rstrip("/")}, bumps_after_s=None)
    return Inbox(web)


def body(minutes: int = 10_000, **more: Any) -> dict[str, Any]:
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": f"{PUBLIC}/hook?c=42",
        "lifecycleNotificationUrl": f"{PUBLIC}/life",
        "resource": "me/events",
        "expirationDateTime": stamp(NOW + timedelta(minutes=minutes)),
        "clientState": "s3cret",
        **more,
    }


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.0000000Z"


def test_subscribing_shakes_hands_with_both_addresses(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    made = ada.ok("POST", "subscriptions", body())
    assert (made["clientState"], made["changeType"]) == (None, "created,deleted,updated")
    assert [("c" in query, "validationToken" in query) for query in inbox.queries] == [(True, True), (False, True)]
    assert [one["id"] for one in ada.ok("GET", "subscriptions")["value"]] == [made["id"]]
    assert switch.subscriptions()[0]["client_state"] == "s3cret"
    assert code(ada("POST", "subscriptions", body())) == (409, "Conflict")


@pytest.mark.parametrize(
    ("echo", "said"),
    [
        (Response("no", status=500), "must respond with 200 OK"),
        (Response("something else", content_type="text/plain"), "exactly match validationToken"),
        (Response("Validation", content_type="text/html"), "exactly match validationToken"),
    ],
)
def test_a_failed_handshake_is_said(ada: Api, inbox: Inbox, switch: Switchboard, echo: Response, said: str) -> None:
    inbox.echo = echo
    answer = ada("POST", "subscriptions", body())
    assert code(answer) == (400, "ValidationError")
    assert said in answer.text
    assert switch.subscriptions() == []


def test_a_handshake_that_takes_too_long_is_said(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    switch.settings(validation_timeout_s=0.2)
    inbox.greets_after_s = 0.6
    answer = ada("POST", "subscriptions", body())
    assert (code(answer), "timed out" in answer.text) == ((400, "ValidationError"), True)


def test_another_address_is_greeted_before_it_counts(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    made = ada.ok("POST", "subscriptions", body())
    inbox.echo = Response("no", status=500)
    assert ada("PATCH", f"subscriptions/{made['id']}", {"notificationUrl": f"{PUBLIC}/life"}).status_code == 400
    inbox.echo = None
    moved = ada.ok("PATCH", f"subscriptions/{made['id']}", {"notificationUrl": f"{PUBLIC}/life"})
    assert moved["notificationUrl"] == f"{PUBLIC}/life"


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"expirationDateTime": None}, "InvalidRequest"),
        ({"expirationDateTime": "2030-01-08T09:00:00"}, "InvalidRequest"),
        ({"expirationDateTime": "2030-01-01T09:00:00Z"}, "InvalidRequest"),
        ({"expirationDateTime": "2030-01-15T09:00:00Z"}, "ExtensionError"),
        ({"notificationUrl": "http://cal.example.com/hook"}, "InvalidRequest"),
        ({"resource": "me/messages"}, "ExtensionError"),
        ({"clientState": "x" * 129}, "InvalidRequest"),
        ({"changeType": "moved"}, "InvalidRequest"),
        ({"bogus": 1}, "InvalidRequest"),
    ],
)
def test_what_cannot_be_subscribed(ada: Api, inbox: Inbox, change: dict[str, Any], wrong: str) -> None:
    assert code(ada("POST", "subscriptions", body(**change))) == (400, wrong)


def test_changes_are_told_with_their_secret(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    made = ada.ok("POST", "subscriptions", body())
    event = ada.insert(timed())
    ada.ok("PATCH", f"me/events/{event['id']}", {"subject": "New"})
    ada("DELETE", f"me/events/{event['id']}")
    switch.pushes()
    assert [one["changeType"] for one in inbox.got] == ["created", "updated", "deleted"]
    first, last = inbox.got[0], inbox.got[-1]
    assert (first["subscriptionId"], first["clientState"], first["resourceData"]["id"]) == (
        made["id"],
        "s3cret",
        event["id"],
    )
    assert first["resource"].endswith(f"/Events/{event['id']}")
    assert ("@odata.etag" in first["resourceData"], "@odata.etag" in last["resourceData"]) == (True, False)


def test_one_calendar_can_be_watched(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    ada.ok("POST", "subscriptions", body(resource=f"me/calendars/{ada.home()}/events"))
    other = switch.add_calendar(ADA, "Other")
    switch.add_event(other, timed())
    switch.add_event(ada.home(), timed())
    switch.pushes()
    assert len(inbox.got) == 1
    assert code(ada("POST", "subscriptions", body(resource="me/calendars/AAMkAGCalNone=/events")))[0] == 404


def test_the_mailbox_may_mean_its_default_calendar(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    switch.settings(default_only_subscriptions=True)
    ada.ok("POST", "subscriptions", body())
    switch.add_event(switch.add_calendar(ADA, "Other"), timed())
    switch.pushes()
    assert inbox.got == []


def test_notifications_get_lost_come_twice_and_turned_round(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    ada.ok("POST", "subscriptions", body())
    switch.settings(push_drop_every=2, push_repeat_every=3)
    for hour in range(3):
        ada.insert(timed(hour))
    switch.pushes()
    assert len(inbox.got) == 3


def test_notifications_of_one_request_travel_together(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    ada.ok("POST", "subscriptions", body())
    switch.settings(push_reversed=True)
    headers = {"Content-Type": "application/json"}
    parts = [
        {"id": str(hour), "method": "POST", "url": "/me/events", "body": timed(hour), "headers": headers}
        for hour in (8, 9)
    ]
    ada.ok("POST", "$batch", {"requests": parts})
    assert len(switch.pushes()) == 1
    starts = [ada.ok("GET", f"me/events/{one['resourceData']['id']}")["start"]["dateTime"][11:13] for one in inbox.got]
    assert starts == ["09", "08"]


def test_delivery_is_tried_again(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    ada.ok("POST", "subscriptions", body())
    switch.settings(push_retry_delays_s=[0.01, 0.01])
    inbox.statuses = [400]
    ada.insert(timed())
    assert [one["status"] for one in switch.pushes()] == [400, 202]


def test_subscriptions_are_renewed_and_end(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    made = ada.ok("POST", "subscriptions", body(minutes=10))
    assert made["expirationDateTime"].startswith("2030-01-07T09:45:00")
    later = {"expirationDateTime": stamp(NOW + timedelta(days=6))}
    assert ada.ok("PATCH", f"subscriptions/{made['id']}", later)["expirationDateTime"].startswith("2030-01-13")
    switch.advance(7 * 86_400)
    assert ada("PATCH", f"subscriptions/{made['id']}", later).status_code == 401
    fresh = Api(ada.base_url, switch.tokens(ADA)["access_token"])
    assert code(fresh("PATCH", f"subscriptions/{made['id']}", later)) == (404, "ResourceNotFound")


def test_deleting_ends_the_notifications(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    made = ada.ok("POST", "subscriptions", body())
    assert ada("DELETE", f"subscriptions/{made['id']}").status_code == 204
    ada.insert(timed())
    switch.pushes()
    assert inbox.got == []
    assert ada("DELETE", f"subscriptions/{made['id']}").status_code == 404


def test_reauthorization_pauses_until_given(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    made = ada.ok("POST", "subscriptions", body())
    switch.tell_lifecycle(made["id"], "reauthorizationRequired")
    ada.insert(timed())
    switch.pushes()
    assert [(one["path"], one["lifecycleEvent"]) for one in inbox.got] == [("/life", "reauthorizationRequired")]
    assert ada("POST", f"subscriptions/{made['id']}/reauthorize").status_code == 200
    ada.insert(timed(12))
    switch.pushes()
    assert inbox.got[-1]["changeType"] == "created"


def test_a_removed_subscription_is_gone(ada: Api, inbox: Inbox, switch: Switchboard) -> None:
    made = ada.ok("POST", "subscriptions", body())
    switch.tell_lifecycle(made["id"], "missed")
    switch.tell_lifecycle(made["id"], "subscriptionRemoved")
    switch.pushes()
    assert [one["lifecycleEvent"] for one in inbox.got] == ["missed", "subscriptionRemoved"]
    assert ada("GET", f"subscriptions/{made['id']}").status_code == 404
