"""The questions about what runs did to busy blocks, and about colleagues on bookings, on both databases."""

from datetime import timedelta

import pytest

from calsync.engine.event import Event
from calsync.engine.resource import Resource
from calsync.runtime import Runtime
from calsync.store import block_steps, colleagues, mirror, steps
from calsync.store import tables as t
from tests import factories

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)


def test_what_runs_did_to_blocks_is_open_counted_and_no_ordinary_step(rt: Runtime) -> None:
    account = factories.make_account(rt, factories.make_cast(rt).eli)
    calendar = factories.make_calendar(rt, account)
    shared = {"account_id": t.pk(account), "calendar_id": t.pk(calendar), "direction": "outbound"}
    with rt.writing() as session:
        run = t.Run(account_id=t.pk(account), trigger="schedule", started_at=rt.now())
        session.add(run)
        session.flush()
        run_id = t.pk(run)
        for key, action, state in (
            ("a", "create", "done"),
            ("b", "delete", "done"),
            ("c", "delete", "held"),
            ("d", "update", "failed"),
            ("e", "create", "applying"),
        ):
            finished = {"finished_at": rt.now(), "created_at": rt.now(), "reason": "block_wanted"}
            step = t.Step(run_id=run_id, subject=f"block:{key}", action=action, state=state, **shared, **finished)
            session.add(step)
    with rt.reading() as session:
        assert set(block_steps.open_of(session, t.pk(calendar))) == {"block:c", "block:d", "block:e"}
        assert block_steps.removed(session, t.pk(calendar), t.pk(account), rt.now() - DAY) == 1
        assert block_steps.removed(session, t.pk(calendar), t.pk(account), rt.now()) == 0
        assert block_steps.sum_of(session, run_id) == block_steps.Sum(1, 1, 1, 1)
        assert block_steps.sum_of(session, run_id + 1) is None
        assert steps.in_doubt(session, t.pk(account)) == []
        assert steps.open_steps(session, t.pk(account), rt.now(), None).by_subject == {}
        assert steps.tallies(session, t.pk(account), rt.now(), {})[None].deletions == 0


def test_what_a_block_is_there_for_is_named_with_whose_it_is(rt: Runtime) -> None:
    eli = factories.make_cast(rt).eli
    calendar = factories.make_calendar(rt, factories.make_account(rt, eli), "Home")
    start = factories.START + DAY
    dentist = Event("a", start, start + DAY, "Europe/Berlin", summary="Dentist")
    with rt.writing() as session:
        row, found = session.get_one(t.Calendar, calendar.id), [Resource("a", "1", "body", (dentist,))]
        mirror.save(session, row, found, rt.now(), own_addresses=frozenset(), folds=True)
    with rt.reading() as session:
        known = block_steps.origins(session, {1, 2})
        assert known == {1: block_steps.Origin("Dentist", "Home", t.pk(eli))}
        assert block_steps.origins(session, set()) == {}


def test_colleagues_are_found_by_address_without_those_who_have_left(rt: Runtime) -> None:
    cast = factories.make_cast(rt)
    gone = factories.make_user(rt, "Lea", is_disabled=True)
    client = factories.make_user(rt, "Kim", role="client")
    account = factories.make_account(rt, cast.eli, provider="memory")
    factories.make_account(rt, cast.eli, provider="memory", subject="two", state="disconnected")
    addresses = {cast.eli.email.lower(), gone.email.lower(), client.email.lower(), "nobody@example.org"}
    with rt.reading() as session:
        found = colleagues.by_address(session, addresses)
        assert {address: user.id for address, user in found.items()} == {cast.eli.email.lower(): cast.eli.id}
        assert [each.id for each in colleagues.accounts_of(session, t.pk(cast.eli), "memory")] == [account.id]
