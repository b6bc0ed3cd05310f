"""What was deleted or changed at the provider is found, shown and mended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calsync.errors import NotFound, Refused
from calsync.providers.google.provider import GoogleProvider
from calsync.services import conference_compare, conference_repairs, conferences
from calsync.services.conference_repairs import Entry, Standing
from calsync.store import tables as t
from jobs import scheduler
from jobs.bodies import JOBS
from tests import factories
from tests.conferences.office import ELI, Office

pytestmark = pytest.mark.postgres


def ledger(office: Office, user: t.User | None = None) -> list[Entry]:
    with office.rt.reading() as session:
        return conference_repairs.ledger(office.rt, session, by=factories.acting(user or office.cast.ada))


def compare(office: Office) -> None:
    for account_id in conferences.list_uncompared(office.rt):
        conference_compare.compare(office.rt, account_id)
    office.settle()


def repair(office: Office, entry: Entry, user: t.User | None = None) -> None:
    conference_repairs.repair(office.rt, entry.id or 0, by=factories.acting(user or office.cast.eli))
    office.settle()


def standings(office: Office) -> list[Standing]:
    return [entry.standing for entry in ledger(office)]


def test_a_meeting_that_is_there_is_ready(office: Office) -> None:
    office.plan()
    assert standings(office) == []
    office.settle()
    [entry] = ledger(office)
    assert (entry.standing, entry.host, entry.is_trouble) == (Standing.READY, ELI, False)
    with pytest.raises(Refused) as raised:
        conference_repairs.repair(office.rt, entry.id or 0, by=factories.acting(office.cast.eli))
    assert raised.value.code == "nothing_to_repair"


def test_what_vanished_is_missing_and_made_anew(office: Office) -> None:
    activity = office.plan()
    office.settle()
    dead = office.link(activity)
    office.switch.delete_meeting(office.there()[0]["id"])
    compare(office)
    [entry] = ledger(office)
    assert (entry.standing, entry.join_url) == (Standing.MISSING, "")
    repair(office, entry)
    [there] = office.there()
    assert office.link(activity) == there["join_url"] != dead
    assert standings(office) == [Standing.READY]


def test_a_change_there_is_seen_and_can_be_written_over(office: Office) -> None:
    office.plan()
    office.settle()
    there = office.there()[0]
    office.switch.change_meeting(there["id"], start_time="2030-01-08T15:00:00Z")
    with office.rt.writing() as session:
        row = session.get_one(t.Conference, ledger(office)[0].id)
        row.next_try_at, row.wants_look = office.clock(), True
    office.settle()
    [entry] = ledger(office)
    assert entry.standing is Standing.CHANGED
    assert entry.drift == {"starts_at": "2030-01-08T15:00:00+00:00"}
    repair(office, entry)
    assert office.there()[0]["start_time"] == "2030-01-08T09:00:00Z"
    assert standings(office) == [Standing.READY]


def test_a_link_that_changed_there_changes_here(office: Office) -> None:
    activity = office.plan()
    office.settle()
    office.switch.change_meeting(office.there()[0]["id"], password="another1")
    with office.rt.writing() as session:
        session.get_one(t.Conference, ledger(office)[0].id).next_try_at = office.clock()
    office.settle()
    assert office.link(activity) == office.there()[0]["join_url"]


def test_a_meeting_of_ours_that_nothing_needs_is_an_orphan(office: Office) -> None:
    activity = office.plan()
    office.settle()
    mark = office.conference(activity).mark
    other = office.switch.add_meeting(ELI, topic="Twin", start_time="2030-01-09T09:00:00Z", agenda=f"Ref {mark}")
    strange = "0" * 32 + "." + "0" * 16
    office.switch.add_meeting(ELI, topic="Foreign", start_time="2030-01-09T09:00:00Z", agenda=f"Ref {strange}")
    office.switch.add_meeting(ELI, topic="Own", start_time="2030-01-09T09:00:00Z")
    compare(office)
    entries = ledger(office)
    assert [entry.standing for entry in entries] == [Standing.ORPHAN, Standing.READY]
    assert entries[0].remote_id == str(other["id"])
    repair(office, entries[0])
    assert [m["topic"] for m in office.there()] == ["Intro call", "Foreign", "Own"]


def test_an_orphan_that_vanished_is_forgotten(office: Office) -> None:
    activity = office.plan()
    office.settle()
    mark = office.conference(activity).mark
    other = office.switch.add_meeting(ELI, topic="Twin", start_time="2030-01-09T09:00:00Z", agenda=f"Ref {mark}")
    compare(office)
    office.switch.delete_meeting(other["id"])
    office.advance(days=1)
    compare(office)
    assert standings(office) == [Standing.READY]


def test_lists_are_compared_once_a_day(office: Office) -> None:
    office.plan()
    office.settle()
    compare(office)
    assert conferences.list_uncompared(office.rt) == []
    office.advance(hours=25)
    assert conferences.list_uncompared(office.rt) == [office.account().id]


def test_a_list_that_breaks_off_proves_nothing(office: Office) -> None:
    office.plan()
    office.settle()
    office.switch.fault("truncate", method="meetings.list", times=1)
    compare(office)
    assert standings(office) == [Standing.READY]
    assert conferences.list_uncompared(office.rt) == []
    office.advance(hours=2)
    assert conferences.list_uncompared(office.rt) == [office.account().id]


def test_what_waits_says_for_what(office: Office) -> None:
    office.plan(owner=office.cast.sam)
    office.switch.settings(host_daily=0)
    office.plan()
    office.settle()
    by = {entry.standing: entry for entry in ledger(office)}
    assert by.keys() == {Standing.NO_HOST, Standing.LIMITED}
    assert by[Standing.LIMITED].until is not None
    office.switch.deauthorize(ELI)
    office.switch.settings(host_daily=100)
    office.advance(hours=16)
    office.settle()
    assert set(standings(office)) == {Standing.NO_HOST, Standing.HOST_GONE}


def test_people_see_and_mend_their_own(office: Office) -> None:
    office.plan()
    office.settle()
    office.switch.delete_meeting(office.there()[0]["id"])
    compare(office)
    [entry] = ledger(office, office.cast.eli)
    assert ledger(office, office.cast.sam) == []
    with pytest.raises(NotFound):
        repair(office, entry, office.cast.sam)
    repair(office, entry, office.cast.ada)
    assert standings(office) == [Standing.READY]


def test_links_that_come_with_their_event_stand_in_the_same_list(office: Office) -> None:
    google = GoogleProvider()
    office.rt = replace(office.rt, providers={**office.rt.providers, google.info.name: google})
    account = factories.make_account(office.rt, office.cast.eli, provider=google.info.name, label="Eli at Google")
    calendar = factories.make_calendar(office.rt, account)
    link = "https://meet.google.com/abc-defg-hij"
    ready, waiting = office.plan("Ready", location_kind="meet", conference=link), office.plan(location_kind="meet")
    with office.rt.writing() as session:
        for activity in (ready, waiting):
            session.add(_link(office, account, calendar, activity))
    office.settle()
    found = {entry.activity.id: entry for entry in ledger(office) if entry.activity}
    shown = found[ready.id]
    assert (shown.standing, shown.join_url, shown.host) == (Standing.READY, link, "Eli at Google")
    assert (shown.id, shown.is_repairable) == (None, False)
    assert found[waiting.id].standing is Standing.WAITING
    assert ledger(office, office.cast.sam) == []


def _link(office: Office, account: t.Account, calendar: t.Calendar, activity: t.Activity) -> t.Link:
    return t.Link(
        activity_id=t.pk(activity),
        account_id=t.pk(account),
        calendar_id=t.pk(calendar),
        uid=activity.uid,
        is_ours=True,
        agreed_local={},
        agreed_remote={},
        local_fp="",
        remote_fp="",
        agreed_at=office.clock(),
        created_at=office.clock(),
    )


def test_jobs_bring_it_all_about(office: Office) -> None:
    activity = office.plan()
    for _ in range(3):
        office.hints.asked = [("keep_conferences", {})]
        while office.hints.asked:
            job, ids = office.hints.asked.pop(0)
            JOBS[job](office.rt, "test", **ids)
        office.advance(seconds=11)
    assert office.conference(activity).state == "made"
    assert conferences.list_uncompared(office.rt) == []
    assert set(scheduler.EVERY) >= {"keep_conferences"}
