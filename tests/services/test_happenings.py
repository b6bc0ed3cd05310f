"""What programs are told of: each thing once, when it happens, by whatever way it happened."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from calsync.engine import backoff
from calsync.engine.vocabulary import Policy, Trigger
from calsync.engine.webhooks import Happening
from calsync.providers.memory import FaultKind
from calsync.runtime import CLI
from calsync.services import activities, bookings, conflicts, connect, disconnect, following, held, rebooking, webhooks
from calsync.services.bookings import Request
from calsync.store import happenings
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.services.office import HOUR, WORK, Office, open_office

ALL = [str(each) for each in Happening]
TEN = factories.START.replace(hour=10) + timedelta(days=1)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = open_office(tmp_path)
    webhooks.create(made.rt, "https://crm.example.com/hooks", ALL, by=CLI)
    yield made
    made.rt.db.close()


def told(office: Office, *families: str) -> list[t.Delivery]:
    """Return what was told since the last question, of these families."""
    with office.rt.writing() as session:
        found = list(session.exec(select(t.Delivery).order_by(col(t.Delivery.id))))
        for each in found:
            session.delete(each)
    return [each for each in found if not families or Happening(each.type).family in families]


def types(office: Office, *families: str) -> list[str]:
    return [each.type for each in told(office, *families)]


def eli(office: Office) -> Any:
    return factories.acting(office.cast.eli)


def of_account(office: Office) -> dict[str, Any]:
    return {
        "integration_id": office.account.public_id,
        "provider": "MEMORY",
        "user_id": office.cast.eli.public_id,
    }


# --- activities


def test_what_a_person_does_to_an_activity(office: Office) -> None:
    values = {"title": "Review", "start": TEN}
    activity = activities.create(office.rt, t.pk(office.cast.eli), values, by=eli(office))
    activities.edit(office.rt, t.pk(activity), {"title": "Audit"}, by=eli(office))
    activities.cancel(office.rt, t.pk(activity), by=eli(office))
    created, updated, cancelled = told(office)
    assert [each.type for each in (created, updated, cancelled)] == ALL[6:9]
    assert {each.subject for each in (created, updated, cancelled)} == {f"activity:{activity.id}"}
    assert updated.data["fields"] == ["title"]
    assert updated.data["by"] == {"kind": "user", "name": "eli@example.com"}


def test_what_a_calendar_does_to_an_activity(office: Office) -> None:
    handle = office.meeting("Kick-off")
    office.settle()
    office.server.edit(WORK, handle, summary="Kick-off, part two")
    office.settle()
    created, updated = told(office, "activity")
    assert (created.type, updated.type) == ("activity.created", "activity.updated")
    assert updated.data["integration_id"] == office.account.public_id
    assert updated.data["by"]["kind"] == "provider"


def test_an_activity_that_is_restored_was_updated(office: Office) -> None:
    activity = office.write("Review")
    office.cancel("Review")
    office.edit("Review", status="confirmed")
    assert [each.data["change"] for each in told(office, "activity")] == ["created", "cancelled", "restored"]
    assert activity.id is not None


# --- integrations


def test_a_run_that_did_something_is_told_with_its_counts(office: Office) -> None:
    office.meeting("Kick-off")
    run = office.sync()
    (synced,) = told(office, "integration")
    counts = {"created": 1, "updated": 0, "deleted": 0, "conflicts": 0, "held": 0, "failed": 0}
    assert synced.type == "integration.synced"
    assert synced.data == {**of_account(office), "run_id": run.public_id, "trigger": "schedule", **counts}


def test_a_poll_that_finds_nothing_is_not_worth_a_message(office: Office) -> None:
    office.settle()
    told(office)
    office.sync()
    assert types(office) == []


@pytest.mark.parametrize("trigger", [Trigger.MANUAL, Trigger.API])
def test_who_asked_for_a_run_hears_of_its_end(office: Office, trigger: Trigger) -> None:
    office.settle()
    told(office)
    run = office.sync(trigger=trigger)
    (synced,) = told(office)
    assert (run.state, synced.type, synced.data["run_id"]) == ("no_changes", "integration.synced", run.public_id)


def test_a_preview_is_no_sync(office: Office) -> None:
    office.meeting("Kick-off")
    office.sync(dry=True, trigger=Trigger.MANUAL)
    assert types(office) == []


def test_failing_is_told_when_it_begins_and_when_a_person_is_needed(office: Office) -> None:
    office.settle()
    told(office)
    for _ in range(backoff.RUNS_BEFORE_ATTENTION + 2):
        for _ in range(20):
            office.server.faults.arm(FaultKind.UNAVAILABLE)
        office.sync()
    first, second = told(office)
    assert first.type == second.type == "integration.error"
    assert first.data["error"]["code"] == "network"
    assert first.data["error"]["message"]


def test_a_rate_limit_is_told_once_with_its_end(office: Office) -> None:
    for _ in range(2):
        office.server.faults.arm(FaultKind.RATE_LIMITED)
        office.sync()
    (limited,) = told(office)
    assert limited.type == "integration.rate_limited"
    assert limited.data["rate_limit_resets_at"].endswith("Z")


def test_a_dead_grant_is_told_once_and_so_is_its_return(office: Office) -> None:
    office.server.faults.arm(FaultKind.REVOKED)
    office.sync()
    connect.try_probe(office.rt, t.pk(office.account))
    (expired,) = told(office)
    assert (expired.type, expired.data["error"]["code"]) == ("integration.token_expired", "auth")
    office.server.allow()
    connect.probe(office.rt, t.pk(office.account))
    assert types(office) == ["integration.connected"]


def test_a_new_account_is_connected_and_leaves_again(office: Office) -> None:
    new = factories.make_account(office.rt, office.cast.ada, provider="memory")
    (connected,) = told(office)
    assert (connected.type, connected.data["integration_id"]) == ("integration.connected", new.public_id)
    disconnect.disconnect(office.rt, t.pk(new), "keep", by=CLI)
    assert types(office) == ["integration.disconnected"]


# --- runs and conflicts


def test_a_held_run_is_told_once(office: Office) -> None:
    handles = [office.meeting(f"Meeting {n}", hours=24 + n) for n in range(20)]
    office.settle()
    told(office)
    for handle in handles[:15]:
        office.server.delete(WORK, handle)
    run = office.sync()
    again = office.sync()  # holds the same once more
    (message,) = told(office, "run")
    assert (message.type, message.data["run_id"], message.data["held"]) == ("run.held", run.public_id, 15)
    held.approve(office.rt, t.pk(again), by=factories.acting(office.cast.ada))
    office.settle()
    assert "run.held" not in types(office)


def dispute(office: Office) -> t.Conflict:
    handle = office.meeting("Kick-off")
    office.settle()
    office.rule(policy=Policy.MANUAL)
    office.edit("Kick-off", summary="Ours")
    office.server.edit(WORK, handle, summary="Theirs")
    told(office)
    office.sync()
    return office.conflicts()[0]


def test_a_conflict_is_opened_and_a_person_resolves_it(office: Office) -> None:
    conflict = dispute(office)
    (opened,) = told(office, "conflict")
    activity = office.here("Ours")
    of_it = {"conflict_id": conflict.id, "activity_id": activity.public_id}
    assert opened.type == "conflict.opened"
    assert opened.data == {**of_account(office), **of_it, "kind": "both_changed", "fields": ["title"]}
    conflicts.resolve(office.rt, t.pk(conflict), {"*": "crm"}, by=eli(office))
    office.settle()
    (resolved,) = told(office, "conflict")
    assert (resolved.type, resolved.data["choice"]) == ("conflict.resolved", {"*": "crm"})


def test_a_conflict_that_settles_itself_is_resolved_without_a_choice(office: Office) -> None:
    conflict = dispute(office)
    office.edit("Ours", summary="Theirs")
    office.settle()
    (opened, resolved) = told(office, "conflict")
    assert (resolved.type, resolved.data["choice"]) == ("conflict.resolved", None)
    assert opened.subject == resolved.subject == f"conflict:{conflict.id}"


def test_conflicts_end_with_their_account(office: Office) -> None:
    dispute(office)
    told(office)
    disconnect.disconnect(office.rt, t.pk(office.account), "keep", by=CLI)
    assert types(office, "conflict", "integration") == ["integration.disconnected", "conflict.resolved"]


# --- bookings


def book(office: Office) -> bookings.Booked:
    make.work(office.rt)
    event_type = make.make_event_type(office.rt, make.make_resource(office.rt))
    asked = Request(t.pk(event_type), TEN, guest_name="Gil", guest_email="gil@example.org")
    return bookings.book(office.rt, asked, by=CLI)


def test_the_life_of_a_booking(office: Office) -> None:
    booked = book(office)
    rebooking.reschedule(office.rt, t.pk(booked.booking), TEN + HOUR, by=CLI)
    rebooking.cancel(office.rt, t.pk(booked.booking), by=CLI)
    created, moved, cancelled = told(office, "booking")
    assert [each.type for each in (created, moved, cancelled)] == ALL[12:]
    assert created.data["booking_id"] == booked.booking.public_id
    assert created.data["activity_id"] == booked.activity.public_id
    assert (moved.data["previous_starts_at"], moved.data["starts_at"]) == (
        "2030-01-08T10:00:00Z",
        "2030-01-08T11:00:00Z",
    )
    assert "gil" not in str([created.data, moved.data, cancelled.data]).lower()


def test_a_booking_that_follows_its_activity_is_told_as_well(office: Office) -> None:
    booked = book(office)
    activities.edit(office.rt, t.pk(booked.activity), {"start": TEN + HOUR, "end": TEN + 2 * HOUR}, by=CLI)
    following.follow(office.rt)
    activities.cancel(office.rt, t.pk(booked.activity), by=CLI)
    following.follow(office.rt)
    assert types(office, "booking") == ALL[12:]


# --- transactions


def test_what_a_savepoint_takes_back_did_not_happen(office: Office) -> None:
    with office.rt.writing() as session:
        account = session.get_one(t.Account, office.account.id)
        nested = session.begin_nested()
        account.grant_ok = False
        session.flush()
        nested.rollback()
    assert types(office) == []


def test_several_changes_of_one_transaction_are_one_message(office: Office) -> None:
    with office.rt.writing() as session:
        account = session.get_one(t.Account, office.account.id)
        account.grant_ok, account.grant_error = False, "invalid_grant"
        session.flush()
        account.grant_ok = True
        session.flush()
        account.grant_ok, account.grant_error = False, "grant_expired"
    expired = [each for each in told(office) if each.type == "integration.token_expired"]
    assert [each.data["error"]["message"] for each in expired] == ["grant_expired"]


def test_the_time_is_the_runtimes(office: Office) -> None:
    office.clock.advance(days=3)
    office.write("Review")
    assert [each.at for each in told(office)] == [office.clock()]
    with office.rt.db.writing() as session:
        assert happenings.CLOCK not in session.info
