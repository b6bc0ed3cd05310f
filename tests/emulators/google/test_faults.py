"""Batches, scripted faults and quotas (checklist "Transport", contract 3 and 4.5)."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from email import message_from_string
from email.message import Message

import httpx2
import pytest

from tests.emulators.google.cast import ADA, ELI, EVENTS, NOW, Api, reason, timed
from tests.emulators.google.server import GoogleServer, Switchboard

PATH = f"/calendar/v3/{EVENTS}"


def part(number: int, verb: str, path: str, body: dict | None = None, *headers: str) -> str:
    """Return one part as Google's own client writes it: line feeds only, an odd Content-ID."""
    text = json.dumps(body) if body is not None else ""
    inner = [f"{verb} {path} HTTP/1.1", "Content-Type: application/json", "MIME-Version: 1.0", *headers]
    outer = ["Content-Type: application/http", f"Content-ID: <b29c5de2 + {number}>"]
    return "\n".join([*outer, "", *inner, "Host: www.googleapis.com", "", text])


def batch(google: GoogleServer, api: Api, *parts: str, boundary: str = "===============7==") -> httpx2.Response:
    body = "".join(f"--{boundary}\n{one}\n" for one in parts) + f"--{boundary}--"
    headers = {"content-type": f'multipart/mixed; boundary="{boundary}"'}
    url = f"{google.base_url}/batch/calendar/v3"
    return api.http.post(url, content=body.encode(), headers=headers)


def read(answer: httpx2.Response) -> list[tuple[str, int, dict]]:
    """Return Content-ID, status and body of every part, read by the standard library."""
    whole = message_from_string(f"Content-Type: {answer.headers['content-type']}\n\n{answer.text}")
    found = []
    for one in whole.get_payload():
        assert isinstance(one, Message)
        line, _, rest = str(one.get_payload()).partition("\n")
        text = message_from_string(rest).get_payload()
        found.append((one["Content-ID"], int(line.split()[1]), json.loads(str(text)) if str(text).strip() else {}))
    return found


def test_parts_succeed_and_fail_by_themselves(google: GoogleServer, ada: Api) -> None:
    event = ada.insert(timed())
    answer = batch(
        google,
        ada,
        part(1, "PATCH", f"{PATH}/{event['id']}?alt=json", {"summary": "Moved"}),
        part(2, "GET", f"{PATH}/nowhere"),
        part(3, "DELETE", f"{PATH}/{event['id']}", None, 'If-Match: "1"'),
        part(4, "POST", PATH, timed(summary="New é")),
        part(5, "GET", PATH, None, "Authorization: Bearer ya29.other"),
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("multipart/mixed; boundary=batch_")
    parts = read(answer)
    assert [name for name, _, _ in parts] == [f"<response-b29c5de2 + {number}>" for number in range(1, 6)]
    assert [status for _, status, _ in parts] == [200, 404, 412, 200, 401]
    assert (parts[0][2]["summary"], parts[3][2]["summary"]) == ("Moved", "New é")
    assert ada.event(event["id"])["summary"] == "Moved"


def test_parts_may_run_in_another_order(google: GoogleServer, ada: Api, switch: Switchboard) -> None:
    switch.settings(batch_order="reversed")
    parts = [part(number, "POST", PATH, timed(summary=str(number))) for number in range(3)]
    answers = read(batch(google, ada, *parts))
    assert [body["summary"] for _, _, body in answers] == ["0", "1", "2"]
    assert [item["summary"] for item in ada.events()] == ["2", "1", "0"]


@pytest.mark.parametrize("limit", [50, 1000])
def test_batches_have_a_limit(google: GoogleServer, ada: Api, switch: Switchboard, limit: int) -> None:
    switch.settings(batch_limit=limit, per_user_per_minute=None)
    parts = [part(number, "GET", f"{PATH}/nowhere") for number in range(limit)]
    assert len(read(batch(google, ada, *parts))) == limit
    assert batch(google, ada, *parts, part(limit, "GET", PATH)).status_code == 400


def test_broken_batches_are_refused(google: GoogleServer, ada: Api) -> None:
    assert batch(google, ada).status_code == 400
    url = f"{google.base_url}/batch/calendar/v3"
    assert ada.http.post(url, content=b"x", headers={"content-type": "multipart/mixed"}).status_code == 400
    assert ada.http.post(url, json={}).status_code == 400
    assert batch(google, ada, "Content-Type: application/http\n\nnonsense").status_code == 400
    assert ada.http.post(f"{google.base_url}/batch").status_code == 404


def test_log_shows_the_parts(google: GoogleServer, ada: Api, switch: Switchboard) -> None:
    batch(google, ada, part(1, "POST", PATH, timed()), part(2, "GET", f"{PATH}/nowhere"))
    (line,) = switch.requests("batch")
    assert [(one["method_id"], one["status"], one["user"]) for one in line["batch"]] == [
        ("calendar.events.insert", 200, ADA),
        ("calendar.events.get", 404, ADA),
    ]
    assert line["batch"][0]["body"]["summary"] == "Intro call"


def test_every_part_counts_against_quota(google: GoogleServer, ada: Api, switch: Switchboard) -> None:
    switch.settings(per_user_per_minute=2)
    parts = [part(number, "GET", PATH) for number in range(3)]
    assert [status for _, status, _ in read(batch(google, ada, *parts))] == [200, 200, 403]


def test_quota_is_a_sliding_minute(ada: Api, eli: Api, switch: Switchboard) -> None:
    switch.settings(per_user_per_minute=2)
    assert ada("GET", EVENTS).status_code == 200
    switch.advance(40)
    assert ada("GET", EVENTS).status_code == 200
    assert reason(ada("GET", EVENTS)) == (403, "rateLimitExceeded")
    assert eli("GET", EVENTS).status_code == 200
    switch.advance(20)
    assert ada("GET", EVENTS).status_code == 200
    switch.settings(quota_status=429)
    answer = ada("GET", EVENTS)
    assert reason(answer) == (429, "rateLimitExceeded")
    assert "Queries per minute per user" in answer.json()["error"]["message"]


def test_project_quota(ada: Api, eli: Api, switch: Switchboard) -> None:
    switch.settings(per_minute=1)
    assert ada("GET", EVENTS).status_code == 200
    assert reason(eli("GET", EVENTS)) == (403, "rateLimitExceeded")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"status": 403, "reason": "rateLimitExceeded"}, (403, "rateLimitExceeded")),
        ({"status": 429}, (429, "rateLimitExceeded")),
        ({"status": 403, "reason": "userRateLimitExceeded"}, (403, "userRateLimitExceeded")),
        ({"status": 403, "reason": "quotaExceeded"}, (403, "quotaExceeded")),
        ({"status": 403, "reason": "accessNotConfigured"}, (403, "accessNotConfigured")),
        ({"status": 500}, (500, "backendError")),
        ({"status": 503}, (503, "backendError")),
        ({"status": 410, "reason": "fullSyncRequired"}, (410, "fullSyncRequired")),
        ({"status": 412}, (412, "conditionNotMet")),
        ({"status": 409}, (409, "conflict")),
    ],
)
def test_status_faults(ada: Api, switch: Switchboard, how: dict, expected: tuple[int, str]) -> None:
    switch.fault("status", times=1, **how)
    assert reason(ada("POST", EVENTS, timed())) == expected
    assert ada.events() == []


def test_html_and_retry_after(ada: Api, switch: Switchboard) -> None:
    switch.fault("status", status=503, html=True, retry_after=7)
    answer = ada("GET", EVENTS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.headers["content-type"].startswith("text/html")
    switch.clear_faults()
    assert ada("GET", EVENTS).status_code == 200


def test_faults_choose_their_calls(ada: Api, eli: Api, switch: Switchboard) -> None:
    switch.fault("status", method=r"calendar\.events\.(list|get)", user=ADA, every=2, skip=1, times=2)
    codes = [ada("GET", EVENTS).status_code for _ in range(7)]
    assert codes == [200, 200, 503, 200, 503, 200, 200]
    assert eli("GET", EVENTS).status_code == 200
    assert ada("GET", "colors").status_code == 200
    assert switch.get("/faults")[0]["hits"] == 2


def test_answer_is_lost_after_the_effect(ada: Api, switch: Switchboard) -> None:
    switch.fault("drop", method=r".*insert", times=1)
    with pytest.raises(httpx2.TransportError):
        ada("POST", EVENTS, timed(id="abcde12345"))
    assert reason(ada("POST", EVENTS, timed(id="abcde12345"))) == (409, "duplicate")


def test_request_is_lost_before_the_effect(ada: Api, switch: Switchboard) -> None:
    switch.fault("drop_before", times=1)
    with pytest.raises(httpx2.TransportError):
        ada("POST", EVENTS, timed(id="abcde12345"))
    assert ada.insert(timed(id="abcde12345"))["status"] == "confirmed"


def test_page_is_cut_short(ada: Api, switch: Switchboard) -> None:
    switch.bulk_events(ADA, 20, NOW)
    switch.fault("truncate", times=1)
    with pytest.raises(httpx2.TransportError):
        ada("GET", EVENTS)
    switch.fault("truncate", quiet=True, keep=100, times=1)
    answer = ada("GET", EVENTS)
    assert (answer.status_code, len(answer.content)) == (200, 100)
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert len(ada.events()) == 20


def test_slow_answers_hold_nobody_else_up(ada: Api, eli: Api, switch: Switchboard) -> None:
    switch.fault("slow", user=ADA, seconds=0.5)
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        slow = pool.submit(ada, "GET", EVENTS)
        assert eli("GET", EVENTS).status_code == 200
        assert time.monotonic() - began < 0.5
        assert slow.result().status_code == 200
    assert time.monotonic() - began >= 0.5


def test_someone_edits_before_every_conditional_write(ada: Api, switch: Switchboard) -> None:
    event = ada.insert(timed())
    switch.fault("touch", method=r".*(patch|delete)", times=2)
    for _ in range(2):
        current = ada.event(event["id"])["etag"]
        assert reason(ada.patch(event["id"], {"summary": "x"}, {"if-match": current})) == (412, "conditionNotMet")
    current = ada.event(event["id"])["etag"]
    assert ada.patch(event["id"], {"summary": "x"}, {"if-match": current}).status_code == 200


def test_part_of_a_batch_fails(google: GoogleServer, ada: Api, switch: Switchboard) -> None:
    switch.fault("status", method=r"calendar\..*", status=403, reason="rateLimitExceeded", every=2)
    parts = [part(number, "POST", PATH, timed()) for number in range(4)]
    assert [status for _, status, _ in read(batch(google, ada, *parts))] == [200, 403, 200, 403]
    assert len(switch.stored(ADA)) == 2


def test_batch_answer_is_lost_after_the_effect(google: GoogleServer, ada: Api, switch: Switchboard) -> None:
    switch.fault("drop", method="batch", times=1)
    with pytest.raises(httpx2.TransportError):
        batch(google, ada, part(1, "POST", PATH, timed(id="abcde12345")))
    assert ada.event("abcde12345")["status"] == "confirmed"


def test_token_dies_in_the_middle(ada: Api, switch: Switchboard) -> None:
    ada.insert(timed())
    switch.revoke(ADA)
    assert reason(ada("GET", EVENTS)) == (401, "authError")


def test_store_and_log_can_be_read(ada: Api, switch: Switchboard) -> None:
    event = ada.insert(timed())
    (stored,) = switch.stored(ADA)
    assert (stored["id"], stored["etag"]) == (event["id"], event["etag"])
    store = switch.get("/store")
    assert {ADA, ELI} <= store["users"].keys()
    assert switch.touch(ADA, event["id"]) != event["etag"]


def test_clock_stands_still_or_runs(switch: Switchboard) -> None:
    assert switch.now() == switch.now() == NOW
    switch.advance(90)
    assert (switch.now() - NOW).total_seconds() == 90
    switch.set_clock(NOW, run=True)
    assert switch.now() > NOW
