"""Notices from a provider, sent to the real address: channels opened, heeded, renewed, stopped, and what is ignored."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select
from werkzeug.serving import make_server

from calsync.runtime import Runtime
from calsync.services import accounts, channels, claims, disconnect, doctor
from calsync.store import tables as t
from jobs import bodies
from tests import factories
from tests.emulators.google.cast import ELI
from tests.emulators.google.conftest import google, google_server
from tests.emulators.google.server import GoogleServer
from tests.proof.google_town import GoogleTown, event_body, found_google_town

__all__ = ["google", "google_server"]

PUBLIC = "https://calendar.example.com"
HOOK = "/hooks/google"
OPEN, STOP = "calendar.events.watch", "calendar.channels.stop"


@pytest.fixture
def town(tmp_path: Path, google: GoogleServer) -> Iterator[GoogleTown]:
    """Eli's calendar, connected, and a queue that remembers."""
    made = found_google_town(tmp_path, google)
    yield made
    made.rt.db.close()


@pytest.fixture
def rt(town: GoogleTown) -> Runtime:
    return town.rt


@pytest.fixture
def cast(town: GoogleTown) -> factories.Cast:
    return town.cast


@pytest.fixture(autouse=True)
def _reachable(app: Flask, town: GoogleTown) -> Iterator[None]:
    """Serve the application where Google finds its public address."""
    server = make_server("127.0.0.1", 0, app)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    town.switch.settings(webhook_rewrites={PUBLIC: f"http://127.0.0.1:{server.server_port}"})
    yield
    server.shutdown()
    server.server_close()


def keep(town: GoogleTown) -> list[int]:
    """Do what the clock does each minute; return whom it concerned."""
    town.switch.set_clock(town.clock())
    ids = channels.keep(town.rt)
    for account_id in ids:
        channels.keep_account(town.rt, account_id)
    town.switch.pushes()
    return ids


def known(town: GoogleTown) -> list[t.Channel]:
    with town.rt.reading() as session:
        return list(session.exec(select(t.Channel).order_by(t.Channel.id)))


def alive(town: GoogleTown) -> list[str]:
    """Return the ids of the channels that Google would use."""
    return [c["id"] for c in town.switch.channels() if not c["is_stopped"]]


def calls(town: GoogleTown, method: str) -> int:
    return len(town.switch.requests(method))


def at_rest(town: GoogleTown) -> datetime:
    """Open a channel and sync once; return when the account is due by itself."""
    keep(town)
    town.sync()
    due = town.account().next_sync_at
    assert due is not None
    assert due > town.clock()
    return due


def headers(town: GoogleTown, **changes: str) -> dict[str, str]:
    (row,) = known(town)
    secret = channels.secret_of(town.rt, town.account().public_id, row.channel_id)
    found = {"Channel-ID": row.channel_id, "Channel-Token": secret, "Resource-ID": row.resource_id}
    return {f"X-Goog-{k}": v for k, v in {**found, "Resource-State": "exists", **changes}.items()}


def set_calendar(town: GoogleTown, **flags: bool) -> None:
    with town.rt.reading() as session:
        calendar_id = t.pk(session.exec(select(t.Calendar).where(t.Calendar.is_primary)).one())
    accounts.set_calendar(town.rt, calendar_id, by=factories.acting(town.cast.eli), **flags)


def change_account(town: GoogleTown, **values: Any) -> None:
    with town.rt.writing() as session:
        session.execute(sa.update(t.Account).values(**values))


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


# --- kept


def test_a_calendar_that_syncs_has_one_channel(town: GoogleTown) -> None:
    assert keep(town) == [town.account_id]
    (row,) = known(town)
    assert alive(town) == [row.channel_id]
    assert (row.state, row.expires_at) == ("open", town.clock() + timedelta(days=7))
    assert keep(town) == []
    assert calls(town, OPEN) == 1


def test_the_clock_s_jobs_do_the_same(town: GoogleTown) -> None:
    work = bodies.Work(town.rt)
    work.run("keep_channels", {}, "this process")
    work.run("keep_account_channels", {"account_id": town.account_id}, "this process")
    assert [row.state for row in known(town)] == ["open"]


def test_the_first_notice_proves_that_google_reaches_us(town: GoogleTown) -> None:
    def heard() -> list[str]:
        with town.rt.reading() as session:
            return [row.extra.get("heard_at", "") for row in session.exec(select(t.ProviderCredential))]

    assert heard() == [""]
    keep(town)
    assert heard() == [town.clock().isoformat()]


def test_two_processes_open_one(town: GoogleTown) -> None:
    both = [threading.Thread(target=channels.keep_account, args=(town.rt, town.account_id)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert calls(town, OPEN) == 1
    assert [row.state for row in known(town)] == ["open"]


def test_the_next_channel_is_open_before_the_old_one_stops(town: GoogleTown) -> None:
    keep(town)
    (old,) = alive(town)
    town.clock.advance(days=5.5)
    assert keep(town) == []
    town.clock.advance(days=0.2)
    assert keep(town) == [town.account_id]
    (new,) = alive(town)
    assert new != old
    assert [row.channel_id for row in known(town)] == [new]
    methods = [r["method_id"] for r in town.switch.requests() if r["method_id"] in (OPEN, STOP)]
    assert methods == [OPEN, OPEN, STOP]


def test_while_the_next_one_fails_the_old_one_stays(town: GoogleTown) -> None:
    keep(town)
    (old,) = alive(town)
    town.clock.advance(days=6)
    town.switch.fault("status", method=OPEN, status=503, times=50)
    keep(town)
    assert alive(town) == [old]
    assert [(row.state, row.tries) for row in known(town)] == [("open", 0), ("opening", 1)]
    town.switch.clear_faults()
    town.clock.advance(minutes=1)
    keep(town)
    assert len(alive(town)) == 1
    assert alive(town) != [old]


def test_a_channel_that_ended_while_nothing_ran_is_opened_anew(town: GoogleTown) -> None:
    keep(town)
    town.clock.advance(days=20)
    keep(town)
    assert [row.state for row in known(town)] == ["open"]
    assert calls(town, OPEN) == 2


def test_failures_are_noted_and_tried_again_less_and_less(town: GoogleTown) -> None:
    town.switch.fault("status", method=OPEN, status=503, times=50)
    keep(town)
    (row,) = known(town)
    assert (row.state, row.tries) == ("opening", 1)
    assert row.error
    assert keep(town) == []
    waits = []
    for _ in range(3):
        (row,) = known(town)
        assert row.next_try_at is not None
        waits.append(row.next_try_at - town.clock())
        town.clock.advance(seconds=waits[-1].total_seconds())
        assert keep(town) == [town.account_id]
    assert waits == sorted(set(waits))
    assert town.sync().state == "no_changes"


def test_a_calendar_that_cannot_be_watched_is_asked_about_once_a_day(town: GoogleTown) -> None:
    town.switch.fault("status", method=OPEN, status=400, reason="pushNotSupportedForRequestedResource")
    keep(town)
    (row,) = known(town)
    assert row.next_try_at == town.clock() + timedelta(days=1)
    assert town.account().grant_ok


def test_the_doctor_names_what_is_not_told_to_us(town: GoogleTown) -> None:
    def found() -> list[str]:
        return [f.what for f in doctor.examine(town.rt, {}) if f.check == "notified"]

    keep(town)
    assert found() == []
    town.clock.advance(days=20)
    town.switch.fault("status", method=OPEN, status=400, reason="pushNotSupportedForRequestedResource")
    keep(town)
    (what,) = found()
    assert "are not told to us" in what
    assert "pushNotSupported" in what


def test_a_deselected_calendar_has_its_channel_stopped(town: GoogleTown) -> None:
    keep(town)
    set_calendar(town, syncs=False, blocks=False)
    assert keep(town) == [town.account_id]
    assert (alive(town), known(town)) == ([], [])


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


def test_an_answer_that_was_lost_leaves_no_channel_behind(town: GoogleTown) -> None:
    town.switch.fault("drop", method=OPEN, times=1)
    keep(town)
    town.clock.advance(minutes=1)
    keep(town)
    town.put(1)
    town.switch.pushes()
    keep(town)
    (row,) = known(town)
    assert alive(town) == [row.channel_id]


def test_an_account_that_syncs_by_hand_has_none(town: GoogleTown) -> None:
    town.rule(frequency="manual")
    assert keep(town) == []


def test_without_https_there_is_none(town: GoogleTown, tmp_path: Path) -> None:
    keep(town)
    object.__setattr__(town.rt, "settings", town.rt.settings.model_copy(update={"public_url": "http://localhost"}))
    keep(town)
    assert (alive(town), known(town)) == ([], [])


# --- leaving


def leave(town: GoogleTown) -> None:
    disconnect.disconnect(town.rt, town.account_id, disconnect.Choice.KEEP, by=factories.acting(town.cast.eli))


def test_disconnecting_stops_the_channel_while_the_token_is_at_hand(town: GoogleTown) -> None:
    keep(town)
    leave(town)
    assert (alive(town), known(town)) == ([], [])
    done = [r["method_id"] for r in town.switch.requests() if r["method_id"] in (STOP, "oauth.revoke")]
    assert done == [STOP, "oauth.revoke"]
    assert keep(town) == []


def test_disconnecting_does_not_need_the_provider(town: GoogleTown) -> None:
    keep(town)
    town.switch.fault("status", method=STOP, status=503, times=50)
    leave(town)
    assert town.account().state == "disconnected"
    assert known(town) == []


def test_a_notice_after_leaving_brings_nothing_back(town: GoogleTown, anonymous: FlaskClient) -> None:
    keep(town)
    sent = headers(town)
    leave(town)
    assert anonymous.post(HOOK, headers=sent).status_code == 204
    assert (known(town), town.account().next_sync_at) == ([], None)
