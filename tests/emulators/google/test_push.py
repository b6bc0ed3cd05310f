"""Push notifications to a real receiver on loopback (checklist "Push")."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.emulators.google.cast import ADA, ELI, EVENTS, NOW, Api, guests, reason, timed
from tests.emulators.google.server import GoogleServer, Switchboard

WATCH = f"{EVENTS}/watch"


class Receiver:
    """Notes every notification, and answers as told."""

    def __init__(self, server: HTTPServer) -> None:
        self.address = server.url_for("/hooks/google?from=1")
        self.headers: list[dict[str, str]] = []
        self.answers: list[int] = []
        self.delay_s = 0.0
        server.expect_request("/hooks/google", method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        assert request.get_data() == b""
        time.sleep(self.delay_s)
        self.headers.append(dict(request.headers))
        return Response(status=self.answers.pop(0) if self.answers else 204)

    @property
    def states(self) -> list[str]:
        return [headers["X-Goog-Resource-State"] for headers in self.headers]

    @property
    def numbers(self) -> list[int]:
        return [int(headers["X-Goog-Message-Number"]) for headers in self.headers]


@pytest.fixture
def receiver(switch: Switchboard, httpserver: HTTPServer) -> Receiver:
    switch.settings(https_only=False)
    return Receiver(httpserver)


def channel(receiver: Receiver, name: str = "c-1", **more: object) -> dict:
    return {"id": name, "type": "web_hook", "address": receiver.address, "token": "conn=42&mac=5f2c", **more}


def test_documented_headers_arrive(google: GoogleServer, ada: Api, receiver: Receiver) -> None:
    answer = ada("POST", WATCH, channel(receiver)).json()
    uri = f"{google.base_url}/calendar/v3/calendars/ada%40example.com/events?alt=json"
    assert (answer["kind"], answer["id"], answer["resourceUri"]) == ("api#channel", "c-1", uri)
    ada.insert(timed())
    google.switch.pushes()
    assert receiver.states == ["sync", "exists"]
    headers = receiver.headers[1]
    expected = {
        "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        "Content-Length": "0",
        "X-Goog-Channel-Id": "c-1",
        "X-Goog-Channel-Token": "conn=42&mac=5f2c",
        "X-Goog-Channel-Expiration": "Mon, 14 Jan 2030 09:00:00 GMT",
        "X-Goog-Resource-Id": answer["resourceId"],
        "X-Goog-Resource-Uri": uri,
    }
    assert expected.items() <= headers.items()
    assert receiver.numbers[0] == 1
    assert receiver.numbers[1] > 1


def test_first_message_may_overtake_the_answer(switch: Switchboard, ada: Api, receiver: Receiver) -> None:
    switch.settings(sync_before_reply=True)
    ada("POST", WATCH, channel(receiver))
    assert receiver.states == ["sync"]


def test_numbers_grow_with_gaps(switch: Switchboard, ada: Api, receiver: Receiver) -> None:
    ada("POST", WATCH, channel(receiver))
    for hour in range(9, 15):
        ada.insert(timed(hour))
    switch.pushes()
    steps = [later - earlier for earlier, later in zip(receiver.numbers, receiver.numbers[1:], strict=False)]
    assert len(steps) == 6
    assert all(step > 0 for step in steps)
    assert any(step > 1 for step in steps)


def test_default_and_asked_lifetimes(ada: Api, receiver: Receiver) -> None:
    def lasts(name: str, **more: object) -> float:
        answer = ada("POST", WATCH, channel(receiver, name, **more)).json()
        return int(answer["expiration"]) / 1000 - NOW.timestamp()

    hour = str(int((NOW + timedelta(hours=1)).timestamp() * 1000))
    year = str(int((NOW + timedelta(days=365)).timestamp() * 1000))
    assert lasts("a") == 604_800
    assert lasts("b", params={"ttl": "3600"}) == 3600
    assert lasts("c", expiration=hour) == 3600
    assert lasts("d", expiration=year) == 604_800


def test_expired_channels_are_silent(switch: Switchboard, api_of: Callable[..., Api], receiver: Receiver) -> None:
    ada = api_of(ADA)
    answer = ada("POST", WATCH, channel(receiver, params={"ttl": "60"})).json()
    switch.advance(61)
    ada.insert(timed())
    switch.pushes()
    assert receiver.states == ["sync"]
    stop = {"id": "c-1", "resourceId": answer["resourceId"]}
    assert reason(ada("POST", "channels/stop", stop)) == (404, "notFound")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"address": "http://cal.example.com/hook"}, "push.webhookUrlNotHttps"),
        ({"id": "x" * 65}, "invalid"),
        ({"token": "x" * 257}, "invalid"),
        ({"type": "pigeon"}, "push.channelTypeNotSupported"),
        ({"address": None}, "required"),
        ({"id": ""}, "required"),
        ({"expiration": "1000"}, "invalid"),
    ],
)
def test_channels_are_checked(ada: Api, change: dict, expected: str) -> None:
    body = {"id": "c-1", "type": "web_hook", "address": "https://cal.example.com/hook"} | change
    assert reason(ada("POST", WATCH, body)) == (400, expected)


def test_ids_are_used_once(ada: Api, receiver: Receiver) -> None:
    assert ada("POST", WATCH, channel(receiver)).status_code == 200
    assert reason(ada("POST", WATCH, channel(receiver))) == (400, "channelIdNotUnique")


def test_derived_calendars_cannot_be_watched(ada: Api, switch: Switchboard, receiver: Receiver) -> None:
    holidays = switch.add_calendar(ADA, "Holidays", is_watchable=False)
    answer = ada("POST", f"calendars/{holidays}/events/watch", channel(receiver))
    assert reason(answer) == (400, "pushNotSupportedForRequestedResource")


def test_stopping_needs_both_ids_and_the_same_person(
    switch: Switchboard, ada: Api, eli: Api, receiver: Receiver
) -> None:
    resource_id = ada("POST", WATCH, channel(receiver)).json()["resourceId"]
    assert reason(ada("POST", "channels/stop", {"id": "c-1", "resourceId": "x"})) == (404, "notFound")
    stop = {"id": "c-1", "resourceId": resource_id}
    assert eli("POST", "channels/stop", stop).status_code == 404
    answer = ada("POST", "channels/stop", stop)
    assert (answer.status_code, answer.content) == (204, b"")
    ada.insert(timed())
    switch.pushes()
    assert receiver.states == ["sync"]
    assert ada("POST", "channels/stop", stop).status_code == 404


def test_overlapping_channels_both_hear(switch: Switchboard, ada: Api, receiver: Receiver) -> None:
    first, second = (ada("POST", WATCH, channel(receiver, name)).json() for name in ("c-1", "c-2"))
    assert first["resourceId"] == second["resourceId"]
    ada.insert(timed())
    switch.pushes()
    assert sorted(receiver.states) == ["exists", "exists", "sync", "sync"]


@pytest.mark.parametrize(("status", "tries"), [(500, 2), (502, 2), (503, 2), (504, 2), (404, 1), (202, 1)])
def test_only_some_failures_are_retried(
    switch: Switchboard, ada: Api, receiver: Receiver, status: int, tries: int
) -> None:
    switch.settings(push_retry_delays_s=[0.01])
    receiver.answers = [status]
    ada("POST", WATCH, channel(receiver))
    pushes = switch.pushes()
    assert len(receiver.states) == tries
    assert pushes[0]["status"] == status


def test_unreachable_receivers_do_no_harm(switch: Switchboard, ada: Api) -> None:
    switch.settings(https_only=False)
    body = {"id": "c-1", "type": "web_hook", "address": "http://127.0.0.1:9/hook"}
    assert ada("POST", WATCH, body).status_code == 200
    (push,) = switch.pushes()
    assert push["status"] is None
    assert "refused" in push["error"].lower()


def test_public_addresses_are_delivered_locally(switch: Switchboard, ada: Api, receiver: Receiver) -> None:
    local = receiver.address.rpartition("/hooks")[0]
    switch.settings(https_only=True, webhook_rewrites={"https://cal.example.com": local})
    body = channel(receiver, address="https://cal.example.com/hooks/google")
    assert ada("POST", WATCH, body).status_code == 200
    switch.pushes()
    assert receiver.states == ["sync"]


def test_notifications_get_lost_and_doubled(switch: Switchboard, ada: Api, receiver: Receiver) -> None:
    ada("POST", WATCH, channel(receiver))
    switch.settings(push_drop_every=2)
    ada.insert(timed(9))
    ada.insert(timed(10))
    switch.pushes()
    assert receiver.states == ["sync", "exists"]
    switch.settings(push_drop_every=None, push_repeat_every=1)
    ada.insert(timed(11))
    switch.pushes()
    assert receiver.states == ["sync", "exists", "exists", "exists"]


def test_changes_by_others_are_told(switch: Switchboard, ada: Api, eli: Api, receiver: Receiver) -> None:
    ada("POST", WATCH, channel(receiver))
    eli.insert(timed(**guests(ADA)))
    switch.add_event(ADA, timed(), by=ADA)
    switch.send_push(ADA)
    switch.pushes()
    assert receiver.states == ["sync", "exists", "exists", "exists"]
    eli.insert(timed())
    switch.pushes()
    assert len(receiver.states) == 4


def test_revoked_grants_are_silent(switch: Switchboard, ada: Api, receiver: Receiver) -> None:
    ada("POST", WATCH, channel(receiver))
    switch.revoke(ADA)
    switch.add_event(ADA, timed())
    switch.pushes()
    assert receiver.states == ["sync"]


def test_deleted_calendars_say_so(switch: Switchboard, ada: Api, receiver: Receiver) -> None:
    team = ada("POST", "calendars", {"summary": "Team"}).json()["id"]
    ada("POST", f"calendars/{team}/events/watch", channel(receiver))
    ada("DELETE", f"calendars/{team}")
    switch.pushes()
    assert receiver.states == ["sync", "not_exists"]


def test_list_settings_and_rules_are_watched_too(switch: Switchboard, ada: Api, receiver: Receiver) -> None:
    ada("POST", "users/me/calendarList/watch", channel(receiver, "list"))
    ada("POST", "users/me/settings/watch", channel(receiver, "settings"))
    ada("POST", f"calendars/{ADA}/acl/watch", channel(receiver, "rules"))
    ada("POST", "calendars", {"summary": "Team"})
    switch.post("/users/settings", email=ADA, settings={"weekStart": "0"})
    switch.share(ADA, ELI, "reader")
    switch.pushes()
    told = [line["X-Goog-Channel-Id"] for line in receiver.headers if line["X-Goog-Resource-State"] == "exists"]
    assert sorted(told) == ["list", "rules", "settings"]


def test_writes_need_not_wait_for_slow_receivers(switch: Switchboard, ada: Api, receiver: Receiver) -> None:
    receiver.delay_s = 0.4
    ada("POST", WATCH, channel(receiver))
    began = time.monotonic()
    ada.insert(timed())
    assert time.monotonic() - began < 0.4
    switch.pushes()
    assert receiver.states == ["sync", "exists"]
