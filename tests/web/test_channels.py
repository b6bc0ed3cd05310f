"""Channels: opened for calendars that sync, renewed with overlap, replaced as our address moves, stopped in the end."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from calsync.services import channels, doctor
from calsync.store import tables as t
from jobs import bodies
from tests.emulators.google.conftest import google, google_server
from tests.proof.google_town import GoogleTown
from tests.web.conftest import SignIn, text_of
from tests.web.hooked import (
    OPEN,
    PUBLIC,
    STOP,
    alive,
    calls,
    cast,
    database_url,
    keep,
    known,
    leave,
    reachable,
    rt,
    set_calendar,
    town,
)
from tests.web.queries import count_queries

__all__ = ["cast", "database_url", "google", "google_server", "reachable", "rt", "town"]


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


def move_to(town: GoogleTown, public_url: str) -> None:
    """Give the installation another public address, which leads to the same place."""
    object.__setattr__(town.rt, "settings", town.rt.settings.model_copy(update={"public_url": public_url}))
    rewrites = town.switch.settings()["webhook_rewrites"]
    town.switch.settings(webhook_rewrites={**rewrites, public_url: rewrites[PUBLIC]})


def test_another_public_address_has_its_channels_at_the_next_tick(town: GoogleTown) -> None:
    keep(town)
    (old,) = alive(town)
    move_to(town, "https://new.example.com")
    assert keep(town) == [town.account_id]
    (new,) = alive(town)
    assert new != old
    (there,) = [channel for channel in town.switch.channels() if channel["id"] == new]
    assert there["address"] == "https://new.example.com/hooks/google"
    methods = [r["method_id"] for r in town.switch.requests() if r["method_id"] in (OPEN, STOP)]
    assert methods == [OPEN, OPEN, STOP]  # never without one
    assert keep(town) == []


def test_a_new_address_that_is_refused_leaves_the_old_channel_open(town: GoogleTown) -> None:
    keep(town)
    (old,) = alive(town)
    move_to(town, "https://new.example.com")
    town.switch.fault("status", method=OPEN, status=401, reason="push.webhookUrlUnauthorized", times=50)
    keep(town)
    assert alive(town) == [old]
    assert [(row.state, row.tries) for row in known(town)] == [("open", 0), ("opening", 1)]
    assert town.account().grant_ok


def test_channels_of_an_older_version_are_taken_to_lead_here(town: GoogleTown) -> None:
    keep(town)
    with town.rt.writing() as session:
        session.execute(sa.update(t.Channel).values(address=""))
    assert keep(town) == []


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


# --- on the account's page


def shown(town: GoogleTown, browser: FlaskClient) -> str:
    return text_of(browser.get(f"/accounts/{town.account_id}").text)


def test_the_page_says_how_changes_come(town: GoogleTown, eli: FlaskClient) -> None:
    assert "told at once" not in shown(town, eli)
    keep(town)
    assert "told at once" in shown(town, eli)
    assert "next poll" not in shown(town, eli)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 400, "reason": "pushNotSupportedForRequestedResource"}, "Google cannot tell of changes in this"),
        ({"status": 401, "reason": "push.webhookUrlUnauthorized"}, "Google does not accept our public address"),
        ({"status": 404, "reason": "notFound"}, "Google does not find this calendar"),
        ({"status": 403, "reason": "rateLimitExceeded"}, "Google asked us to wait"),
        ({"status": 503}, "Google did not take our request to be told"),
    ],
)
def test_a_refusal_is_said_in_words(town: GoogleTown, eli: FlaskClient, fault: dict[str, Any], said: str) -> None:
    town.switch.fault("status", method=OPEN, times=50, **fault)
    keep(town)
    page = shown(town, eli)
    assert said in page
    assert "Changes come with the next poll" in page
    assert "It is asked again" in page
    assert "polled" in page


def test_a_renewal_that_fails_says_until_when_the_old_one_holds(town: GoogleTown, eli: FlaskClient) -> None:
    keep(town)
    town.clock.advance(days=6)
    town.switch.fault("status", method=OPEN, status=503, times=50)
    keep(town)
    page = shown(town, eli)
    assert "The channel that is open lasts until 2030-01-14, 09:00" in page
    assert "told at once" in page


def test_a_promise_that_has_ended_and_an_address_that_moved_are_named(town: GoogleTown, eli: FlaskClient) -> None:
    keep(town)
    with town.rt.writing() as session:
        session.execute(sa.update(t.Channel).values(address="https://old.example.com/hooks/google"))
    assert "an address that is no longer ours" in shown(town, eli)
    town.clock.advance(days=8)
    assert "What Google promised has ended" in shown(town, eli)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"overrides": {"frequency": "manual"}}, "come when somebody asks for a sync"),
        ({"state": "paused"}, "While the account does not sync, Google tells us nothing"),
    ],
)
def test_where_nothing_is_told_the_page_says_why(
    town: GoogleTown, eli: FlaskClient, change: dict[str, Any], said: str
) -> None:
    keep(town)
    with town.rt.writing() as session:
        session.execute(sa.update(t.Account).values(**change))
    assert said in shown(town, eli)


def test_a_public_address_that_is_not_https_is_named_as_the_reason(
    town: GoogleTown, app: Flask, eli: FlaskClient
) -> None:
    plain = town.rt.settings.model_copy(update={"public_url": "http://localhost"})
    app.extensions["calsync"] = replace(town.rt, settings=plain)
    assert "the public address has to be https" in shown(town, eli)


def test_the_page_asks_a_dozen_questions_at_most(town: GoogleTown, eli: FlaskClient) -> None:
    keep(town)
    shown(town, eli)
    with count_queries(town.rt) as asked:
        shown(town, eli)
    assert len(asked) <= 12, "\n".join(each[:150].replace("\n", " ") for each in asked)


# --- renewed by hand


def test_an_admin_renews_a_channel_before_its_time(town: GoogleTown, sign_in: SignIn) -> None:
    keep(town)
    (old,) = known(town)
    ada = sign_in(town.cast.ada)
    assert "Renew" in text_of(ada.get("/webhooks/inbound").text)
    for _ in range(2):
        assert ada.post(f"/webhooks/inbound/{old.id}/renew").status_code == 303
    town.clock.advance(minutes=1)
    keep(town)
    (new,) = known(town)
    assert new.channel_id != old.channel_id
    assert alive(town) == [new.channel_id]
    assert sign_in(town.cast.eli).post(f"/webhooks/inbound/{new.id}/renew").status_code == 403


def test_what_is_being_opened_is_not_renewed(town: GoogleTown, sign_in: SignIn) -> None:
    with town.rt.writing() as session:
        row = t.Channel(account_id=town.account_id, channel_id="waiting", created_at=town.clock())
        session.add(row)
    answer = sign_in(town.cast.ada).post(f"/webhooks/inbound/{row.id}/renew")
    assert answer.status_code == 409
