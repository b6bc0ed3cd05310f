"""What a provider of meetings tells, sent to the real address: proven, heeded once, and what is ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from calsync.errors import NotAllowed, Refused
from calsync.providers.zoom import notices
from calsync.runtime import Runtime
from calsync.services import hook_secrets
from calsync.store import tables as t
from tests import factories
from tests.conferences.office import ELI, Office, found
from tests.emulators.zoom.conftest import zoom, zoom_server
from tests.emulators.zoom.server import HOOK_SECRET, ZoomServer
from tests.parts.web import serve

__all__ = ["zoom", "zoom_server"]

PUBLIC = "https://calendar.example.com"
HOOK = "/hooks/zoom"


@pytest.fixture
def office(tmp_path: Path, zoom: ZoomServer) -> Iterator[Office]:
    made = found(tmp_path, zoom)
    made.sign_in()
    yield made
    made.rt.db.close()


@pytest.fixture
def rt(office: Office) -> Runtime:
    return office.rt


@pytest.fixture
def cast(office: Office) -> factories.Cast:
    return office.cast


@pytest.fixture
def told(app: Flask, office: Office) -> Iterator[Office]:
    """The office with its secret saved and its address registered there; nothing is delivered by itself."""
    with serve(app) as url:
        office.switch.settings(webhook_rewrites={PUBLIC: url}, delivers=False)
        hook_secrets.save(office.rt, office.name, HOOK_SECRET, 0, by=factories.acting(office.cast.ada))
        assert office.switch.hook(hook_secrets.address(office.rt, office.name))
        yield office


def deliver(office: Office) -> list[int]:
    """Deliver what is due and return how it was answered."""
    office.switch.set_clock(office.clock())
    return [tried["status"] for tried in office.switch.deliver()]


def post(app: Flask, office: Office, body: dict[str, Any], secret: str = HOOK_SECRET) -> tuple[int, Any]:
    raw = json.dumps(body).encode()
    stamp = str(int(office.clock().timestamp()))
    headers = {"x-zm-request-timestamp": stamp, "x-zm-signature": notices.signature(secret, stamp, raw)}
    answer = app.test_client().post(HOOK, data=raw, headers=headers, content_type="application/json")
    return answer.status_code, answer.get_json(silent=True)


def test_the_address_proves_that_it_knows_the_secret(told: Office) -> None:
    with told.rt.reading() as session:
        known, _ = hook_secrets.standing(session, told.name)
    assert known.heard_at == told.clock()
    assert HOOK_SECRET not in known.hint


def test_without_a_secret_nothing_is_proven(app: Flask, office: Office) -> None:
    body = {"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}}
    assert post(app, office, body) == (204, None)


def test_a_meeting_deleted_there_is_missing_at_once(told: Office) -> None:
    activity = told.plan()
    told.settle()
    deliver(told)
    told.settle()
    told.switch.delete_meeting(told.there()[0]["id"])
    assert deliver(told) == [204]
    told.settle()
    assert told.conference(activity).state == "gone"


@pytest.mark.parametrize("settings", [{"repeats_hooks": True}, {"string_ids": True}])
def test_a_meeting_moved_there_is_seen_however_it_is_told(told: Office, settings: dict[str, bool]) -> None:
    told.switch.settings(**settings)
    activity = told.plan()
    told.settle()
    deliver(told)
    told.settle()
    told.switch.change_meeting(told.there()[0]["id"], start_time="2030-01-08T15:00:00Z")
    assert set(deliver(told)) == {204}
    told.settle()
    assert told.conference(activity).drift == {"starts_at": "2030-01-08T15:00:00+00:00"}


def test_our_own_changes_come_back_and_change_nothing(told: Office) -> None:
    activity = told.plan()
    told.settle()
    told.edit(activity, title="Other")
    told.settle()
    deliver(told)
    told.switch.clear_requests()
    told.settle()
    assert [line["method"] for line in told.switch.requests()] == ["GET"]
    assert (told.conference(activity).state, told.conference(activity).drift) == ("made", {})


@pytest.mark.parametrize("is_bare", [False, True])
def test_who_removes_the_app_there_is_forgotten_here(told: Office, is_bare: bool) -> None:
    told.plan()
    told.settle()
    deliver(told)
    told.switch.settings(bare_deauthorization=is_bare)
    told.switch.deauthorize(ELI)
    assert deliver(told) == [204]
    account = told.account()
    assert (account.grant_ok, account.grant_error, account.secret) == (False, "deauthorized", None)
    assert ELI not in (account.username, account.label)
    assert ("watch_notices", {}) in told.hints.asked
    told.sign_in(account_id=t.pk(account))
    assert told.account().label == ELI


@pytest.mark.parametrize(
    "payload", [{"user_id": "somebody else"}, {"user_id": "", "client_id": "x"}, {"user_id": "ELI", "client_id": "x"}]
)
def test_others_removing_theirs_ends_nothing(app: Flask, told: Office, payload: dict[str, str]) -> None:
    payload = {name: told.account().subject if value == "ELI" else value for name, value in payload.items()}
    assert post(app, told, {"event": "app_deauthorized", "payload": payload})[0] == 204
    assert told.account().grant_ok


def test_what_is_signed_by_somebody_else_does_nothing(app: Flask, told: Office) -> None:
    body = {"event": "app_deauthorized", "payload": {"user_id": told.account().subject}}
    assert post(app, told, body, "guessed")[0] == 204
    assert told.account().grant_ok
    assert post(app, told, {"event": "endpoint.url_validation", "payload": {"plainToken": "a"}}, "guessed")[1] is None


def test_where_we_fail_it_is_sent_again(told: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    activity = told.plan()
    told.settle()
    deliver(told)
    told.settle()
    told.switch.delete_meeting(told.there()[0]["id"])
    with monkeypatch.context() as patch:
        patch.setattr(hook_secrets, "of", _fail)
        assert deliver(told) == [503]
    told.advance(minutes=5)
    assert deliver(told) == [204]
    told.settle()
    assert told.conference(activity).state == "gone"


def _fail(*_: object) -> str:
    raise Refused("the database is away")


def test_only_admins_save_a_secret_and_nobody_reads_it(office: Office, client: FlaskClient) -> None:
    with pytest.raises(NotAllowed):
        hook_secrets.save(office.rt, office.name, "x" * 20, 0, by=factories.acting(office.cast.eli))
    with pytest.raises(Refused) as raised:
        hook_secrets.save(office.rt, office.name, "two words", 0, by=factories.acting(office.cast.ada))
    assert raised.value.field == "secret"
    hook_secrets.save(office.rt, office.name, HOOK_SECRET, 0, by=factories.acting(office.cast.ada))
    with office.rt.reading() as session:
        assert HOOK_SECRET not in str(session.get_one(t.Setting, "hooks:zoom").value)
