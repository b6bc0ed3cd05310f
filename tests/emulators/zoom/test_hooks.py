"""Webhooks: signed, validated, retried, in all their shapes (checklist: webhooks)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.emulators.zoom import hooks
from tests.emulators.zoom.conftest import ADA, Api
from tests.emulators.zoom.server import HOOK_SECRET, ZoomServer


class Listener:
    """An address that answers as told, and keeps what it got. It proves that it knows the secret."""

    def __init__(self) -> None:
        self.status = 204
        self.is_honest = True
        self.got: list[tuple[dict[str, str], bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                status, answer = listener.take({k.lower(): v for k, v in self.headers.items()}, raw)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/zoom"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, headers: dict[str, str], raw: bytes) -> tuple[int, bytes]:
        body = json.loads(raw)
        if body["event"] != "endpoint.url_validation":
            self.got.append((headers, raw))
            return self.status, b""
        plain = body["payload"]["plainToken"]
        secret = HOOK_SECRET if self.is_honest else "other"
        proof = hmac.new(secret.encode(), plain.encode(), hashlib.sha256).hexdigest()
        return 200, json.dumps({"plainToken": plain, "encryptedToken": proof}).encode()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(raw) for _, raw in self.got]


@pytest.fixture
def listener(zoom: ZoomServer) -> Iterator[Listener]:
    made = Listener()
    zoom.switch.settings(delivers=False)
    assert zoom.switch.hook(made.url)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_the_published_vectors() -> None:
    body = b'{"event":"meeting.deleted","event_ts":1735689600000,'
    body += b'"payload":{"account_id":"AAA","object":{"id":98884753832}}}'
    expected = "v0=635bfc253477a2623c451e187892a3d02744b95d4fa964b2ae330cea3998d713"
    assert hooks.signature(HOOK_SECRET, "1735689600", body) == expected


def test_an_address_that_does_not_know_the_secret_is_not_taken(zoom: ZoomServer, listener: Listener) -> None:
    listener.is_honest = False
    assert not zoom.switch.hook(listener.url)


def test_what_happens_is_told_with_a_signature(zoom: ZoomServer, listener: Listener, ada: Api) -> None:
    made = ada.make()
    zoom.switch.deliver()
    [(headers, raw)] = listener.got
    expected = hooks.signature(HOOK_SECRET, headers["x-zm-request-timestamp"], raw)
    assert headers["x-zm-signature"] == expected
    told = json.loads(raw)
    assert (told["event"], told["payload"]["object"]["id"]) == ("meeting.created", made["id"])
    assert "start_url" not in told["payload"]["object"]


def test_a_change_tells_only_what_changed(zoom: ZoomServer, listener: Listener, ada: Api) -> None:
    made = ada.make()
    zoom.switch.change_meeting(made["id"], topic="Other")
    zoom.switch.change_meeting(made["id"], topic="Other")
    zoom.switch.deliver()
    _, told = listener.events()
    assert told["event"] == "meeting.updated"
    assert told["payload"]["object"] == {"id": made["id"], "uuid": made["uuid"], "topic": "Other"}
    assert told["payload"]["old_object"]["topic"] == "Intro"


def test_only_a_5xx_is_sent_again_later_and_later(zoom: ZoomServer, listener: Listener, ada: Api) -> None:
    listener.status = 500
    ada.make()
    attempts = []
    for minutes in (0, 4, 1, 20, 60, 60):
        zoom.switch.advance(minutes * 60)
        attempts.append(len(zoom.switch.deliver()))
    assert attempts == [1, 0, 1, 1, 1, 0]
    listener.status = 404
    zoom.switch.delete_meeting(zoom.switch.meetings(ADA)[0]["id"])
    assert len(zoom.switch.deliver()) == 1
    zoom.switch.advance(86400)
    assert zoom.switch.deliver() == []


def test_an_address_is_validated_every_three_days_and_given_up_after_six_failures(
    zoom: ZoomServer, listener: Listener
) -> None:
    listener.is_honest = False
    asked = 0
    for _ in range(8):
        zoom.switch.advance(72 * 3600)
        asked += len(zoom.switch.deliver())
    assert asked == 6


def test_oddities_of_webhooks_can_be_switched_on(zoom: ZoomServer, listener: Listener, ada: Api) -> None:
    zoom.switch.settings(repeats_hooks=True, string_ids=True)
    made = ada.make()
    zoom.switch.deliver()
    assert [e["payload"]["object"]["id"] for e in listener.events()] == [str(made["id"])] * 2


@pytest.mark.parametrize("is_bare", [False, True])
def test_who_removes_the_application_is_told_in_either_shape(
    zoom: ZoomServer, listener: Listener, is_bare: bool, ada: Api
) -> None:
    zoom.switch.settings(bare_deauthorization=is_bare)
    zoom.switch.deauthorize(ADA)
    zoom.switch.deliver()
    [told] = listener.events()
    assert told["event"] == "app_deauthorized"
    assert ("event_ts" in told, "event_ts" in told["payload"]) == (not is_bare, is_bare)
    assert ada("GET", "users/me").status_code == 401
