"""Notices from a provider, sent to the real address on both databases: what is heeded, and what is ignored."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from calsync.services import channels, claims
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ELI
from tests.emulators.google.conftest import google, google_server
from tests.proof.google_town import GoogleTown, event_body
from tests.web.hooked import (
    HOOK,
    alive,
    at_rest,
    cast,
    change_account,
    headers,
    keep,
    known,
    leave,
    reachable,
    rt,
    town,
)

__all__ = ["cast", "google", "google_server", "reachable", "rt", "town"]

pytestmark = pytest.mark.postgres


@pytest.fixture
def database_url(fresh_database: Callable[..., str]) -> str:
    return fresh_database(factories.prepare)


# --- heeded


def test_a_change_there_makes_the_account_due_at_once(town: GoogleTown) -> None:
    at_rest(town)
    town.put(1)
    pushes = town.switch.pushes()
    assert {push["status"] for push in pushes} == {204}
    account = town.account()
    assert (account.next_sync_at, account.requested_trigger) == (town.clock(), "push")
    run = town.sync(trigger=None)
    assert (run.trigger, run.state) == ("push", "succeeded")
    assert "There 1" in town.titles_here()
    assert town.account().requested_trigger == ""


def test_many_notices_ask_for_one_run(town: GoogleTown, anonymous: FlaskClient) -> None:
    at_rest(town)
    asked_at = town.clock()
    for _ in range(3):
        assert anonymous.post(HOOK, headers=headers(town)).status_code == 204
        town.clock.advance(seconds=1)
    assert town.account().next_sync_at == asked_at


def test_a_notice_does_not_take_a_run_from_whom_asked_for_it(town: GoogleTown, anonymous: FlaskClient) -> None:
    at_rest(town)
    change_account(town, requested_trigger="manual", requested_by_id=town.cast.eli.id)
    anonymous.post(HOOK, headers=headers(town))
    account = town.account()
    assert (account.next_sync_at, account.requested_trigger) == (town.clock(), "manual")


def test_a_notice_during_a_run_asks_for_one_more(town: GoogleTown, anonymous: FlaskClient) -> None:
    at_rest(town)
    assert claims.claim(town.rt, town.account_id, "someone")
    anonymous.post(HOOK, headers=headers(town))
    claims.release(town.rt, town.account_id, "someone", started_at=town.clock())
    assert town.account().next_sync_at == town.clock()


# --- ignored


@pytest.mark.parametrize(
    "changes",
    [
        {"Channel-Token": "a guess"},
        {"Channel-Token": ""},
        {"Channel-Token": "gänzlich"},
        {"Channel-ID": "another"},
        {"Resource-State": "sync"},
        {"Resource-State": ""},
    ],
)
def test_what_proves_nothing_changes_nothing(town: GoogleTown, anonymous: FlaskClient, changes: dict[str, str]) -> None:
    due = at_rest(town)
    assert anonymous.post(HOOK, headers=headers(town, **changes)).status_code == 204
    assert (town.account().next_sync_at, len(known(town))) == (due, 1)


def test_the_secret_of_one_account_is_none_of_another(town: GoogleTown, anonymous: FlaskClient) -> None:
    due = at_rest(town)
    (row,) = known(town)
    other = channels.secret_of(town.rt, "0" * 32, row.channel_id)
    assert anonymous.post(HOOK, headers=headers(town, **{"Channel-Token": other})).status_code == 204
    assert town.account().next_sync_at == due


@pytest.mark.parametrize("path", [HOOK, "/hooks/caldav", "/hooks/nobody"])
def test_strangers_are_answered_and_learn_nothing(anonymous: FlaskClient, path: str) -> None:
    answer = anonymous.post(path, data=b"x" * 1000)
    assert (answer.status_code, answer.data) == (204, b"")


def test_there_is_a_second_name_for_the_same_place(town: GoogleTown, anonymous: FlaskClient) -> None:
    at_rest(town)
    assert anonymous.post("/push/google", headers=headers(town)).status_code == 204
    assert town.account().requested_trigger == "push"


def test_what_is_longer_than_a_notice_is_not_read(town: GoogleTown, anonymous: FlaskClient) -> None:
    due = at_rest(town)
    answer = anonymous.post("/hooks/zoom", data=b"x" * 300_000, headers=headers(town))
    assert answer.status_code == 413
    assert town.account().next_sync_at == due


def test_a_flood_from_one_address_is_turned_away(strict_app: Flask, town: GoogleTown) -> None:
    client = strict_app.test_client()
    # The count begins anew each minute, and the test may begin at the end of one.
    statuses = (client.post(HOOK).status_code for _ in range(2500))
    assert next(status for status in statuses if status != 204) == 429


def test_no_session_and_no_form_token_are_needed(strict_app: Flask, town: GoogleTown) -> None:
    at_rest(town)
    assert strict_app.test_client().post(HOOK, headers=headers(town)).status_code == 204
    assert town.account().next_sync_at == town.clock()


@pytest.mark.parametrize("values", [{"state": "paused"}, {"grant_ok": False}, {"next_sync_at": None}])
def test_a_resting_account_is_not_woken(town: GoogleTown, anonymous: FlaskClient, values: dict[str, Any]) -> None:
    due = at_rest(town)
    change_account(town, **values)
    anonymous.post(HOOK, headers=headers(town))
    assert town.account().next_sync_at == values.get("next_sync_at", due)


def test_a_broken_database_is_no_error_to_the_provider(town: GoogleTown, anonymous: FlaskClient) -> None:
    at_rest(town)
    sent = headers(town)
    with town.rt.writing() as session:
        session.execute(sa.text("DROP TABLE channel"))
    assert anonymous.post(HOOK, headers=sent).status_code == 204


# --- what a notice tells besides


def test_the_first_notice_proves_that_google_reaches_us(town: GoogleTown) -> None:
    def heard() -> list[str]:
        with town.rt.reading() as session:
            return [row.extra.get("heard_at", "") for row in session.exec(select(t.ProviderCredential))]

    assert heard() == [""]
    keep(town)
    assert heard() == [town.clock().isoformat()]


def test_a_forgotten_channel_is_stopped_by_its_next_notice(town: GoogleTown) -> None:
    keep(town)
    due = at_rest(town)
    (old,) = alive(town)
    with town.rt.writing() as session:
        session.execute(sa.delete(t.Channel))
    keep(town)
    town.switch.add_event(ELI, event_body(1))
    town.switch.pushes()
    assert town.account().next_sync_at != due
    keep(town)
    (new,) = alive(town)
    assert new != old
    assert [row.channel_id for row in known(town)] == [new]


def test_a_notice_after_leaving_brings_nothing_back(town: GoogleTown, anonymous: FlaskClient) -> None:
    keep(town)
    sent = headers(town)
    leave(town)
    assert anonymous.post(HOOK, headers=sent).status_code == 204
    assert (known(town), town.account().next_sync_at) == ([], None)
