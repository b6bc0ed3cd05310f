"""Delta: rounds, pages, removals that are none, thin occurrences, and every way a token ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.microsoft.cast import ADA, BERLIN, WINDOW, Api, all_day, code, ids, timed, weekly
from tests.emulators.microsoft.server import Switchboard

JANUARY = {"startDateTime": "2030-01-01T00:00:00Z", "endDateTime": "2030-02-01T00:00:00Z"}


class Feed:
    """Follows the delta of one calendar, round after round."""

    def __init__(self, api: Api, **window: str) -> None:
        self.api, self.size = api, 50
        self.link = f"me/calendars/{api.home()}/calendarView/delta"
        self.window: dict[str, str] = window or JANUARY

    def pages(self) -> list[dict[str, Any]]:
        headers = {"prefer": f'odata.maxpagesize={self.size}, IdType="ImmutableId"'}
        found = self.api.pages(self.link, headers=headers, **self.window)
        self.link, self.window = found[-1]["@odata.deltaLink"], {}
        return found

    def round(self) -> list[dict[str, Any]]:
        return [item for page in self.pages() for item in page["value"]]


def removed(found: list[dict[str, Any]]) -> set[str]:
    return {one["id"] for one in found if "@removed" in one}


@pytest.fixture
def feed(ada: Api, switch: Switchboard) -> Feed:
    switch.settings(bumps_after_s=None)
    return Feed(ada)


def test_first_round_has_everything_the_next_what_changed(ada: Api, feed: Feed) -> None:
    one, two = ada.insert(timed()), ada.insert(all_day())
    found = feed.round()
    assert ids(found) == {one["id"], two["id"]}
    assert {"subject", "body", "showAs", "@odata.etag"} <= found[0].keys()
    assert feed.round() == []
    ada.ok("PATCH", f"me/events/{one['id']}", {"subject": "New"})
    assert [item["subject"] for item in feed.round()] == ["New"]
    ada("DELETE", f"me/events/{two['id']}")
    assert feed.round() == [
        {"@odata.type": "#microsoft.graph.event", "id": two["id"], "@removed": {"reason": "deleted"}}
    ]


def test_a_link_can_be_replayed(ada: Api, feed: Feed) -> None:
    feed.round()
    event, link = ada.insert(timed()), feed.link
    assert ids(feed.round()) == {event["id"]}
    feed.link = link
    assert ids(feed.round()) == {event["id"]}


def test_pages_may_be_empty_and_items_repeat(ada: Api, feed: Feed, switch: Switchboard) -> None:
    for hour in range(3):
        ada.insert(timed(hour))
    feed.size = 2
    switch.settings(empty_pages=True, repeats_in_delta=True)
    pages = feed.pages()
    assert [len(page["value"]) for page in pages] == [0, 2, 0, 2, 0, 2]
    assert all("@odata.deltaLink" not in page for page in pages[:-1])


def test_the_server_touches_what_was_written(ada: Api, feed: Feed, switch: Switchboard) -> None:
    switch.settings(bumps_after_s=1)
    event = ada.insert(timed())
    first = feed.round()[0]
    switch.advance(2)
    again = feed.round()
    assert ids(again) == {event["id"]}
    assert again[0]["@odata.etag"] != first["@odata.etag"]
    assert feed.round() == []


def test_changes_outside_the_window_look_like_removals(ada: Api, feed: Feed) -> None:
    event, far = ada.insert(timed()), {"start": {"dateTime": "2030-06-01T10:00:00", "timeZone": "UTC"}}
    far["end"] = {"dateTime": "2030-06-01T11:00:00", "timeZone": "UTC"}
    feed.round()
    ada.ok("PATCH", f"me/events/{event['id']}", far)
    assert removed(feed.round()) == {event["id"]}
    other = ada.insert(timed(**far))
    assert removed(feed.round()) == {other["id"]}
    assert ada("GET", f"me/events/{event['id']}").status_code == 200


def test_a_moved_event_is_removed_here_and_still_there(ada: Api, feed: Feed, switch: Switchboard) -> None:
    event = ada.insert(timed())
    feed.round()
    switch.move_event(ada.home(), event["id"], switch.add_calendar(ADA, "Other"))
    assert removed(feed.round()) == {event["id"]}
    assert ada("GET", f"me/events/{event['id']}").status_code == 200


def test_occurrences_are_thin_exceptions_whole_masters_absent(ada: Api, switch: Switchboard) -> None:
    switch.settings(bumps_after_s=None)
    feed = Feed(ada, **WINDOW)
    master = ada.insert(weekly())
    found = feed.round()
    assert [set(one) for one in found] == [
        {"@odata.type", "@odata.etag", "id", "seriesMasterId", "type", "start", "end"}
    ] * 4
    ada.ok("PATCH", f"me/events/{found[1]['id']}", {"subject": "Other"})
    again = feed.round()
    assert [one["type"] for one in again] == ["occurrence", "exception", "occurrence", "occurrence"]
    assert again[1]["subject"] == "Other"
    switch.settings(delta_includes_masters=True)
    ada.ok("PATCH", f"me/events/{master['id']}", {"showAs": "free"})
    assert [one["type"] for one in feed.round()][-1] == "seriesMaster"


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_deleted_occurrence_may_leave_silently(ada: Api, switch: Switchboard, is_hidden: bool) -> None:
    switch.settings(bumps_after_s=None, hides_cancelled_days=is_hidden)
    feed = Feed(ada, **WINDOW)
    ada.insert(weekly())
    second = feed.round()[1]
    ada("DELETE", f"me/events/{second['id']}")
    found = feed.round()
    assert removed(found) == (set() if is_hidden else {second["id"]})
    assert len(found) - len(removed(found)) == 3


def test_a_deleted_series_removes_every_occurrence(ada: Api, switch: Switchboard) -> None:
    feed = Feed(ada, **WINDOW)
    master = ada.insert(weekly())
    found = feed.round()
    ada("DELETE", f"me/events/{master['id']}")
    assert removed(feed.round()) == ids(found)


@pytest.mark.parametrize("end", ["SyncStateNotFound", "SyncStateInvalid", "ResyncRequired"])
def test_tokens_end(ada: Api, feed: Feed, switch: Switchboard, end: str) -> None:
    gone = ada.insert(timed())
    feed.round()
    ada("DELETE", f"me/events/{gone['id']}")
    assert switch.expire_delta(ada.home(), code=end) == 1
    switch.settings(gone_has_location=True)
    answer = ada("GET", feed.link)
    assert (code(answer), "location" in answer.headers) == ((410, end), True)
    switch.settings(gone_in_small_letters=True)
    assert code(ada("GET", feed.link))[1] == end[0].lower() + end[1:]
    feed.link, feed.window = f"me/calendars/{ada.home()}/calendarView/delta", JANUARY
    assert feed.round() == []


def test_tokens_end_with_other_statuses_too(ada: Api, feed: Feed, switch: Switchboard) -> None:
    feed.round()
    switch.expire_delta(status=400)
    assert code(ada("GET", feed.link)) == (400, "SyncStateNotFound")
    made_up = f"me/calendars/{ada.home()}/calendarView/delta?$deltatoken=made-up"
    assert code(ada("GET", made_up)) == (410, "SyncStateNotFound")


def test_young_changes_come_later(ada: Api, feed: Feed, switch: Switchboard) -> None:
    switch.settings(delta_lag_s=5)
    event = ada.insert(timed())
    assert feed.round() == []
    switch.advance(6)
    assert ids(feed.round()) == {event["id"]}
    ada("DELETE", f"me/events/{event['id']}")
    assert feed.round() == []
    switch.advance(6)
    assert removed(feed.round()) == {event["id"]}


def test_options_of_lists_are_refused(ada: Api) -> None:
    for option in ("$select=subject", "$filter=isAllDay eq true", "$orderby=subject", "$expand=calendar"):
        url = f"me/calendarView/delta?startDateTime=2030-01-01T00:00:00Z&endDateTime=2030-02-01T00:00:00Z&{option}"
        assert ada("GET", url).status_code == 400
    assert code(ada("GET", "me/calendarView/delta")) == (400, "ErrorInvalidParameter")


def test_zone_and_ids_follow_each_request(ada: Api, feed: Feed) -> None:
    ada.insert(timed())
    url = "me/calendarView/delta?startDateTime=2030-01-01T00:00:00Z&endDateTime=2030-02-01T00:00:00Z"
    plain = ada.http.get(url, headers={"prefer": f'outlook.timezone="{BERLIN}"'})
    assert "odata.track-changes" in plain.headers["preference-applied"]
    shown = plain.json()["value"][0]
    assert (shown["start"]["dateTime"][:16], shown["id"][:8]) == ("2030-01-08T11:00", "AAMkAGEv")


def test_a_full_mailbox_and_a_lost_calendar_have_no_delta(ada: Api, feed: Feed, switch: Switchboard) -> None:
    other = switch.add_calendar(ADA, "Other")
    link = f"me/calendars/{other}/calendarView/delta"
    assert ada("GET", link, **JANUARY).status_code == 200
    switch.change_calendar(other, is_unavailable=True)
    assert code(ada("GET", link, **JANUARY)) == (500, "ErrorInternalServerTransientError")
    switch.change_calendar(other, is_deleted=True)
    assert code(ada("GET", link, **JANUARY)) == (404, "ErrorItemNotFound")
    switch.change_user(ADA, is_over_quota=True)
    assert code(ada("GET", feed.link, **JANUARY)) == (507, "ErrorQuotaExceeded")
