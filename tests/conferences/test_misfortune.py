"""Answers that never came, limits, refusals: no meeting is made twice, none is forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from calsync.services import conference_work, conferences
from calsync.store import tables as t
from tests.conferences.office import ELI, Office

pytestmark = pytest.mark.postgres


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("kind", ["drop", "truncate", "after"])
def test_a_lost_answer_makes_no_second_meeting(office: Office, kind: str) -> None:
    office.switch.fault(kind, status=502, method="meetings.create", times=1)
    activity = office.plan()
    office.tick()
    assert (office.conference(activity).state, office.link(activity)) == ("pending", None)
    office.advance(minutes=2)
    office.settle()
    [there] = office.there()
    assert office.link(activity) == there["join_url"]
    assert len(office.switch.requests("meetings.create")) == 1


def test_a_process_that_died_while_asking_makes_no_second_meeting(office: Office) -> None:
    office.switch.fault("drop", method="meetings.create", times=1)
    activity = office.plan()
    [account_id] = conferences.keep(office.rt)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conference_work, "_fail", _die)
        with pytest.raises(Killed):
            conference_work.work(office.rt, account_id)
    office.settle()
    assert office.link(activity) is None  # somebody else may still be at it
    office.advance(minutes=6)
    office.settle()
    assert (len(office.there()), len(office.switch.requests("meetings.create"))) == (1, 1)
    assert office.link(activity) == office.there()[0]["join_url"]


def _die(*_: object) -> None:
    raise Killed


def test_a_meeting_that_was_not_made_is_asked_for_again(office: Office) -> None:
    office.switch.fault("drop_before", method="meetings.create", times=1)
    activity = office.plan()
    office.tick()
    office.advance(minutes=2)
    office.settle()
    assert (len(office.there()), office.conference(activity).state) == (1, "made")


def test_doubles_of_an_old_mistake_are_deleted(office: Office) -> None:
    office.switch.fault("drop", method="meetings.create", times=1)
    activity = office.plan()
    office.tick()
    mark = office.conference(activity).mark
    office.switch.add_meeting(ELI, topic="Double", start_time="2030-01-08T09:00:00Z", agenda=f"Ref {mark}")
    office.advance(minutes=2)
    office.settle()
    assert [m["topic"] for m in office.there()] == ["Intro call"]


def test_cancelled_while_its_making_is_in_doubt_nothing_stays(office: Office) -> None:
    office.switch.fault("drop", method="meetings.create", times=1)
    activity = office.plan()
    office.tick()
    office.cancel(activity)
    office.advance(minutes=2)
    office.settle()
    assert (office.there(), office.conference(activity).state) == ([], "deleted")


def test_a_spent_day_is_waited_for_and_said(office: Office) -> None:
    office.switch.settings(host_daily=1)
    first, second, third = (office.plan(title) for title in ("One", "Two", "Three"))
    office.settle()
    assert len(office.there()) == 1
    midnight = datetime(2030, 1, 8, tzinfo=UTC)
    for waiting in (second, third):
        row = office.conference(waiting)
        assert (row.state, row.next_try_at, row.error_class) == ("wanted", midnight, "rate_limit")
    assert len(office.switch.requests("meetings.create")) == 2  # the third was not even tried
    office.switch.settings(host_daily=100)
    office.advance(hours=15)
    office.settle()
    assert {m["topic"] for m in office.there()} == {"One", "Two", "Three"}
    assert office.conference(first).state == "made"


def test_a_burst_is_over_in_seconds(office: Office) -> None:
    office.switch.settings(per_second={"Medium": 1})
    for number in range(3):
        office.plan(f"Call {number}")
    for _ in range(4):
        office.tick()
        office.advance(seconds=2)
    assert len(office.there()) == 3


def test_a_refused_meeting_waits_for_a_person_or_a_change(office: Office) -> None:
    office.switch.add_user(ELI, type=99)
    activity = office.plan()
    office.settle()
    row = office.conference(activity)
    assert (row.state, row.error_class) == ("failed", "permission")
    assert "licence" in row.error
    office.advance(hours=8)
    office.settle()
    assert len(office.switch.requests("meetings.create")) == 1
    office.switch.add_user(ELI, type=2)
    office.edit(activity, title="Another")
    office.settle()
    assert (office.conference(activity).state, office.there()[0]["topic"]) == ("made", "Another")


def test_a_dead_grant_stops_the_account_and_nothing_is_lost(office: Office) -> None:
    office.switch.deauthorize(ELI)
    activity = office.plan()
    office.settle()
    account = office.account()
    assert (account.grant_ok, office.conference(activity).state) == (False, "wanted")
    assert ("watch_notices", {}) in office.hints.asked
    office.sign_in(account_id=t.pk(account))
    office.settle()
    assert office.conference(activity).state == "made"


def test_a_server_in_trouble_is_asked_less_and_less(office: Office) -> None:
    office.switch.fault("status", status=503, method="meetings.create")
    activity = office.plan()
    for _ in range(20):
        office.tick()
        office.advance(minutes=5)
    assert 4 < len(office.switch.requests("meetings.create")) < 10
    office.switch.clear_faults()
    office.advance(hours=6)
    office.settle()
    assert office.conference(activity).state == "made"


def test_deleting_waits_until_a_meeting_is_over(office: Office) -> None:
    activity = office.plan()
    office.settle()
    office.switch.set_status(office.there()[0]["id"], "started")
    office.cancel(activity)
    office.settle()
    assert office.conference(activity).state == "to_delete"
    office.switch.set_status(office.there()[0]["id"], "ended")
    office.advance(days=1)
    office.settle()
    assert office.conference(activity).state == "deleted"


def test_two_processes_do_each_piece_once(office: Office) -> None:
    for number in range(4):
        office.plan(f"Call {number}")
    [account_id] = conferences.keep(office.rt)
    first = conference_work._claim(office.rt, account_id)
    assert first is not None
    assert conference_work.work(office.rt, account_id) == 3
    assert len(office.there()) == 3


def test_many_at_once_make_each_meeting_once(office: Office) -> None:
    planned = [office.plan(f"Call {number}") for number in range(8)]
    [account_id] = conferences.keep(office.rt)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: _tried(office, account_id), range(4)))
    assert sum(done) == 8
    assert sorted(m["topic"] for m in office.there()) == sorted(each.title for each in planned)
    office.settle()
    assert all(office.link(each) for each in planned)


def _tried(office: Office, account_id: int) -> int:
    conferences.keep(office.rt)
    return conference_work.work(office.rt, account_id)


def test_an_activity_that_is_no_more_leaves_no_meeting(office: Office) -> None:
    activity = office.plan()
    office.settle()
    with office.rt.writing() as session:
        session.delete(session.get_one(t.Activity, t.pk(activity)))
    office.settle()
    assert office.there() == []
    with office.rt.reading() as session:
        assert [row.state for row in session.exec(select(t.Conference))] == ["deleted"]
