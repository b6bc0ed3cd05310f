"""Push channels: opened, recognised, renewed in time, stopped."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from calsync.errors import Rejected
from calsync.providers.channels import Channel, Notice, Notifying, Watcher
from calsync.providers.google import notices
from calsync.providers.google.provider import INFO, GoogleProvider
from tests.emulators.google.cast import ADA, NOW
from tests.providers.contract import TEA

PUBLIC = "https://cal.example.com"
SECRET = "a secret of this channel"


@pytest.fixture
def arrived(switch) -> Iterator[list[dict[str, str]]]:
    """The headers of every notice that Google sends to our public address."""
    found: list[dict[str, str]] = []

    def take(request: Request) -> Response:
        found.append(dict(request.headers))
        return Response(status=204)

    with HTTPServer(host="127.0.0.1", port=0) as server:
        server.expect_request("/hooks").respond_with_handler(take)
        switch.settings(webhook_rewrites={PUBLIC: f"http://127.0.0.1:{server.port}"})
        yield found


def opened(client) -> Channel:
    return client.watch(ADA, str(uuid.uuid4()), SECRET, f"{PUBLIC}/hooks")


def test_a_change_is_told(client, people, switch, arrived) -> None:
    channel = opened(client)
    assert channel.expires_at == NOW + timedelta(days=7)
    people.put(TEA)
    switch.pushes()
    first, *others = [notices.read(headers) for headers in arrived]
    assert first.is_first
    assert [(n.channel_id, n.resource_id, n.is_first) for n in others] == [(channel.id, channel.resource_id, False)]
    assert all(notice.is_of(SECRET) for notice in (first, *others))
    assert not others[0].is_of("a guess")
    assert SECRET not in repr(first)


def test_a_stopped_channel_is_silent_and_stopping_twice_is_fine(client, people, switch, arrived) -> None:
    channel = opened(client)
    client.stop(channel.id, channel.resource_id)
    client.stop(channel.id, channel.resource_id)
    people.put(TEA)
    assert [push for push in switch.pushes() if push["headers"]["X-Goog-Resource-State"] == "exists"] == []


def test_the_next_channel_is_opened_before_the_last_one_ends(client, people, switch, arrived) -> None:
    channel = opened(client)
    assert channel.renew_at(NOW, INFO.capabilities.renews_channels_after) == NOW + timedelta(days=5.6)
    other = opened(client)
    people.put(TEA)
    switch.pushes()
    told = {notices.read(headers).channel_id for headers in arrived if headers["X-Goog-Resource-State"] == "exists"}
    assert told == {channel.id, other.id}


def test_what_cannot_be_watched_is_no_fault_of_the_account(client, switch) -> None:
    holidays = switch.add_calendar(ADA, "Holidays", is_watchable=False)
    plain_http = f"{PUBLIC.replace('https', 'http')}/hooks"
    for calendar, address, code in ((holidays, f"{PUBLIC}/hooks", "unsupported"), (ADA, plain_http, "permission")):
        with pytest.raises(Rejected) as raised:
            client.watch(calendar, str(uuid.uuid4()), SECRET, address)
        assert raised.value.code == code


def test_a_channel_id_is_used_once(client, arrived) -> None:
    channel = opened(client)
    with pytest.raises(Rejected) as raised:
        client.watch(ADA, channel.id, SECRET, f"{PUBLIC}/hooks")
    assert raised.value.code == "duplicate"


def test_an_address_that_google_does_not_trust_is_no_dead_grant(client, switch) -> None:
    switch.fault("status", method="calendar.events.watch", status=401, reason="push.webhookUrlUnauthorized")
    with pytest.raises(Rejected) as raised:
        client.watch(ADA, str(uuid.uuid4()), SECRET, f"{PUBLIC}/hooks")
    assert raised.value.code == "permission"


def test_other_requests_are_no_notices() -> None:
    assert notices.read({}) is None
    assert notices.read({"X-Goog-Channel-ID": "1"}) is None
    read = notices.read({"x-goog-channel-id": "1", "X-GOOG-RESOURCE-STATE": "exists"})
    assert read == Notice("1", "", "")
    assert not read.is_of("x")


def test_the_client_and_the_provider_say_that_they_notify(client) -> None:
    assert isinstance(client, Watcher)
    assert isinstance(GoogleProvider(), Notifying)
