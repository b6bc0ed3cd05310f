"""Making, changing, deleting and listing meetings (checklist: create to list, limits)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.emulators.zoom.conftest import ADA, ELI, VIC, Api, refusal
from tests.emulators.zoom.server import ZoomServer


def test_what_is_made_can_be_read_again(ada: Api) -> None:
    made = ada.make(agenda="Booked via Example")
    assert made["id"] > 2**33
    assert made["host_email"] == ADA
    read = ada("GET", f"meetings/{made['id']}").json()
    changing = {"start_url"}
    assert {k: v for k, v in read.items() if k not in changing} == {k: v for k, v in made.items() if k not in changing}
    assert read["start_url"] != made["start_url"]


def test_a_repeated_create_makes_a_second_meeting(zoom: ZoomServer, ada: Api) -> None:
    assert ada.make()["id"] != ada.make()["id"]
    assert len(zoom.switch.meetings(ADA)) == 2


def test_a_create_whose_answer_is_lost_happened(zoom: ZoomServer, ada: Api) -> None:
    zoom.switch.fault("drop", method="meetings.create", times=1)
    with pytest.raises(httpx2.HTTPError):
        ada.make()
    assert len(zoom.switch.meetings(ADA)) == 1


def test_a_local_start_is_kept_in_utc(ada: Api) -> None:
    made = ada.make(start_time="2030-07-01T09:00:00", timezone="Europe/Lisbon")
    assert (made["start_time"], made["timezone"]) == ("2030-07-01T08:00:00Z", "Europe/Lisbon")


def test_a_meeting_without_a_start_is_an_instant_one_and_in_no_list(ada: Api) -> None:
    made = ada("POST", "users/me/meetings", {"topic": "Now"}).json()
    assert made["type"] == 1
    assert "start_time" not in made
    assert ada("GET", "users/me/meetings").json()["meetings"] == []


def test_a_waiting_room_wins_over_joining_first(ada: Api) -> None:
    settings = ada.make(settings={"waiting_room": True, "join_before_host": True})["settings"]
    assert (settings["waiting_room"], settings["join_before_host"]) == (True, False)


def test_locked_settings_win_without_a_word(zoom: ZoomServer, ada: Api) -> None:
    zoom.switch.add_user(ADA, policy={"mute_upon_entry": True})
    assert ada.make(settings={"mute_upon_entry": False})["settings"]["mute_upon_entry"] is True


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"topic": "x" * 201}, "topic"),
        ({"agenda": "x" * 2001}, "agenda"),
        ({"password": "12345678901"}, "password"),
        ({"type": 7}, "type"),
        ({"duration": "long"}, "duration"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"start_time": "2030-01-08T09:00:00+01:00"}, "start_time"),
        ({"settings": {"auto_recording": "tape"}}, "settings.auto_recording"),
        ({"settings": {"waiting_room": "yes"}}, "settings.waiting_room"),
    ],
)
def test_a_wrong_field_is_named(ada: Api, body: dict[str, Any], field: str) -> None:
    answer = ada("POST", "users/me/meetings", body)
    assert refusal(answer) == (400, 300)
    assert answer.json()["errors"][0]["field"] == field


def test_who_has_no_licence_cannot_host(whole_account: Api) -> None:
    assert refusal(whole_account("POST", f"users/{VIC}/meetings", {})) == (400, 3161)


def test_others_meetings_are_unknown(zoom: ZoomServer, ada: Api) -> None:
    other = zoom.switch.add_meeting(ELI, topic="Theirs", start_time="2030-01-08T09:00:00Z")
    assert refusal(ada("GET", f"meetings/{other['id']}")) == (404, 3001)


# --- changing and deleting


def test_moving_keeps_id_and_link(ada: Api) -> None:
    made = ada.make()
    answer = ada("PATCH", f"meetings/{made['id']}", {"start_time": "2030-01-09T10:00:00Z", "duration": 45})
    assert (answer.status_code, answer.content) == (204, b"")
    read = ada("GET", f"meetings/{made['id']}").json()
    assert (read["start_time"], read["duration"]) == ("2030-01-09T10:00:00Z", 45)
    assert (read["id"], read["join_url"]) == (made["id"], made["join_url"])


def test_a_new_password_changes_the_link(ada: Api) -> None:
    made = ada.make()
    ada("PATCH", f"meetings/{made['id']}", {"password": "another1"})
    assert ada("GET", f"meetings/{made['id']}").json()["join_url"] != made["join_url"]


def test_a_start_in_the_past_is_ignored(ada: Api) -> None:
    made = ada.make()
    assert ada("PATCH", f"meetings/{made['id']}", {"start_time": "2030-01-01T10:00:00Z"}).status_code == 204
    assert ada("GET", f"meetings/{made['id']}").json()["start_time"] == made["start_time"]


def test_what_is_deleted_is_unknown_and_can_be_recovered(zoom: ZoomServer, ada: Api) -> None:
    made = ada.make()
    path = f"meetings/{made['id']}"
    assert ada("DELETE", path).status_code == 204
    assert refusal(ada("DELETE", path)) == (404, 3001)
    full = Api(zoom.base_url, zoom.switch.tokens(ADA, ["meeting:write", "meeting:read"])["access_token"])
    assert full("PUT", f"{path}/status", {"action": "recover"}).status_code == 204
    assert full("GET", path).status_code == 200


def test_a_running_meeting_cannot_be_deleted(zoom: ZoomServer, ada: Api) -> None:
    made = ada.make()
    zoom.switch.set_status(made["id"], "started")
    assert refusal(ada("DELETE", f"meetings/{made['id']}")) == (400, 3002)


def test_a_uuid_with_slashes_is_encoded_twice(zoom: ZoomServer, ada: Api) -> None:
    found = [ada.make() for _ in range(2)][1]
    assert found["uuid"].startswith("/")
    zoom.switch.set_status(found["id"], "ended")
    api = Api(zoom.base_url, zoom.switch.tokens(ADA, ["meeting:read"])["access_token"])
    once = quote(found["uuid"], safe="")
    assert refusal(api("GET", f"past_meetings/{once}")) == (404, 3001)
    assert api("GET", f"past_meetings/{quote(once, safe='')}").json()["id"] == found["id"]


# --- recurrence


def occurrences(ada: Api, rule: dict[str, Any], **body: Any) -> list[str]:
    return [each["start_time"][:10] for each in ada.make(type=8, recurrence=rule, **body)["occurrences"]]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ({"type": 1, "end_times": 3}, ["2030-01-08", "2030-01-09", "2030-01-10"]),
        ({"type": 1, "repeat_interval": 2, "end_times": 2}, ["2030-01-08", "2030-01-10"]),
        ({"type": 2, "weekly_days": "3,5", "end_times": 3}, ["2030-01-08", "2030-01-10", "2030-01-15"]),
        ({"type": 3, "monthly_day": 31, "end_times": 2}, ["2030-01-31", "2030-03-31"]),
        ({"type": 3, "monthly_week": -1, "monthly_week_day": 2, "end_times": 2}, ["2030-01-28", "2030-02-25"]),
        ({"type": 1, "end_date_time": "2030-01-09T23:00:00Z"}, ["2030-01-08", "2030-01-09"]),
        ({"type": 1}, ["2030-01-08"]),
    ],
)
def test_occurrences_follow_the_rule(ada: Api, rule: dict[str, Any], days: list[str]) -> None:
    assert occurrences(ada, rule) == days


@pytest.mark.parametrize(
    "rule",
    [
        {"type": 4},
        {"type": 1, "repeat_interval": 100},
        {"type": 2, "repeat_interval": 51},
        {"type": 3, "repeat_interval": 11},
        {"type": 1, "end_times": 61},
        {"type": 1, "end_times": 2, "end_date_time": "2030-02-01T00:00:00Z"},
        {"type": 2, "weekly_days": "0,8"},
    ],
)
def test_a_rule_beyond_the_limits_is_refused(ada: Api, rule: dict[str, Any]) -> None:
    body = {"type": 8, "start_time": "2030-01-08T09:00:00Z", "recurrence": rule}
    assert refusal(ada("POST", "users/me/meetings", body)) == (400, 300)


def test_a_recurring_meeting_without_times_has_no_start(ada: Api) -> None:
    made = ada.make(type=3)
    assert "start_time" not in made
    assert [m["id"] for m in ada("GET", "users/me/meetings").json()["meetings"]] == [made["id"]]


def test_one_occurrence_changes_and_goes_by_itself(ada: Api) -> None:
    made = ada.make(type=8, recurrence={"type": 1, "end_times": 3})
    path, first, second = f"meetings/{made['id']}", *[o["occurrence_id"] for o in made["occurrences"][:2]]
    assert ada("PATCH", path, {"duration": 15}, occurrence_id=first).status_code == 204
    assert refusal(ada("PATCH", path, {"topic": "No"}, occurrence_id=first)) == (400, 300)
    assert ada("DELETE", path, occurrence_id=second).status_code == 204
    assert refusal(ada("DELETE", path, occurrence_id=second)) == (400, 300)
    left = ada("GET", path).json()["occurrences"]
    assert [(o["duration"], o["status"]) for o in left] == [(15, "available"), (30, "deleted"), (30, "available")]


def test_moving_a_whole_series_needs_its_rule_and_renames_its_occurrences(ada: Api) -> None:
    rule = {"type": 1, "end_times": 2}
    made = ada.make(type=8, recurrence=rule)
    path, body = f"meetings/{made['id']}", {"start_time": "2030-01-08T11:00:00Z"}
    assert refusal(ada("PATCH", path, body)) == (400, 300)
    assert ada("PATCH", path, body | {"recurrence": rule}).status_code == 204
    now = ada("GET", path).json()["occurrences"]
    assert {o["occurrence_id"] for o in now}.isdisjoint(o["occurrence_id"] for o in made["occurrences"])


# --- lists


def test_lists_come_page_by_page_and_their_marks_end(zoom: ZoomServer, ada: Api) -> None:
    ids = [ada.make(start_time=f"2030-01-08T{hour:02}:00:00Z")["id"] for hour in range(5)]
    first = ada("GET", "users/me/meetings", page_size=2).json()
    assert [m["id"] for m in first["meetings"]] == ids[:2]
    token = first["next_page_token"]
    second = ada("GET", "users/me/meetings", page_size=3, next_page_token=token).json()
    assert ([m["id"] for m in second["meetings"]], second["next_page_token"]) == (ids[2:], "")
    zoom.switch.advance(15 * 60)
    assert refusal(ada("GET", "users/me/meetings", next_page_token=token)) == (400, 300)


def test_lists_cut_agendas_and_hide_passwords(ada: Api) -> None:
    ada.make(agenda="x" * 400)
    shown = ada("GET", "users/me/meetings", page_size=1000).json()
    assert shown["page_size"] == 300
    assert len(shown["meetings"][0]["agenda"]) == 250
    assert shown["meetings"][0].keys().isdisjoint({"password", "start_url"})


def test_what_expired_is_in_no_list_and_unknown(zoom: ZoomServer, ada: Api) -> None:
    made = ada.make()
    zoom.switch.advance(20 * 86400)
    api = Api(zoom.base_url, zoom.switch.tokens(ADA)["access_token"])
    assert len(api("GET", "users/me/meetings").json()["meetings"]) == 1
    assert api("GET", "users/me/meetings", type="upcoming").json()["meetings"] == []
    zoom.switch.advance(12 * 86400)
    api = Api(zoom.base_url, zoom.switch.tokens(ADA)["access_token"])
    assert api("GET", "users/me/meetings").json()["meetings"] == []
    assert refusal(api("GET", f"meetings/{made['id']}")) == (404, 3001)


# --- limits


def test_a_burst_is_refused_for_a_second(zoom: ZoomServer, ada: Api) -> None:
    zoom.switch.settings(per_second={"Light": 2})
    answers = [ada("GET", "users/me") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[1].headers["x-ratelimit-remaining"] == "0"
    assert answers[2].headers["x-ratelimit-type"] == "QPS"
    assert "per-second" in answers[2].json()["message"]
    assert "retry-after" not in answers[2].headers
    zoom.switch.advance(1)
    assert ada("GET", "users/me").status_code == 200


def test_a_spent_day_says_until_when_as_a_moment(zoom: ZoomServer, ada: Api) -> None:
    zoom.switch.settings(per_day={"Medium": 1})
    ada.make()
    answer = ada("POST", "users/me/meetings", {})
    assert refusal(answer) == (429, 429)
    assert answer.headers["x-ratelimit-type"] == "Daily-limit"
    assert answer.headers["retry-after"] == "2030-01-08T00:00:00Z"


def test_a_host_makes_and_changes_a_hundred_a_day(zoom: ZoomServer, ada: Api) -> None:
    zoom.switch.settings(host_daily=2)
    made = ada.make()
    ada("PATCH", f"meetings/{made['id']}", {"topic": "Two"})
    answer = ada("POST", "users/me/meetings", {})
    assert refusal(answer) == (429, 429)
    assert "Create/Update" in answer.json()["message"]
    zoom.switch.advance(15 * 3600)
    api = Api(zoom.base_url, zoom.switch.tokens(ADA)["access_token"])
    api.make()


def test_a_meeting_changes_so_often_in_a_day(zoom: ZoomServer, ada: Api) -> None:
    zoom.switch.settings(meeting_daily=1)
    path = f"meetings/{ada.make()['id']}"
    assert ada("PATCH", path, {"topic": "Two"}).status_code == 204
    assert refusal(ada("PATCH", path, {"topic": "Three"})) == (429, 429)


# --- oddities


def test_oddities_can_be_switched_on(zoom: ZoomServer, ada: Api) -> None:
    zoom.switch.fault("status", status=200, body={"code": 300, "message": "No"}, method="users.get", times=1)
    assert refusal(ada("GET", "users/me")) == (200, 300)
    zoom.switch.fault("status", status=500, body="<error/>", headers={"content-type": "application/xml"}, times=1)
    assert ada("GET", "users/me").text == "<error/>"
    zoom.switch.fault("status", status=307, headers={"location": "http://localhost/v2/users/me"}, times=1)
    assert ada("GET", "users/me").status_code == 307
    zoom.switch.fault("after", status=502, method="meetings.create", times=1)
    assert ada("POST", "users/me/meetings", {"start_time": "2030-01-08T09:00:00Z"}).status_code == 502
    assert len(zoom.switch.meetings(ADA)) == 1
