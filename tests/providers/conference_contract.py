"""The contract that every client of a meeting provider keeps. A provider's tests subclass it and give the fixtures.

Nothing here asks which provider it is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from calsync.errors import ProviderError, RateLimited, Rejected, SignInNeeded, Unavailable
from calsync.providers.conference import ConferenceClient, MeetingDraft, MeetingSettings

NINE = datetime(2030, 1, 8, 9, tzinfo=UTC)
MARK = "0123456789abcdef0123456789abcdef.a1b2c3d4"
INTRO = MeetingDraft(MARK, "Intro call", NINE, 30, "Europe/Lisbon")


class Host(Protocol):
    """The person whose meetings these are, at work past the client, and misfortunes on demand."""

    def delete(self, remote_id: str) -> None:
        """Delete a meeting there."""

    def rename(self, remote_id: str, topic: str) -> None:
        """Change a meeting there."""

    def count(self) -> int:
        """Return how many meetings there are."""

    def lose_answer(self, what: str) -> None:
        """Let the next call of a kind (create, update, delete, list) happen without an answer."""

    def cut_answer(self, what: str) -> None:
        """Let half of the next answer arrive."""

    def break_down(self, what: str) -> None:
        """Answer the next call with a 5xx without doing it."""

    def spend_day(self, until: datetime) -> None:
        """Let what may be made in a day be spent."""

    def end_grant(self) -> None:
        """Take the grant back."""


class ConferenceContract:
    """Every test begins with a host who has no meetings; the provider's clock stands at Monday, 2030-01-07 09:00Z."""

    @pytest.fixture
    def client(self) -> ConferenceClient:
        raise NotImplementedError

    @pytest.fixture
    def host(self) -> Host:
        raise NotImplementedError

    # --- making

    def test_a_meeting_has_a_link_and_can_be_read_again(self, client: ConferenceClient) -> None:
        made = client.create(INTRO)
        assert made.join_url.startswith("https://")
        assert (made.topic, made.starts_at, made.minutes, made.mark) == ("Intro call", NINE, 30, MARK)
        assert client.get(made.remote_id) == made

    def test_every_create_makes_another(self, client: ConferenceClient, host: Host) -> None:
        assert client.create(INTRO).remote_id != client.create(INTRO).remote_id
        assert host.count() == 2

    def test_a_room_for_a_series_has_no_time(self, client: ConferenceClient) -> None:
        made = client.create(replace(INTRO, starts_at=None))
        assert made.starts_at is None
        assert [m.remote_id for m in client.find(MARK)] == [made.remote_id]

    @pytest.mark.parametrize(
        "settings",
        [
            MeetingSettings(join_before_host=True, mute_upon_entry=True, waiting_room=False, recording="local"),
            MeetingSettings(join_before_host=False, mute_upon_entry=False, waiting_room=True, recording="cloud"),
            MeetingSettings(join_before_host=False, waiting_room=False, mute_upon_entry=True, recording="none"),
        ],
    )
    def test_settings_arrive(self, client: ConferenceClient, settings: MeetingSettings) -> None:
        assert client.create(replace(INTRO, settings=settings)).settings == settings

    def test_a_waiting_room_keeps_people_out_until_the_host_comes(self, client: ConferenceClient) -> None:
        wish = MeetingSettings(join_before_host=True, waiting_room=True)
        assert client.create(replace(INTRO, settings=wish)).settings.join_before_host is False

    def test_a_long_topic_is_cut(self, client: ConferenceClient) -> None:
        assert client.create(replace(INTRO, topic="x" * 300)).topic == "x" * 200

    # --- changing and deleting

    def test_a_change_keeps_id_and_link(self, client: ConferenceClient) -> None:
        made = client.create(INTRO)
        later = replace(INTRO, starts_at=NINE + timedelta(days=1), minutes=45, topic="Second call")
        after = client.update(made.remote_id, later)
        assert (after.remote_id, after.join_url) == (made.remote_id, made.join_url)
        assert (after.topic, after.starts_at, after.minutes) == ("Second call", NINE + timedelta(days=1), 45)

    def test_a_change_tells_what_became_of_it(self, client: ConferenceClient) -> None:
        made = client.create(INTRO)
        assert client.update(made.remote_id, replace(INTRO, starts_at=NINE - timedelta(days=30))).starts_at == NINE

    def test_what_is_deleted_is_gone(self, client: ConferenceClient, host: Host) -> None:
        made = client.create(INTRO)
        client.delete(made.remote_id)
        assert (client.get(made.remote_id), host.count()) == (None, 0)
        client.delete(made.remote_id)

    def test_what_somebody_deleted_cannot_be_changed(self, client: ConferenceClient, host: Host) -> None:
        made = client.create(INTRO)
        host.delete(made.remote_id)
        with pytest.raises(Rejected) as raised:
            client.update(made.remote_id, INTRO)
        assert raised.value.code == "not_found"

    def test_what_somebody_changed_is_seen(self, client: ConferenceClient, host: Host) -> None:
        made = client.create(INTRO)
        host.rename(made.remote_id, "Theirs")
        seen = client.get(made.remote_id)
        assert seen is not None
        assert seen.topic == "Theirs"

    # --- finding

    def test_a_meeting_is_found_by_its_mark_alone(self, client: ConferenceClient) -> None:
        made = client.create(INTRO)
        client.create(replace(INTRO, mark="f" * 32))
        assert [m.remote_id for m in client.find(MARK)] == [made.remote_id]
        assert client.find("e" * 32) == []

    def test_all_meetings_are_listed(self, client: ConferenceClient) -> None:
        made = [client.create(replace(INTRO, mark=f"{n:032x}")) for n in range(5)]
        assert {m.remote_id for m in client.meetings()} == {m.remote_id for m in made}

    # --- misfortune

    @pytest.mark.parametrize("how", ["lose_answer", "cut_answer"])
    def test_a_create_without_an_answer_is_in_doubt_and_can_be_found(
        self, client: ConferenceClient, host: Host, how: str
    ) -> None:
        getattr(host, how)("create")
        with pytest.raises(Unavailable) as raised:
            client.create(INTRO)
        assert raised.value.is_in_doubt
        assert (len(client.find(MARK)), host.count()) == (1, 1)

    def test_a_broken_server_is_asked_again_later(self, client: ConferenceClient, host: Host) -> None:
        host.break_down("list")
        with pytest.raises(Unavailable):
            list(client.meetings())

    def test_a_list_that_breaks_off_is_no_list(self, client: ConferenceClient, host: Host) -> None:
        client.create(INTRO)
        host.cut_answer("list")
        with pytest.raises(ProviderError):
            client.find(MARK)

    def test_a_spent_day_says_until_when(self, client: ConferenceClient, host: Host) -> None:
        until = datetime(2030, 1, 8, tzinfo=UTC)
        host.spend_day(until)
        with pytest.raises(RateLimited):
            client.create(INTRO)

    def test_a_grant_that_ended_asks_for_a_sign_in(self, client: ConferenceClient, host: Host) -> None:
        host.end_grant()
        with pytest.raises(SignInNeeded):
            client.create(INTRO)

    def test_closing_twice_is_fine(self, client: ConferenceClient) -> None:
        client.close()
        client.close()
