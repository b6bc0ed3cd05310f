"""What every route shares: tokens, scopes, problems, versions, repeated requests, rates."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from calsync.runtime import SYSTEM, Runtime
from calsync.services import people, tokens
from calsync.store import tables as t
from tests import factories
from tests.api.conftest import MEETING, Program, Programs
from tests.factories import Cast, Clock
from webapp.api import limits


def problem(response, status: int) -> dict:
    assert (response.status_code, response.mimetype) == (status, "application/problem+json"), response.text
    told = response.get_json()
    assert told["status"] == status
    assert told["type"] == f"urn:calsync:problem:{told['code']}"
    assert told["request_id"] == response.headers["X-Request-Id"]
    return told


# --- who sends it


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer cal_unknown"])
def test_without_a_token_there_is_nothing(app: Flask, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = app.test_client().get("/api/v1/activities", headers=headers)
    assert problem(response, 401)["code"] == "unauthorised"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_session_cookie_means_nothing(app: Flask, rt: Runtime, cast: Cast) -> None:
    from tests.web.conftest import signed_in

    assert signed_in(app, rt, cast.ada).get("/api/v1/activities").status_code == 401


def test_a_revoked_token_ends_at_once(rt: Runtime, cast: Cast, app: Flask) -> None:
    made = tokens.create(rt, "CRM", "read", by=factories.acting(cast.eli))
    program = Program(app, made.secret)
    assert program.get("/activities").status_code == 200
    tokens.revoke(rt, made.token.public_id, by=factories.acting(cast.eli))
    problem(program.get("/activities"), 401)


def test_a_token_ends_by_itself(rt: Runtime, cast: Cast, app: Flask, clock: Clock) -> None:
    ends = clock.at + timedelta(days=1)
    program = Program(app, tokens.create(rt, "CRM", "read", expires_at=ends, by=factories.acting(cast.eli)).secret)
    assert program.get("/activities").status_code == 200
    clock.advance(days=1)
    problem(program.get("/activities"), 401)


def test_who_is_disabled_has_no_program_either(rt: Runtime, cast: Cast, eli: Program) -> None:
    people.disable(rt, t.pk(cast.eli), by=factories.acting(cast.ada))
    problem(eli.get("/activities"), 401)


def test_only_the_hash_of_a_token_is_kept(rt: Runtime, cast: Cast) -> None:
    made = tokens.create(rt, "CRM", "read", by=factories.acting(cast.eli))
    with rt.reading() as session:
        rows = session.connection().execute(sa.select(*t.ApiToken.__table__.columns)).all()
        audit = session.connection().execute(sa.select(*t.AuditEntry.__table__.columns)).all()
    assert made.secret not in f"{rows}{audit}"


def test_use_is_written_down_once_a_minute(rt: Runtime, cast: Cast, clock: Clock, app: Flask) -> None:
    made = tokens.create(rt, "CRM", "read", by=factories.acting(cast.eli))
    seen = []
    for _ in range(4):
        Program(app, made.secret).get("/activities")
        seen.append(tokens.list_own(rt, t.pk(cast.eli))[0].last_used_at)
        clock.advance(seconds=30)
    assert [(at - factories.START).total_seconds() for at in seen] == [0, 0, 60, 60]


def test_reading_tokens_do_not_write(program: Programs, cast: Cast) -> None:
    assert problem(program(cast.eli, "read").post("/activities", MEETING), 403)["code"] == "scope"


def test_staff_cannot_make_tokens_that_administer(rt: Runtime, cast: Cast) -> None:
    with pytest.raises(Exception, match="Only admins"):
        tokens.create(rt, "CRM", "admin", by=factories.acting(cast.eli))


def test_guessing_tokens_is_slowed_down(app: Flask) -> None:
    statuses = [
        app.test_client().get("/api/v1/activities", headers={"Authorization": f"Bearer cal_{n}"}).status_code
        for n in range(32)
    ]
    assert (statuses[:30], statuses[-1]) == ([401] * 30, 429)


# --- problems


def test_unknown_routes_and_methods_are_problems(app: Flask) -> None:
    client = app.test_client()
    assert problem(client.get("/api/v1/nothing"), 404)["code"] == "not_found"
    response = client.delete("/api/v1/activities")
    assert problem(response, 405)["code"] == "method_not_allowed"
    assert "GET" in response.headers["Allow"]


def test_what_is_no_json_is_refused(eli: Program) -> None:
    assert problem(eli.send("POST", "/activities", data="title=x"), 415)["code"] == "not_json"
    wrong = eli.send("POST", "/activities", data="{", content_type="application/json")
    assert problem(wrong, 400)["code"] == "malformed"


def test_a_field_that_is_wrong_is_named(eli: Program) -> None:
    told = problem(eli.post("/activities", {"title": "x", "start": "soon"}), 422)
    assert [each["field"] for each in told["errors"]] == ["start"]
    told = problem(eli.post("/activities", {**MEETING, "colour": "red"}), 422)
    assert [each["field"] for each in told["errors"]] == ["colour"]
    told = problem(eli.post("/activities", {"title": "x"}), 422)
    assert [each["field"] for each in told["errors"]] == ["start"]


@pytest.mark.parametrize("text", ["a\u0000b", "\ud800"])
def test_what_no_database_keeps_is_refused(eli: Program, text: str) -> None:
    body = json.dumps({**MEETING, "title": text})
    problem(eli.send("POST", "/activities", data=body, content_type="application/json"), 422)


def test_too_much_is_refused(eli: Program) -> None:
    problem(eli.post("/activities", {**MEETING, "description": "x" * 5_000_000}), 413)


def test_what_nobody_planned_for_tells_nothing_but_a_reference(eli: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args, **_kwargs):
        raise RuntimeError("the database is called secret-db")

    monkeypatch.setattr("calsync.services.activities.list_activities", broken)
    told = problem(eli.get("/activities"), 500)
    assert told["code"] == "fault"
    assert "secret-db" not in json.dumps(told)


# --- versions


def test_what_was_read_before_is_not_sent_again(eli: Program) -> None:
    made = eli.post("/activities", MEETING).get_json()
    seen = eli.get(f"/activities/{made['id']}")
    again = eli.get(f"/activities/{made['id']}", headers={"If-None-Match": seen.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_nobody_writes_over_a_change_they_have_not_seen(eli: Program) -> None:
    made = eli.post("/activities", MEETING).get_json()
    path = f"/activities/{made['id']}"
    seen = {"If-Match": eli.get(path).headers["ETag"]}
    first = eli.patch(path, {"title": "First"}, headers=seen)
    assert first.status_code == 200
    assert problem(eli.patch(path, {"title": "Second"}, headers=seen), 412)["code"] == "stale"
    seen = {"If-Match": first.headers["ETag"]}
    assert eli.delete(path, headers=seen).get_json()["status"] == "cancelled"


# --- repeated requests


def test_a_request_sent_twice_is_carried_out_once(eli: Program) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = eli.post("/activities", MEETING, headers=key)
    again = eli.post("/activities", MEETING, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.data, first.headers["Location"]) == (again.data, again.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(eli.get("/activities").get_json()["items"]) == 1


def test_a_key_is_for_one_request(eli: Program, crm: Program, cast: Cast) -> None:
    key = {"Idempotency-Key": "k-1"}
    eli.post("/activities", MEETING, headers=key)
    other = {**MEETING, "title": "Another"}
    assert problem(eli.post("/activities", other, headers=key), 422)["code"] == "key_reused"
    of_another_program = crm.post("/activities", {**other, "owner": cast.eli.email}, headers=key)
    assert of_another_program.status_code == 201


def test_a_refusal_is_repeated_too(eli: Program) -> None:
    key = {"Idempotency-Key": "k-1"}
    answers = [eli.post("/activities", {"title": "x"}, headers=key) for _ in range(2)]
    assert [a.status_code for a in answers] == [422, 422]
    assert answers[0].get_json()["code"] == answers[1].get_json()["code"]


def test_a_key_is_free_again_after_a_day(eli: Program, clock: Clock) -> None:
    key = {"Idempotency-Key": "k-1"}
    eli.post("/activities", MEETING, headers=key)
    clock.advance(hours=24)
    assert eli.post("/activities", {**MEETING, "title": "Next day"}, headers=key).status_code == 201


def test_a_request_whose_first_is_at_work_waits(rt: Runtime, eli: Program, clock: Clock) -> None:
    key = {"Idempotency-Key": "k-1"}
    eli.post("/activities", MEETING, headers=key)
    with rt.writing() as session:  # as if its process had not come to an answer
        session.execute(sa.update(t.IdempotencyKey).values(status=None))
    assert problem(eli.post("/activities", MEETING, headers=key), 409)["code"] == "in_progress"
    clock.advance(minutes=6)
    assert eli.post("/activities", MEETING, headers=key).status_code == 201


# --- rates


def test_every_answer_tells_what_is_left(app: Flask, eli: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, limits.SETTING, 2)
    answers = [eli.get("/activities") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a.headers["RateLimit-Remaining"] for a in answers] == ["1", "0", "0"]
    assert int(answers[2].headers["Retry-After"]) >= 1
    problem(answers[2], 429)


def test_no_page_of_another_origin_may_read_answers(eli: Program) -> None:
    response = eli.get("/activities", headers={"Origin": "https://elsewhere.example"})
    assert not [name for name, _ in response.headers if name.lower().startswith("access-control")]


def test_service_tokens_are_made_by_admins_only(rt: Runtime, cast: Cast) -> None:
    with pytest.raises(Exception, match="not allowed"):
        tokens.create(rt, "CRM", "read", is_service=True, by=factories.acting(cast.eli))
    assert tokens.create(rt, "CRM", "read", is_service=True, by=SYSTEM).token.user_id is None
