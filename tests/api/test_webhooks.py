"""Webhooks by API: everything that the pages do."""

import pytest

from calsync.engine.webhooks import Happening
from calsync.runtime import CLI, Runtime
from calsync.services import webhooks
from calsync.store import tables as t
from calsync.store import webhooks as rows
from tests.api.conftest import Program, Programs
from tests.factories import Cast

URL = "https://crm.example.com/hooks"
NEW = {"url": URL, "events": ["activity.updated", "activity.created"], "description": "Our CRM"}


@pytest.fixture
def ada(program: Programs, cast: Cast) -> Program:
    """A program of the admin's own."""
    return program(cast.ada, "admin")


@pytest.fixture
def made(ada: Program) -> str:
    """The address of a new webhook."""
    return f"/webhooks/{ada.post('/webhooks', NEW).json['id']}"


def fail_all(rt: Runtime) -> None:
    with rt.writing() as session:
        for webhook in rows.list_webhooks(session):
            for row in rows.list_deliveries(session, t.pk(webhook), "", rows.Cut()).rows:
                row.state, row.next_try_at = rows.FAILED, None


def test_a_webhook_is_added_read_changed_and_removed(ada: Program) -> None:
    answer = ada.post("/webhooks", NEW)
    assert answer.status_code == 201
    found = answer.json
    assert answer.headers["Location"] == f"/api/v1/webhooks/{found['id']}"
    assert (found["url"], found["events"], found["state"]) == (URL, ["activity.created", "activity.updated"], "on")
    path = f"/webhooks/{found['id']}"
    shown = ada.get(path)
    assert shown.json == found
    assert ada.get("/webhooks").json == {"items": [found], "next": None}

    changed = ada.patch(path, {"events": ["run.held"], "is_on": False}, headers={"If-Match": shown.headers["ETag"]})
    assert (changed.json["events"], changed.json["state"], changed.json["url"]) == (["run.held"], "off", URL)
    late = ada.patch(path, {"description": "late"}, headers={"If-Match": shown.headers["ETag"]})
    assert (late.status_code, late.json["code"]) == (412, "stale")
    assert ada.patch(path, {"is_on": True}).json["state"] == "on"

    gone = ada.delete(path)
    assert (gone.status_code, gone.data) == (204, b"")
    assert ada.get(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"url": "crm"}, 422, "invalid", "url"),
        ({"url": "http://crm.example.com"}, 409, "insecure", "url"),
        ({"url": "https://10.0.0.1/"}, 409, "private_network", "url"),
        ({"events": []}, 422, "invalid", "events"),
        ({"events": ["activity.exploded"]}, 422, "invalid", "events.0"),
        ({"secret": "mine"}, 422, "invalid", "secret"),
    ],
)
def test_what_cannot_be_is_refused(ada: Program, made: str, change: dict, status: int, code: str, field: str) -> None:
    for answer in (ada.post("/webhooks", {**NEW, **change}), ada.patch(made, change)):
        assert (answer.status_code, answer.json["code"]) == (status, code)
        assert answer.json["errors"][0]["field"] == field


def test_the_secret_is_read_on_its_own_and_rotated(ada: Program, made: str) -> None:
    first = ada.get(f"{made}/secret").json["secret"]
    rotated = ada.post(f"{made}/rotate", headers={"Idempotency-Key": "once"})
    assert rotated.status_code == 200
    assert rotated.json["old_secret_until"] == "2030-01-08T09:00:00Z"
    second = ada.get(f"{made}/secret").json["secret"]
    assert second != first
    assert second.rstrip("=").endswith(rotated.json["secret_ends"])
    assert not any(secret in ada.get(made).text + rotated.text for secret in (first, second))
    ada.post(f"{made}/rotate", headers={"Idempotency-Key": "once"})
    assert ada.get(f"{made}/secret").json["secret"] == second


def test_messages_are_listed_shown_and_sent_again(ada: Program, made: str, rt: Runtime) -> None:
    sent = [ada.post(f"{made}/test", {"event": str(event)}) for event in list(Happening)[:3]]
    assert [each.status_code for each in sent] == [202] * 3
    assert sent[0].json["data"] == {"test": True}
    listed = ada.get(f"{made}/messages?state=pending&limit=2").json
    assert [each["id"] for each in listed["items"]] == [sent[2].json["id"], sent[1].json["id"]]
    rest = ada.get(listed["next"].removeprefix("/api/v1")).json
    assert [each["id"] for each in rest["items"]] == [sent[0].json["id"]]
    assert ada.get(f"{made}/messages?state=failed").json["items"] == []

    one = f"{made}/messages/{sent[0].json['id']}"
    assert ada.get(one).json == {**sent[0].json, "tries": []}
    fail_all(rt)
    assert ada.get(one).json["state"] == "failed"
    assert ada.post(f"{one}/resend").json["state"] == "pending"
    assert ada.post(f"{made}/resend-failed", {"since": "2030-01-07T00:00:00Z"}).json == {"messages": 2}
    assert ada.post(f"{made}/resend-failed", {"since": "2030-01-07T00:00:00"}).status_code == 422


def test_health_says_how_it_goes(ada: Program, made: str, rt: Runtime) -> None:
    empty = dict.fromkeys(
        ("success_percent", "p95_ms", "failing_since", "last_failed_at", "last_delivered_at", "next_retry_at")
    )
    assert ada.get(f"{made}/health").json == empty
    with rt.writing() as session:
        (row,) = rows.list_webhooks(session)
        row.recent = [[int(rt.now().timestamp()), 20, 1], [int(rt.now().timestamp()), 900, 0]]
    assert ada.get(f"{made}/health").json == {**empty, "success_percent": 50, "p95_ms": 900}


def test_a_message_of_another_webhook_is_not_here(ada: Program, made: str, rt: Runtime) -> None:
    other = webhooks.create(rt, f"{URL}/2", ["run.held"], by=CLI)[0]
    sent = webhooks.send_test(rt, t.pk(other), "run.held", by=CLI)
    assert ada.get(f"{made}/messages/{sent.public_id}").status_code == 404
    assert ada.post(f"{made}/messages/{sent.public_id}/resend").status_code == 404


def test_a_test_is_refused_while_it_is_off(ada: Program, made: str) -> None:
    ada.patch(made, {"is_on": False})
    refused = ada.post(f"{made}/test", {"event": "run.held"})
    assert (refused.status_code, refused.json["code"]) == (409, "off")


def test_only_admins_with_the_scope_may(program: Programs, cast: Cast, made: str, crm: Program) -> None:
    for other in (program(cast.ada, "write"), program(cast.eli, "write"), crm):
        for answer in (other.get("/webhooks"), other.get(f"{made}/secret"), other.post("/webhooks", NEW)):
            assert answer.status_code == 403
    assert program(None, "admin").get(made).status_code == 200
