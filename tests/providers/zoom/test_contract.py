"""The Zoom client keeps the contract of meeting clients, and what only this provider promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calsync.errors import ProviderError, RateLimited, Rejected, SignInNeeded, Unavailable
from calsync.providers.conference import MeetingSettings
from calsync.providers.zoom.client import ZoomClient
from tests.emulators.zoom.conftest import ADA, NOW, VIC
from tests.emulators.zoom.server import CLIENT_ID, ZoomServer
from tests.providers.conference_contract import INTRO, MARK, ConferenceContract


class ZoomHost:
    """Ada at Zoom."""

    def __init__(self, zoom: ZoomServer) -> None:
        self.switch = zoom.switch

    def delete(self, remote_id: str) -> None:
        self.switch.delete_meeting(remote_id)

    def rename(self, remote_id: str, topic: str) -> None:
        self.switch.change_meeting(remote_id, topic=topic)

    def count(self) -> int:
        return len(self.switch.meetings(ADA))

    def lose_answer(self, what: str) -> None:
        self.switch.fault("drop", method=f"meetings.{what}", times=1)

    def cut_answer(self, what: str) -> None:
        self.switch.fault("truncate", method=f"meetings.{what}", times=1)

    def break_down(self, what: str) -> None:
        self.switch.fault("status", status=503, method=f"meetings.{what}", times=1)

    def spend_day(self, until: datetime) -> None:
        self.switch.settings(host_daily=0)

    def end_grant(self) -> None:
        self.switch.deauthorize(ADA, CLIENT_ID)


class TestZoom(ConferenceContract):
    @pytest.fixture
    def client(self, open_client: Callable[..., ZoomClient]) -> ZoomClient:
        return open_client()

    @pytest.fixture
    def host(self, zoom: ZoomServer) -> ZoomHost:
        return ZoomHost(zoom)

    # --- what it costs

    def test_a_meeting_is_one_request_and_a_change_two(self, client: ZoomClient, zoom: ZoomServer) -> None:
        made = client.create(INTRO)
        assert client.requests == 1
        client.update(made.remote_id, replace(INTRO, topic="Other"))
        assert [line["method"] for line in zoom.switch.requests()] == ["POST", "PATCH", "GET"]

    def test_a_whole_list_is_read_page_by_page(self, client: ZoomClient, zoom: ZoomServer) -> None:
        zoom.switch.settings(page_cap=2)
        made = {client.create(replace(INTRO, mark=f"{n:032x}")).remote_id for n in range(5)}
        assert {m.remote_id for m in client.meetings()} == made
        assert len(zoom.switch.requests("meetings.list")) == 3

    # --- what is sent and kept

    def test_what_would_let_somebody_be_the_host_is_not_kept(self, client: ZoomClient) -> None:
        assert "zak=" not in repr(client.create(INTRO))

    def test_only_what_was_chosen_is_sent(self, client: ZoomClient, zoom: ZoomServer) -> None:
        client.create(replace(INTRO, settings=MeetingSettings(mute_upon_entry=True)))
        sent = zoom.switch.requests("meetings.create")[0]["body"]["settings"]
        assert sent == {"mute_upon_entry": True, "use_pmi": False, "email_notification": False}

    def test_what_an_administrator_locked_is_read_back(self, client: ZoomClient, zoom: ZoomServer) -> None:
        zoom.switch.add_user(ADA, policy={"waiting_room": True})
        made = client.create(replace(INTRO, settings=MeetingSettings(join_before_host=True)))
        assert made.settings.waiting_room is True
        assert made.settings.join_before_host is False

    def test_a_number_of_more_than_32_bits_stays_whole(self, client: ZoomClient) -> None:
        assert int(client.create(INTRO).remote_id) > 2**32

    def test_there_are_no_calendars_and_asking_proves_the_grant(self, client: ZoomClient, zoom: ZoomServer) -> None:
        assert client.calendars() == []
        zoom.switch.deauthorize(ADA)
        with pytest.raises(SignInNeeded):
            client.calendars()

    # --- refusals

    def test_a_spent_day_is_read_as_a_moment(self, client: ZoomClient, zoom: ZoomServer) -> None:
        zoom.switch.settings(host_daily=0)
        with pytest.raises(RateLimited) as raised:
            client.create(INTRO)
        assert raised.value.until == datetime(2030, 1, 8, tzinfo=UTC)

    def test_a_burst_is_waited_for_a_second(self, client: ZoomClient, zoom: ZoomServer) -> None:
        zoom.switch.settings(per_second={"Medium": 0})
        with pytest.raises(RateLimited) as raised:
            client.create(INTRO)
        assert raised.value.until == NOW + timedelta(seconds=1)

    @pytest.mark.parametrize("value", ["120", "nonsense"])
    def test_seconds_and_nonsense_are_understood_as_well(
        self, client: ZoomClient, zoom: ZoomServer, value: str
    ) -> None:
        zoom.switch.fault("status", status=429, body={"code": 429, "message": "x"}, headers={"retry-after": value})
        with pytest.raises(RateLimited) as raised:
            client.create(INTRO)
        assert raised.value.until - NOW == timedelta(seconds=120 if value == "120" else 1)

    def test_a_missing_scope_asks_for_the_permission(self, open_client: Callable[..., ZoomClient]) -> None:
        with pytest.raises(SignInNeeded) as raised:
            open_client(scopes=["user:read:user"]).create(INTRO)
        assert raised.value.why == "scope_lost"

    def test_who_has_no_licence_is_told(self, open_client: Callable[..., ZoomClient]) -> None:
        with pytest.raises(Rejected, match="licence") as raised:
            open_client(VIC).create(INTRO)
        assert raised.value.code == "permission"

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"code": 124, "message": "Invalid access token."}, SignInNeeded),
            ({"code": 3001, "message": "Meeting does not exist."}, Rejected),
            ({"code": 300, "message": "Validation Failed."}, Rejected),
            ({"code": 429, "message": "Slow down"}, RateLimited),
        ],
    )
    def test_an_error_inside_a_success_is_an_error(
        self, client: ZoomClient, zoom: ZoomServer, body: dict[str, object], expected: type[ProviderError]
    ) -> None:
        zoom.switch.fault("status", status=200, body=body)
        with pytest.raises(expected):
            client.create(INTRO)

    def test_a_page_instead_of_json_is_in_doubt_after_a_create(self, client: ZoomClient, zoom: ZoomServer) -> None:
        zoom.switch.fault("after", status=500, method="meetings.create", times=1)
        with pytest.raises(Unavailable) as raised:
            client.create(INTRO)
        assert raised.value.is_in_doubt
        assert len(client.find(MARK)) == 1

    def test_a_token_goes_to_no_other_host(self, client: ZoomClient, zoom: ZoomServer) -> None:
        port = zoom.base_url.rpartition(":")[2]
        elsewhere = f"http://localhost:{port}/v2/users/me"
        zoom.switch.fault("status", status=307, headers={"location": elsewhere}, method="users.get", times=1)
        with pytest.raises(SignInNeeded):
            client.calendars()
        assert zoom.switch.requests("users.get")[-1]["status"] == 401
