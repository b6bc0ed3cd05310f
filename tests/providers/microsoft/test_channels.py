"""Subscriptions: opened after a handshake, recognised, replaced in time, told of when they pause or end, stopped."""

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from calsync.errors import Rejected
from calsync.providers.channels import Channel, Greeted, Notice, Notifying, Posted, Watcher
from calsync.providers.microsoft import notices
from calsync.providers.microsoft.provider import INFO, MicrosoftProvider
from tests.emulators.microsoft.cast import NOW
from tests.providers.contract import TEA

PUBLIC = "https://cal.example.com"
SECRET = "a secret of this channel"


def posted(request: Request) -> Posted:
    return Posted(dict(request.headers), request.args.to_dict(), request.get_data())


@pytest.fixture
def arrived(switch) -> Iterator[list[Posted]]:
    """Every notice that Microsoft sends to our public address, which answers its questions."""
    found: list[Posted] = []

    def take(request: Request) -> Response:
        greeting = MicrosoftProvider().greeting(posted(request))
        if greeting is not None:
            return Response(greeting, content_type="text/plain")
        found.append(posted(request))
        return Response(status=204)

    with HTTPServer(host="127.0.0.1", port=0) as server:
        server.expect_request("/hooks").respond_with_handler(take)
        switch.settings(webhook_rewrites={PUBLIC: f"http://127.0.0.1:{server.port}"})
        yield found


def opened(client, calendar) -> Channel:
    return client.watch(calendar, str(uuid.uuid4()), SECRET, f"{PUBLIC}/hooks")


def told(arrived: list[Posted]) -> list[Notice]:
    return [notice for each in arrived for notice in MicrosoftProvider().read_notices(each)]


def test_a_change_is_told(client, calendar, people, switch, arrived) -> None:
    channel = opened(client, calendar)
    assert channel.expires_at == NOW + notices.LIFE
    assert channel.is_heard
    people.put(TEA)
    switch.pushes()
    assert {(n.channel_id, n.resource_id) for n in told(arrived)} == {(channel.id, channel.resource_id)}
    assert all(notice.is_of(SECRET) for notice in told(arrived))
    assert not told(arrived)[0].is_of("a guess")
    assert SECRET not in repr(told(arrived)[0])


def test_a_stopped_channel_is_silent_and_stopping_twice_is_fine(client, calendar, people, switch, arrived) -> None:
    channel = opened(client, calendar)
    client.stop(channel.id, channel.resource_id)
    client.stop(channel.id, channel.resource_id)
    people.put(TEA)
    switch.pushes()
    assert told(arrived) == []


def test_the_next_channel_takes_the_place_of_the_last(client, calendar, people, switch, arrived) -> None:
    """Microsoft keeps one subscription of ours to a calendar."""
    first, other = opened(client, calendar), opened(client, calendar)
    assert len(switch.subscriptions()) == 1
    client.stop(first.id, first.resource_id)  # what replaced it is not touched
    people.put(TEA)
    switch.pushes()
    assert {notice.channel_id for notice in told(arrived)} == {other.id}


@pytest.mark.parametrize(
    ("event", "is_last"), [("reauthorizationRequired", True), ("subscriptionRemoved", True), ("missed", False)]
)
def test_what_becomes_of_a_channel_is_told(client, calendar, switch, arrived, event, is_last) -> None:
    channel = opened(client, calendar)
    switch.tell_lifecycle(channel.resource_id, event)
    switch.pushes()
    (notice,) = told(arrived)
    assert (notice.channel_id, notice.is_of(SECRET), notice.is_last) == (channel.id, True, is_last)


def test_an_address_that_does_not_answer_is_no_fault_of_the_account(client, calendar, switch) -> None:
    switch.settings(webhook_rewrites={PUBLIC: "http://127.0.0.1:9"})
    with pytest.raises(Rejected) as caught:
        opened(client, calendar)
    assert caught.value.code == "permission"


def test_a_life_that_is_too_long_is_refused_and_polled(client, calendar, switch, arrived) -> None:
    switch.settings(subscription_minutes=4230)
    with pytest.raises(Rejected) as caught:
        opened(client, calendar)
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({}, b'{"value": [{"clientState": "x"}]}'),
        ({"channel": "1"}, b""),
        ({"channel": "1"}, b"[]"),
        ({"channel": "1"}, b'{"value": null}'),
        ({"channel": "1"}, b'{"value": ["x"]}'),
    ],
)
def test_other_requests_are_no_notices(query, body) -> None:
    assert MicrosoftProvider().read_notices(Posted({}, query, body)) == ()


def test_many_notices_travel_together() -> None:
    body = {"value": [{"subscriptionId": "1", "clientState": "x"}, {"subscriptionId": "2"}]}
    found = MicrosoftProvider().read_notices(Posted({}, {"channel": "c"}, json.dumps(body).encode()))
    assert found == (Notice("c", "1", "x"), Notice("c", "2", ""))
    assert not found[1].is_of("x")


def test_only_a_question_is_answered() -> None:
    assert MicrosoftProvider().greeting(Posted({}, {"validationToken": "<b>&"})) == "<b>&"
    assert MicrosoftProvider().greeting(Posted({}, {"channel": "c"})) is None
    assert len(MicrosoftProvider().greeting(Posted({}, {"validationToken": "x" * 9999})) or "") == 2000


def test_the_client_and_the_provider_say_that_they_notify(client) -> None:
    assert isinstance(client, Watcher)
    assert isinstance(MicrosoftProvider(), Notifying)
    assert isinstance(MicrosoftProvider(), Greeted)


def test_a_channel_is_renewed_well_before_it_ends(client, calendar, arrived) -> None:
    channel = opened(client, calendar)
    half = channel.renew_at(NOW, INFO.capabilities.renews_channels_after)
    assert abs(channel.expires_at - half - (half - NOW)) < timedelta(seconds=2)
