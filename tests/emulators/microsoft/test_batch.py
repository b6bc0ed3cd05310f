"""Batches and throttling: twenty parts, their order, calls at once, calls in ten minutes, faults of the wire."""

from __future__ import annotations

import threading
from typing import Any

import httpx2
import pytest

from tests.emulators.microsoft.cast import ADA, Api, code, timed
from tests.emulators.microsoft.server import Switchboard

JSON = {"Content-Type": "application/json"}


def part(number: int, method: str = "GET", url: str = "/me/calendar", **more: Any) -> dict[str, Any]:
    return {"id": str(number), "method": method, "url": url, **more}


def create(number: int, **more: Any) -> dict[str, Any]:
    return part(number, "POST", "/me/events", body=timed(number), headers=JSON, **more)


def sent(api: Api, *parts: dict[str, Any]) -> httpx2.Response:
    return api("POST", "$batch", {"requests": list(parts)})


def results(answer: httpx2.Response) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["responses"]}


def test_parts_are_calls_of_their_own(ada: Api, switch: Switchboard) -> None:
    event = ada.insert(timed())
    patch = part(2, "PATCH", f"/me/events/{event['id']}", body={"subject": "New"})
    patch["headers"] = {**JSON, "If-Match": "stale", "Prefer": 'IdType="ImmutableId"'}
    found = results(
        sent(ada, create(1), patch, part(3, url="/me/events?$top=1&$select=subject"), part(4, "DELETE", "/x"))
    )
    assert [found[key]["status"] for key in "1234"] == [201, 412, 200, 400]
    assert (found["1"]["body"]["subject"], len(found["3"]["body"]["value"])) == ("Intro call", 1)
    assert found["2"]["body"]["error"]["code"] == "ErrorIrresolvableConflict"
    line = switch.requests("batch")[0]
    assert [one["method_id"] for one in line["batch"]] == ["events.create", "events.update", "events.list", None]


def test_answers_come_in_any_order(ada: Api, switch: Switchboard) -> None:
    switch.settings(batch_order="reversed")
    answer = sent(ada, part(1), part(2))
    assert [one["id"] for one in answer.json()["responses"]] == ["2", "1"]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [part(number) for number in range(21)],
        [part(1), part(1)],
        [{"id": "1", "url": "/me"}],
        [part(1, "POST", "/me/events", body=timed())],
        [part(1, url="https://graph.microsoft.com/v1.0/me")],
        [part(1), part(2, dependsOn=["3"])],
        [part(1), part(2, dependsOn=["1"]), part(3)],
    ],
)
def test_malformed_batches_are_refused(ada: Api, parts: list[dict[str, Any]]) -> None:
    assert sent(ada, *parts).status_code == 400


def test_what_depends_on_a_failure_does_not_happen(ada: Api, switch: Switchboard) -> None:
    switch.fault("status", method="events.create", status=503, times=1)
    found = results(sent(ada, create(1), create(2, dependsOn=["1"]), create(3, dependsOn=["2"])))
    assert [found[key]["status"] for key in "123"] == [503, 424, 424]
    assert ada.all("me/events") == []
    found = results(sent(ada, create(1), create(2, dependsOn=["1"]), create(3, dependsOn=["1"])))
    assert [found[key]["status"] for key in "123"] == [201, 201, 201]


def test_single_parts_are_throttled(ada: Api, switch: Switchboard) -> None:
    switch.fault(
        "status", method="events.create", status=429, code="ApplicationThrottled", retry_after="2.128", skip=1, times=1
    )
    found = results(sent(ada, create(1), create(2), create(3)))
    assert [found[key]["status"] for key in "123"] == [201, 429, 201]
    assert found["2"]["headers"]["Retry-After"] == "2.128"


def test_a_broken_connection_breaks_the_batch_after_its_parts_happened(ada: Api, switch: Switchboard) -> None:
    switch.fault("drop", method="batch", times=1)
    with pytest.raises(httpx2.HTTPError):
        sent(ada, create(1), create(2))
    assert len(ada.all("me/events")) == 2
    switch.fault("drop_before", method="batch", times=1)
    with pytest.raises(httpx2.HTTPError):
        sent(ada, create(3))
    assert len(ada.all("me/events")) == 2
    switch.fault("truncate", method="batch", quiet=True, times=1)
    with pytest.raises(ValueError, match=r"."):
        sent(ada, create(3)).json()


def test_a_batch_needs_a_token(ada: Api, switch: Switchboard) -> None:
    switch.expire_tokens(ADA)
    assert code(sent(ada, part(1))) == (401, "InvalidAuthenticationToken")


def at_once(api: Api, count: int) -> list[httpx2.Response]:
    """Make calls at the same time and return their answers."""
    answers: list[httpx2.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(api("GET", "me/calendars"))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_fifth_call_at_once_is_throttled(ada: Api, switch: Switchboard) -> None:
    switch.settings(retry_after="2.128")
    switch.fault("slow", method="calendars.list", seconds=0.5)
    refused = [answer for answer in at_once(ada, 5) if answer.status_code == 429]
    assert len(refused) >= 1
    assert code(refused[0]) == (429, "ApplicationThrottled")
    assert refused[0].headers["retry-after"] == "2.128"
    assert switch.most_at_once(ADA) == 5


def test_three_calls_at_once_pass(ada: Api, switch: Switchboard) -> None:
    switch.fault("slow", method="calendars.list", seconds=0.3)
    assert [answer.status_code for answer in at_once(ada, 3)] == [200, 200, 200]


def test_calls_of_ten_minutes_are_counted(ada: Api, eli: Api, switch: Switchboard) -> None:
    switch.settings(per_10_minutes=2)
    assert [ada("GET", "me").status_code for _ in range(3)] == [200, 200, 429]
    assert eli("GET", "me").status_code == 200
    switch.advance(601)
    assert ada("GET", "me").status_code == 200
