"""Credentials of Zoom's: their shape, and trying them without a person."""

from __future__ import annotations

import pytest

from calsync.errors import Refused
from calsync.providers.oauth import ClientPair
from calsync.providers.registration import RegisteredProvider
from calsync.providers.zoom import endpoints
from calsync.providers.zoom.oauth import NEEDED
from calsync.providers.zoom.provider import ZoomProvider
from calsync.providers.zoom.registration import ZoomRegistration
from tests.emulators.zoom.conftest import CALLBACK, NOW
from tests.emulators.zoom.server import CLIENT_ID, CLIENT_SECRET, ZoomServer


@pytest.fixture
def registration(zoom: ZoomServer) -> ZoomRegistration:
    return ZoomRegistration(endpoints.at(zoom.base_url), allow_private_network=True)


def verdicts(registration: ZoomRegistration, pair: ClientPair) -> list[bool | None]:
    return [check.is_good for check in registration.examine(pair, CALLBACK, NOW)]


def test_a_good_pair_passes(registration: ZoomRegistration) -> None:
    assert verdicts(registration, ClientPair(CLIENT_ID, CLIENT_SECRET)) == [True, True, True]


@pytest.mark.parametrize("pair", [ClientPair(CLIENT_ID, "wrong"), ClientPair("nobody", CLIENT_SECRET)])
def test_a_wrong_pair_is_told_apart(registration: ZoomRegistration, pair: ClientPair) -> None:
    assert verdicts(registration, pair)[0] is False


def test_a_disabled_application_is_told(registration: ZoomRegistration, zoom: ZoomServer) -> None:
    zoom.switch.change_client(is_disabled=True)
    assert verdicts(registration, ClientPair(CLIENT_ID, CLIENT_SECRET))[0] is False


def test_silence_says_nothing_about_the_pair(registration: ZoomRegistration, zoom: ZoomServer) -> None:
    zoom.switch.fault("drop_before")
    lines = registration.examine(ClientPair(CLIENT_ID, CLIENT_SECRET), CALLBACK, NOW)
    assert [line.is_good for line in lines] == [None, False, None]
    assert CLIENT_SECRET not in str(lines)


def test_a_clock_that_is_wrong_is_seen(registration: ZoomRegistration, zoom: ZoomServer) -> None:
    offset = registration.clock_offset(NOW)
    assert offset is not None
    assert abs(offset.total_seconds()) < 2
    zoom.switch.advance(3600)
    last = registration.examine(ClientPair(CLIENT_ID, CLIENT_SECRET), CALLBACK, NOW)[-1]
    assert (last.is_good, "behind" in last.said) == (False, True)


@pytest.mark.parametrize(
    ("pair", "field"),
    [
        (ClientPair("too short", CLIENT_SECRET), "client_id"),
        (ClientPair(CLIENT_ID, "with spaces in it"), "client_secret"),
        (ClientPair(CLIENT_ID, CLIENT_ID), "client_secret"),
    ],
)
def test_a_pair_of_the_wrong_shape_is_refused_with_its_field(
    registration: ZoomRegistration, pair: ClientPair, field: str
) -> None:
    with pytest.raises(Refused) as raised:
        registration.check(pair)
    assert raised.value.field == field


def test_there_is_no_file(registration: ZoomRegistration) -> None:
    with pytest.raises(Refused, match="no credentials file"):
        registration.read_file(b"{}")


def test_every_needed_scope_is_explained(registration: ZoomRegistration) -> None:
    assert [box.scope for box in registration.boxes(can_write=False)] == list(NEEDED)
    assert all(scope in " ".join(step.text for step in registration.steps) for scope in NEEDED)


def test_the_entry_is_complete() -> None:
    entry = ZoomProvider()
    assert isinstance(entry, RegisteredProvider)
    assert entry.kind in entry.info.capabilities.makes_links
